"""The timetable: venue health, reconciliation, specifications, validation, analyses, maintenance (SPEC 14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from tradingbot.jobs.scheduler import Job

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobRow:
    """One row of the timetable; `cron` in UTC: minute hour day month weekday (mon-sun); `second` of that minute."""

    name: str
    cron: str
    deadline_s: float
    catch_up: bool = True
    at_start: bool = False
    second: int = 0

    @property
    def trigger(self) -> CronTrigger:
        """When it runs; times of day are UTC."""
        minute, hour, day, month, weekday = self.cron.split()
        return CronTrigger(
            second=self.second,
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=weekday,
            timezone="UTC",
        )


BETWEEN_CYCLES: Final = 35
"""Jobs that hold the account begin at this second, when the cycle that began with the minute is over."""


JOBS: Final = (
    JobRow("exchange_health", "*/5 * * * *", deadline_s=30, catch_up=False),
    JobRow("watchdog", "2-59/5 * * * *", deadline_s=60, catch_up=False, second=BETWEEN_CYCLES),
    JobRow("tactical_operator", "8-59/15 * * * *", deadline_s=60, catch_up=False, second=BETWEEN_CYCLES),
    JobRow("strategic_review", "20 5 * * *", deadline_s=60),
    JobRow("portfolio_reconciliation", "0 * * * *", deadline_s=120, second=BETWEEN_CYCLES),
    JobRow("contract_specifications", "30 * * * *", deadline_s=30),
    JobRow("strategic_advice", "10 * * * *", deadline_s=60),
    JobRow("trade_analysis", "0 7 * * *", deadline_s=120),
    JobRow("digest", "0 7 * * *", deadline_s=120, second=BETWEEN_CYCLES),
    JobRow("replay", "20 7 * * *", deadline_s=600),
    JobRow("counterfactual", "30 7 * * *", deadline_s=900),
    JobRow("maintenance", "10 5 * * *", deadline_s=600),
    JobRow("symbol_validation", "0 4 * * *", deadline_s=300, at_start=True),
)


def routine_jobs(works: Mapping[str, Work]) -> list[Job]:
    """The rows of the timetable with their bodies. Raises KeyError for a row without one."""
    return [
        Job(
            row.name,
            row.trigger,
            works[row.name],
            row.deadline_s,
            60,
            row.catch_up,
            row.at_start,
        )
        for row in JOBS
    ]
