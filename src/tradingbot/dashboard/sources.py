"""What the pages are made of: given by whoever runs them, never fetched behind their back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tradingbot.dashboard.equity import EquitySeries
from tradingbot.dashboard.moment import Moment
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journal_moments import newest_until
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader


class Sources(Protocol):
    """One daemon. What reads files says so, the rest is in memory; values are never changed after they were given."""

    @property
    def home(self) -> Path:
        """Where journals lie."""

    def now(self) -> datetime:
        """The daemon's time."""

    def newest(self) -> Moment | None:
        """The moment of the newest cycle; None before the first."""

    def past(self, at: datetime) -> Moment | None:
        """The newest moment on file that is not after `at`. Reads files: for a worker thread."""

    def trades(self) -> Sequence[ClosedTrade]:
        """The newest finished trades that are kept one by one, oldest first."""

    def document(self, name: str) -> Any:
        """The newest content of a state file by its name in the catalogue; None without one."""

    def equity(self) -> EquitySeries:
        """Equity over time."""

    def candles(self, symbol: str) -> Sequence[Mapping[str, Any]]:
        """Minute candles that are kept: time (epoch seconds), open, high, low, close, volume; oldest first."""

    def past_candles(self, symbol: str, since: datetime, until: datetime) -> Sequence[Mapping[str, Any]]:
        """The same from the files, that opened since then and closed by `until`. For a worker thread."""

    def learned(self, at: datetime | None = None) -> Mapping[str, Any]:
        """`parameters` and `trades_learned`, now, or as they were (reads files)."""

    async def operate(self, order: OperatorOrder) -> Answer:
        """Carry out what a person asks for, with its line in the audit. Raises StorageUnavailableError."""


@dataclass(frozen=True, slots=True)
class Look:
    """One view of one page: the moment it shows, whether that is the past, and what was asked."""

    sources: Sources
    moment: Moment
    past: bool = False
    query: Mapping[str, str] = field(default_factory=dict)

    def newest(self, reader: JournalReader, count: int) -> list[dict[str, Any]]:
        """The newest lines of a journal, up to the moment that is shown, oldest first. Reads files."""
        return newest_until(reader, count, self.until) if self.past else reader.tail(count)

    def journal(self, name: str) -> JournalReader:
        """A journal by its name in the catalogue."""
        return JournalReader(journal_path(self.sources.home, name))

    @property
    def until(self) -> datetime:
        """Nothing newer than this is shown."""
        return self.moment.as_of

    def text(self, name: str, default: str = "") -> str:
        """An argument of the address."""
        return self.query.get(name, default)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number between 1 and `most`; the default for anything else."""
        value = self.query.get(name, "")
        return min(int(value), most) if value.isascii() and value.isdecimal() and int(value) > 0 else default
