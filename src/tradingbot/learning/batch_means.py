"""How sure a mean is when its values overlap and move together: batch means. Pure.

A signal's return over the next half hour shares most of that half hour with the signal a minute later, and with those
of other symbols. So values are first added up within blocks of time longer than that overlap; blocks are nearly
independent, and the scatter of their sums gives the error of the mean (batch means: Conway 1963; Law and Kelton,
Simulation Modeling and Analysis, ch. 9). The mean is a ratio of sums, its error the ratio estimator's (Cochran,
Sampling Techniques, ch. 6), as blocks hold different numbers of values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_MS: Final = 3_600_000
MANY: Final = 1e9


@dataclass(frozen=True, slots=True)
class BatchMean:
    """A weighted mean over `count` values in `blocks` blocks of time; `error` is its standard error, inf below two."""

    mean: float
    error: float
    count: int
    blocks: int

    @property
    def t(self) -> float:
        """Mean over error; 0 when nothing is known."""
        return self.mean / self.error if 0 < self.error < math.inf else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """The mean less and plus `z` errors, by default 95 %."""
        return self.mean - z * self.error, self.mean + z * self.error


NOTHING: Final = BatchMean(0.0, math.inf, 0, 0)


def batch_mean(values: NDArray[Any], weights: NDArray[Any], blocks: Ints) -> BatchMean:
    """Of `values` (n,), each with a weight (n,) of at least 0 and the number of its block (n,), which never falls.

    What is not a number, or has no weight, is left out.
    """
    good = np.isfinite(values) & (weights > 0)
    if not good.any():
        return NOTHING
    kept, share = values[good].astype(np.float64), weights[good].astype(np.float64)
    sums, masses = block_sums(kept * share, share, blocks[good])
    total = float(masses.sum())
    mean = float(sums.sum()) / total
    count = len(sums)
    if count < 2:
        return BatchMean(mean, math.inf, len(kept), count)
    apart = sums - mean * masses
    error = math.sqrt(float(apart @ apart) * count / (count - 1)) / total
    return BatchMean(mean, error, len(kept), count)


def block_sums(values: Floats, weights: Floats, blocks: Ints) -> tuple[Floats, Floats]:
    """Sums of both per block, blocks in their order. `blocks` never falls."""
    starts = np.flatnonzero(np.concatenate(([True], np.diff(blocks) != 0)))
    return np.add.reduceat(values, starts), np.add.reduceat(weights, starts)


def blocks_of(time_ms: Ints, block_min: float) -> Ints:
    """The number of the block that each time falls into."""
    return time_ms // int(block_min * 60_000)


def soft(value: float, threshold: float) -> float:
    """Soft thresholding (Donoho and Johnstone 1994): what is left beyond the threshold, 0 within it."""
    return math.copysign(max(0.0, abs(value) - threshold), value)
