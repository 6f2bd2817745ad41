"""Jobs declared once with APScheduler triggers, run on the daemon's own clock.

APScheduler's triggers say when; the waiting is ours, because the clock may be simulated. Each job has a deadline, never
overlaps itself, and whatever happens to it stays its own affair. What is known of a job is carried over restarts, so
that a run that was missed meanwhile is seen, counted, and made up for as the job's row says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from apscheduler.triggers.base import BaseTrigger

from tradingbot.core.types import iso_utc
from tradingbot.engine.models import JobStatus
from tradingbot.jobs.due import MOMENT, Gap, first_after, gap_until
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

START_DELAY_S: Final = 20.0
CUT_OFF: Final = "failed: the daemon was killed while it ran"


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the timetable, with its body.

    `deadline_s` is how long one run may take before it is cancelled. A run that is late by more than `grace_s` (the
    process slept, was stopped, or was not there) is counted as missed, and made up for, once for all of them, while
    the newest is no more than `catch_up_s` late; 0: never. `second` of the minute at which a late run begins, too.
    `at_start` runs it once more, `START_DELAY_S` after the start, when the first cycle is done. Without `in_downtime`
    it is left out there. Those that work `beside` the loop in a process take turns. `when` says when, in words.
    """

    name: str
    trigger: BaseTrigger
    run: Callable[[], Awaitable[None]]
    deadline_s: float
    grace_s: float = 60.0
    catch_up_s: float = 0.0
    at_start: bool = False
    second: int = 0
    in_downtime: bool = True
    beside: bool = False
    when: str = ""


def _nothing() -> None:
    return


def _never(_: Job) -> str:
    return ""


def _no() -> bool:
    return False


def _unheard(_: str, __: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class House:
    """What all jobs of one daemon share.

    `changed` is called when a job's status has changed; `withheld` says why a job must not begin now, empty when it
    may; `stopping`: none may any more; `not_made_up` is told of a job and its missed run that nothing makes up for.
    """

    changed: Callable[[], None] = _nothing
    withheld: Callable[[Job], str] = _never
    stopping: Callable[[], bool] = _no
    not_made_up: Callable[[str, str], None] = _unheard
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)


class JobRunner:
    """Keeps one job on its timetable."""

    def __init__(self, job: Job, clock: Clock, known: JobStatus | None = None, house: House | None = None) -> None:
        """`known` is what the last life left."""
        self.job = job
        self.status = restored(known or JobStatus(name=job.name), job)
        self._clock = clock
        self._house = house or House()
        self._busy = False

    async def keep(self) -> None:
        """Run the job whenever its trigger says so, until cancelled."""
        if self.job.at_start:
            await self._clock.sleep(START_DELAY_S)
            await self.run_now()
        now, behind = self._clock.now(), self.status.last_due_at
        if behind is None or behind > now:  # never before, or the clock was put back
            behind = now
            self._note(last_due_at=now)
        elif (due := first_after(self.job.trigger, behind)) is not None and due <= now:
            behind = await self._after_a_gap(due)
        while (due := first_after(self.job.trigger, behind)) is not None:
            self._note(next_run_at=due)
            await self._clock.sleep_until(due)
            behind = await self._turn(due)

    async def run_now(self, due: datetime | None = None, by_hand: bool = False) -> bool:
        """One run with its deadline; failures are logged and counted, never raised. False when one is under way."""
        if self._busy:
            return False
        self._busy = True
        self._note(by_hand=self.status.by_hand + by_hand)
        try:
            async with self._turn_beside():
                await self._run(due)
        finally:
            self._busy = False
        return True

    # ------------------------------------------------------------ the timetable

    async def _after_a_gap(self, due: datetime) -> datetime:
        """The daemon was down when it was due: first a cycle, then this; what is dealt with now."""
        if not self.job.at_start:
            await self._clock.sleep(START_DELAY_S)
        return await self._turn(due)

    async def _turn(self, due: datetime) -> datetime:
        """It is due, or was: run it, make up for it, or leave it out. The newest due time that is dealt with now."""
        now = self._clock.now()
        self._note(next_run_at=first_after(self.job.trigger, now))
        gap = gap_until(self.job.trigger, due, now - timedelta(seconds=self.job.grace_s) - MOMENT)
        if gap is None:
            await self._run_unless_withheld(due)
            return self._passed_meanwhile(due)
        await self._make_up(gap, (now - gap.newest).total_seconds())
        return self._passed_meanwhile(gap.newest)

    async def _run_unless_withheld(self, due: datetime) -> bool:
        if self._house.stopping():  # the next life makes up for it
            return False
        why = self._house.withheld(self.job)
        if not why and await self.run_now(due):
            return True
        self._note(skipped=self.status.skipped + 1, last_due_at=due)
        log.info("job.skipped", job=self.job.name, why=why or "it still runs")
        return False

    async def _make_up(self, gap: Gap, late_s: float) -> None:
        ran, in_time = self._ran_since(gap.newest), late_s <= self.job.catch_up_s
        self._note(missed=self.status.missed + gap.count, last_due_at=gap.newest)
        log.warning("job.missed", job=self.job.name, missed=gap.count, late_s=round(late_s, 1), made_up=ran or in_time)
        if in_time and not ran:
            await self._at_its_second()
            ran = await self._run_unless_withheld(gap.newest)
        if ran:
            self._note(made_up=self.status.made_up + 1)
        elif self.job.catch_up_s > 0 and not in_time:
            self._note(last_trouble_at=self._clock.now())
            limit = f"made up for within {self.job.catch_up_s / 3600:g} h only"
            self._house.not_made_up(self.job.name, f"due at {gap.newest:%Y-%m-%d %H:%M} UTC, {limit}")

    def _ran_since(self, due: datetime) -> bool:
        """A run at the start of the daemon, or by hand, has made up for it already."""
        at = self.status.last_success_at
        return at is not None and at >= due

    async def _at_its_second(self) -> None:
        """Those that hold the account wait for the gap between two cycles, late or not."""
        if self.job.second:
            await self._clock.sleep((self.job.second - self._clock.now().timestamp()) % 60)

    def _passed_meanwhile(self, dealt_with: datetime) -> datetime:
        """Due times that went by while it ran are left out: it never runs twice at once, nor twice in a row."""
        first = first_after(self.job.trigger, dealt_with)
        gap = gap_until(self.job.trigger, first, self._clock.now()) if first is not None else None
        if gap is None:
            return dealt_with
        self._note(skipped=self.status.skipped + gap.count, last_due_at=gap.newest)
        return gap.newest

    # ------------------------------------------------------------ one run

    def _turn_beside(self) -> AbstractAsyncContextManager[object]:
        return self._house.turns if self.job.beside else nullcontext()

    async def _run(self, due: datetime | None) -> None:
        started, started_s, before = self._clock.now(), self._clock.monotonic_s(), self.status.last_due_at
        began_s, runs = self._clock.perf_s(), self.status.runs + 1
        self._note(last_started_at=started, running_since=started, runs=runs, last_due_at=due or before)
        try:
            result = await self._result()
        except asyncio.CancelledError:  # the daemon stops: its next life makes up for this run
            self._note(running_since=None, last_due_at=before)
            raise
        took_s = round(self._clock.monotonic_s() - started_s, 3)
        work_s = round(self._clock.perf_s() - began_s, 3)
        self._note(
            last_result=result,
            last_duration_s=took_s,
            longest_s=max(took_s, self.status.longest_s or 0.0),
            last_work_s=work_s,
            longest_work_s=max(work_s, self.status.longest_work_s or 0.0),
            running_since=None,
        )
        say = log.info if result == "ok" else log.error
        say("job.done", job=self.job.name, result=result, started=iso_utc(started), duration_s=took_s, work_s=work_s)

    async def _result(self) -> str:
        try:
            async with self._clock.timeout(self.job.deadline_s):
                await self.job.run()
        except TimeoutError:
            self._note(overruns=self.status.overruns + 1, last_trouble_at=self._clock.now())
            return f"overran its deadline of {self.job.deadline_s:g} s"
        except Exception as error:  # noqa: BLE001 - one of the three loops that may not die of a failure inside
            self._note(failures=self.status.failures + 1, last_trouble_at=self._clock.now())
            return f"failed: {type(error).__name__}: {error}"
        self._note(last_success_at=self._clock.now())
        return "ok"

    def _note(self, **changes: object) -> None:
        self.status = self.status.model_copy(update=changes)
        self._house.changed()


def restored(known: JobStatus, job: Job) -> JobStatus:
    """What a new life begins with. A run that the last one was killed in has failed, and is not tried again."""
    shown = {"when": job.when, "deadline_s": job.deadline_s, "next_run_at": None, "running_since": None}
    if known.running_since is None:
        return known.model_copy(update=shown)
    failed = {"failures": known.failures + 1, "last_result": CUT_OFF, "last_trouble_at": known.running_since}
    return known.model_copy(update={**shown, **failed})


class Scheduler:
    """All jobs, each in its own named task."""

    def __init__(
        self, jobs: Sequence[Job], clock: Clock, known: Iterable[JobStatus] = (), house: House | None = None
    ) -> None:
        """`known` is what the last life left of each job. Raises ValueError for a name that stands twice."""
        names = [job.name for job in jobs]
        if len(set(names)) != len(names):
            raise ValueError(f"job names must be unique: {sorted(names)}")
        before, house = {one.name: one for one in known}, house or House()
        self.runners = tuple(JobRunner(job, clock, before.get(job.name), house) for job in jobs)

    async def run(self) -> None:
        """Keep every job on its timetable until cancelled."""
        async with asyncio.TaskGroup() as group:
            for runner in self.runners:
                group.create_task(runner.keep(), name=f"job-{runner.job.name}")

    def runner(self, name: str) -> JobRunner:
        """The one of that name. Raises KeyError."""
        return {one.job.name: one for one in self.runners}[name]

    def statuses(self) -> list[JobStatus]:
        """Every job's last run, for state and status."""
        return [runner.status for runner in self.runners]
