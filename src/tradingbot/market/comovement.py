"""How much pairs move together: correlation of their hourly returns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tradingbot.core.memo import by_identity
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
    return _comovement(window, min_bars, *series, *series.values())


@by_identity(8)
def _comovement(window: int, min_bars: int, *names_then_candles: Symbol | Candles) -> Comovement | None:
    series = _series(names_then_candles)
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


def _series(names_then_candles: Sequence[Symbol | Candles]) -> dict[Symbol, Candles]:
    """Flat arguments, each of which is told apart by identity, as the mapping that they came from."""
    half = len(names_then_candles) // 2
    return dict(zip(names_then_candles[:half], names_then_candles[half:], strict=True))  # type: ignore[arg-type]


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


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pearson correlations (-1..1) of hourly returns between symbols; a pair that is not in it is unknown.

    `rows` says which row of the symmetric `matrix` a symbol has; NaN is unknown.
    """

    rows: Mapping[Symbol, int]
    matrix: FloatArray

    def of(self, one: Symbol, two: Symbol) -> float | None:
        """Correlation of two symbols, 1 of one with itself, None when unknown."""
        if one == two:
            return 1.0
        row, column = self.rows.get(one), self.rows.get(two)
        if row is None or column is None:
            return None
        found: float = self.matrix.item(row, column)
        return None if math.isnan(found) else found

    def cluster(self, symbol: Symbol, above: float, among: frozenset[Symbol]) -> frozenset[Symbol]:
        """Symbols of `among` that are linked with a symbol by correlations above a limit, also through others.

        What is unknown counts as linked: caution.
        """
        if not among:
            return among
        linked, open_ends = {symbol}, [symbol]
        while open_ends:
            here = open_ends.pop()
            for other in among - linked:
                known = self.of(here, other)
                if known is None or known > above:
                    linked.add(other)
                    open_ends.append(other)
        return frozenset(linked - {symbol})


NO_CORRELATIONS = Correlations({}, np.empty((0, 0)))


def correlations(series: Mapping[Symbol, Candles], window: int, min_bars: int) -> Correlations:
    """Correlation of every pair over the newest `window` bars that both have; None with fewer than `min_bars`."""
    return _correlations(window, min_bars, *series, *series.values())


@by_identity(8)
def _correlations(window: int, min_bars: int, *names_then_candles: Symbol | Candles) -> Correlations:
    series = _series(names_then_candles)
    newest = max((int(candles.open_ms[-1]) for candles in series.values() if len(candles)), default=None)
    if newest is None:
        return NO_CORRELATIONS
    names = tuple(sorted(series))
    grid = np.full((len(names), window), np.nan)
    for row, name in enumerate(names):
        times, returns = _returns(series[name], newest, window)
        step = series[name].timeframe.ms
        column = window - 1 - (newest - times) // step
        inside = (column >= 0) & ((newest - times) % step == 0)
        grid[row, column[inside]] = returns[inside]
    return Correlations({name: row for row, name in enumerate(names)}, _matrix(grid, min_bars))


def _matrix(grid: FloatArray, min_bars: int) -> FloatArray:
    """Pairwise correlations of rows over the columns that both have."""
    here = np.isfinite(grid)
    values, mask = np.where(here, grid, 0.0), here.astype(np.float64)
    count = mask @ mask.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (values @ mask.T) / count
        spread = (values**2 @ mask.T) / count - mean**2
        shared = (values @ values.T) / count - mean * mean.T
        found = np.clip(shared / np.sqrt(spread * spread.T), -1.0, 1.0)
    known = (count >= min_bars) & (spread > 1e-18) & (spread.T > 1e-18)
    return np.where(known, found, np.nan)
