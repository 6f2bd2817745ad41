"""How long a venue has been traded, and what depends on it: the early days and the clamp on learners. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradingbot.learning.params import VenueAgeParams


class Metadata(Protocol):
    """What every learning file says of where it was learned."""

    @property
    def venue(self) -> str:
        """Its name."""

    @property
    def since(self) -> datetime:
        """Since when it has been traded."""

    @property
    def period(self) -> int:
        """Which venue of this home it is: 1 is the first."""


@dataclass(frozen=True, slots=True)
class VenuePeriod:
    """`days` since the venue was begun (never below 0), `early_days_left` until it is no longer new.

    `clamp_pct` is the largest change of one weight at once, per cent: 10 in the early days, 20 after (SPEC 10.2).
    """

    venue: str
    since: datetime
    period: int
    days: float
    early_days_left: float
    is_new: bool
    clamp_pct: float


def venue_period(metadata: Metadata, now: datetime, early_days: float, params: VenueAgeParams) -> VenuePeriod:
    """The period that a file's `_venue_metadata` names, at `now`; `early_days` is `risk.sizing.early_days`."""
    days = max(0.0, (now - metadata.since).total_seconds() / 86_400)
    is_new = days < early_days
    return VenuePeriod(
        venue=metadata.venue,
        since=metadata.since,
        period=metadata.period,
        days=days,
        early_days_left=max(0.0, early_days - days),
        is_new=is_new,
        clamp_pct=params.early_clamp_pct if is_new else params.clamp_pct,
    )


def clamped(old: float, wanted: float, clamp_pct: float) -> float:
    """`wanted`, but at most `clamp_pct` per cent of `old` away from it."""
    room = abs(old) * clamp_pct / 100.0
    return min(old + room, max(old - room, wanted))
