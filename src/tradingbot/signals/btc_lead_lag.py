"""BTC lead-lag: does this symbol follow BTC with a delay? Value: the move still expected, in standard deviations.

Pearson correlation of BTC's one-minute return, lagged 1..5 minutes, with the symbol's; only lags that are significant
at `min_t_statistic` (t = r sqrt((n - 2) / (1 - r^2))) count. The last `lag` BTC returns, each weighted by its lag's
correlation, are what the symbol has yet to follow. The sums stand in `market.minute_features`.
"""

from __future__ import annotations

import math

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "btc_lead_lag"


def btc_lead_lag(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """LONG or SHORT with BTC's recent move where the symbol is known to follow late."""
    mine = params.lead_lag
    features = snapshot.symbols[symbol].features
    if symbol == Symbol(mine.leader):
        return neutral(NAME, reason("is_the_leader"), as_of=features.as_of if features else None)
    against = _against(snapshot, symbol, mine.leader)
    found = features.lead_lag if features is not None else None
    if against or found is None:
        return blind(NAME, *(against or (reason("too_few_common_candles", need=mine.window_min // 2),)))
    t = mine.min_t_statistic
    bound = t / math.sqrt(found.sample - mine.max_lag_min - 2 + t**2)  # |r| at which t reaches the minimum
    significant = [r if abs(r) >= bound else 0.0 for r in found.correlations]  # NaN compares as too small
    best = max(significant, key=abs)
    if best == 0.0:
        strongest = max((abs(r) for r in found.correlations if not math.isnan(r)), default=0.0)
        return neutral(NAME, reason("no_significant_lag", best_correlation=strongest, bound=bound), as_of=found.as_of)
    moved = sum(r * move for r, move in zip(significant, found.last_moves, strict=True))
    expected = moved / found.leader_sigma if found.leader_sigma > 0 else 0.0
    lag = significant.index(best) + 1
    seen = reason("lead_lag", expected_sigma=expected, lag_min=lag, correlation=best, bound=bound)
    if abs(expected) < mine.min_expected_sigma:
        return neutral(NAME, seen, expected, found.as_of)
    confidence = math.tanh(abs(expected) / mine.full_confidence_sigma)
    return opinion(NAME, expected, confidence, expected, found.as_of, seen)


def _against(snapshot: MarketSnapshot, symbol: Symbol, leader: str) -> tuple[Reason, ...]:
    """Why either side's candles cannot be used."""
    ahead = snapshot.symbols.get(Symbol(leader))
    if ahead is None:
        return (reason("leader_missing", leader=leader),)
    return snapshot.symbols[symbol].candle_problems or ahead.candle_problems
