"""Jobs declared once with APScheduler triggers, run on the daemon's own clock.

APScheduler's triggers say when; the waiting is ours, because the clock may be simulated. Each job has a deadline, never
overlaps itself, and whatever happens to it stays its own affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.triggers.base import BaseTrigger

from tradingbot.engine.models import JobStatus
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

START_DELAY_S = 20.0


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the timetable.

    `deadline_s` is how long one run may take before it is cancelled. A run that is late by more than `grace_s` (the
    process slept or was stopped) is counted as missed, and run once now if `catch_up`, else skipped. `at_start` runs it
    once more, `START_DELAY_S` after the start, when the first cycle is done.
    """

    name: str
    trigger: BaseTrigger
    run: Callable[[], Awaitable[None]]
    deadline_s: float
    grace_s: float = 60.0
    catch_up: bool = True
    at_start: bool = False


class JobRunner:
    """Keeps one job on its timetable."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self.job = job
        self.status = JobStatus(name=job.name)
        self._clock = clock

    async def keep(self) -> None:
        """Run the job whenever its trigger says so, until cancelled."""
        if self.job.at_start:
            await self._clock.sleep(START_DELAY_S)
            await self.run_now()
        previous: datetime | None = None
        while True:
            due = self._next(previous)
            if due is None:
                return
            self._note(next_run_at=due)
            await self._clock.sleep_until(due)
            late_s = (self._clock.now() - due).total_seconds()
            if late_s > self.job.grace_s:
                self._note(missed=self.status.missed + 1)
                log.warning("job.missed", job=self.job.name, late_s=round(late_s, 1), catch_up=self.job.catch_up)
            if late_s <= self.job.grace_s or self.job.catch_up:
                await self.run_now()
            previous = max(due, self._clock.now())

    def _next(self, previous: datetime | None) -> datetime | None:
        now = self._clock.now()
        due: datetime | None = self.job.trigger.get_next_fire_time(previous, now)
        if due is not None and previous is not None and due <= previous:
            due = self.job.trigger.get_next_fire_time(due, previous + timedelta(microseconds=1))
        return due

    async def run_now(self) -> None:
        """One run with its deadline; failures are logged and counted, never raised."""
        started, started_s = self._clock.now(), self._clock.monotonic_s()
        self._note(last_started_at=started, runs=self.status.runs + 1)
        try:
            async with self._clock.timeout(self.job.deadline_s):
                await self.job.run()
            result = "ok"
            self._note(last_success_at=self._clock.now())
        except TimeoutError:
            result = f"overran its deadline of {self.job.deadline_s:g} s"
            self._note(overruns=self.status.overruns + 1)
        except Exception as error:  # noqa: BLE001 - one of the three loops that may not die of a failure inside
            result = f"failed: {type(error).__name__}: {error}"
            self._note(failures=self.status.failures + 1)
        duration_s = self._clock.monotonic_s() - started_s
        self._note(last_result=result, last_duration_s=round(duration_s, 3))
        (log.info if result == "ok" else log.error)("job.done", job=self.job.name, result=result, duration_s=duration_s)

    def _note(self, **changes: object) -> None:
        self.status = self.status.model_copy(update=changes)


class Scheduler:
    """All jobs, each in its own named task."""

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        names = [job.name for job in jobs]
        if len(set(names)) != len(names):
            raise ValueError(f"job names must be unique: {sorted(names)}")
        self.runners = tuple(JobRunner(job, clock) for job in jobs)

    async def run(self) -> None:
        """Keep every job on its timetable until cancelled."""
        async with asyncio.TaskGroup() as group:
            for runner in self.runners:
                group.create_task(runner.keep(), name=f"job-{runner.job.name}")

    def statuses(self) -> list[JobStatus]:
        """Every job's last run, for state and status."""
        return [runner.status for runner in self.runners]
