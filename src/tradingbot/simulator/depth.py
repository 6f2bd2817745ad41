"""The book that the public sees: synthetic levels and our own resting orders together."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.state import VenueState


def full_depth(state: VenueState, symbol: str, side: Side) -> dict[Decimal, Decimal]:
    """Contracts per price on one side."""
    market = state.market(symbol)
    levels = dict(market.available(side)) if market.alive else {}
    for order in state.account.orders.values():
        if order.symbol == symbol and order.side is side and not order.is_trigger and order.limit_price is not None:
            levels[order.limit_price] = levels.get(order.limit_price, ZERO) + order.open
    return levels


def best(levels: dict[Decimal, Decimal], side: Side) -> tuple[Decimal, Decimal] | None:
    """Best price of a side and what rests there; None for an empty side."""
    if not levels:
        return None
    price = max(levels) if side is Side.BUY else min(levels)
    return price, levels[price]
