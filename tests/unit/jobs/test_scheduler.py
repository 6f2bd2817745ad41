"""A job that fails, overruns or is missed is its own affair."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from apscheduler.triggers.cron import CronTrigger

from tests.support import NOW
from tradingbot.clock import SteppedClock
from tradingbot.jobs.scheduler import Job, Scheduler


def every_minute(name: str, run: Callable[[], Awaitable[None]], **rest: float | bool) -> Job:
    return Job(name, CronTrigger.from_crontab("* * * * *", timezone="UTC"), run, deadline_s=30, **rest)  # type: ignore[arg-type]


async def run_for(clock: SteppedClock, seconds: float, *jobs: Job) -> Scheduler:
    scheduler = Scheduler(jobs, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scheduler.run())
        await clock.sleep(seconds)
        task.cancel()
    return scheduler


async def test_a_job_runs_on_its_timetable() -> None:
    """Every full minute of the clock, not of the wall."""
    clock, times = SteppedClock(NOW), list[datetime]()

    async def note() -> None:
        times.append(clock.now())

    await run_for(clock, 185, every_minute("note", note))
    assert [moment.strftime("%H:%M:%S") for moment in times] == ["12:01:00", "12:02:00", "12:03:00"]


async def test_a_failing_job_runs_again_and_stops_nobody() -> None:
    """Its failures are counted; its neighbour goes on."""
    clock = SteppedClock(NOW)

    async def fail() -> None:
        raise RuntimeError("no luck")

    async def work() -> None:
        await clock.sleep(1)

    scheduler = await run_for(clock, 185, every_minute("bad", fail), every_minute("good", work))
    bad, good = scheduler.statuses()
    assert (bad.runs, bad.failures, bad.last_result) == (3, 3, "failed: RuntimeError: no luck")
    assert (good.runs, good.failures, good.last_result) == (3, 0, "ok")


async def test_the_last_success_is_that_of_a_run_that_ended_well() -> None:
    """Neither a run under way nor one that failed moves it."""
    clock, results = SteppedClock(NOW), [None, RuntimeError("no luck"), None]

    async def work() -> None:
        await clock.sleep(25)
        if error := results.pop(0):
            raise error

    (ended,) = (await run_for(clock, 150, every_minute("work", work))).statuses()
    assert (ended.runs, ended.failures) == (2, 1)
    assert ended.last_success_at == NOW.replace(minute=1, second=25)
    results[:] = [None, None]
    (under_way,) = (await run_for(clock, 100, every_minute("work", work))).statuses()
    assert (under_way.runs, under_way.last_success_at) == (2, NOW.replace(minute=3, second=25))


async def test_an_overrunning_job_is_cancelled_at_its_deadline_and_never_overlaps_itself() -> None:
    """One run at a time, whatever it does."""
    clock, running, most = SteppedClock(NOW), 0, 0

    async def hang() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await clock.sleep(10_000)
        finally:
            running -= 1

    scheduler = await run_for(clock, 300, every_minute("slow", hang))
    status = scheduler.statuses()[0]
    assert most == 1
    assert status.overruns >= 3
    assert status.last_result == "overran its deadline of 30 s"


async def test_a_missed_run_is_counted_and_caught_up_once() -> None:
    """After a long gap one run makes up for all that were missed."""
    clock, runs = SteppedClock(NOW), 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    class Sleepy(SteppedClock):
        """Wakes an hour late, as a suspended machine does."""

        async def sleep_until(self, moment: datetime) -> None:
            await self.sleep((moment - self.now()).total_seconds() + 3600)

    clock = Sleepy(NOW)
    scheduler = await run_for(clock, 3700, every_minute("late", count))
    assert scheduler.statuses()[0].missed == 1
    assert runs == 1


def test_two_jobs_of_one_name_are_refused() -> None:
    """A name stands for one row."""

    async def nothing() -> None:
        return

    with pytest.raises(ValueError, match="unique"):
        Scheduler([every_minute("x", nothing), every_minute("x", nothing)], SteppedClock(NOW))


async def test_a_job_that_runs_at_start_runs_once_more() -> None:
    """Soon after the start, and then on its timetable."""
    clock, times = SteppedClock(NOW), list[datetime]()

    async def note() -> None:
        times.append(clock.now())

    await run_for(clock, 65, every_minute("note", note, at_start=True))
    assert [moment.strftime("%H:%M:%S") for moment in times] == ["12:00:22", "12:01:00"]
