"""The indicators of `frame_features` at every bar of a stretch of candles at once: for whom all candles lie ready.

What is taken of each bar or of neighbours is taken for all bars together, what is taken of a window row by row in the
same order of additions; so every value is equal bit by bit to that of one bar alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tradingbot.core.types import utc_from_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray, part_of
from tradingbot.market.frame_features import (
    BAND_SIGMAS,
    FrameFeatures,
    FrameParams,
    decay_weights,
    ema_weights,
    frame_features,
    wilder_values,
)


def frame_features_of(candles: Candles, params: FrameParams, bars: range) -> list[FrameFeatures | None]:
    """Indicators at the close of each of these bars, as `frame_features` of the candles up to it.

    `bars` are rows of `candles`, one after the other; a thousand at a time are quick and cost little room.
    """
    count = params.window_bars
    filled = range(max(bars.start, count), max(bars.stop, count))
    alone = [_alone(candles, params, row) for row in bars if row < filled.start]
    near = part_of(candles, slice(filled.start - count, filled.stop))
    if not len(filled) or not float(near.close.min()) > 0 or not _finite(near):
        return [*alone, *(_alone(candles, params, row) for row in filled if row in bars)]
    return [*alone, *_made(near, params)]


def _alone(candles: Candles, params: FrameParams, row: int) -> FrameFeatures | None:
    return frame_features(part_of(candles, slice(0, row + 1)), params)


def _finite(near: Candles) -> bool:
    return all(bool(np.isfinite(column).all()) for column in (near.high, near.low, near.close))


def _made(near: Candles, params: FrameParams) -> Iterator[FrameFeatures]:
    """Of every bar of `near` after the first `window_bars`."""
    count, channel = params.window_bars, params.channel_bars
    rows = np.arange(count, len(near))
    weights = ema_weights(count, params.ema_fast_bars, params.ema_slow_bars, params.slope_bars)
    closes = sliding_window_view(near.close, count)[1:]
    emas = [weights.dot(window).tolist() for window in closes]
    highest = sliding_window_view(near.high, channel).max(axis=1)[rows - channel].tolist()
    lowest = sliding_window_view(near.low, channel).min(axis=1)[rows - channel].tolist()
    columns = zip(
        (near.open_ms[rows] + near.timeframe.ms).tolist(),
        near.close[rows].tolist(),
        emas,
        _wilder(near, rows, count, params.wilder_bars),
        _bands(closes, channel),
        _travel(near.close, rows, channel),
        highest,
        lowest,
        strict=True,
    )
    for close_ms, newest, emas_now, (atr, rsi, range_atr), band, (moved, efficiency), high, low in columns:
        fast, slow, slow_before = emas_now
        yield FrameFeatures(
            near.timeframe,
            utc_from_ms(close_ms),
            newest,
            fast,
            slow,
            (slow / slow_before - 1) / params.slope_bars * 100,
            atr,
            atr / newest * 100,
            rsi,
            band[0],
            band[1],
            high,
            low,
            moved,
            efficiency,
            count,
            band[2],
            range_atr,
        )


def _wilder(near: Candles, rows: IntArray, count: int, bars: int) -> Iterator[tuple[float, float, float]]:
    """As of one bar: (ATR, RSI, newest true range over the ATR before)."""
    before = near.close[:-1]
    ranges = np.maximum(near.high[1:], before) - np.minimum(near.low[1:], before)
    moves = near.close[1:] - before
    paths, weights = np.abs(moves), decay_weights(count - 1, 1 / bars)
    for row, close in zip(rows.tolist(), near.close[rows].tolist(), strict=True):
        window = slice(row - count + 1, row)
        net, path = float(weights.dot(moves[window])), float(weights.dot(paths[window]))
        yield wilder_values(net, path, float(weights.dot(ranges[window])), float(ranges[row - 1]), bars, close)


def _bands(closes: FloatArray, bars: int) -> list[tuple[float, float, float]]:
    """As of one bar: (z-score, band width in per cent, squeeze). One row of `closes` per bar."""
    scaled = closes / closes[:, -1:]
    scaled -= 1.0
    sums, squares = np.add.accumulate(scaled, axis=1), np.add.accumulate(scaled * scaled, axis=1)
    mean, spread = sums[:, bars - 1 :].copy(), squares[:, bars - 1 :].copy()
    mean[:, 1:] -= sums[:, :-bars]
    spread[:, 1:] -= squares[:, :-bars]
    mean /= bars
    spread /= bars
    spread -= mean * mean
    widths = np.sqrt(np.maximum(spread, 0.0)) / (mean + 1.0)
    usual = np.add.reduce(widths, axis=1) / widths.shape[1]
    newest = np.ascontiguousarray(scaled[:, -bars:])
    middle = np.add.reduce(newest, axis=1) / bars
    apart = newest - middle[:, None]
    sigmas = [math.sqrt(float(row.dot(row)) / bars) for row in apart]
    rows = zip(sigmas, middle.tolist(), widths[:, -2].tolist(), usual.tolist(), strict=True)
    return [_band(*row) for row in rows]


def _band(sigma: float, middle: float, before: float, usual: float) -> tuple[float, float, float]:
    if sigma <= 1e-9:
        return 0.0, 0.0, before / usual if usual > 1e-9 else 1.0
    squeeze = before / usual if usual > 0 else 1.0
    return -middle / sigma, 2 * BAND_SIGMAS * sigma / (1 + middle) * 100, squeeze


def _travel(close: FloatArray, rows: IntArray, bars: int) -> Iterator[tuple[float, float]]:
    """As of one bar: (return in per cent, efficiency)."""
    steps = np.abs(close[1:] - close[:-1])
    paths = np.add.reduce(np.ascontiguousarray(sliding_window_view(steps, bars)[rows - bars]), axis=1)
    for first, last, path in zip(close[rows - bars].tolist(), close[rows].tolist(), paths.tolist(), strict=True):
        yield (last / first - 1) * 100, min(1.0, abs(last - first) / path) if path > 0 else 0.0
