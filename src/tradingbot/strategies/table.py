"""The table of strategies: a new one is one file and one line here. And what any of them says of an open position."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.strategies.defensive_hedge import DefensiveHedge
from tradingbot.strategies.mean_reversion import MeanReversion
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.recovery import Recovery
from tradingbot.strategies.stable_allocator import StableAllocator
from tradingbot.strategies.strategy import ExitIdea, Held, Strategy, StrategyView
from tradingbot.strategies.trend_follower import TrendFollower
from tradingbot.strategies.volatility_swing import VolatilitySwing

STRATEGIES: Final[tuple[Callable[[StrategyParams], Strategy], ...]] = (
    TrendFollower,
    VolatilitySwing,
    MeanReversion,
    DefensiveHedge,
    StableAllocator,
    Recovery,
)
OVERSEERS: Final = frozenset({"StableAllocator"})
"""Strategies that, while active, speak for every open position instead of their own."""


@by_identity(16)
def strategies(params: StrategyParams) -> tuple[Strategy, ...]:
    """Every strategy with its settings, in the order of the table."""
    return tuple(make(params) for make in STRATEGIES)


def strategy_named(name: str, params: StrategyParams) -> Strategy | None:
    """The strategy of that name; None for another name, e.g. that of a position the flow signal alone opened."""
    return _by_name(params).get(name)


@by_identity(16)
def _by_name(params: StrategyParams) -> dict[str, Strategy]:
    return {strategy.name: strategy for strategy in strategies(params)}


def strategy_exit(name: str, view: StrategyView, held: Held, params: StrategyParams) -> ExitIdea | None:
    """What the strategy that opened a position says of it, active or not; None for a name that is not in the table."""
    strategy = strategy_named(name, params)
    return strategy.exit(view, held) if strategy else None


def overseer_exits(
    active: Iterable[str], view: StrategyView, held: Held, params: StrategyParams
) -> tuple[ExitIdea, ...]:
    """What the active overseers say of any open position, whoever opened it."""
    found = (strategy_exit(name, view, held, params) for name in active if name in OVERSEERS)
    return tuple(idea for idea in found if idea is not None)
