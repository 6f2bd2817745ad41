"""The state of the timetable on disk, what the commands say of it, and a job that is asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from tests.support import NOW
from tradingbot.app.cli import cli
from tradingbot.app.job_book import JobsByHand, job_rows, jobs_of_home, open_scheduler
from tradingbot.app.operator import OperatorRequest, inbox, take_answer, waiting
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.operator_desk import OperatorOrder
from tradingbot.guards.issues import Finding
from tradingbot.jobs.routine import JOBS, Work
from tradingbot.jobs.scheduler import Scheduler
from tradingbot.storage.lock import InstanceLock


def works(**given: Work) -> dict[str, Work]:
    async def nothing() -> None:
        return

    return {row.name: given.get(row.name, nothing) for row in JOBS}


def opened(home: Path, clock: SteppedClock, told: list[Finding], **given: Work) -> tuple[Stores, Scheduler]:
    stores = open_stores(home, clock)
    return stores, open_scheduler(stores, clock, works(**given), lambda in_downtime: "", lambda: False, told.append)


async def lived(stores: Stores, scheduler: Scheduler, clock: SteppedClock, seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scheduler.run())
        await clock.sleep(seconds)
        task.cancel()
    await stores.writer.close(5)


def row_of(home: Path, name: str) -> dict[str, object]:
    return next(row for row in jobs_of_home(home) if row["name"] == name)


async def test_counts_and_results_survive_a_restart_and_a_long_gap_is_told(tmp_path: Path) -> None:
    """Two lives, a day and a half apart: the hourly job is made up for, those of the night, too late, are issues."""
    told: list[Finding] = []

    async def fail() -> None:
        raise RuntimeError("no luck")

    clock = SteppedClock(NOW.replace(hour=6, minute=50))
    stores, scheduler = opened(tmp_path, clock, told, strategic_advice=fail)
    await lived(stores, scheduler, clock, 3600)
    before = row_of(tmp_path, "trade_analysis")
    assert (before["runs"], before["last_result"], before["missed"]) == (1, "ok", 0)
    assert row_of(tmp_path, "strategic_advice")["last_result"] == "failed: RuntimeError: no luck"

    later = SteppedClock(clock.now().replace(day=clock.now().day + 1, hour=20))
    stores, scheduler = opened(tmp_path, later, told)
    await lived(stores, scheduler, later, 120)
    after = row_of(tmp_path, "trade_analysis")
    assert (after["runs"], after["missed"], after["made_up"]) == (1, 1, 0)
    hourly = row_of(tmp_path, "contract_specifications")
    assert (hourly["missed"], hourly["made_up"], hourly["last_result"]) == (37, 1, "ok")
    daily = {row.name for row in JOBS if row.cron.endswith("* * *") and 0 < row.catch_up_h < 13 and row.cron[0] != "*"}
    hourly_ones = {row.name for row in JOBS if row.catch_up_h == 1}
    assert {one.subject for one in told if one.kind == "job_missed"} == daily - hourly_ones - {"symbol_validation"}


def test_a_row_that_never_ran_is_shown_too() -> None:
    rows = job_rows(None)
    assert [row["name"] for row in rows] == [row.name for row in JOBS]
    assert all(row["when"] and row["deadline_s"] and row["last_result"] == "never" for row in rows)


async def test_by_hand_the_answer_says_how_it_ended(tmp_path: Path) -> None:
    async def fail() -> None:
        raise RuntimeError("no luck")

    clock = SteppedClock(NOW)
    stores, scheduler = opened(tmp_path, clock, [], maintenance=fail)
    desk = JobsByHand(scheduler)
    good = await desk.carry_out(OperatorOrder("run_job", job="trade_analysis"))
    assert (good.done, good.text, good.facts["job"]["by_hand"]) == (True, "trade_analysis: ok", 1)
    bad = await desk.carry_out(OperatorOrder("run_job", job="maintenance"))
    assert (bad.done, bad.text) == (False, "maintenance: failed: RuntimeError: no luck")
    unknown = await desk.carry_out(OperatorOrder("run_job", job="maintenence"))
    assert unknown.done is False
    assert "did you mean maintenance?" in unknown.text
    await stores.writer.close(5)


# ------------------------------------------------------------ the command


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["jobs", *arguments], standalone_mode=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A daemon ran here once."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "instance.json").write_text("{}")
    return tmp_path


def test_the_list_of_a_stopped_daemon(home: Path) -> None:
    found = run(home, "--home", str(home), "--json")
    assert found.exit_code == 0, found.exception
    facts = orjson.loads(found.stdout)
    assert (facts["running"], len(facts["jobs"])) == (False, len(JOBS))
    shown = run(home, "--home", str(home)).stdout
    assert all(row.name in shown for row in JOBS)


def test_an_unknown_job_lists_near_matches_and_all_names(home: Path) -> None:
    found = run(home, "run", "trade_analisys", "--home", str(home))
    assert isinstance(found.exception, ConfigurationError)
    assert "did you mean trade_analysis" in str(found.exception)
    assert all(row.name in str(found.exception) for row in JOBS)
    assert waiting(home) == []


def test_without_a_daemon_nothing_is_left_and_it_says_what_to_do(home: Path) -> None:
    found = run(home, "run", "digest", "--home", str(home))
    assert isinstance(found.exception, ConfigurationError)
    assert f"tradingbot run --home {home}" in str(found.exception)
    assert waiting(home) == []


def test_the_request_goes_through_the_inbox(home: Path) -> None:
    lock = InstanceLock(home)
    lock.acquire(NOW)
    with lock:
        found = run(home, "run", "digest", "--home", str(home), "--wait", "0.1", "--reason", "why")
    assert found.exit_code == 1
    (name,) = waiting(home)
    request = OperatorRequest.model_validate_json((inbox(home) / name).read_bytes())
    assert (request.command, request.job, request.reason) == ("run_job", "digest", "why")
    assert take_answer(home, name) is None
