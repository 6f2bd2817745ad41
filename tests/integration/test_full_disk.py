"""A disk that takes no more: nothing is opened, everything that protects goes on, and space heals it."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@dataclass
class Disk:
    """A home whose disk can be filled and emptied."""

    home: Path
    fill: Callable[[], None]
    free: Callable[[], None]


@pytest.fixture(params=["small disk", "refused writes"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A real tiny file system, and one whose writes are refused. The venue keeps its own files elsewhere."""
    home, venue = tmp_path / "home", tmp_path / "venue"
    home.mkdir()
    venue.mkdir()
    if request.param == "small disk":
        yield from _small_disk(home, venue)
    else:
        (home / "state").mkdir()
        (home / "state" / "sim_venue").symlink_to(venue)
        yield _refusing(home, monkeypatch)


def _small_disk(home: Path, venue: Path) -> Iterator[Disk]:
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    ballast = home / "ballast"

    def fill() -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    try:
        (home / "state").mkdir()
        (home / "state" / "sim_venue").symlink_to(venue)
        yield Disk(home, fill, ballast.unlink)
    finally:
        subprocess.run(["umount", "-l", str(home)], check=False)


def _refusing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    full = [False]

    def guard(write):
        def guarded(self, payloads, durable):
            if full[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(self, payloads, durable)

        return guarded

    monkeypatch.setattr(Document, "write", guard(Document.write))
    monkeypatch.setattr(Journal, "write", guard(Journal.write))
    return Disk(home, lambda: full.__setitem__(0, True), lambda: full.__setitem__(0, False))


TINY_DISK_IS_FINE = {
    "TRADINGBOT__RESOURCES__DISK_FREE_MB__WARN": "0.001",
    "TRADINGBOT__RESOURCES__DISK_FREE_MB__CRITICAL": "0.001",
}
"""The guard of free space would hold entries back on a small disk from the start; here the disk itself is the test."""


async def test_a_full_disk_blocks_entries_and_nothing_else(disk: Disk) -> None:
    async with running(disk.home, TINY_DISK_IS_FINE) as rig:
        await rig.cycle(9)
        assert rig.held
        disk.fill()
        await rig.cycle()
        entered = _filled(rig, "-entry")
        exited = _filled(rig, "-exit")
        for uid in [uid for uid, order in rig.venue.account.orders.items() if order.is_trigger]:
            rig.cancel_by_hand(uid)
        await rig.cycle()
        assert rig.protected(), "stops are placed without a disk"
        await rig.cycle_until("an exit", lambda: _filled(rig, "-exit") > exited, 15)
        report = await rig.good_cycle()
        assert rig.failures == []
        assert "storage_unavailable" in report.permission.reasons
        assert _filled(rig, "-entry") == entered
        health = rig.stores.writer.health()
        assert not health.ok
        assert "No space left" in health.detail
        assert str(disk.home) in health.detail
        assert not rig.daemon.state.storage_ok
        assert "No space left" in rig.daemon.state.storage_detail
        assert "storage_unavailable" in rig.daemon.state.entry_blocks
        disk.free()
        await rig.stores.writer.flush()
        await rig.cycle_until("entries again", lambda: _filled(rig, "-entry") > entered, 15)
        assert rig.stores.writer.health().ok
        await rig.cycle()
        assert rig.daemon.state.storage_ok
        assert rig.protected()
        await rig.assert_agrees()
        journalled = [row["trade_id"] for row in rig.rows("executed_trades")]
        known = rig.stores.documents["trades"].peek()
        assert known is not None
        assert sorted(journalled) == sorted(trade.trade_id for trade in known.trades)


def _filled(rig: Rig, ending: str) -> int:
    return len({fill.uid for fill in rig.venue.rows.fills if (fill.client_id or "").endswith(ending)})
