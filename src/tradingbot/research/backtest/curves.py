"""Curves as a page can draw them: few enough points, and none of the extremes lost. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tradingbot.research.arrays import Floats, Ints
from tradingbot.research.backtest.metrics import exposure_shares
from tradingbot.research.backtest.model import Curve, PriceBars
from tradingbot.research.backtest.result import BacktestResult

MOST_POINTS: Final = 4_000
MOST_BARS: Final = 2_000
STEPS_S: Final = (60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 604_800)


def curve_of(result: BacktestResult, held: Floats | None, most: int = MOST_POINTS) -> Curve:
    """Equity, what holding came to, the fall from the highest so far, and the exposure."""
    equity = result.equity.equity_usd
    peaks = np.maximum.accumulate(np.append(result.facts.start_usd, equity))[1:]
    falls, shares = equity / peaks - 1, exposure_shares(result.equity)
    known = [equity, falls, shares] if held is None else [equity, falls, shares, held]
    places = kept(known, most)
    return Curve(
        time_s=tuple((result.equity.time_ms[places] // 1000).tolist()),
        equity_usd=_rounded(equity[places], 2),
        benchmark_usd=() if held is None else _rounded(held[places], 2),
        drawdown_pct=_rounded(falls[places] * 100, 4),
        exposure_pct=_rounded(shares[places] * 100, 2),
    )


def kept(series: Sequence[Floats], most: int) -> Ints:
    """Places of the first and the last point, and of the lowest and the highest of each series in equal stretches."""
    count = len(series[0])
    if count <= most:
        return np.arange(count)
    stretches = max(1, (most - 2) // (2 * len(series)))
    width = -(-count // stretches)
    begins = np.arange(0, count, width)
    places = [np.array([0, count - 1])]
    for values in series:
        padded = np.append(values, np.full(len(begins) * width - count, values[-1])).reshape(len(begins), width)
        extremes = padded.argmin(axis=1), padded.argmax(axis=1)
        places.extend(np.minimum(begins + found, count - 1) for found in extremes)
    return np.unique(np.concatenate(places))


def bars_of(time_ms: Ints, closes: Floats, most: int = MOST_BARS) -> PriceBars | None:
    """Bars of the shortest usual length of which there are not too many; None when no price is known."""
    known = np.isfinite(closes) & (closes > 0)
    if not known.any():
        return None
    time_s, values = time_ms[known] // 1000, closes[known]
    step_s = next((step for step in STEPS_S if (time_s[-1] - time_s[0]) / step < most), STEPS_S[-1])
    numbers = time_s // step_s
    begins = np.flatnonzero(np.diff(numbers, prepend=-1))
    ends = np.append(begins[1:], len(values)) - 1
    return PriceBars(
        step_s=step_s,
        time_s=tuple((numbers[begins] * step_s).tolist()),
        open=_significant(values[begins]),
        high=_significant(np.maximum.reduceat(values, begins)),
        low=_significant(np.minimum.reduceat(values, begins)),
        close=_significant(values[ends]),
    )


def _rounded(values: Floats, digits: int) -> tuple[float, ...]:
    return tuple(np.round(values, digits).tolist())


def _significant(values: Floats, digits: int = 6) -> tuple[float, ...]:
    return tuple(float(f"{value:.{digits}g}") for value in values.tolist())
