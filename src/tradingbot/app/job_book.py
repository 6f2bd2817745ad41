"""The timetable of one daemon: its state kept in `feature_store/jobs_state.json`, and jobs that a person asks for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tradingbot.app.stores import Stores, open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateCorruptError
from tradingbot.engine.models import JobsState, JobStatus
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.guards.issues import Finding
from tradingbot.jobs.routine import JOBS, Work, routine_jobs
from tradingbot.jobs.scheduler import House, Scheduler
from tradingbot.ports import Clock
from tradingbot.storage.writer import StorageWriter

NEAR: Final = 0.5
QUIET_RESULTS: Final = ("ok", "never")


def open_scheduler(
    stores: Stores,
    clock: Clock,
    works: Mapping[str, Work],
    withheld: Callable[[bool], str],
    stopping: Callable[[], bool],
    note: Callable[[Finding], None],
) -> Scheduler:
    """Every job with its body, where the last life left it. A damaged state file begins anew.

    `withheld` says why a job must not begin now; it is told whether downtime is no reason for it. `stopping`: none may
    any more. `note` takes a missed run that nothing makes up for.
    """
    document = stores.documents["jobs"]
    known: JobsState | None = document.load(allow_loss=True).value

    def changed() -> None:
        document.put(JobsState.model_construct(as_of=clock.now(), jobs=scheduler.statuses()))

    def not_made_up(name: str, detail: str) -> None:
        note(Finding("job_missed", name, detail))

    house = House(changed, lambda job: withheld(job.in_downtime), stopping, not_made_up)
    scheduler = Scheduler(routine_jobs(works), clock, known.jobs if known is not None else (), house)
    return scheduler


class JobsByHand:
    """Runs a job now because a person asks for it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def carry_out(self, order: OperatorOrder) -> Answer:
        """The answer says how the run ended; one that is under way is not begun twice."""
        if problem := name_problem(order.job):
            return Answer(False, problem)
        runner = self._scheduler.runner(order.job)
        if not await runner.run_now(by_hand=True):
            return Answer(False, f"{order.job} is running already", (), {"job": shown(runner.status)})
        found = runner.status
        took = f"took {found.last_duration_s:.3g} s, deadline {found.deadline_s:g} s"
        return Answer(found.last_result == "ok", f"{order.job}: {found.last_result}", (took,), {"job": shown(found)})


def name_problem(name: str) -> str:
    """Empty when there is such a job; else a sentence with near matches and every name."""
    names = [row.name for row in JOBS]
    if name in names:
        return ""
    near = difflib.get_close_matches(name, names, n=3, cutoff=NEAR)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"there is no job {name!r}{hint} There are: {', '.join(sorted(names))}"


def deadline_s(name: str) -> float:
    """How long a run of the job may take. Raises KeyError."""
    return {row.name: row.deadline_s for row in JOBS}[name]


def jobs_of_home(home: Path) -> list[dict[str, Any]]:
    """Every job of the timetable with what the home's file knows of it; of a running or a stopped daemon."""
    try:
        known: JobsState | None = open_document(home, "jobs", StorageWriter(SystemClock())).peek()
    except StateCorruptError:  # made again by the daemon
        known = None
    return job_rows(known)


def job_rows(known: JobsState | None) -> list[dict[str, Any]]:
    """Rows of the timetable for people and programs; those that never ran are among them."""
    before = {one.name: one for one in known.jobs} if known is not None else {}
    rules = {row.name: {"in_downtime": row.in_downtime, "catch_up_h": row.catch_up_h} for row in JOBS}
    blank = [JobStatus(name=row.name, when=row.when, deadline_s=row.deadline_s) for row in JOBS]
    return [{**shown(before.get(one.name, one)), **rules[one.name]} for one in blank]


def shown(status: JobStatus) -> dict[str, Any]:
    """One job as plain values."""
    return status.model_dump(mode="json")


def failing(rows: list[dict[str, Any]]) -> list[str]:
    """Names of jobs whose newest run did not end well."""
    return [row["name"] for row in rows if row["last_result"] not in QUIET_RESULTS]
