"""Numbers that the venue can put on the wire: on tick, on step, at most 15 significant digits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import plain
from tradingbot.simulator.grid import NEAR, SURE, grid_of

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


def floored_texts(numbers: Iterable[float], step: Decimal) -> list[str]:
    """``plain(floor_to(Decimal(repr(x)), step))`` of many floats >= 0, several times as fast.

    Floats count the steps. Where that is too near to a whole number to be sure, the number is either the very float of
    that many steps, or `Decimal` decides.
    """
    grid = grid_of(step)
    unit, places, scale, one = grid.unit, grid.places, grid.scale, grid.size
    texts = []
    for number in numbers:
        count = number / one
        whole = math.floor(count + NEAR)
        if count > SURE or (count - whole < NEAR and number != whole * unit / scale):
            texts.append(plain(floor_to(Decimal(repr(number)), step)))
            continue
        text = f"{whole * unit / scale:.{places}f}"
        texts.append(text.rstrip("0").rstrip(".") if places else text)
    return texts


def floored_numbers(numbers: NDArray[np.float64], step: Decimal) -> NDArray[np.float64]:
    """The floats of `floored_texts`, many times as fast."""
    grid = grid_of(step)
    count = numbers / grid.size
    whole = np.floor(count + NEAR)
    found: NDArray[np.float64] = whole * grid.unit / grid.scale
    unsure = np.flatnonzero((count > SURE) | ((count - whole < NEAR) & (numbers != found)))
    for row in unsure.tolist():
        found[row] = float(floor_to(Decimal(repr(float(numbers[row]))), step))
    return found


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `number`."""
    return (number / step).to_integral_value(ROUND_CEILING) * step


def down_to(number: Decimal, step: Decimal) -> Decimal:
    """Towards zero to a multiple of `step`."""
    return (number / step).to_integral_value(ROUND_DOWN) * step


def on_step(number: Decimal, step: Decimal) -> bool:
    """True when `number` is a multiple of `step`."""
    return number % step == 0
