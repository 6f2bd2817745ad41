"""The features of `minute_features` at every bar of a stretch of candles at once: for whom all candles lie ready.

Sums over moving windows are differences of running sums. These are of whole numbers, hence exact, and every value
ends in the same arithmetic as that of one bar alone, so both are equal bit by bit. The few bars whose windows are not
filled, or reach beyond the candles that one bar would be given, are left to `minute_features` itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import utc_from_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray, part_of
from tradingbot.market.log_ticks import TICK, log_ticks
from tradingbot.market.minute_features import (
    SPANS,
    FeatureWindows,
    LeadLag,
    MinuteFeatures,
    hurst_weights,
    minute_features,
    sigma_of_sums,
)

KEPT_BARS = 1000


def minute_features_of(
    candles: Candles, leader: Candles | None, windows: FeatureWindows, bars: range, kept: int = KEPT_BARS
) -> list[MinuteFeatures]:
    """Features at the close of each of these bars, as `minute_features` of the newest `kept` candles of both there.

    `bars` are rows of `candles`, one after the other; a thousand at a time are quick and cost little room. Raises
    ValueError for a `kept` that is smaller than the longest window.
    """
    if kept < windows.longest:
        raise ValueError(f"features look at {windows.longest} bars, so {kept} kept ones are too few")
    offset = max(0, bars.start - kept)
    near = part_of(candles, slice(offset, bars.stop))
    rows = np.arange(bars.start - offset, bars.stop - offset)
    whole = rows[rows >= windows.longest - 1]
    ahead = None if leader is None else _Ahead(near, leader, windows, whole, kept)
    made = _made(near, ahead, windows, whole)
    alone = [_alone(candles, leader, windows, row, kept) for row in bars[: rows.shape[0] - whole.shape[0]]]
    if ahead is None:
        return [*alone, *made]
    for row, one, usable in zip(whole.tolist(), made, ahead.usable.tolist(), strict=True):
        alone.append(one if usable else _alone(candles, leader, windows, offset + row, kept))
    return alone


def _alone(candles: Candles, leader: Candles | None, windows: FeatureWindows, row: int, kept: int) -> MinuteFeatures:
    known = part_of(candles, slice(max(0, row + 1 - kept), row + 1))
    ahead = None if leader is None else leader.until(int(known.open_ms[-1]) + known.timeframe.ms).tail(kept)
    made = minute_features(known, ahead, windows)
    assert made is not None
    return made


def _made(near: Candles, ahead: _Ahead | None, windows: FeatureWindows, rows: IntArray) -> Iterator[MinuteFeatures]:
    """Of rows whose windows are filled by candles of `near`."""
    logs = log_ticks(near.close.tolist())
    bars, count = windows.hurst_bars, windows.longest
    steps = np.diff(logs, prepend=logs[:1])
    falls, rises = _running(np.where(steps < 0, steps, 0) ** 2), _running(np.where(steps > 0, steps, 0) ** 2)
    squares = _lagged_squares(logs, windows, rows)
    closes = (near.open_ms[rows] + near.timeframe.ms).tolist()
    totals = (logs[rows] - logs[rows - bars + 1]).tolist()
    exponents = _exponents(squares, bars)
    momenta = _moves(logs, rows, windows.momentum_bars)
    down = (falls[rows] - falls[rows - windows.skew_bars]).tolist()
    up = (rises[rows] - rises[rows - windows.skew_bars]).tolist()
    returns = zip(*(_moves(logs, rows, span) for span in SPANS), strict=True)
    volumes = _five(near.volume, rows).tolist()
    records = ahead.records() if ahead is not None else [None] * rows.shape[0]
    columns = (closes, totals, squares[:, 0].tolist(), exponents, momenta, down, up, returns, volumes, records)
    for close_ms, total, square, exponent, momentum, fell, rose, moved, volume, record in zip(*columns, strict=True):
        sigma = sigma_of_sums(total, square, bars - 1)
        semi = fell * TICK * TICK, rose * TICK * TICK
        yield MinuteFeatures(utc_from_ms(close_ms), count, sigma, exponent, momentum, *semi, moved, volume, record)


def _running(values: IntArray) -> IntArray:
    """Sums of all values up to each. They may overflow; differences of two of them are right all the same."""
    return np.add.accumulate(values)


def _lagged_squares(logs: IntArray, windows: FeatureWindows, rows: IntArray) -> IntArray:
    """As `hurst_sums` of the window that ends at each row."""
    bars, lags = windows.hurst_bars, windows.hurst_max_lag
    found = np.empty((rows.shape[0], lags), dtype=np.int64)
    for lag in range(1, lags + 1):
        squares = np.zeros_like(logs)
        squares[lag:] = (logs[lag:] - logs[:-lag]) ** 2
        sums = _running(squares)
        found[:, lag - 1] = sums[rows] - sums[rows - bars + lag]
    return found


def _exponents(squares: IntArray, bars: int) -> list[float | None]:
    """As `hurst_of_sums` of each row."""
    pairs, weights = hurst_weights(squares.shape[1], bars)
    moved: NDArray[np.bool_] = np.logical_and.reduce(squares > 0, axis=1)
    logs = np.log(np.where(moved[:, None], squares, 1) / pairs)
    slopes = [float(row.dot(weights)) for row in logs]
    return [
        min(1.0, max(0.0, slope / 2)) if moves else None for slope, moves in zip(slopes, moved.tolist(), strict=True)
    ]


def _moves(logs: IntArray, rows: IntArray, span: int) -> list[float]:
    moved: list[float] = ((logs[rows] - logs[rows - span]) * TICK).tolist()
    return moved


def _five(volume: FloatArray, rows: IntArray) -> FloatArray:
    """Sum of five bars, oldest first."""
    total = volume[rows - 4].copy()
    for back in (3, 2, 1, 0):
        total += volume[rows - back]
    return total


class _Ahead:
    """The leader's side of the features: records of rows, and for which of them they hold."""

    def __init__(self, near: Candles, leader: Candles, windows: FeatureWindows, rows: IntArray, kept: int) -> None:
        self._windows = windows
        end = int(leader.open_ms.searchsorted(near.open_ms[-1], side="right"))
        known = leader.open_ms.searchsorted(near.open_ms[rows], side="right")  # leader's candles at each row's close
        start = max(0, int(known[0]) - kept) if rows.shape[0] else end
        ahead = part_of(leader, slice(start, end))
        common, lead_at, follow_at = np.intersect1d(
            ahead.open_ms, near.open_ms, assume_unique=True, return_indices=True
        )
        self._lead = np.diff(log_ticks(ahead.close[lead_at].tolist()), prepend=0)
        self._follow = np.diff(log_ticks(near.close[follow_at].tolist()), prepend=0)
        self._lead[:1] = self._follow[:1] = 0  # before the first there is nothing to return from
        newest = follow_at.searchsorted(rows, side="right") - 1
        oldest = newest - windows.lead_bars + 1
        begins = np.maximum(near.open_ms[np.maximum(rows - kept + 1, 0)], leader.open_ms[np.maximum(known - kept, 0)])
        full = np.flatnonzero(oldest >= 0)
        self.usable: NDArray[np.bool_] = np.zeros(rows.shape[0], dtype=np.bool_)
        self.usable[full] = common[oldest[full]] >= begins[full]
        self._at = newest[self.usable]
        self._closes = (common[self._at] + near.timeframe.ms).tolist()

    def records(self) -> Iterator[LeadLag | None]:
        """One for each row, None where it has to be made alone."""
        made = self._made()
        return (next(made) if usable else None for usable in self.usable.tolist())

    def _made(self) -> Iterator[LeadLag]:
        lags, count = self._windows.lead_max_lag, self._windows.lead_bars - 1
        at, lead = self._at, self._lead
        total, squares = _running(lead), _running(lead * lead)
        totals, wholes = (total[at] - total[at - count]).tolist(), (squares[at] - squares[at - count]).tolist()
        moves = zip(*((lead[at - back] * TICK).tolist() for back in range(lags)), strict=True)
        rows = zip(self._closes, self._correlations(at, count, lags), moves, totals, wholes, strict=True)
        for close_ms, correlations, moved, one_total, whole in rows:
            sigma = sigma_of_sums(one_total, whole, count) or 0.0
            yield LeadLag(utc_from_ms(close_ms), correlations, moved, sigma, count)

    def _correlations(self, at: IntArray, count: int, lags: int) -> Iterator[tuple[float, ...]]:
        """As `correlations_of` of each window."""
        lead, follow = self._lead, self._follow
        sum_x, sum_xx = _running(lead), _running(lead * lead)
        sum_y, sum_yy = _running(follow), _running(follow * follow)
        columns = []
        for lag in range(1, lags + 1):
            both = np.zeros_like(lead)
            both[lag:] = lead[:-lag] * follow[lag:]
            sum_xy, start, pairs = _running(both), at - count, float(count - lag)
            x, xx = sum_x[at - lag] - sum_x[start], sum_xx[at - lag] - sum_xx[start]
            y, yy = sum_y[at] - sum_y[start + lag], sum_yy[at] - sum_yy[start + lag]
            spread = (xx - x * (x / pairs)) * (yy - y * (y / pairs))
            shared = (sum_xy[at] - sum_xy[start + lag]) - x * (y / pairs)
            columns.append((shared / np.sqrt(np.where(spread > 0, spread, np.nan))).tolist())
        return zip(*columns, strict=True)
