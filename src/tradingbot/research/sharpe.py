"""How much a Sharpe ratio can be trusted: its error, the chance that it is above zero, and after how many tries. Pure.

Ratios here are per return (per day), not per year: multiply by the root of 365 for a year's.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from tradingbot.research.arrays import Floats
from tradingbot.research.bootstrap import RESAMPLES, interval, redrawn

EULER_GAMMA: Final = 0.5772156649015329
NORMAL: Final = NormalDist()


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
    """Interval of the ratio by the stationary bootstrap; None where there is no ratio."""
    return None if sharpe_of(returns) is None else interval(redrawn(returns, _sharpes, seed, resamples), share)


def _sharpes(drawn: Floats) -> Floats:
    spread = drawn.std(axis=1, ddof=1)
    found: Floats = drawn.mean(axis=1)[spread > 0] / spread[spread > 0]
    return found


def _variance(returns: Floats, ratio: float) -> float:
    """Of the ratio times the number of returns less one: grows with fat tails and with a skew to losses."""
    centred = returns - returns.mean()
    second = float((centred**2).mean())
    skew = float((centred**3).mean()) / second**1.5
    kurtosis = float((centred**4).mean()) / second**2
    return float(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2)
