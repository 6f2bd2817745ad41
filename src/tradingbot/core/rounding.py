"""Sizes and prices on the steps of a contract. Decimal only."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Final

from tradingbot.core.errors import SizingError
from tradingbot.core.types import Side, plain

DOWN: Final = Context(prec=50, rounding=ROUND_DOWN)
"""Exact enough for any contract, and never up."""


def round_size(size: Decimal, step: Decimal) -> Decimal:
    """Down to a multiple of `step`, which may be above one. Raises SizingError for a negative size."""
    if size < 0:
        raise SizingError(f"a size cannot be negative, got {size}")
    with localcontext(DOWN):
        return (size // step) * step


def ceil_size(size: Decimal, step: Decimal) -> Decimal:
    """Up to a multiple of `step`."""
    down = round_size(size, step)
    return down if down == size else down + step


def round_price(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """A limit price on tick that is never worse than asked: buy down, sell up.

    Raises SizingError when nothing above zero is left.
    """
    if not price.is_finite() or price <= 0 or tick <= 0:
        raise SizingError(f"price and tick must be above zero, got {price} and {tick}")
    rounded = round_size(price, tick) if side is Side.BUY else ceil_size(price, tick)
    if rounded <= 0:
        raise SizingError(f"price {plain(price)} is below one tick of {plain(tick)}")
    return rounded


def round_stop(stop_price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """A stop trigger on tick that never fires later than asked: a sell stop goes up, a buy stop down."""
    return round_price(stop_price, side, tick)


def round_marketable(price: Decimal, side: Side, tick: Decimal) -> Decimal:
    """A limit that must still cross after rounding: buy up, sell down (but not below one tick)."""
    return max(round_price(price, side.opposite, tick), tick) if price >= tick else round_price(price, Side.SELL, tick)
