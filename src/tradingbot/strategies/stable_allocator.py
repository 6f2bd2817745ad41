"""StableAllocator: in a panic, cash. It never opens anything and flattens whatever is not a hedge.

Idea: in a panic everything falls together and spreads widen; the best position is none. Regime: PANIC. Its share of the
capital stays unused. As overseer it speaks for every open position, not for its own, which it never has: longs leave
now, shorts count as hedges and stay with the strategy that opened them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradingbot.core.records import reason
from tradingbot.core.types import Direction, Regime
from tradingbot.strategies.ideas import leave, no_entry, stay
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.strategy import EntryIdea, ExitIdea, Held, StrategyView


@dataclass(frozen=True, slots=True)
class StableAllocator:
    """See the module. Pure: same view, same ideas."""

    params: StrategyParams
    name: str = "StableAllocator"
    regimes: frozenset[Regime] = frozenset({Regime.PANIC})

    def entry(self, view: StrategyView) -> EntryIdea:
        """Never anything: it holds cash."""
        return no_entry(self.name, reason("holds_cash", regime=view.regime.regime.value), as_of=view.regime.as_of)

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """In PANIC leave everything that is not a hedge."""
        if view.regime.regime is not Regime.PANIC:
            return stay(self.name, reason("no_panic", regime=view.regime.regime.value))
        if held.direction is Direction.SHORT:
            return stay(self.name, reason("hedge_stays"))
        return leave(self.name, reason("flatten_in_panic", gain=held.return_fraction))
