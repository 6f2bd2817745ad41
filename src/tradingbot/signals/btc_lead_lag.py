"""BTC lead-lag: does this symbol follow BTC with a delay? Value: the move still expected, in standard deviations.

Correlation of BTC's one-minute return, lagged 1..5 minutes, with the symbol's; only lags that are significant at
`min_t` (t = r sqrt((n - 2) / (1 - r^2))) count. The last `lag` BTC returns, each weighted by its lag's correlation,
are what the symbol has yet to follow.
"""

from __future__ import annotations

import math

import numpy as np

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.market.candles import Candles, FloatArray
from tradingbot.market.indicators import lagged_correlations, log_returns
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, neutral, opinion
from tradingbot.signals.params import LeadLagParams

NAME = "btc_lead_lag"


def btc_lead_lag(snapshot: MarketSnapshot, symbol: Symbol, params: LeadLagParams) -> ComponentReading:
    """LONG or SHORT with BTC's recent move where the symbol is known to follow late."""
    leader = Symbol(params.leader)
    if symbol == leader:
        return neutral(NAME, reason("is_the_leader"))
    if leader not in snapshot.symbols:
        return neutral(NAME, reason("leader_missing", leader=params.leader))
    pair = _common_returns(snapshot.symbols[leader].candles, snapshot.symbols[symbol].candles, params.window_min)
    if pair is None:
        return neutral(NAME, reason("too_few_common_candles", need=params.window_min // 2))
    lead, follow, last_ms = pair
    as_of = utc_from_ms(last_ms)
    correlations = lagged_correlations(lead, follow, params.max_lag_min)
    sample = lead.shape[0] - params.max_lag_min
    bound = params.min_t_statistic / math.sqrt(sample - 2 + params.min_t_statistic**2)  # |r| at which t reaches min_t
    significant = np.nan_to_num(np.where(np.abs(correlations) >= bound, correlations, 0.0))
    if not significant.any():
        best = float(np.nanmax(np.abs(correlations))) if not np.isnan(correlations).all() else 0.0
        return neutral(NAME, reason("no_significant_lag", best_correlation=best, bound=bound), as_of=as_of)
    scale = float(np.std(lead))
    expected = float(np.dot(significant, lead[::-1][: params.max_lag_min])) / scale if scale > 0 else 0.0
    lag = int(np.argmax(np.abs(significant))) + 1
    seen = reason(
        "lead_lag", expected_sigma=expected, lag_min=lag, correlation=float(significant[lag - 1]), bound=bound
    )
    if abs(expected) < params.min_expected_sigma:
        return neutral(NAME, seen, expected, as_of)
    return opinion(NAME, expected, math.tanh(abs(expected) / params.full_confidence_sigma), expected, as_of, seen)


def _common_returns(leader: Candles, follower: Candles, bars: int) -> tuple[FloatArray, FloatArray, int] | None:
    _, lead_at, follow_at = np.intersect1d(leader.open_ms, follower.open_ms, assume_unique=True, return_indices=True)
    if lead_at.shape[0] < bars // 2:
        return None
    lead_at, follow_at = lead_at[-bars:], follow_at[-bars:]
    last_ms = int(follower.open_ms[follow_at[-1]]) + follower.timeframe.ms
    return log_returns(leader.close[lead_at]), log_returns(follower.close[follow_at]), last_ms
