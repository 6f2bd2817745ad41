"""How much pairs move together: correlation of their hourly returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tradingbot.core.types import Symbol
from tradingbot.market.candles import Candles, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Comovement:
    """Average pairwise Pearson correlation (-1..1) of `symbols` over `bars` common returns."""

    average: float
    symbols: tuple[Symbol, ...]
    bars: int


def comovement(series: Mapping[Symbol, Candles], window: int, min_bars: int) -> Comovement | None:
    """Average correlation over the newest `window` bars of the newest series.

    A symbol takes part when it has at least `min_bars` returns between bars that follow each other directly, at times
    common to all who take part, and has moved. None with fewer than two such symbols.
    """
    newest = max((int(candles.open_ms[-1]) for candles in series.values() if len(candles)), default=None)
    if newest is None:
        return None
    columns = {
        symbol: column
        for symbol in sorted(series)
        if (column := _returns(series[symbol], newest, window))[0].shape[0] >= min_bars
    }
    rows = _common(columns, min_bars)
    if rows is None:
        return None
    apart = rows - rows.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    moving = norms > 1e-12
    count = int(moving.sum())
    if count < 2:
        return None
    # The sum over all pairs of unit vectors is the squared length of their sum.
    total = (apart[moving] / norms[moving, None]).sum(axis=0)
    average = (float(total.dot(total)) - count) / (count * (count - 1))
    names = tuple(symbol for symbol, keep in zip(columns, moving.tolist(), strict=True) if keep)
    return Comovement(min(1.0, max(-1.0, average)), names, rows.shape[1])


def _returns(candles: Candles, newest_ms: int, window: int) -> tuple[IntArray, FloatArray]:
    """(open times, log returns) of bars within the window whose predecessor is there."""
    step = candles.timeframe.ms
    start = int(np.searchsorted(candles.open_ms, newest_ms - window * step))
    times, closes = candles.open_ms[start:], candles.close[start:]
    if not float(closes.min(initial=np.inf)) > 0:
        return times[:0], closes[:0]
    logs = np.log(closes)
    whole = np.diff(times) == step
    return times[1:][whole], np.diff(logs)[whole]


def _common(columns: Mapping[Symbol, tuple[IntArray, FloatArray]], min_bars: int) -> FloatArray | None:
    """Rows of returns at the times that all symbols have; None with fewer than two symbols or `min_bars` times."""
    if len(columns) < 2:
        return None
    parts = list(columns.values())
    first = parts[0][0]
    if all(np.array_equal(first, times) for times, _ in parts[1:]):
        return np.array([values for _, values in parts])
    shared = first
    for times, _ in parts[1:]:
        shared = np.intersect1d(shared, times, assume_unique=True)
    if shared.shape[0] < min_bars:
        return None
    return np.array([values[np.searchsorted(times, shared)] for times, values in parts])
