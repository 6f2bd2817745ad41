"""The volatility index on the VIX scale (SPEC 11.1): a quoted source, else realised BTC volatility mapped to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from tradingbot.core.memo import by_identity
from tradingbot.core.params import Params, contradiction
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.market.intelligence import VolatilityReading

HOURS_PER_YEAR = 8760.0


class Knot(Params):
    """One point of a mapping: a volatility in annualised per cent and the VIX value that is as rare."""

    volatility_pct: float = Field(gt=0, le=10_000, description="Annualised volatility, per cent.")
    index: float = Field(gt=0, le=1_000, description="VIX points.")


def _knots(*pairs: tuple[float, float]) -> tuple[Knot, ...]:
    return tuple(Knot(volatility_pct=volatility, index=index) for volatility, index in pairs)


FITTED_KNOTS = _knots(
    (19.6, 10.1),
    (26.9, 11.4),
    (41.2, 13.8),
    (56.1, 17.6),
    (76.8, 22.8),
    (113.8, 28.6),
    (146.4, 33.1),
    (186.9, 39.1),
    (217.2, 46.8),
    (262.5, 57.7),
)


class VolatilityIndexParams(Params):
    """The volatility index and its mappings."""

    window_h: int = Field(default=168, ge=24, le=8760, description="Hours the realised volatility is taken over.")
    min_coverage: float = Field(
        default=0.8, gt=0, le=1, description="Share of those hours that must have a closed bar."
    )
    knots: tuple[Knot, ...] = Field(
        default=FITTED_KNOTS,
        min_length=2,
        description="Realised volatility to VIX, lowest first: equal quantiles of both (docs/volatility-index.md).",
    )
    dvol_divisor: float = Field(
        default=2.4, gt=0, le=20, description="DVOL over this is the index, unless dvol_knots are given."
    )
    dvol_knots: tuple[Knot, ...] = Field(
        default=(), description="DVOL to VIX, lowest first; at least two, or none to divide."
    )
    dvol_max_age_h: float = Field(default=3.0, gt=0, le=72, description="A DVOL older than this is not used, hours.")
    vix_max_age_h: float = Field(
        default=96.0, gt=0, le=240, description="A VIX older than this is not used, hours; it rests on weekends."
    )
    correlation_from: float = Field(
        default=0.80, ge=0, lt=1, description="Average pairwise correlation from which the index is raised."
    )
    correlation_full: float = Field(
        default=0.95, gt=0, le=1, description="Average pairwise correlation at which it is raised in full."
    )
    correlation_raise_pct: float = Field(
        default=15.0, ge=0, le=100, description="Largest rise of the index by correlated moves, per cent of it."
    )

    @model_validator(mode="after")
    def _mappings_rise(self) -> VolatilityIndexParams:
        for name in ("knots", "dvol_knots"):
            knots: tuple[Knot, ...] = getattr(self, name)
            if len(knots) == 1:
                raise contradiction("a mapping needs at least two knots", name)
            for low, high in pairwise(knots):
                if low.volatility_pct >= high.volatility_pct or low.index >= high.index:
                    raise contradiction("both values must rise from knot to knot", name)
        if self.correlation_from >= self.correlation_full:
            raise contradiction(
                "the rise must begin below the correlation at which it is full", "correlation_from", "correlation_full"
            )
        return self


@dataclass(frozen=True, slots=True)
class VolatilityIndex:
    """The index in VIX points, what it was made of, and when that was true.

    `kind` is ``vix``, ``dvol`` or ``realised``; `raw` is in that kind's own units (the last two: annualised per cent).
    `mapped` is the index before `raise_pct` was added for correlated moves.
    """

    value: float
    kind: str
    raw: float
    mapped: float
    raise_pct: float
    as_of: datetime
    reasons: tuple[Reason, ...]


@by_identity(8)
def realised_volatility_pct(hours: Candles, params: VolatilityIndexParams) -> float | None:
    """Annualised volatility in per cent of one-hour closes over the window that ends with the newest bar.

    Square root of the sum of squared log returns over the hours they span, times sqrt(8760) x 100 (realised variance of
    Andersen, Bollerslev, Diebold, Labys, Econometrica 71(2), 2003). A return across missing hours counts for all of
    them. None when less than `min_coverage` of the window's bars are there, or with a price that is none.
    """
    if len(hours) < 2:
        return None
    start_ms = int(hours.open_ms[-1]) - params.window_h * hours.timeframe.ms
    first = int(np.searchsorted(hours.open_ms, start_ms))
    bars = len(hours) - first - 1
    if bars < max(1, math.ceil(params.min_coverage * params.window_h)):
        return None
    closes = hours.close[first:]
    if not float(closes.min()) > 0:
        return None
    returns = np.diff(np.log(closes))
    span_h = (int(hours.open_ms[-1]) - int(hours.open_ms[first])) / 3_600_000
    return math.sqrt(float(returns.dot(returns)) / span_h * HOURS_PER_YEAR) * 100


def map_to_index(volatility_pct: float, knots: Sequence[Knot]) -> float:
    """VIX value of a volatility: straight lines between the knots, through zero below and above them. Never falls."""
    if volatility_pct <= knots[0].volatility_pct:
        return max(0.0, volatility_pct) * knots[0].index / knots[0].volatility_pct
    if volatility_pct >= knots[-1].volatility_pct:
        return volatility_pct * knots[-1].index / knots[-1].volatility_pct
    at = [knot.volatility_pct for knot in knots]
    return float(np.interp(volatility_pct, at, [knot.index for knot in knots]))


def quoted_index(reading: VolatilityReading, params: VolatilityIndexParams) -> float | None:
    """VIX value of a quoted index: ``vix`` as it is, ``dvol`` mapped; None for another kind or a value not above 0."""
    if not math.isfinite(reading.value) or reading.value <= 0:
        return None
    if reading.kind == "vix":
        return reading.value
    if reading.kind == "dvol":
        return (
            map_to_index(reading.value, params.dvol_knots) if params.dvol_knots else reading.value / params.dvol_divisor
        )
    return None


def correlation_raise_pct(correlation: float | None, params: VolatilityIndexParams) -> float:
    """By how many per cent correlated moves raise the index: 0 below `correlation_from`, then linear to the full."""
    if correlation is None:
        return 0.0
    part = (correlation - params.correlation_from) / (params.correlation_full - params.correlation_from)
    return params.correlation_raise_pct * min(1.0, max(0.0, part))


def volatility_index(
    hours: Candles,
    quoted: VolatilityReading | None,
    correlation: float | None,
    now: datetime,
    params: VolatilityIndexParams,
) -> VolatilityIndex | None:
    """The index from the quoted source while it is fresh, else from `hours` (1-hour candles of BTC).

    None when there is neither. `reasons` say what was used and why a quoted source was not.
    """
    why: list[Reason] = []
    if quoted is not None:
        mapped = quoted_index(quoted, params)
        age_h = quoted.stamp.age_s(now) / 3600
        limit_h = params.vix_max_age_h if quoted.kind == "vix" else params.dvol_max_age_h
        if mapped is not None and 0 <= age_h <= limit_h:
            return _raised(mapped, quoted.kind, quoted.value, quoted.stamp.as_of, correlation, params, why)
        why.append(reason("quoted_index_not_used", kind=quoted.kind, value=quoted.value, age_h=age_h))
    realised = realised_volatility_pct(hours, params)
    if realised is None:
        return None
    as_of = utc_from_ms(hours.last_close_ms or 0)
    mapped = map_to_index(realised, params.knots)
    return _raised(mapped, "realised", realised, as_of, correlation, params, why)


def _raised(
    mapped: float,
    kind: str,
    raw: float,
    as_of: datetime,
    correlation: float | None,
    params: VolatilityIndexParams,
    why: list[Reason],
) -> VolatilityIndex:
    lift = correlation_raise_pct(correlation, params)
    value = mapped * (1 + lift / 100)
    seen = reason("volatility_index", kind=kind, raw=raw, index=value)
    raised = [reason("correlated_moves", correlation=correlation or 0.0, raise_pct=lift)] if lift > 0 else []
    return VolatilityIndex(value, kind, raw, mapped, lift, as_of, (*why, seen, *raised))
