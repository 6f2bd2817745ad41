"""Numbers that the venue can put on the wire: on tick, on step, at most 15 significant digits."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

_WIRE: Final = Context(prec=15)
ZERO: Final = Decimal(0)


def wire(number: Decimal) -> Decimal:
    """Rounded to 15 significant digits, so that a float carries it unchanged."""
    return _WIRE.plus(number)


def booked(amount: Decimal, quantum: Decimal) -> Decimal:
    """An amount of money as it is booked."""
    return amount.quantize(quantum, ROUND_HALF_EVEN) + 0


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `number`."""
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `number`."""
    return (number / step).to_integral_value(ROUND_CEILING) * step


def down_to(number: Decimal, step: Decimal) -> Decimal:
    """Towards zero to a multiple of `step`."""
    return (number / step).to_integral_value(ROUND_DOWN) * step


def on_step(number: Decimal, step: Decimal) -> bool:
    """True when `number` is a multiple of `step`."""
    return number % step == 0
