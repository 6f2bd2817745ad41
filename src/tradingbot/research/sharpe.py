"""How much a Sharpe ratio can be trusted: its error, the chance that it is above zero, and after how many tries. Pure.

Ratios here are per return (per day), not per year: multiply by the root of 365 for a year's.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

EULER_GAMMA: Final = 0.5772156649015329
NORMAL: Final = NormalDist()
RESAMPLES: Final = 2_000
Floats = NDArray[np.float64]


def sharpe_of(returns: Floats) -> float | None:
    """Mean over standard deviation; None for fewer than two returns or without any spread."""
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return float(returns.mean()) / spread if spread > 0 else None


def standard_error(returns: Floats) -> float | None:
    """Of the ratio, for returns of any distribution (Mertens 2002); None where there is no ratio."""
    ratio = sharpe_of(returns)
    return None if ratio is None else math.sqrt(_variance(returns, ratio) / (len(returns) - 1))


def probability_above(returns: Floats, benchmark: float = 0.0) -> float | None:
    """Probabilistic Sharpe ratio (Bailey and Lopez de Prado 2012): chance that the true ratio exceeds `benchmark`."""
    ratio, error = sharpe_of(returns), standard_error(returns)
    return None if ratio is None or not error else NORMAL.cdf((ratio - benchmark) / error)


def expected_best(trials: int, spread: float) -> float:
    """Ratio that the best of so many worthless variants is expected to show (False Strategy theorem, 2014).

    `spread`: standard deviation of the ratio over the variants. Raises ValueError for fewer than one trial.
    """
    if trials < 1:
        raise ValueError("at least one variant was tried")
    if trials == 1:
        return 0.0
    first, second = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return spread * ((1 - EULER_GAMMA) * first + EULER_GAMMA * second)


def deflated(returns: Floats, trials: int, spread: float | None = None) -> float | None:
    """Deflated Sharpe ratio (Bailey and Lopez de Prado 2014): chance that the ratio is more than luck among `trials`.

    Without a `spread` over the variants their ratios are taken to scatter as much as this one's error says.
    """
    error = standard_error(returns)
    if error is None:
        return None
    return probability_above(returns, expected_best(trials, error if spread is None else spread))


def bootstrap(
    returns: Floats, seed: int, share: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Interval of the ratio by the stationary bootstrap (Politis and Romano 1994); None where there is no ratio.

    Blocks of returns are drawn with a mean length of the cube root of their number, so that what follows each other
    stays together.
    """
    count = len(returns)
    if sharpe_of(returns) is None:
        return None
    chance = np.random.Generator(np.random.PCG64(seed))
    begins = chance.random((resamples, count)) < 1 / max(1.0, count ** (1 / 3))
    begins[:, 0] = True
    starts = chance.integers(0, count, (resamples, count))
    steps = np.arange(count)
    newest = np.maximum.accumulate(np.where(begins, steps, 0), axis=1)
    places = (np.take_along_axis(starts, newest, axis=1) + steps - newest) % count
    drawn = returns[places]
    spread = drawn.std(axis=1, ddof=1)
    found = drawn.mean(axis=1)[spread > 0] / spread[spread > 0]
    low, high = np.percentile(found, [(1 - share) * 50, (1 + share) * 50])
    return float(low), float(high)


def _variance(returns: Floats, ratio: float) -> float:
    """Of the ratio times the number of returns less one: grows with fat tails and with a skew to losses."""
    centred = returns - returns.mean()
    second = float((centred**2).mean())
    skew = float((centred**3).mean()) / second**1.5
    kurtosis = float((centred**4).mean()) / second**2
    return float(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2)
