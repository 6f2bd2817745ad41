"""Bounds of a mean of things that hang together: whole groups of them are drawn, with replacement. Pure.

The cluster bootstrap (Davison and Hinkley 1997, 3.8): what happens in one block of time is not independent, so blocks
are drawn and not the things in them. The mean of a draw is the ratio of its sums. Equal seeds draw equal groups.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES: Final = 2_000
AT_ONCE: Final = 2_000_000
"""Numbers that are drawn at a time; bounds the memory."""


def drawn_means(sums: Floats, counts: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """The mean of each of so many draws of all groups; `sums` and `counts` are by group.

    As many groups and the same seed are the same draws, so that means of one draw may be compared. A draw of groups
    without any count is not a number.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    groups = len(sums)
    most = max(1, AT_ONCE // max(1, groups))
    found = []
    for done in range(0, resamples, most):
        drawn = chance.integers(0, groups, (min(most, resamples - done), groups))
        with np.errstate(invalid="ignore"):
            found.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(found)


def interval(found: Floats, share: float = 0.95) -> tuple[float, float]:
    """The bounds that hold so much of what was found, equally much outside on both sides."""
    low, high = np.percentile(found, [(1 - share) * 50, (1 + share) * 50])
    return float(low), float(high)
