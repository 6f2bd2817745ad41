"""The regime of the whole market (SPEC 11.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.records import Reason
from tradingbot.core.types import Regime


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The regime that holds, how sure that is (0..1), since when, and the numbers behind it.

    `as_of` is the time of the newest input. `metrics` holds at least ``volatility_index`` (VIX scale). It is also the
    state that hysteresis carries from one reading to the next.
    """

    regime: Regime
    confidence: float
    since: datetime
    as_of: datetime
    metrics: Mapping[str, float]
    reasons: tuple[Reason, ...]
    pending: Regime | None = None
    pending_since: datetime | None = None
