"""The timetable: venue health, reconciliation, specifications, validation, analyses, maintenance (SPEC 14).

A further job is one row here, its body under the same name in `app/job_works.py`, and its row in `docs/jobs.md`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from tradingbot.jobs.due import in_words
from tradingbot.jobs.scheduler import Job

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobRow:
    """One row of the timetable; `cron` in UTC: minute hour day month weekday (mon-sun); `second` of that minute.

    A run that nobody was there for is made up for, once, while it is no more than `catch_up_h` hours late; 0: never,
    because the next one comes soon enough. Without `in_downtime` the job is left out while nothing may be opened.
    `beside`: it works in a process of its own; such jobs take turns. No job begins while the daemon stops.
    """

    name: str
    cron: str
    deadline_s: float
    catch_up_h: float = 0.0
    at_start: bool = False
    second: int = 0
    in_downtime: bool = True
    beside: bool = False

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

    @property
    def when(self) -> str:
        """The same in words."""
        return in_words(self.cron, self.second)


BETWEEN_CYCLES: Final = 35
"""Jobs that hold the account begin at this second, when the cycle that began with the minute is over."""
DAILY: Final = 12.0
"""A daily job is made up for within so many hours: later, its next run is nearer than the one that was missed."""


JOBS: Final = (
    JobRow("exchange_health", "*/5 * * * *", deadline_s=30),
    JobRow("watchdog", "2-59/5 * * * *", deadline_s=60, second=BETWEEN_CYCLES),
    JobRow("tactical_operator", "8-59/15 * * * *", deadline_s=60, second=BETWEEN_CYCLES),
    JobRow("recovery_cycle", "4-59/10 * * * *", deadline_s=60, second=BETWEEN_CYCLES),
    JobRow("fee_audit", "6-59/10 * * * *", deadline_s=30, in_downtime=False),
    JobRow("override_audit", "9-59/10 * * * *", deadline_s=30),
    JobRow("strategic_review", "20 5 * * *", deadline_s=60, catch_up_h=DAILY, beside=True),
    JobRow("learning", "12-59/30 * * * *", deadline_s=600, second=BETWEEN_CYCLES, beside=True),
    JobRow("portfolio_reconciliation", "0 * * * *", deadline_s=120, catch_up_h=1, second=BETWEEN_CYCLES),
    JobRow("contract_specifications", "30 * * * *", deadline_s=30, catch_up_h=1),
    JobRow("strategic_advice", "10 * * * *", deadline_s=60, catch_up_h=1, in_downtime=False),
    JobRow("enrichment", "0 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("trade_analysis", "0 7 * * *", deadline_s=120, catch_up_h=DAILY, beside=True),
    JobRow("digest", "0 7 * * *", deadline_s=120, catch_up_h=DAILY, second=BETWEEN_CYCLES, beside=True),
    JobRow("attribution_report", "3 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("missed_opportunity_probe", "6 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("gate_complexity", "9 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("override_expiry", "12 7 * * *", deadline_s=30, catch_up_h=DAILY),
    JobRow("weekly_analysis", "40 7 * * mon", deadline_s=300, catch_up_h=72, beside=True),
    JobRow("replay", "20 7 * * *", deadline_s=600, catch_up_h=DAILY, beside=True),
    JobRow("counterfactual", "30 7 * * *", deadline_s=900, catch_up_h=DAILY, beside=True),
    JobRow("weight_evolution", "15 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("strategy_tuning", "18 7 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("scenario_tuner", "45 7 * * *", deadline_s=400, catch_up_h=DAILY, beside=True),
    JobRow("enhanced_learning", "0 8 * * *", deadline_s=300, catch_up_h=DAILY, beside=True),
    JobRow("maintenance", "10 5 * * *", deadline_s=600, catch_up_h=DAILY),
    JobRow("symbol_validation", "0 4 * * *", deadline_s=300, catch_up_h=DAILY, at_start=True),
)


def routine_jobs(works: Mapping[str, Work]) -> list[Job]:
    """The rows of the timetable with their bodies. Raises KeyError for a row without one."""
    return [
        Job(
            row.name,
            row.trigger,
            works[row.name],
            row.deadline_s,
            catch_up_s=row.catch_up_h * 3600,
            at_start=row.at_start,
            second=row.second,
            in_downtime=row.in_downtime,
            beside=row.beside,
            when=row.when,
        )
        for row in JOBS
    ]
