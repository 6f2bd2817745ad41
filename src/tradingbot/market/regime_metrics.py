"""The numbers behind the regime: volatility index, trend and decline of BTC, correlation of the pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.market.comovement import comovement
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.intelligence import VolatilityReading
from tradingbot.market.multi_timeframe import frame_trend, is_fresh
from tradingbot.market.regime_params import RegimeParams
from tradingbot.market.volatility_index import volatility_index

LEADER = Symbol("BTCUSDT")
FRAME_MAX_AGE_BARS = 2.5
MIN_TREND_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class RegimeMetrics:
    """Inputs of the regime at one moment.

    `index` is in VIX points; `trend` of BTC in -1..1; `return_24h_pct` and `drawdown_7d_pct` (below the 7-day high,
    not negative) in per cent; `correlation` is None when too few pairs are known. `as_of` is the close of the newest
    hour of BTC. `missing` names what could not be computed: with anything in it the numbers decide nothing.
    """

    index: float
    trend: float
    return_24h_pct: float
    drawdown_7d_pct: float
    correlation: float | None
    as_of: datetime
    reasons: tuple[Reason, ...] = ()
    missing: tuple[Reason, ...] = ()

    def numbers(self) -> dict[str, float]:
        """As plain numbers by name, for the record."""
        known = {
            "volatility_index": self.index,
            "trend": self.trend,
            "return_24h_pct": self.return_24h_pct,
            "drawdown_7d_pct": self.drawdown_7d_pct,
        }
        return known if self.correlation is None else {**known, "correlation": self.correlation}

    def problems_at(self, now: datetime, max_age_h: float) -> tuple[Reason, ...]:
        """Why the numbers may not be used at `now`; empty when they may."""
        if self.missing:
            return self.missing
        age_h = (now - self.as_of).total_seconds() / 3600
        return () if 0 <= age_h <= max_age_h else (reason("regime_inputs_stale", age_h=age_h),)


def regime_metrics(
    hours: Mapping[Symbol, Candles],
    frames: Mapping[Timeframe, FrameFeatures],
    quoted: VolatilityReading | None,
    now: datetime,
    params: RegimeParams,
    leader: Symbol = LEADER,
) -> RegimeMetrics:
    """Metrics of now from one-hour candles of all symbols and the leader's frame indicators (1 h, 4 h, 1 d).

    Bars that had not closed at `now` are not seen. What is missing is said in `missing`, its number is 0 then.
    """
    now_ms = epoch_ms(now)
    closed = {symbol: candles.until(now_ms) for symbol, candles in hours.items()}
    own = closed.get(leader)
    if own is None or not len(own):
        return _nothing(now, reason("no_hourly_candles", symbol=leader))
    together = comovement(closed, params.correlation_window_h, params.correlation_min_h)
    correlation = together.average if together else None
    index = volatility_index(own, quoted, correlation, now, params.volatility)
    trend = leader_trend(frames, now, params)
    change, fall = _moves(own)
    lacking = {"volatility_index": index, "trend": trend, "return_24h": change, "drawdown_7d": fall}
    missing = tuple(reason("regime_input_missing", what=name) for name, value in lacking.items() if value is None)
    return RegimeMetrics(
        index=index.value if index else 0.0,
        trend=trend or 0.0,
        return_24h_pct=change or 0.0,
        drawdown_7d_pct=fall or 0.0,
        correlation=correlation,
        as_of=utc_from_ms(own.last_close_ms or 0),
        reasons=index.reasons if index else (),
        missing=missing,
    )


def leader_trend(frames: Mapping[Timeframe, FrameFeatures], now: datetime, params: RegimeParams) -> float | None:
    """Weighted mean of the fresh frames' trends in -1..1; None when less than half of the weight is there."""
    weights = {Timeframe.H1: params.weight_1h, Timeframe.H4: params.weight_4h, Timeframe.D1: params.weight_1d}
    fresh = {
        frame: weight
        for frame, weight in weights.items()
        if weight > 0 and frame in frames and is_fresh(frames[frame], now, FRAME_MAX_AGE_BARS)
    }
    present = math.fsum(fresh.values())
    if present <= 0 or present < MIN_TREND_WEIGHT * math.fsum(weights.values()):
        return None
    return math.fsum(weight * frame_trend(frames[frame], params.trend) for frame, weight in fresh.items()) / present


def _nothing(now: datetime, why: Reason) -> RegimeMetrics:
    return RegimeMetrics(0.0, 0.0, 0.0, 0.0, None, now, (), (why,))


@by_identity(8)
def _moves(hours: Candles) -> tuple[float | None, float | None]:
    """(return over a day, distance below the high of a week), per cent."""
    return _change_pct(hours, 24), _below_high_pct(hours, 168)


def _change_pct(hours: Candles, window_h: int) -> float | None:
    """Return of the newest close over the last close at least `window_h` before it; None without one that is near."""
    newest = int(hours.open_ms[-1])
    at = int(np.searchsorted(hours.open_ms, newest - window_h * 3_600_000, side="right")) - 1
    if at < 0 or newest - int(hours.open_ms[at]) > 2 * window_h * 3_600_000:
        return None
    return float(hours.close[-1] / hours.close[at] - 1) * 100


def _below_high_pct(hours: Candles, window_h: int) -> float | None:
    """How far the newest close is below the highest high of the window, per cent; None for less than half of it."""
    start = int(np.searchsorted(hours.open_ms, int(hours.open_ms[-1]) - window_h * 3_600_000))
    if len(hours) - start < window_h / 2:
        return None
    return float(1 - hours.close[-1] / hours.high[start:].max()) * 100
