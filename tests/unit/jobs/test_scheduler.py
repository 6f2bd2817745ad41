"""A job that fails, overruns or is missed is its own affair."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger

from tests.support import NOW
from tradingbot.clock import SteppedClock
from tradingbot.engine.heartbeats import overdue_s
from tradingbot.engine.models import JobStatus
from tradingbot.jobs.scheduler import CUT_OFF, START_DELAY_S, House, Job, JobRunner, Scheduler

SEVEN = NOW.replace(hour=7, second=0)


def every_minute(name: str, run: Callable[[], Awaitable[None]], **rest: float | bool) -> Job:
    return Job(name, CronTrigger.from_crontab("* * * * *", timezone="UTC"), run, deadline_s=30, **rest)  # type: ignore[arg-type]


def daily(name: str, run: Callable[[], Awaitable[None]], **rest: float | bool) -> Job:
    return Job(name, CronTrigger.from_crontab("0 7 * * *", timezone="UTC"), run, deadline_s=30, **rest)  # type: ignore[arg-type]


async def run_for(
    clock: SteppedClock,
    seconds: float,
    *jobs: Job,
    known: Sequence[JobStatus] = (),
    house: House | None = None,
) -> Scheduler:
    scheduler = Scheduler(jobs, clock, known, house)
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


class Sleepy(SteppedClock):
    """Wakes an hour late, as a suspended machine does."""

    async def sleep_until(self, moment: datetime) -> None:
        await self.sleep((moment - self.now()).total_seconds() + 3600)


@pytest.mark.parametrize(("catch_up_s", "runs", "made_up"), [(120, 1, 1), (0, 0, 0)])
async def test_missed_runs_are_counted_and_made_up_for_once_where_the_row_says_so(
    catch_up_s: float, runs: int, made_up: int
) -> None:
    """One run stands for all that were missed; the one that is due meanwhile is left out."""
    seen = 0

    async def count() -> None:
        nonlocal seen
        seen += 1

    scheduler = await run_for(Sleepy(NOW), 3700, every_minute("late", count, catch_up_s=catch_up_s))
    status = scheduler.statuses()[0]
    assert (seen, status.runs, status.made_up, status.missed) == (runs, runs, made_up, 59)


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


class Body:
    """Notes when it runs; takes `s` seconds, and may be held up."""

    def __init__(self, clock: SteppedClock, s: float = 0.0) -> None:
        self.clock = clock
        self.s = s
        self.times: list[datetime] = []

    async def run(self) -> None:
        self.times.append(self.clock.now())
        await self.clock.sleep(self.s)


def left_behind(hours: float, **changes: object) -> JobStatus:
    """What the last life knew: the job was due 07:00 so many hours before `NOW` (12:00), and ran."""
    due = SEVEN - timedelta(hours=hours)
    known = JobStatus(name="night", last_due_at=due, last_started_at=due, last_success_at=due, last_result="ok", runs=9)
    return known.model_copy(update=changes)


async def test_a_run_missed_while_the_daemon_was_down_is_made_up_for_within_its_window() -> None:
    """Three nights were missed, the newest five hours ago: one run, after the first cycle."""
    clock = SteppedClock(NOW)
    body = Body(clock)
    job = daily("night", body.run, catch_up_s=6 * 3600)
    (status,) = (await run_for(clock, 60, job, known=[left_behind(72)])).statuses()
    assert body.times == [NOW + timedelta(seconds=START_DELAY_S)]
    assert (status.missed, status.made_up, status.runs) == (3, 1, 10)
    assert status.last_due_at == SEVEN
    assert status.next_run_at == SEVEN + timedelta(days=1)


async def test_a_run_missed_for_too_long_is_left_out_and_told() -> None:
    """Beyond its window the next one is nearer; a row that never makes up for a run is only counted."""
    clock, told = SteppedClock(NOW), list[tuple[str, str]]()
    body, house = Body(clock), House(not_made_up=lambda name, detail: told.append((name, detail)))
    jobs = daily("night", body.run, catch_up_s=4 * 3600), daily("day", body.run)
    known = [left_behind(24), left_behind(24, name="day")]
    night, day = (await run_for(clock, 60, *jobs, known=known, house=house)).statuses()
    assert body.times == []
    assert [(one.missed, one.made_up, one.runs) for one in (night, day)] == [(1, 0, 9), (1, 0, 9)]
    assert told == [("night", "due at 2026-01-05 07:00 UTC, made up for within 4 h only")]
    assert (night.last_trouble_at is not None, day.last_trouble_at) == (True, None)


async def test_while_late_jobs_wait_for_their_turn_none_is_overdue() -> None:
    """The heartbeat of the scheduler is how long the longest overdue job waits."""
    clock = SteppedClock(NOW)
    scheduler = Scheduler(
        [daily("night", Body(clock).run, catch_up_s=6 * 3600)], clock, [left_behind(24, next_run_at=NOW)]
    )
    assert overdue_s(scheduler.statuses(), NOW + timedelta(hours=1)) == 0
    scheduler = await run_for(clock, 10, *[one.job for one in scheduler.runners], known=[left_behind(24)])
    assert overdue_s(scheduler.statuses(), clock.now()) == 0


async def test_those_that_work_beside_take_turns() -> None:
    """Never two processes at once; the others do not wait for them."""
    clock = SteppedClock(NOW)
    bodies = [Body(clock, 10), Body(clock, 10), Body(clock, 10)]
    jobs = [every_minute(str(place), body.run, beside=place < 2) for place, body in enumerate(bodies)]
    await run_for(clock, 100, *jobs)
    assert [body.times[0].second for body in bodies] == [0, 10, 0]


async def test_what_must_not_begin_is_left_out_and_counted() -> None:
    """In downtime."""
    clock, body = SteppedClock(NOW), Body(SteppedClock(NOW))
    house = House(withheld=lambda job: "" if job.in_downtime else "downtime")
    jobs = every_minute("always", body.run), every_minute("never", body.run, in_downtime=False)
    always, never = (await run_for(clock, 130, *jobs, house=house)).statuses()
    assert (always.runs, always.skipped) == (2, 0)
    assert (never.runs, never.skipped, never.last_result) == (0, 2, "never")


async def test_a_run_that_the_stop_cut_off_is_made_up_for_by_the_next_life() -> None:
    """One that a kill cut off has failed, and is not tried again: it may be what killed the daemon."""
    clock = SteppedClock(NOW.replace(hour=6, minute=59))
    job = daily("night", Body(clock, 100).run, catch_up_s=3600)
    (stopped,) = (await run_for(clock, 70, job)).statuses()
    assert (stopped.runs, stopped.running_since, stopped.last_due_at) == (1, None, SEVEN - timedelta(seconds=58))
    known = left_behind(0, last_due_at=SEVEN - timedelta(days=1), running_since=None)
    body, later = Body(clock), SteppedClock(NOW.replace(hour=7, minute=5))
    (status,) = (await run_for(later, 60, daily("night", body.run, catch_up_s=3600), known=[known])).statuses()
    assert (status.made_up, status.last_result) == (1, "ok")
    killed = left_behind(0, running_since=SEVEN)
    (status,) = (await run_for(later, 60, daily("night", body.run, catch_up_s=3600), known=[killed])).statuses()
    assert (status.made_up, status.failures, status.last_result) == (0, 1, CUT_OFF)


async def test_a_job_that_is_asked_for_while_it_runs_is_not_begun_twice() -> None:
    """By hand or by the timetable: one at a time. The due time that goes by meanwhile is counted."""
    clock = SteppedClock(NOW)
    body = Body(clock, 25)
    scheduler = Scheduler([every_minute("slow", body.run)], clock)
    runner: JobRunner = scheduler.runner("slow")
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(scheduler.run())
        await clock.sleep(45)
        by_hand = group.create_task(runner.run_now(by_hand=True))
        await clock.sleep(1)
        assert await runner.run_now(by_hand=True) is False
        await clock.sleep(30)
        keeping.cancel()
    assert by_hand.result() is True
    assert (runner.status.runs, runner.status.by_hand, runner.status.skipped) == (1, 1, 1)


async def test_due_times_that_go_by_while_it_runs_are_not_run_afterwards() -> None:
    """A job that takes longer than its period runs every second time."""
    clock = SteppedClock(NOW)
    body = Body(clock, 65)
    job = Job("slow", CronTrigger.from_crontab("* * * * *", timezone="UTC"), body.run, deadline_s=90)
    (status,) = (await run_for(clock, 250, job)).statuses()
    assert [one.minute for one in body.times] == [1, 3]
    assert (status.skipped, status.longest_s) == (2, 65.0)


async def test_a_clock_that_was_put_back_makes_nobody_wait() -> None:
    """What was dealt with lies in the future: the timetable begins anew."""
    clock = SteppedClock(NOW)
    body = Body(clock)
    await run_for(clock, 70, every_minute("night", body.run), known=[left_behind(-48)])
    assert [one.minute for one in body.times] == [1]


async def test_one_that_runs_at_the_start_has_made_up_for_what_was_missed() -> None:
    """It does not run twice in a row."""
    clock = SteppedClock(NOW)
    body = Body(clock)
    job = daily("night", body.run, catch_up_s=6 * 3600, at_start=True)
    (status,) = (await run_for(clock, 90, job, known=[left_behind(24)])).statuses()
    assert (len(body.times), status.missed, status.made_up) == (1, 1, 1)


async def test_a_late_run_that_holds_the_account_waits_for_the_gap_between_two_cycles() -> None:
    """The timetable's second holds for late runs too."""
    clock = SteppedClock(NOW)
    body = Body(clock)
    await run_for(clock, 90, daily("night", body.run, catch_up_s=6 * 3600, second=35), known=[left_behind(24)])
    assert [one.second for one in body.times] == [35]


async def test_what_is_due_while_the_daemon_stops_is_left_to_the_next_life() -> None:
    """It is neither run nor called dealt with."""
    clock = SteppedClock(SEVEN - timedelta(minutes=1))
    body = Body(clock)
    house = House(stopping=lambda: True)
    (left,) = (await run_for(clock, 70, daily("night", body.run, catch_up_s=3600), house=house)).statuses()
    assert (body.times, left.skipped, left.last_due_at) == ([], 0, SEVEN - timedelta(minutes=1))
    later = SteppedClock(SEVEN + timedelta(minutes=5))
    body = Body(later)
    (status,) = (await run_for(later, 60, daily("night", body.run, catch_up_s=3600), known=[left])).statuses()
    assert (len(body.times), status.made_up) == (1, 1)


async def test_what_was_due_just_before_the_start_waits_for_the_first_cycle() -> None:
    """Also when it is late by seconds only: the account may not be reconciled yet."""
    clock = SteppedClock(SEVEN + timedelta(seconds=10))
    body = Body(clock)
    known = left_behind(24)
    (status,) = (await run_for(clock, 60, daily("night", body.run), known=[known])).statuses()
    assert body.times == [SEVEN + timedelta(seconds=10 + START_DELAY_S)]
    assert (status.missed, status.made_up, status.runs) == (0, 0, 10)
