"""The account's history as clients may page through it: what is in memory, and before that the closed books."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tradingbot.beside import in_thread
from tradingbot.core.types import epoch_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.books import TransactionFile, first_log_id, read_rows
from tradingbot.simulator.account import Rows

Wanted = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows of a kind: at or after `since_ms`, before `before_ms`; of the log, from `first_id` on."""

    kind: str
    since_ms: int | None = None
    before_ms: int | None = None
    first_id: int | None = None
    wanted: Wanted = lambda _: True

    def holds(self, row: Any) -> bool:
        """Whether it is one of them."""
        if self.first_id is not None and row.id < self.first_id:
            return False
        return (
            (self.since_ms is None or row.time_ms >= self.since_ms)
            and (self.before_ms is None or row.time_ms < self.before_ms)
            and self.wanted(row)
        )


@dataclass(frozen=True, slots=True)
class _Book:
    """A closed book: transactions after `after_ms` (None: from the beginning) up to `until_ms`."""

    path: Path
    after_ms: int | None
    until_ms: int


@dataclass(slots=True)
class Past:
    """Reads pages. Books are read in a thread, one after the other, and not kept."""

    store: TransactionFile
    rows: Rows
    clock: Clock
    _first_ids: dict[str, int] = field(default_factory=dict)

    async def page(self, span: Span, *, newest_first: bool, skip: int = 0, count: int | None = None) -> list[Any]:
        """`count` rows after the first `skip`, all without `count`. Raises StateCorruptError, OSError."""
        needed = None if count is None else skip + count
        newest = [row for row in getattr(self.rows, span.kind) if span.holds(row)]
        books = self._books(span)
        if newest_first:
            found = newest[::-1]
            for book in reversed(books):
                if needed is not None and len(found) >= needed:
                    break
                found += reversed(await self._read(book, span))
        else:
            found = []
            for book in await self._from_id(books, span.first_id):
                found += await self._read(book, span)
                if needed is not None and len(found) >= needed:
                    break
            found += newest
        return found[skip:needed]

    def _books(self, span: Span) -> list[_Book]:
        """Books that may hold such rows and are not in memory, oldest first."""
        return [
            book
            for book in _with_times(self.store)
            if (span.since_ms is None or book.until_ms >= span.since_ms)
            and (span.before_ms is None or book.after_ms is None or book.after_ms < span.before_ms)
        ]

    async def _from_id(self, books: list[_Book], first_id: int | None) -> list[_Book]:
        """Those that hold booked rows from an id on: ids rise, so most books need not be read."""
        if first_id is None or len(books) < _FEW_BOOKS:
            return books
        ids = await in_thread(self.clock, self._ids, books)
        return books[max(0, bisect_right(ids, first_id) - 1) :]

    def _ids(self, books: list[_Book]) -> list[int]:
        """The first id of each book; one in which nothing was booked has that of the book before."""
        found: list[int] = []
        for book in books:
            name = book.path.name.removesuffix(".gz")
            if name not in self._first_ids:
                self._first_ids[name] = first_log_id(book.path) or (found[-1] if found else 0)
            found.append(self._first_ids[name])
        return found

    async def _read(self, book: _Book, span: Span) -> list[Any]:
        rows = await in_thread(self.clock, read_rows, book.path, span.kind)
        return [row for row in rows if span.holds(row)]


_FEW_BOOKS: Final = 3


def _with_times(store: TransactionFile) -> Iterator[_Book]:
    """Closed books but the newest, whose rows are in memory."""
    after_ms: int | None = None
    for part in store.closed()[:-1]:
        until_ms = epoch_ms(part.rotated_at)
        yield _Book(part.path, after_ms, until_ms)
        after_ms = until_ms
