"""How far a figure could have come out otherwise: the stationary bootstrap (Politis and Romano 1994). Pure.

Blocks of a series are drawn with a mean length of the cube root of its number, so that what follows each other stays
together. Equal seeds draw equal blocks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tradingbot.core.resampling import AT_ONCE, RESAMPLES, interval
from tradingbot.research.arrays import Floats, Ints

__all__ = ["RESAMPLES", "interval", "redrawn"]


def redrawn(series: Floats, figure: Callable[[Floats], Floats], seed: int, resamples: int = RESAMPLES) -> Floats:
    """The figure of each of so many series that are drawn from this one; `figure` is given one of them per row."""
    chance = np.random.Generator(np.random.PCG64(seed))
    most = max(1, AT_ONCE // max(1, len(series)))
    sizes = [min(most, resamples - done) for done in range(0, resamples, most)]
    return np.concatenate([figure(series[_places(chance, len(series), size)]) for size in sizes])


def _places(chance: np.random.Generator, count: int, resamples: int) -> Ints:
    begins = chance.random((resamples, count)) < 1 / max(1.0, count ** (1 / 3))
    begins[:, 0] = True
    starts = chance.integers(0, count, (resamples, count))
    steps = np.arange(count)
    newest = np.maximum.accumulate(np.where(begins, steps, 0), axis=1)
    return (np.take_along_axis(starts, newest, axis=1) + steps - newest) % count
