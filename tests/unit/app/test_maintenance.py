"""The daily maintenance on real files: what it compresses, removes and keeps, and that a kill is made good."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.support import NOW
from tradingbot.app.home import make_home
from tradingbot.app.maintenance import Maintenance, MaintenanceReport
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.config.sections import StorageParams
from tradingbot.storage.files import stamp
from tradingbot.storage.journal import Journal
from tradingbot.storage.rotation import part_path, parts


@asynccontextmanager
async def a_house(home: Path, **params: object) -> AsyncIterator[tuple[Stores, Maintenance]]:
    """Open stores and the maintenance over them."""
    make_home(home)
    clock = SteppedClock(NOW)
    stores = open_stores(home, clock, StorageParams(journal_max_mb=0.01))
    try:
        yield stores, Maintenance(home, stores, StorageParams(**params), clock)
    finally:
        await stores.writer.close(10)


def a_part(home: Path, number: int, days_old: float, journal: str = "daemon") -> Path:
    """A rotated part that nobody has compressed."""
    path = part_path(home / "logs" / f"{journal}.jsonl", number, NOW - timedelta(days=days_old))
    path.write_bytes(orjson.dumps({"n": number}) + b"\n")
    return path


def set_aside(home: Path, number: int, days_old: float) -> Path:
    """A file in quarantine."""
    folder = home / "state" / "quarantine"
    folder.mkdir(exist_ok=True)
    path = folder / f"positions_futures.json.corrupt-{stamp(NOW - timedelta(days=days_old))}-{number}"
    path.write_text("damaged")
    return path


async def run(home: Path, **params: object) -> MaintenanceReport:
    async with a_house(home, **params) as (_, maintenance):
        return await maintenance.run()


async def test_parts_are_compressed_and_expired_ones_deleted(tmp_path: Path) -> None:
    make_home(tmp_path)
    for number, days in ((1, 31), (2, 29), (3, 1)):
        a_part(tmp_path, number, days)
    report = await run(tmp_path)
    kept = parts(tmp_path / "logs" / "daemon.jsonl")
    assert [(part.number, part.compressed) for part in kept] == [(2, True), (3, True)]
    assert [row["n"] for row in Journal.read(tmp_path / "logs" / "daemon.jsonl")] == [2, 3]
    assert (report.before.journals["daemon"].parts, report.after.journals["daemon"].parts) == (3, 2)
    assert report.after.journals["daemon"].compressed == 2


async def test_a_journal_that_is_never_written_is_tidied_too(tmp_path: Path) -> None:
    make_home(tmp_path)
    a_part(tmp_path, 1, 3651, "operator_audit")
    await run(tmp_path)
    assert parts(tmp_path / "logs" / "operator_audit.jsonl") == []
    assert not (tmp_path / "logs" / "operator_audit.jsonl").exists()


async def test_quarantine_is_kept_by_age_and_by_number(tmp_path: Path) -> None:
    make_home(tmp_path)
    files = [set_aside(tmp_path, number, days) for number, days in ((1, 40), (2, 3), (3, 2), (4, 1))]
    report = await run(tmp_path, quarantine_files=2)
    assert [path.exists() for path in files] == [False, False, True, True]
    assert sorted(report.removed.quarantine) == sorted(str(path.relative_to(tmp_path)) for path in files[:2])


async def test_generations_beyond_the_setting_go_and_current_ones_stay(tmp_path: Path) -> None:
    make_home(tmp_path)
    for number in (1, 2, 3, 12):
        (tmp_path / "state" / f"runtime.json.g{number}").write_text("older")
    (tmp_path / "state" / "runtime.json.schema-1").write_text("the way back")
    report = await run(tmp_path, generations=2)
    assert report.removed.generations == ["state/runtime.json.g12", "state/runtime.json.g3"]
    assert sorted(path.name for path in (tmp_path / "state").glob("runtime*")) == [
        "runtime.json.g1",
        "runtime.json.g2",
        "runtime.json.schema-1",
    ]


async def test_only_old_temporary_files_are_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(tmp_path)
    leftover = tmp_path / "state" / ".runtime.json.tmp"
    leftover.write_text("half")
    os.utime(leftover, (1.0, 1.0))  # as a recycled generation looks: its content is old, its name is new
    assert (await run(tmp_path)).removed.leftovers == []
    monkeypatch.setattr("tradingbot.app.maintenance.SystemClock", lambda: SteppedClock(NOW + timedelta(days=3650)))
    assert (await run(tmp_path)).removed.leftovers == ["state/.runtime.json.tmp"]
    assert not leftover.exists()


async def test_a_run_after_a_kill_finishes_what_was_begun(tmp_path: Path) -> None:
    make_home(tmp_path)
    part = a_part(tmp_path, 1, 1)
    part.with_name(f".{part.name}.gz.tmp").write_bytes(b"half a gzip file")
    await run(tmp_path)
    (kept,) = parts(tmp_path / "logs" / "daemon.jsonl")
    assert kept.compressed
    assert [row["n"] for row in Journal.read(tmp_path / "logs" / "daemon.jsonl")] == [1]


async def test_every_run_leaves_one_line(tmp_path: Path) -> None:
    make_home(tmp_path)
    a_part(tmp_path, 1, 1)
    await run(tmp_path)
    (line,) = Journal.read(tmp_path / "logs" / "maintenance.jsonl")
    assert line["at"].startswith(NOW.strftime("%Y-%m-%dT%H:%M"))
    assert (line["parts_before"], line["parts"], line["compressed"]) == (1, 1, 1)
    assert set(line["folders_mb"]) == {"state", "logs", "feature_store"}
    assert line["disk_free_mb"] > 0
    assert list(line["journals"]) == ["daemon"]


async def test_a_journal_that_was_not_rotated_is_named(tmp_path: Path) -> None:
    make_home(tmp_path)
    (tmp_path / "logs" / "cycles.jsonl").write_bytes(b'{"n":1}\n' * 5_000)
    assert (await run(tmp_path)).oversized == ("cycles",)


async def test_writes_come_before_housekeeping(tmp_path: Path) -> None:
    """A commit that arrives while much is compressed does not wait for the end of it."""
    make_home(tmp_path)
    for number in range(1, 40):
        a_part(tmp_path, number, 1)
    async with a_house(tmp_path) as (stores, _):
        journal = stores.journals["daemon"]
        order: list[str] = []

        def watched() -> Iterator[None]:
            for step in journal.tidy():
                order.append("step")
                yield step
            order.append("done")

        chore = stores.writer.when_idle(journal, watched)
        async with asyncio.TaskGroup() as group:
            group.create_task(chore)
            await asyncio.sleep(0)  # noqa: TID251 - lets the chore be queued
            await stores.journals["cycles"].commit({"n": 1})
            order.append("committed")
    assert order[-1] == "done"
    assert order.index("committed") < order.index("done")
