"""The daily window without entries, always in UTC (SPEC 12.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tradingbot.core.params import Params, contradiction

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class DowntimeParams(Params):
    """The daily window without entries, UTC (SPEC 12.1)."""

    enabled: bool = Field(default=True, description="False: there is none.")
    start: ClockTime = Field(default="03:00", description="Begin, HH:MM in UTC.")
    end: ClockTime = Field(default="05:00", description="End, HH:MM in UTC; before the start: it crosses midnight.")
    transition_min: float = Field(
        default=5.0, ge=0, le=120, description="Minutes before it that already count as TRANSITION."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> DowntimeParams:
        if self.enabled and self.start == self.end:
            raise contradiction("the window must not begin when it ends; switch it off with enabled", "start", "end")
        return self


class TradingState(StrEnum):
    """Where in the day we are."""

    TRADING = "TRADING"
    TRANSITION = "TRANSITION"
    DOWNTIME = "DOWNTIME"


@dataclass(frozen=True, slots=True)
class Downtime:
    """The state now and when it next changes; None when there is no window at all."""

    state: TradingState
    next_boundary: datetime | None
    seconds_to_boundary: float | None


def downtime_at(now: datetime, params: DowntimeParams) -> Downtime:
    """State at an aware UTC moment."""
    if not params.enabled:
        return Downtime(TradingState.TRADING, None, None)
    start, end = _next(now, params.start), _next(now, params.end)
    if end < start:  # inside: the end comes first
        return _until(TradingState.DOWNTIME, now, end)
    transition = start - timedelta(minutes=params.transition_min)
    if now >= transition:
        return _until(TradingState.TRANSITION, now, start)
    return _until(TradingState.TRADING, now, transition)


def _next(now: datetime, clock_time: str) -> datetime:
    """The first such time of day after `now`."""
    today = datetime.combine(now.date(), time.fromisoformat(clock_time), now.tzinfo)
    return today if today > now else today + timedelta(days=1)


def _until(state: TradingState, now: datetime, boundary: datetime) -> Downtime:
    return Downtime(state, boundary, (boundary - now).total_seconds())
