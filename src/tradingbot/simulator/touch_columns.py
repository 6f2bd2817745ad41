"""Best quotes of one contract's books at many moments at once: what `SyntheticBook.touch` says of each, bit by bit.

Of books as the market makes them: nobody of ours rests in them nor took from them.
"""

from __future__ import annotations

import numpy as np

from tradingbot.simulator.book import BookMaker, BookShape, Keys, touch_sizes, wide_quotes
from tradingbot.simulator.grid import NEAR, SURE, Grid, grid_of
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.minute_columns import FloatArray, IntArray, MinuteColumns, index_at
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.tape import MINUTE_MS


def touches_at(one: Instrument, params: SimulatorParams, minutes: MinuteColumns, times_ms: IntArray) -> FloatArray:
    """Rows: best bid, contracts there, best ask, contracts there; a column for each moment within `minutes`.

    A book is as of the venue's last tick at or before its moment.
    """
    rows = (times_ms - minutes.first_ms) // MINUTE_MS
    step_ms = int(params.tick_interval_s * 1000)
    since_ms = (times_ms - minutes.first_ms - rows * MINUTE_MS) // step_ms * step_ms
    premium = minutes.premium[rows]
    before = minutes.before[rows]
    share = np.maximum(0.0, np.minimum(1.0, since_ms / MINUTE_MS))
    mid = index_at(minutes, params.seed, one.asset, rows, since_ms) * (1 + (before + (premium - before) * share))
    return _touches(one, params, minutes, rows, mid)


def _touches(
    one: Instrument, params: SimulatorParams, minutes: MinuteColumns, rows: IntArray, mid: FloatArray
) -> FloatArray:
    ticks, steps = grid_of(one.tick), grid_of(one.step)
    if params.testnet_spreads:
        low, high = wide_quotes(mid)
    else:
        half = np.maximum(ticks.size / 2, mid * minutes.spread_bps[rows] / 20_000)
        low, high = mid - half, mid + half
    bid, ask = np.maximum(1, _floors(ticks, low)), _ceils(ticks, high)
    ask = np.where(ask > bid, ask, bid + 1)
    keys, usual = _makers(one, params, minutes, rows)
    sizes = [touch_sizes(price, keys, usual, ticks, steps, inverse=one.inverse) for price in (bid, ask)]
    prices = [price * ticks.unit / ticks.scale for price in (bid, ask)]
    contracts = [size * steps.unit / steps.scale for size in sizes]
    return np.stack((prices[0], contracts[0], prices[1], contracts[1]))


def _makers(
    one: Instrument, params: SimulatorParams, minutes: MinuteColumns, rows: IntArray
) -> tuple[Keys, FloatArray]:
    """What the books of each moment's minute are made with: key of the noise, usual USD of a level."""
    first = minutes.first_ms // MINUTE_MS
    needed, place = np.unique(rows, return_inverse=True)
    keys, usual = np.empty(len(needed), dtype=np.uint64), np.empty(len(needed))
    columns = minutes.open[needed].tolist(), minutes.spread_bps[needed].tolist(), minutes.depth_usd[needed].tolist()
    for at, (row, open_, spread, depth) in enumerate(zip(needed.tolist(), *columns, strict=True)):
        shape = BookShape(spread, depth, params.slippage_bps, params.level_count, params.testnet_spreads)
        maker = BookMaker(one, open_, shape, params.seed, first + row)
        keys[at], usual[at] = maker.key, maker.usual_usd
    return keys[place], usual[place]


def _floors(grid: Grid, numbers: FloatArray) -> IntArray:
    """`Grid.floor` of each."""
    return _rounded(grid, numbers, 0)


def _ceils(grid: Grid, numbers: FloatArray) -> IntArray:
    """`Grid.ceil` of each."""
    return _rounded(grid, numbers, 1)


def _rounded(grid: Grid, numbers: FloatArray, up: int) -> IntArray:
    count = numbers / grid.size
    whole = np.floor(count)
    found: IntArray = whole.astype(np.int64) + up
    unsure = np.flatnonzero((count > SURE) | (count - whole < NEAR) | (whole + 1 - count < NEAR))
    exactly = grid.ceil if up else grid.floor
    for place in unsure.tolist():
        found[place] = exactly(float(numbers[place]))
    return found
