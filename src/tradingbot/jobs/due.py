"""When a job is due: the next time, how many went by unseen, and a cron line in words. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apscheduler.triggers.base import BaseTrigger

MOMENT: Final = timedelta(microseconds=1)
DAYS: Final = {
    "mon": "Mondays",
    "tue": "Tuesdays",
    "wed": "Wednesdays",
    "thu": "Thursdays",
    "fri": "Fridays",
    "sat": "Saturdays",
    "sun": "Sundays",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Due times that nobody saw: how many, and the newest of them."""

    count: int
    newest: datetime


def first_after(trigger: BaseTrigger, moment: datetime) -> datetime | None:
    """The first due time strictly after a moment; None when there is none any more."""
    due: datetime | None = trigger.get_next_fire_time(None, moment + MOMENT)
    return due


def gap_until(trigger: BaseTrigger, first: datetime, until: datetime) -> Gap | None:
    """Due times from `first`, itself one, up to `until`; None when `first` lies after it.

    Takes for granted that due times are evenly spaced, so that a year of them costs no more than two.
    """
    if first > until:
        return None
    second = first_after(trigger, first)
    if second is None or second > until:
        return Gap(1, first)
    more = (until - first) // (second - first)
    return Gap(1 + more, first + more * (second - first))


def in_words(cron: str, second: int = 0) -> str:
    """``every 5 minutes from :02``, ``hourly at :30``, ``07:00``, ``Sundays 06:00``; `second` is added when not 0."""
    minute, hour, _, _, weekday = cron.split()
    if "/" in minute:
        begin, _, step = minute.partition("/")
        first = begin.partition("-")[0]
        words = f"every {step} minutes" + ("" if first in ("*", "0") else f" from :{int(first):02d}")
    elif hour == "*":
        words = f"hourly at :{int(minute):02d}"
    else:
        words = f"{int(hour):02d}:{int(minute):02d}"
    words = f"{DAYS[weekday]} {words}" if weekday != "*" else words
    return f"{words}, second {second}" if second else words
