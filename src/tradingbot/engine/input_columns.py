"""Candles and book samples as rows that are new: what a snapshot has beyond the one before, and the series again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.engine.input_codec import float_of, plain_float
from tradingbot.market.candles import Candles
from tradingbot.market.snapshot import BookSamples

Columns = tuple[NDArray[Any], ...]
"""Times first, then values; all of one length, oldest first."""

EXACT: Final = 2.0**53
"""Whole numbers below are the same as floats and as integers."""
_CANDLES: Final = ("open_ms", "open", "high", "low", "close", "volume")
_SAMPLES: Final = ("time_ms", "bid", "bid_size", "ask", "ask_size")


def candle_columns(candles: Candles) -> Columns:
    """The columns of candles."""
    return tuple(getattr(candles, name) for name in _CANDLES)


def sample_columns(samples: BookSamples) -> Columns:
    """The columns of book samples."""
    return tuple(getattr(samples, name) for name in _SAMPLES)


def appended_from(old: Columns, new: Columns) -> int:
    """The first row of `new` that `old` does not have; 0 when `new` is no continuation of it, bit for bit."""
    if not len(old[0]) or not len(new[0]):
        return 0
    kept = int(np.searchsorted(new[0], old[0][-1], side="right"))
    if not 0 < kept <= len(old[0]):
        return 0
    same = all(mine[-kept:].tobytes() == theirs[:kept].tobytes() for mine, theirs in zip(old, new, strict=True))
    return kept if same else 0


def rows_from(columns: Columns, first: int) -> list[Any]:
    """Length of the whole series, then its rows from `first` on, by column: [length, times, values, ...].

    Times are the first one, then each step between two with how often it comes. None is the value before it.
    """
    return [len(columns[0]), _steps(columns[0][first:]), *(_values(column[first:]) for column in columns[1:])]


def joined(old: Columns | None, rows: Sequence[Any]) -> Columns:
    """The series that `rows_from` was taken of, given the one before. Raises ValueError when it does not fit."""
    length, steps, *values = rows
    times = _times(steps)
    added = (times, *(_column(column) for column in values))
    if any(len(column) != len(times) for column in added):
        raise ValueError("columns of different lengths")
    missing = length - len(times)
    if missing <= 0:
        return tuple(np.ascontiguousarray(column) for column in added)
    if old is None or missing > len(old[0]):
        raise ValueError("older rows are not known")
    end = int(np.searchsorted(old[0], times[0])) if len(times) and times[0] <= old[0][-1] else len(old[0])
    if missing > end:
        raise ValueError("older rows are not known")
    return tuple(np.concatenate((mine[end - missing : end], more)) for mine, more in zip(old, added, strict=True))


def checksum(columns: Columns) -> int:
    """Of every bit of a whole series; what is not a number is one value, as its sign cannot be written."""
    found = 0
    for column in columns:
        unknown = np.isnan(column)
        plain = np.where(unknown, np.nan, column) if unknown.any() else column
        found = zlib.crc32(np.ascontiguousarray(plain).tobytes(), found)
    return found


def _steps(times: NDArray[Any]) -> list[int]:
    found: list[int] = times[:1].tolist()
    if len(times) < 2:
        return found
    for step, alike in groupby(np.diff(times).tolist()):
        found += (step, sum(1 for _ in alike))
    return found


def _times(steps: Sequence[int]) -> NDArray[np.int64]:
    if not steps:
        return np.empty(0, dtype=np.int64)
    each = np.repeat(np.array(steps[1::2], dtype=np.int64), np.array(steps[2::2], dtype=np.int64))
    return np.cumsum(np.concatenate((np.array(steps[:1], dtype=np.int64), each)))


def _values(column: NDArray[Any]) -> list[Any]:
    """Whole numbers without a point; what is not finite as `plain_float` has it; None for the value before."""
    found: list[Any] = []
    before = None
    for value in column.tolist():
        if value == before and value:
            found.append(None)
        elif value.is_integer() and 0 < abs(value) < EXACT:
            found.append(int(value))
        else:
            found.append(plain_float(value))
        before = value
    return found


def _column(values: Sequence[Any]) -> NDArray[np.float64]:
    made: list[float] = []
    for value in values:
        made.append(made[-1] if value is None else float_of(value))
    return np.array(made, dtype=np.float64)
