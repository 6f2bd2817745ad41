"""What the pages of the past need beside the moments: minute candles, and what had been learned when."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import orjson

from tradingbot.app.stores import Stores
from tradingbot.core.types import Symbol, iso_utc, parse_utc
from tradingbot.dashboard.moment import Moment
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journal_moments import WRITTEN_LATER
from tradingbot.market.candles import Candles
from tradingbot.storage.journal_reader import JournalReader, files_of, open_part
from tradingbot.storage.rotation import parts

BEGIN: Final = b'{"at":"'
MINUTE_MS: Final = 60_000
FIRST_CANDLES: Final = 720
"""Candles of a symbol that are written when none is on file yet."""
UNREADABLE: Final = (OSError, EOFError, zlib.error)
"""What reading a damaged part ends in."""
COLUMNS: Final = ("time", "open", "high", "low", "close", "volume")


@dataclass(slots=True)
class HistoryLog:
    """Writes one line of each journal when there is something new. Called once per cycle, from a worker thread."""

    stores: Stores
    minute_candles: Callable[[Symbol], Candles | None]
    _newest_ms: dict[str, int] = field(default_factory=dict)
    _learned: Any = None

    def read(self, home: Path) -> None:
        """Where the journal of candles ends, so that a restart writes none of them twice."""
        for line in JournalReader(journal_path(home, "candles")).tail(5):
            with suppress(KeyError, TypeError, ValueError, IndexError):
                for symbol, rows in line["candles"].items():
                    self._newest_ms[symbol] = max(int(rows[-1][0]) * 1000, self._newest_ms.get(symbol, 0))

    def candles_of(self, moment: Moment) -> dict[str, Any] | None:
        """The line of `logs/candles.jsonl` with every candle that closed since the line before."""
        until_ms = int(moment.as_of.timestamp() * 1000) - MINUTE_MS
        found = {symbol: rows for symbol in moment.symbols if (rows := self._closed(symbol, until_ms))}
        return {"at": iso_utc(moment.as_of), "candles": found} if found else None

    def _closed(self, symbol: str, until_ms: int) -> list[list[float]]:
        known = self.minute_candles(Symbol(symbol))
        if known is None:
            return []
        chosen = (known.open_ms > self._newest_ms.get(symbol, 0)) & (known.open_ms <= until_ms)
        rows = rows_of(known, np.flatnonzero(chosen)[-FIRST_CANDLES:])
        if rows:
            self._newest_ms[symbol] = int(rows[-1][0]) * 1000
        return rows

    def learned_of(self, moment: Moment) -> dict[str, Any] | None:
        """The line of `logs/learned.jsonl`, when what was learned is not what it was."""
        learned = self.stores.documents["learned"].newest
        if learned is None or learned is self._learned:
            return None
        self._learned = learned
        return {"at": iso_utc(moment.as_of), **learned_facts(self.stores)}


def rows_of(candles: Candles, chosen: Any) -> list[list[float]]:
    """Candles as rows of `COLUMNS`; times in epoch seconds."""
    columns = (candles.open_ms // 1000, candles.open, candles.high, candles.low, candles.close, candles.volume)
    return [list(row) for row in zip(*(column[chosen].tolist() for column in columns), strict=True)]


def learned_facts(stores: Stores) -> dict[str, Any]:
    """What pages say of learning, as it is now."""
    learned, expectancy = stores.documents["learned"].newest, stores.documents["expectancy"].newest
    return {
        "parameters": learned.model_dump(mode="json")["parameters"] if learned is not None else None,
        "trades_learned": expectancy.handled.count if expectancy is not None else 0,
    }


# ------------------------------------------------------------ reading, in a worker thread


def line_at(home: Path, journal: str, at: datetime) -> bytes | None:
    """The newest line on file that is not after `at`, of a journal whose lines begin with their time; None without."""
    path = journal_path(home, journal)
    with ExitStack() as stack:
        # The current file is opened before the others are listed: a rotation in between loses nothing.
        files: list[IO[bytes]] = [stack.enter_context(path.open("rb"))] if path.exists() else []
        for part in reversed(parts(path)):
            if (found := _newest_before(files.pop(), at) if files else None) is not None:
                return found
            files.append(stack.enter_context(open_part(part)))
        return _newest_before(files.pop(), at) if files else None


def raw_lines(home: Path, journal: str) -> Iterator[bytes]:
    """Every line on file, oldest first, not taken apart."""
    with ExitStack() as stack:
        current, rotated = files_of(journal_path(home, journal), stack)
        for part in rotated:
            with suppress(*UNREADABLE), open_part(part) as stream:  # as far as it can be read
                yield from stream
        if current is not None:
            yield from current


def _newest_before(lines: Iterable[bytes], at: datetime) -> bytes | None:
    """The last line that is not after `at`. One that cannot be read is passed over."""
    limit, found = BEGIN + iso_utc(at).encode(), None
    with suppress(*UNREADABLE):
        for line in lines:
            if line[: len(limit)] > limit:
                break
            found = line if line.startswith(BEGIN) and line.endswith(b"\n") else found
    return found


def candles_between(home: Path, symbol: str, since: datetime, until: datetime) -> list[dict[str, float]]:
    """Minute candles on file that opened at or after `since` and closed by `until`, oldest first, each once."""
    found: dict[float, list[float]] = {}
    for row in _rows(home, symbol, since, until):
        found[row[0]] = row
    return [dict(zip(COLUMNS, found[at_s], strict=True)) for at_s in sorted(found)]


def _rows(home: Path, symbol: str, since: datetime, until: datetime) -> Iterator[list[float]]:
    first_s, last_s = since.timestamp(), until.timestamp() - MINUTE_MS / 1000
    for line in JournalReader(journal_path(home, "candles")).since(since, until + WRITTEN_LATER):
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            yield from (row for row in line["candles"].get(symbol, ()) if first_s <= row[0] <= last_s)
            if parse_utc(line["at"]) > until:
                return


def learned_at(home: Path, at: datetime) -> Mapping[str, Any] | None:
    """What had been learned then; None where nothing is on file of that time."""
    line = line_at(home, "learned", at)
    return None if line is None else orjson.loads(line)
