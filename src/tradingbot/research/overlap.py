"""Means of samples that overlap in time, with errors that do not pretend they were independent.

Samples of one block of time, of whatever market, count as one observation (cluster-robust: A. Cameron, D. Miller,
J. Human Resources 50(2), 2015). Windows that begin late in a block reach into the next one, so the covariance of
neighbouring blocks is added too (L. Hansen, R. Hodrick, J. Political Economy 88(5), 1980), as far as it makes the error
larger: by itself it is too uncertain to make it smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tradingbot.market.candles import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of `count` samples in `blocks` blocks of time. `error` is its standard error, None with one block only."""

    mean: float
    error: float | None
    count: int
    blocks: int

    def t(self, against: float = 0.0) -> float | None:
        """Distance from `against` in standard errors; None without a standard error above 0."""
        return (self.mean - against) / self.error if self.error else None


def mean_over_blocks(values: FloatArray, blocks: IntArray) -> Estimate | None:
    """The mean of `values`; `blocks` numbers the block of time of each, in the order of time. None without values.

    Error: sqrt(G / (G - 1) x (sum of s_g squared + 2 x max(0, sum of s_g s_g+1))) / n, where s_g is the sum of the
    deviations from the mean within block g, and G is how many blocks have values.
    """
    if not values.size:
        return None
    mean = float(np.mean(values))
    present, at = np.unique(blocks, return_inverse=True)
    sums = np.bincount(at.reshape(-1), weights=values - mean)
    count = int(present.shape[0])
    if count < 2:
        return Estimate(mean, None, int(values.size), count)
    neighbours = np.diff(present) == 1
    shared = max(0.0, float(np.sum((sums[1:] * sums[:-1])[neighbours])))
    variance = count / (count - 1) * (float(sums.dot(sums)) + 2 * shared)
    return Estimate(mean, math.sqrt(variance) / values.size, int(values.size), count)


def chance_beyond(limit: float, freedom: int) -> float:
    """Probability that Student's t with `freedom` degrees is farther from 0 than `limit`, when there is nothing."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    at = np.linspace(0.0, limit, 2001)
    density = scale * (1 + at * at / freedom) ** (-(freedom + 1) / 2)
    return max(0.0, 1 - 2 * float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(at))))
