"""One asset's minutes as columns, gaps filled as the venue fills them, and where its price is at moments within them.

All moments at once what `price_path` and `ContractMarket` find moment by moment, equal to the last bit: numpy adds,
multiplies and divides floats as Python does, and only that is left to it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.market_feed import MarketFeed, MinuteBar
from tradingbot.simulator.price_path import POINTS_PER_LEG, minute_dice
from tradingbot.simulator.tape import MINUTE_MS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_LEGS: Final = 3
_DRAWS: Final = 3 + _LEGS * (POINTS_PER_LEG - 1)
"""Numbers that one path is made of: which extreme comes first, when both come, and the wiggles."""


@dataclass(frozen=True, slots=True)
class MinuteColumns:
    """Minutes without gap from `first_ms` on, in the units of `MinuteBar`. `before`: the premium a minute before."""

    first_ms: int
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    premium: FloatArray
    before: FloatArray
    spread_bps: FloatArray
    depth_usd: FloatArray
    interest_base: FloatArray

    def __len__(self) -> int:
        return int(self.open.shape[0])

    def premium_at(self, rows: IntArray, share: FloatArray) -> FloatArray:
        """Premium of each row's minute after this share of it."""
        before = self.before[rows]
        found: FloatArray = before + (self.premium[rows] - before) * share
        return found


def minute_columns(feed: MarketFeed, asset: str, first_ms: int, count: int) -> MinuteColumns | None:
    """`count` minutes from `first_ms` on, those before the asset's very first bar left out; None without any bar.

    A minute without a bar stands where the one before it ended; so do minutes after the feed's end.
    """
    until_ms = first_ms + count * MINUTE_MS
    known = feed.history(asset, first_ms, 1)
    found = [bar for bar in feed.history(asset, until_ms, count) if bar.open_ms >= first_ms]
    earlier = known[-1] if known else None
    if earlier is None and not found:
        return None
    if earlier is None:
        first_ms = found[0].open_ms
    bars = _filled(found, earlier, first_ms, until_ms)
    premium = np.array([bar.premium for bar in bars])
    first_before = bars[0].premium if earlier is None else earlier.premium
    return MinuteColumns(
        first_ms=first_ms,
        open=np.array([bar.open for bar in bars]),
        high=np.array([bar.high for bar in bars]),
        low=np.array([bar.low for bar in bars]),
        close=np.array([bar.close for bar in bars]),
        premium=premium,
        before=np.concatenate(([first_before], premium[:-1])),
        spread_bps=np.array([bar.spread_bps for bar in bars]),
        depth_usd=np.array([bar.depth_usd for bar in bars]),
        interest_base=np.array([bar.open_interest_base for bar in bars]),
    )


def _filled(found: Sequence[MinuteBar], before: MinuteBar | None, first_ms: int, until_ms: int) -> list[MinuteBar]:
    by_time = {bar.open_ms: bar for bar in found}
    bars: list[MinuteBar] = []
    for open_ms in range(first_ms, until_ms, MINUTE_MS):
        before = by_time.get(open_ms) or standing(before, open_ms)
        bars.append(before)
    return bars


def standing(bar: MinuteBar | None, open_ms: int) -> MinuteBar:
    """A minute in which nothing happens after `bar`, which must be there."""
    assert bar is not None
    return MinuteBar(
        open_ms=open_ms,
        open=bar.close,
        high=bar.close,
        low=bar.close,
        close=bar.close,
        volume_base=0.0,
        premium=bar.premium,
        open_interest_base=bar.open_interest_base,
        spread_bps=bar.spread_bps,
        depth_usd=bar.depth_usd,
    )


def index_at(minutes: MinuteColumns, seed: int, asset: str, rows: IntArray, since_ms: IntArray) -> FloatArray:
    """Price of the index so many ms after the minute of each row began, as `ContractMarket` finds it."""
    fraction = np.minimum(1.0, np.maximum(0.0, since_ms / MINUTE_MS))
    found = minutes.open[rows]
    moving = np.flatnonzero(fraction)
    if not len(moving):
        return found
    needed, place = np.unique(rows[moving], return_inverse=True)
    times, prices = _paths(minutes, seed, asset, needed)
    left, right, low, high = _leg_of(times[place], prices[place], fraction[moving])
    found[moving] = low + (high - low) * (fraction[moving] - left) / (right - left)
    return found


def _leg_of(
    times: FloatArray, prices: FloatArray, fraction: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Times and prices of both ends of the line that each fraction lies on: the first that reaches so far."""
    end = np.count_nonzero(times < fraction[:, None], axis=1).clip(1, times.shape[1] - 1)
    row = np.arange(len(fraction))
    return times[row, end - 1], times[row, end], prices[row, end - 1], prices[row, end]


def _paths(minutes: MinuteColumns, seed: int, asset: str, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Corner points of `minute_path` of each row: fractions of the minute, prices."""
    draws = _draws(seed, asset, (minutes.first_ms + rows * MINUTE_MS).tolist())
    open_, high, low, close = minutes.open[rows], minutes.high[rows], minutes.low[rows], minutes.close[rows]
    low_first = (draws[:, 0] < 0.7) == (close >= open_)
    one, two = (0.08 + (0.92 - 0.08) * draws[:, place] for place in (1, 2))
    one, two = np.minimum(one, two), np.maximum(one, two)
    two = np.maximum(two, one + 0.05)
    first, second = np.where(low_first, low, high), np.where(low_first, high, low)
    nothing = np.zeros(len(rows))
    corners = ((nothing, open_), (one, first), (two, second), (nothing + 1.0, close))
    reach = (high - low) * 0.15
    times, prices = [nothing], [open_]
    for leg in range(_LEGS):
        (begin, price), (end, next_price) = corners[leg], corners[leg + 1]
        for number in range(1, POINTS_PER_LEG):
            share = number / POINTS_PER_LEG
            dice = draws[:, 3 + leg * (POINTS_PER_LEG - 1) + number - 1]
            wiggled = price + (next_price - price) * share + (-reach + (reach - -reach) * dice)
            times.append(begin + (end - begin) * share)
            prices.append(np.minimum(high, np.maximum(low, wiggled)))
        times.append(end)
        prices.append(next_price)
    return np.stack(times, axis=1), np.stack(prices, axis=1)


def _draws(seed: int, asset: str, open_ms: Sequence[int]) -> FloatArray:
    dice = random.Random(0)
    found = np.empty((len(open_ms), _DRAWS))
    for row, minute_ms in enumerate(open_ms):
        dice.seed(minute_dice(seed, asset, minute_ms))
        throw = dice.random
        found[row] = [throw() for _ in range(_DRAWS)]
    return found
