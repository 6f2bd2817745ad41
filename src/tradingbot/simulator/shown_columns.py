"""What tickers and books of one contract show at one moment of many minutes, found for all of them at once.

Equal to the last bit to what `ContractMarket`, `SyntheticBook`, `DayFigures` and the funding of a `SimulatedVenue` say
one after the other, for books as the market makes them and minutes that are played as the feed has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.simulator.book_columns import BookColumns, book_columns
from tradingbot.simulator.contract_market import price_digits, smooth_premiums, with_premium
from tradingbot.simulator.funding import HOUR_MS, relative_rate
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.minute_columns import FloatArray, MinuteColumns, index_at
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.tape import MINUTE_MS

DAY_MS: Final = 86_400_000
DEPTH_WITHIN_PCT: Final = 1.0


@dataclass(frozen=True, slots=True)
class ShownMinute:
    """One contract at one moment: prices in USD, sizes and volumes in contracts, depth of either side in USD."""

    index: float
    mark: float
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    bid_depth_usd: float
    ask_depth_usd: float
    interest: float
    volume: float
    volume_usd: float
    funding: float
    funding_next: float


def shown_minutes(
    one: Instrument,
    params: SimulatorParams,
    feed: MarketFeed,
    minutes: MinuteColumns,
    now_ms: int,
    levels: int,
) -> list[ShownMinute | None]:
    """What is shown so many ms after each minute of `minutes` began, `levels` of either side of the book deep.

    None where a book does not have its levels: it reaches below zero.
    """
    count = len(minutes)
    rows = np.arange(count)
    step_ms = int(params.tick_interval_s * 1000)
    since = np.full(count, now_ms // step_ms * step_ms, dtype=np.int64)
    raw = index_at(minutes, params.seed, one.asset, rows, since)
    share = np.maximum(0.0, np.minimum(1.0, since / MINUTE_MS))
    book = book_columns(one, params, minutes, rows, raw * (1 + minutes.premium_at(rows, share)), levels)
    index = [round(price, price_digits(price)) for price in raw.tolist()]
    marks = with_premium(raw, smooth_premiums(minutes.before, minutes.premium, now_ms // step_ms * step_ms))
    touch = (book.bid, book.bid_size, book.ask, book.ask_size)
    columns = zip(
        index,
        [round(price, price_digits(price)) for price in marks.tolist()],
        *(column.tolist() for column in touch),
        *(column.tolist() for column in _depths(one, book)),
        _interest(one, minutes, index),
        *_days(one, feed, minutes, now_ms),
        *_funding(one, params, feed, minutes),
        strict=True,
    )
    return [ShownMinute(*row) if whole else None for row, whole in zip(columns, book.whole.tolist(), strict=True)]


def _depths(one: Instrument, book: BookColumns) -> tuple[FloatArray, FloatArray]:
    """USD that rests near mid, added up from the best level on, as `market.order_book.depth_usd` does."""
    mid = (book.bid + book.ask) / 2
    low, high = mid * (1 - DEPTH_WITHIN_PCT / 100), mid * (1 + DEPTH_WITHIN_PCT / 100)
    near_bids, near_asks = book.bids >= low[:, None], book.asks <= high[:, None]
    worth = [
        sizes * 1.0 * (1.0 if one.inverse else prices)
        for prices, sizes in ((book.bids, book.bid_sizes), (book.asks, book.ask_sizes))
    ]
    return _added(worth[0], near_bids), _added(worth[1], near_asks)


def _added(worth: FloatArray, counted: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> FloatArray:
    sums = np.add.accumulate(np.where(counted, worth, 0.0), axis=1)
    total: FloatArray = sums[:, -1]
    return total


def _interest(one: Instrument, minutes: MinuteColumns, index: list[float]) -> Iterator[float]:
    for base, price in zip(minutes.interest_base.tolist(), index, strict=True):
        yield round(base * price if one.inverse else base, 4)


def _days(one: Instrument, feed: MarketFeed, minutes: MinuteColumns, now_ms: int) -> tuple[list[float], list[float]]:
    """Volume in contracts and in USD of the day before each moment, whole minutes alone."""
    moments = minutes.first_ms + np.arange(len(minutes), dtype=np.int64) * MINUTE_MS + now_ms
    rows = feed.rows(one.asset, int(moments[-1]) + MINUTE_MS, len(minutes) + DAY_MS // MINUTE_MS + 1)
    base, worth = np.ascontiguousarray(rows[:, 5]), rows[:, 5] * rows[:, 4]
    begins = rows[:, 0].searchsorted(moments - DAY_MS).tolist()
    ends = rows[:, 0].searchsorted(moments - MINUTE_MS, side="right").tolist()
    contracts = worth if one.inverse else base
    spans = [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
    volumes = [round(float(np.add.reduce(contracts[span])), 4) for span in spans]
    return volumes, volumes if one.inverse else [round(float(np.add.reduce(worth[span])), 4) for span in spans]


def _funding(
    one: Instrument, params: SimulatorParams, feed: MarketFeed, minutes: MinuteColumns
) -> tuple[list[float], list[float]]:
    """Relative rates of the running hour and of the next, as told within each minute."""
    until_ms = minutes.first_ms + len(minutes) * MINUTE_MS
    hours_ms = np.arange(minutes.first_ms // HOUR_MS * HOUR_MS, until_ms, HOUR_MS).tolist()
    rows = feed.rows(one.asset, until_ms, (until_ms - hours_ms[0] + HOUR_MS) // MINUTE_MS)
    coefficient, cap = params.funding_coefficient, params.max_relative_funding
    running, ahead = [], []
    for hour_ms in hours_ms:
        begin, middle, end = rows[:, 0].searchsorted((hour_ms - HOUR_MS, hour_ms, hour_ms + HOUR_MS)).tolist()
        charged = relative_rate(rows[begin:middle, 6].tolist(), coefficient, cap)
        premiums, times = rows[middle:end, 6].tolist(), rows[middle:end, 0]
        first_ms, last_ms = max(hour_ms, minutes.first_ms), min(hour_ms + HOUR_MS, until_ms)
        moments = np.arange(first_ms, last_ms, MINUTE_MS, dtype=np.int64)
        known = times.searchsorted(moments, side="right").tolist()
        shown = minutes.premium[(moments - minutes.first_ms) // MINUTE_MS].tolist()
        running += [charged] * len(known)
        ahead += [
            relative_rate(premiums[:so_far] or [premium], coefficient, cap)
            for so_far, premium in zip(known, shown, strict=True)
        ]
    return running, ahead
