"""Lines of `logs/predictive_signals.jsonl` as columns: what every voice said, when, of which market, at which price."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Direction, parse_utc
from tradingbot.market.candles import FloatArray, IntArray

FLOW, INTELLIGENCE, ENSEMBLE, STRATEGY = "flow signal", "market intelligence", "ensemble", "strategy "
_LABELS: Final = {"bullish": 1, "bearish": -1}

BoolArray = NDArray[np.bool_]
Said = tuple[str, int, float, bool]
"""(voice, sign of its direction, confidence 0..1, whether it could judge)."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice, an entry per line: sign of its direction (0 said nothing), confidence 0..1, whether it could judge."""

    sign: IntArray
    confidence: FloatArray
    live: BoolArray


@dataclass(frozen=True, slots=True)
class SignalTable:
    """All lines, ordered by market and time. `at_s` seconds since 1970; `market` numbers home and symbol together.

    `price` is the mark price in USD, NaN where it was unknown. `unusable` lines could not be read, `repeated` ones tell
    of a market and moment once more; neither is in here.
    """

    at_s: FloatArray
    market: IntArray
    price: FloatArray
    markets: tuple[tuple[str, str], ...]
    voices: Mapping[str, Voice]
    unusable: int
    repeated: int

    def __len__(self) -> int:
        return int(self.at_s.shape[0])


class _Columns:
    """One voice while lines are read; lines that do not name it count as not asked."""

    def __init__(self) -> None:
        self.sign, self.confidence, self.live = array("b"), array("d"), array("b")

    def put(self, row: int, sign: int, confidence: float, live: bool) -> None:
        self.fill(row)
        self.sign.append(sign)
        self.confidence.append(confidence)
        self.live.append(live)

    def fill(self, rows: int) -> None:
        missing = rows - len(self.sign)
        if missing > 0:
            self.sign.extend([0] * missing)
            self.confidence.extend([0.0] * missing)
            self.live.extend([0] * missing)


def read_signals(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> SignalTable:
    """The table of (home, line) pairs. Lines that cannot be understood are counted and left out."""
    markets: dict[tuple[str, str], int] = {}
    at_s, market, price = array("d"), array("q"), array("d")
    voices: dict[str, _Columns] = {}
    known: set[tuple[int, float]] = set()
    unusable = repeated = 0
    for home, row in rows:
        try:
            moment, paid, said = parse_utc(row["as_of"]).timestamp(), _price(row["price"]), tuple(_said(row))
            number = markets.setdefault((home, str(row["symbol"])), len(markets))
        except (KeyError, TypeError, ValueError, AttributeError):
            unusable += 1
            continue
        if (number, moment) in known:
            repeated += 1
            continue
        known.add((number, moment))
        for voice, sign, confidence, live in said:
            voices.setdefault(voice, _Columns()).put(len(at_s), sign, confidence, live)
        at_s.append(moment)
        market.append(number)
        price.append(paid)
    for column in voices.values():
        column.fill(len(at_s))
    return _ordered(at_s, market, price, tuple(markets), voices, (unusable, repeated))


def _ordered(
    at_s: array[float],
    market: array[int],
    price: array[float],
    markets: tuple[tuple[str, str], ...],
    voices: Mapping[str, _Columns],
    left_out: tuple[int, int],
) -> SignalTable:
    times, numbers, prices = np.array(at_s, np.float64), np.array(market, np.int64), np.array(price, np.float64)
    order = np.lexsort((times, numbers))
    made = {
        name: Voice(
            np.array(column.sign, np.int64)[order],
            np.array(column.confidence, np.float64)[order],
            np.array(column.live, np.bool_)[order],
        )
        for name, column in voices.items()
    }
    return SignalTable(times[order], numbers[order], prices[order], markets, made, *left_out)


def _said(row: Mapping[str, Any]) -> Iterator[Said]:
    """What every voice of a line says. Raises KeyError, TypeError or ValueError for another shape."""
    for item in row["components"]:
        yield str(item["name"]), _sign(item), _share(item["confidence"]), bool(item["live"])
    yield FLOW, _sign(row), _share(row["confidence"]), row["live"] > 0
    intelligence = row["intelligence"]
    score = intelligence["score"]
    yield INTELLIGENCE, _LABELS.get(intelligence["label"], 0), _share(abs(score or 0.0)), score is not None
    ensemble = row["ensemble"]
    yield ENSEMBLE, _sign(ensemble), _share(abs(2 * ensemble["probability"] - 1)), True
    for idea in row["strategies"]:
        yield STRATEGY + str(idea["name"]), _sign(idea), _share(idea["strength"]), True


def _sign(item: Mapping[str, Any]) -> int:
    return Direction(item["direction"]).sign


def _share(value: float) -> float:
    if not 0 <= value <= 1 + 1e-9:
        raise ValueError(f"not within 0 and 1: {value!r}")
    return float(value)


def _price(value: float | None) -> float:
    """NaN for an unknown price."""
    if value is None:
        return math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"not a price: {value!r}")
    return float(value)
