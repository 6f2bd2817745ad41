"""Whether the best of several variants was chosen by skill or by chance. Pure.

Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2015): the days are cut into equal
blocks, and every half of the blocks is once the time in which the best variant is chosen, the other half the one in
which it must prove itself.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from tradingbot.research.arrays import Floats
from tradingbot.research.backtest.model import Overfitting
from tradingbot.research.sharpe import sharpe_of

BLOCKS: Final = 16
AT_ONCE: Final = 2_000_000
STILL: Final = 1e-12
"""A spread of daily returns below it is none."""


def overfitting_of(returns: Floats, blocks: int = BLOCKS) -> Overfitting:
    """Of a matrix of daily returns, a row per day and a column per variant.

    The oldest days that do not fill a block fall off.
    Raises ValueError for fewer than two variants, an odd number of blocks, or fewer than two days per block.
    """
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise ValueError("at least two variants are needed to choose among")
    if blocks < 2 or blocks % 2:
        raise ValueError(f"an even number of blocks is needed, not {blocks}")
    if len(returns) < 2 * blocks:
        raise ValueError(f"{len(returns)} days do not make {blocks} blocks of at least two")
    if not np.isfinite(returns).all():
        raise ValueError("a return is not a number")
    width = len(returns) // blocks
    used = returns[len(returns) - width * blocks :]
    chosen, there, rank = _splits(used, blocks, width)
    return Overfitting(
        variants=returns.shape[1],
        days=len(used),
        splits=len(rank),
        probability=float((rank <= 0.5).mean()),
        probability_of_loss=float((there < 0).mean()),
        slope=_slope(chosen, there),
        median_rank=float(np.median(rank)),
    )


def spread_of(returns: Floats) -> float:
    """Standard deviation of the Sharpe ratio per day over the variants of such a matrix: `Honesty.trial_spread`."""
    found = [ratio for column in returns.T if (ratio := sharpe_of(column)) is not None]
    return float(np.std(found, ddof=1)) if len(found) > 1 else 0.0


def _splits(used: Floats, blocks: int, width: int) -> tuple[Floats, Floats, Floats]:
    """Of each split: the best ratio in its half, the same variant's ratio in the other, and its rank there (0..1)."""
    middle = used.mean(axis=0)
    parts = (used - middle).reshape(blocks, width, -1)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    every = list(combinations(range(blocks), blocks // 2))
    step = max(1, AT_ONCE // used.shape[1])
    found = []
    for begin in range(0, len(every), step):
        halves = np.zeros((len(every[begin : begin + step]), blocks))
        np.put_along_axis(halves, np.array(every[begin : begin + step]), 1.0, axis=1)
        here, there = (_ratios(half, sums, squares, middle, width) for half in (halves, 1 - halves))
        found.append(_proven(here, there))
    return tuple(np.concatenate(one) for one in zip(*found, strict=True))  # type: ignore[return-value]


def _ratios(halves: Floats, sums: Floats, squares: Floats, middle: Floats, width: int) -> Floats:
    """Sharpe ratio of every variant over every half; 0 for one that does not move."""
    count = width * halves.shape[1] / 2
    away = halves @ sums / count
    spread = np.sqrt(np.maximum((halves @ squares - count * away**2) / (count - 1), 0.0))
    mean = away + middle
    found: Floats = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > STILL)
    return found


def _proven(here: Floats, there: Floats) -> tuple[Floats, Floats, Floats]:
    best = here.argmax(axis=1)[:, None]
    ours = np.take_along_axis(there, best, axis=1)
    below, same = (there < ours).sum(axis=1), (there == ours).sum(axis=1)
    rank = (below + (same + 1) / 2) / (there.shape[1] + 1)
    return np.take_along_axis(here, best, axis=1)[:, 0], ours[:, 0], rank


def _slope(chosen: Floats, there: Floats) -> float | None:
    away = chosen - chosen.mean()
    spread = float((away**2).sum())
    return float((away * (there - there.mean())).sum()) / spread if spread > 0 else None
