"""Settings that a person has changed for a while: what is in force, how long yet, what is over. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LONGEST: Final = timedelta(days=14)
"""A change that is wanted for longer belongs into the settings."""
SHORTEST: Final = timedelta(minutes=1)
NEAR_END: Final = timedelta(hours=1)
LONG: Final = timedelta(days=7)
"""In force for so long, one is asked about: is it still meant?"""


@dataclass(frozen=True, slots=True)
class Override:
    """One setting by its key of `app.overridable`, from `since` until just before `until`; `value` as it was given."""

    key: str
    value: str
    since: datetime
    until: datetime
    reason: str
    by: str

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return now < self.until

    def left_s(self, now: datetime) -> float:
        """Seconds until it ends; 0 when it has."""
        return max(0.0, (self.until - now).total_seconds())

    def is_near_end(self, now: datetime) -> bool:
        """It ends within the hour, or has no more than a tenth of its time left."""
        left = self.until - now
        return timedelta(0) < left <= max(NEAR_END, (self.until - self.since) / 10)

    def is_long(self, now: datetime) -> bool:
        """It has been in force for a week."""
        return now - self.since >= LONG


def standing(known: Iterable[Override], now: datetime) -> tuple[tuple[Override, ...], tuple[Override, ...]]:
    """Those in force, and those that are over."""
    found = tuple(known)
    return tuple(one for one in found if one.holds(now)), tuple(one for one in found if not one.holds(now))


def with_override(known: Iterable[Override], one: Override) -> tuple[Override, ...]:
    """With one more, which takes the place of an older one of its key; by key."""
    others = [other for other in known if other.key != one.key]
    return tuple(sorted([*others, one], key=lambda each: each.key))


def without(known: Iterable[Override], key: str) -> tuple[Override, ...]:
    """Without that of a key."""
    return tuple(one for one in known if one.key != key)
