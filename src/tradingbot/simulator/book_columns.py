"""One contract's books at many moments at once: what `SyntheticBook` says of each, bit by bit.

Of books as the market makes them: nobody of ours rests in them nor took from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.book import Keys, key_of, sizes_behind, spacing_of, touch_sizes, usual_usd_of, wide_quotes
from tradingbot.simulator.grid import NEAR, SURE, Grid, grid_of
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.minute_columns import FloatArray, IntArray, MinuteColumns, index_at
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.tape import MINUTE_MS


@dataclass(frozen=True, slots=True)
class BookColumns:
    """Books at many moments: prices and contracts of the best levels, and of all levels of a side, best first.

    `whole`: whether all levels are above zero; where not, the book has fewer of them.
    """

    bid: FloatArray
    bid_size: FloatArray
    ask: FloatArray
    ask_size: FloatArray
    bids: FloatArray
    bid_sizes: FloatArray
    asks: FloatArray
    ask_sizes: FloatArray
    whole: NDArray[np.bool_]


def touches_at(one: Instrument, params: SimulatorParams, minutes: MinuteColumns, times_ms: IntArray) -> FloatArray:
    """Rows: best bid, contracts there, best ask, contracts there; a column for each moment within `minutes`.

    A book is as of the venue's last tick at or before its moment.
    """
    rows = (times_ms - minutes.first_ms) // MINUTE_MS
    step_ms = int(params.tick_interval_s * 1000)
    since_ms = (times_ms - minutes.first_ms - rows * MINUTE_MS) // step_ms * step_ms
    share = np.maximum(0.0, np.minimum(1.0, since_ms / MINUTE_MS))
    mid = index_at(minutes, params.seed, one.asset, rows, since_ms) * (1 + minutes.premium_at(rows, share))
    bid, ask = _best(one, params, minutes, rows, mid)
    keys, usual, _ = _makers(one, params, minutes, rows)
    ticks, steps = grid_of(one.tick), grid_of(one.step)
    sizes = [touch_sizes(price, keys, usual, ticks, steps, inverse=one.inverse) for price in (bid, ask)]
    columns = (_numbers(ticks, bid), _numbers(steps, sizes[0]), _numbers(ticks, ask), _numbers(steps, sizes[1]))
    return np.stack(columns)


def book_columns(
    one: Instrument, params: SimulatorParams, minutes: MinuteColumns, rows: IntArray, mid: FloatArray, levels: int
) -> BookColumns:
    """The first `levels` of both sides of the books around `mid` within the minutes of `rows`."""
    bid, ask = _best(one, params, minutes, rows, mid)
    keys, usual, spacing = _makers(one, params, minutes, rows)
    ticks, steps = grid_of(one.tick), grid_of(one.step)
    behind = spacing[:, None] * np.arange(min(levels, params.level_count) - 1, dtype=np.int64)
    first = (bid - 1) // spacing * spacing, -(-(ask + 1) // spacing) * spacing
    sides = []
    for best, next_best, sign in ((bid, first[0], -1), (ask, first[1], 1)):
        prices = np.concatenate((best[:, None], next_best[:, None] + sign * behind), axis=1)
        wide = prices.shape[1]
        sizes = sizes_behind(
            prices.ravel(), np.repeat(keys, wide), np.repeat(usual, wide), ticks, steps, inverse=one.inverse
        ).reshape(prices.shape)
        sizes[:, 0] = touch_sizes(best, keys, usual, ticks, steps, inverse=one.inverse)
        sides.append((_numbers(ticks, prices), _numbers(steps, sizes), prices[:, -1] > 0))
    (bids, bid_sizes, whole), (asks, ask_sizes, _) = sides
    return BookColumns(
        bids[:, 0], bid_sizes[:, 0], asks[:, 0], ask_sizes[:, 0], bids, bid_sizes, asks, ask_sizes, whole
    )


def _numbers(grid: Grid, steps: IntArray) -> FloatArray:
    """`Grid.number` of each."""
    found: FloatArray = steps * grid.unit / grid.scale
    return found


def _best(
    one: Instrument, params: SimulatorParams, minutes: MinuteColumns, rows: IntArray, mid: FloatArray
) -> tuple[IntArray, IntArray]:
    """`BookMaker.best` around each price."""
    ticks = grid_of(one.tick)
    if params.testnet_spreads:
        low, high = wide_quotes(mid)
    else:
        half = np.maximum(ticks.size / 2, mid * minutes.spread_bps[rows] / 20_000)
        low, high = mid - half, mid + half
    bid, ask = np.maximum(1, _rounded(ticks, low, 0)), _rounded(ticks, high, 1)
    return bid, np.where(ask > bid, ask, bid + 1)


def _makers(
    one: Instrument, params: SimulatorParams, minutes: MinuteColumns, rows: IntArray
) -> tuple[Keys, FloatArray, IntArray]:
    """What the books of each moment's minute are made with: key of the noise, usual USD, and distance of levels."""
    first = minutes.first_ms // MINUTE_MS
    needed, place = np.unique(rows, return_inverse=True)
    keys, usual = np.empty(len(needed), dtype=np.uint64), np.empty(len(needed))
    spacing = np.empty(len(needed), dtype=np.int64)
    ticks, extreme = grid_of(one.tick), params.testnet_spreads
    columns = zip(needed.tolist(), minutes.open[needed].tolist(), minutes.depth_usd[needed].tolist(), strict=True)
    for at, (row, open_, depth_usd) in enumerate(columns):
        keys[at] = key_of(params.seed, one.symbol, first + row)
        spacing[at] = apart = spacing_of(open_, params.slippage_bps, ticks)
        usual[at] = usual_usd_of(depth_usd, apart, ticks, extreme=extreme)
    return keys[place], usual[place], spacing[place]


def _rounded(grid: Grid, numbers: FloatArray, up: int) -> IntArray:
    """`Grid.floor` of each, with `up` 1 `Grid.ceil`."""
    count = numbers / grid.size
    whole = np.floor(count)
    found: IntArray = whole.astype(np.int64) + up
    unsure = np.flatnonzero((count > SURE) | (count - whole < NEAR) | (whole + 1 - count < NEAR))
    exactly = grid.ceil if up else grid.floor
    for place in unsure.tolist():
        found[place] = exactly(float(numbers[place]))
    return found
