"""Candles of a contract's trades, as texts on tick and step: the index with the minute's premium upon it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.bars import Candle
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.rounding import floored_numbers, floored_texts

PRICES: Final = ("open", "high", "low", "close")


def trade_numbers(one: Instrument, rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The floats of `trade_columns`, of rows of (open_ms, open, high, low, close, volume_base, premium)."""
    factor = 1.0 + rows[:, 6]
    columns = [floored_numbers(rows[:, place] * factor, one.tick) for place in range(1, 5)]
    contracts = rows[:, 5] * rows[:, 4] if one.inverse else rows[:, 5]
    # Python's and numpy's rounding to places differ in the last digit now and then.
    rounded = np.array([round(amount, 8) for amount in contracts.tolist()])
    return [*columns, floored_numbers(rounded, one.step)]


def trade_columns(one: Instrument, candles: Sequence[Candle]) -> list[list[str]]:
    """Open, high, low, close in USD and volume in contracts, a column each.

    All at once, because a page of 2,000 is made while nothing else runs.
    """
    factors = [1.0 + candle.premium for candle in candles]
    columns = []
    for name in PRICES:
        prices = [getattr(candle, name) * factor for candle, factor in zip(candles, factors, strict=True)]
        columns.append(floored_texts(prices, one.tick))
    contracts = (candle.volume_base * candle.close if one.inverse else candle.volume_base for candle in candles)
    return [*columns, floored_texts((round(amount, 8) for amount in contracts), one.step)]
