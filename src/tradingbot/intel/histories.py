"""Histories in 4-hour bars: their kinds, their parsing, and putting new bars over old ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tradingbot.core.errors import IntelProtocolError
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import MOST_USD, Row, bounded, moment, rows

BAR: Final = timedelta(hours=4)
"""The shortest bar that every plan has."""
INTERVAL: Final = "4h"
BARS_PER_DAY: Final = 6
MOST_BARS: Final = 1000


class HistoryKind(StrEnum):
    """What a history is of."""

    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    LONG_SHORT = "long_short"
    TAKER = "taker"
    LIQUIDATIONS = "liquidations"


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a bar: its wire name, its name here, the factor between them, its bounds on the wire."""

    wire: str
    name: str
    low: float = 0.0
    high: float = MOST_USD
    factor: float = 1.0


COLUMNS: Final[Mapping[HistoryKind, tuple[Column, ...]]] = {
    HistoryKind.OPEN_INTEREST: (Column("close", "close_usd"),),
    HistoryKind.FUNDING: (Column("close", "close_8h", -100.0, 100.0, 0.01),),
    HistoryKind.LONG_SHORT: (Column("global_account_long_percent", "long_share", 0.0, 100.0, 0.01),),
    HistoryKind.TAKER: (
        Column("aggregated_buy_volume_usd", "buy_usd"),
        Column("aggregated_sell_volume_usd", "sell_usd"),
    ),
    HistoryKind.LIQUIDATIONS: (
        Column("aggregated_long_liquidation_usd", "long_usd"),
        Column("aggregated_short_liquidation_usd", "short_usd"),
    ),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: when it began and its values in the order of `COLUMNS`."""

    start: datetime
    values: tuple[float, ...]

    @property
    def end(self) -> datetime:
        """When it is complete."""
        return self.start + BAR


def parse_history(answer: Answer, kind: HistoryKind) -> tuple[Bar, ...]:
    """Bars of one asset, oldest first, each start once; bars with a null are skipped; empty when nothing is told.

    Values come as text or number, percentages become fractions:
    ``[{"time": 1658880000000, "open": "0.004603", "high": "0.009388", "low": "-0.005063", "close": "0.009229"}, ...]``
    """
    bars: dict[datetime, Bar] = {}
    for row in rows(answer.data, f"{kind} history"):
        values = [_value(row, column) for column in COLUMNS[kind]]
        if all(value is not None for value in values):
            start = moment(row.get("time"), "time")
            bars[start] = Bar(start, tuple(value for value in values if value is not None))
    return tuple(bars[start] for start in sorted(bars))


def _value(row: Row, column: Column) -> float | None:
    if column.wire not in row:
        raise IntelProtocolError(f"field {column.wire!r} is missing: {sorted(row)[:8]}")
    value = bounded(row, column.wire, column.low, column.high)
    return None if value is None else value * column.factor


def merged(old: Iterable[Bar], new: Iterable[Bar], since: datetime) -> tuple[Bar, ...]:
    """Old bars with new ones put over them, oldest first, from `since` on."""
    bars = {bar.start: bar for bar in old} | {bar.start: bar for bar in new}
    return tuple(bars[start] for start in sorted(bars) if start >= since)


def complete(bars: Iterable[Bar], now: datetime) -> tuple[Bar, ...]:
    """The bars that have ended."""
    return tuple(bar for bar in bars if bar.end <= now)
