"""What the market was like when an entry was decided, kept with the trade for those who learn from it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tradingbot.core.types import Regime, iso_utc
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.actions import OpenPosition

BPS = 10_000


def with_entry_facts(
    action: OpenPosition, snapshot: MarketSnapshot, regime: Regime, component_weights: Mapping[str, float]
) -> OpenPosition:
    """The action whose plan also tells decided price and time, regime, spread, volatility and component weights.

    `spread_bps` is the whole spread, `volatility_bps` the standard deviation of one-minute returns; None while unknown.
    What the decision itself wrote down under the same name stays.
    """
    part = snapshot.symbols[action.symbol]
    sigma = part.features.sigma if part.features is not None else None
    facts = {
        "decision_mid": str(action.mid_price),
        "decided_at": iso_utc(snapshot.as_of),
        "regime": regime.value,
        "spread_bps": part.book.spread_pct * 100 if part.book is not None else None,
        "volatility_bps": sigma * BPS if sigma is not None else None,
        "component_weights": dict(component_weights),
    }
    plan = replace(action.plan, signal_context={**facts, **action.plan.signal_context})
    return replace(action, plan=plan)
