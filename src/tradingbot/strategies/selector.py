"""Which strategies are active in a regime, and with which share of the capital (SPEC 11.2)."""

from __future__ import annotations

from tradingbot.core.records import reason
from tradingbot.market.regime import RegimeReading
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.strategy import ActiveStrategy
from tradingbot.strategies.table import strategies

EVEN_SHARE_PCT = 50.0


def select(regime: RegimeReading, params: StrategyParams) -> tuple[ActiveStrategy, ...]:
    """At most `max_active` strategies of the regime; their shares add up to exactly 100 %.

    The specialist, with the fewest regimes, comes first (then the order of the table). A single one gets everything;
    of two, the first gets 50 % at confidence 0 rising to `largest_share_pct` at 1, the second the rest. None below
    `min_confidence`: a regime that is not known chooses nobody.
    """
    own = params.selector
    if not regime.confidence >= own.min_confidence:
        return ()
    fitting = [strategy for strategy in strategies(params) if regime.regime in strategy.regimes]
    chosen = sorted(fitting, key=lambda strategy: len(strategy.regimes))[: own.max_active]
    sure = min(1.0, regime.confidence)
    first = EVEN_SHARE_PCT + (own.largest_share_pct - EVEN_SHARE_PCT) * sure if len(chosen) == 2 else 100.0
    shares = (first, 100.0 - first)
    why = reason("regime", regime=regime.regime.value, confidence=regime.confidence)
    return tuple(ActiveStrategy(strategy.name, share, (why,)) for strategy, share in zip(chosen, shares, strict=False))
