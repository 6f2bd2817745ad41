"""Means of samples that overlap in time, with errors that do not pretend they were independent.

Samples of one block of time, of whatever market, count as one observation (cluster-robust: A. Cameron, D. Miller,
J. Human Resources 50(2), 2015). Windows that begin late in a block reach into the next one, so the covariance of
neighbouring blocks is added too (L. Hansen, R. Hodrick, J. Political Economy 88(5), 1980), as far as it makes the error
larger: by itself it is too uncertain to make it smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.market.candles import FloatArray, IntArray

LEAST_BLOCKS: Final = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of `count` samples in `blocks` blocks of time.

    `even_blocks` is how many blocks of equal size would tell as much: fewer, where a few blocks hold most samples.
    `error` is the standard error, None with one block only.
    """

    mean: float
    error: float | None
    count: int
    blocks: int
    even_blocks: float

    @property
    def freedom(self) -> int:
        """Degrees of freedom of t."""
        return max(1, int(self.even_blocks) - 1)

    def t(self, against: float = 0.0) -> float | None:
        """Distance from `against` in standard errors; None with fewer than `LEAST_BLOCKS` even blocks, or no error.

        An error out of fewer is too often far too small.
        """
        if not self.error or self.even_blocks < LEAST_BLOCKS - 1e-9:
            return None
        return (self.mean - against) / self.error


def mean_over_blocks(values: FloatArray, blocks: IntArray) -> Estimate | None:
    """The mean of `values`; `blocks` numbers the block of time of each, in the order of time. None without values.

    Error: sqrt(G / (G - 1) x (sum of s_g squared + 2 x max(0, sum of s_g s_g+1))) / n, where s_g is the sum of the
    deviations from the mean within block g, and G is how many blocks have values.
    """
    if not values.size:
        return None
    mean = float(np.mean(values))
    present, at = np.unique(blocks, return_inverse=True)
    sums, sizes = np.bincount(at.reshape(-1), weights=values - mean), np.bincount(at.reshape(-1))
    count, even = int(present.shape[0]), values.size**2 / float(sizes.dot(sizes))
    if count < 2:
        return Estimate(mean, None, int(values.size), count, even)
    neighbours = np.diff(present) == 1
    shared = max(0.0, float(np.sum((sums[1:] * sums[:-1])[neighbours])))
    variance = count / (count - 1) * (float(sums.dot(sums)) + 2 * shared)
    return Estimate(mean, math.sqrt(variance) / values.size, int(values.size), count, even)


def chance_beyond(limit: float, freedom: int) -> float:
    """Probability that Student's t with `freedom` degrees is farther from 0 than `limit`, when there is nothing."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    at = np.linspace(0.0, limit, 2001)
    density = scale * (1 + at * at / freedom) ** (-(freedom + 1) / 2)
    return max(0.0, 1 - 2 * float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(at))))
