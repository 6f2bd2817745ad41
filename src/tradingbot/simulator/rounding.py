"""Numbers that the venue can put on the wire: on tick, on step, at most 15 significant digits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from tradingbot.core.types import plain

_WIRE: Final = Context(prec=15)
ZERO: Final = Decimal(0)
_NEAR: Final = 1e-4
_SURE: Final = 1e10
"""Up to so many steps a float's quotient is off by less than `_NEAR` by far, and multiples have at most 15 digits."""


def wire(number: Decimal) -> Decimal:
    """Rounded to 15 significant digits, so that a float carries it unchanged."""
    return _WIRE.plus(number)


def booked(amount: Decimal, quantum: Decimal) -> Decimal:
    """An amount of money as it is booked."""
    return amount.quantize(quantum, ROUND_HALF_EVEN) + 0


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `number`."""
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def floored_texts(numbers: Iterable[float], step: Decimal) -> list[str]:
    """``plain(floor_to(Decimal(repr(x)), step))`` of many floats >= 0, several times as fast.

    Floats count the steps. Where that is too near to a whole number to be sure, the number is either the very float of
    that many steps, or `Decimal` decides.
    """
    sign, _, exponent = step.as_tuple()
    if not isinstance(exponent, int) or sign:
        raise ValueError(f"no step: {step}")
    unit, places = int(step.scaleb(max(0, -exponent))), max(0, -exponent)
    scale = 10**places
    one = unit / scale
    texts = []
    for number in numbers:
        count = number / one
        whole = math.floor(count + _NEAR)
        if count > _SURE or (count - whole < _NEAR and number != whole * unit / scale):
            texts.append(plain(floor_to(Decimal(repr(number)), step)))
            continue
        text = f"{whole * unit / scale:.{places}f}"
        texts.append(text.rstrip("0").rstrip(".") if places else text)
    return texts


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `number`."""
    return (number / step).to_integral_value(ROUND_CEILING) * step


def down_to(number: Decimal, step: Decimal) -> Decimal:
    """Towards zero to a multiple of `step`."""
    return (number / step).to_integral_value(ROUND_DOWN) * step


def on_step(number: Decimal, step: Decimal) -> bool:
    """True when `number` is a multiple of `step`."""
    return number % step == 0
