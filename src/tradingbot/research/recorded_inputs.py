"""What a market told over time: every value with the moment it was true and the moment it arrived.

A `RecordedInputs` can be cut at a moment, poisoned after one, or shifted so that every value shows the next one: the
three things that a proof against look-ahead needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray
from tradingbot.market.contracts import ContractSpec


class Told(StrEnum):
    """One kind of recorded series. Its columns are named where it is read (snapshots.py)."""

    MINUTES = "minutes"
    BOOK = "book"
    TICKER = "ticker"
    VENUE_FUNDING_HISTORY = "venue_funding_history"
    TAKER = "taker"
    LIQUIDATIONS = "liquidations"
    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    LONG_SHORT = "long_short"
    EXCHANGE_FLOW = "exchange_flow"
    WHALES = "whales"
    FEAR_GREED = "fear_greed"
    VOLATILITY = "volatility"
    OPTION_SKEW = "option_skew"


EVERYWHERE: Final = Symbol("*")
"""Stands for the symbol of what holds for the whole market."""
CANDLE_COLUMNS: Final = ("open", "high", "low", "close", "volume")

Key = tuple[Symbol, Told]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Rows in the order in which they arrived.

    `true_ms` and `arrived_ms` are UTC epoch milliseconds; a candle is true at its close. Raises ValueError for
    arrivals that run back, a value that arrived before it was true, or columns of another length.
    """

    true_ms: IntArray
    arrived_ms: IntArray
    columns: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        if any(column.shape != self.true_ms.shape for column in (self.arrived_ms, *self.columns.values())):
            raise ValueError("every column of a series needs as many rows as it has times")
        if (np.diff(self.arrived_ms) < 0).any() or (self.arrived_ms < self.true_ms).any():
            raise ValueError("rows must be in order of arrival, and none may arrive before it was true")

    def __len__(self) -> int:
        return int(self.true_ms.shape[0])

    def rows(self, part: slice) -> Series:
        """Some of the rows."""
        columns = {name: column[part] for name, column in self.columns.items()}
        return Series(self.true_ms[part], self.arrived_ms[part], columns)

    def known_at(self, moment_ms: int) -> Series:
        """Only what had arrived."""
        return self.rows(slice(0, int(np.searchsorted(self.arrived_ms, moment_ms, side="right"))))

    def poisoned_after(self, moment_ms: int, rng: np.random.Generator) -> Series:
        """The same times, but every value that arrived later is garbage: of another scale, finite, never zero."""
        first = len(self.known_at(moment_ms))
        columns = {}
        for name in sorted(self.columns):
            values = self.columns[name].copy()
            late = values[first:]
            scale = np.exp(rng.uniform(1.0, 3.0, late.shape[0]) * rng.choice((-1.0, 1.0), late.shape[0]))
            values[first:] = np.where(late == 0, 1.0, late) * scale
            columns[name] = values
        return replace(self, columns=columns)

    def shifted(self) -> Series:
        """Each row shows the values of the row after it, as pandas' shift(-1) does; the last row has none, and goes."""
        columns = {name: column[1:] for name, column in self.columns.items()}
        return Series(self.true_ms[:-1], self.arrived_ms[:-1], columns)

    def at_once(self) -> Series:
        """As if every value had arrived when it was true."""
        order = np.argsort(self.true_ms, kind="stable")
        times = self.true_ms[order]
        return Series(times, times, {name: column[order] for name, column in self.columns.items()})


@dataclass(frozen=True, slots=True, eq=False)
class RecordedInputs:
    """All series of a market. Two stores are equal only when they are the same object."""

    specs: Mapping[Symbol, ContractSpec]
    series: Mapping[Key, Series]

    def cut(self, moment: datetime) -> RecordedInputs:
        """What had arrived at `moment`; nothing else exists."""
        return self._each(lambda _, series: series.known_at(epoch_ms(moment)))

    def poisoned(self, moment: datetime, seed: int) -> RecordedInputs:
        """The same past with another future; equal seeds give equal futures."""
        return self._each(lambda key, series: series.poisoned_after(epoch_ms(moment), _own_rng(seed, key)))

    def shifted(self) -> RecordedInputs:
        """A planted fault: every value is seen one step early, a candle while it is still running."""
        return self._each(lambda _, series: series.shifted())

    def at_once(self) -> RecordedInputs:
        """A planted fault: nobody waits for the publication of anything."""
        return self._each(lambda _, series: series.at_once())

    def _each(self, change: Callable[[Key, Series], Series]) -> RecordedInputs:
        return replace(self, series={key: change(key, series) for key, series in self.series.items()})


def _own_rng(seed: int, key: Key) -> np.random.Generator:
    """Of one series alone: another series beside it changes nothing."""
    return np.random.default_rng((seed, *":".join(key).encode()))


def minute_series(candles: Candles, delay_ms: int) -> Series:
    """One-minute candles as a series that arrives `delay_ms` after each close."""
    closes = candles.open_ms + candles.timeframe.ms
    return Series(closes, closes + delay_ms, {name: getattr(candles, name) for name in CANDLE_COLUMNS})


def minute_candles(symbol: Symbol, series: Series) -> Candles:
    """The candles of a series of one-minute candles."""
    columns = (series.columns[name] for name in CANDLE_COLUMNS)
    return Candles(symbol, Timeframe.M1, series.true_ms - Timeframe.M1.ms, *columns)
