"""The account's books: one line per transaction, the open book and those that were closed and compressed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.core.types import utc_from_ms
from tradingbot.simulator.account import NO_ROWS, ROW_KINDS, Account, RowCounts, Rows
from tradingbot.simulator.codec import pack, unpack
from tradingbot.storage.rotation import Part, compress, part_path, parts

TRANSACTIONS: Final = "transactions.jsonl"
BOOK_BYTES: Final = 1_000_000
"""Size at which the open book is closed: small enough to be read back in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The account as of the last complete line; rows of the newest closed and of the open book.

    `closed` counts those of the closed one. `account` is None when the venue has never run.
    """

    account: Account | None = None
    rows: Rows = field(default_factory=Rows)
    closed: RowCounts = NO_ROWS


class TransactionFile:
    """One line per transaction: the whole small account and the rows it added."""

    def __init__(self, home: Path, book_bytes: int = BOOK_BYTES) -> None:
        self._home = home
        self._path = home / TRANSACTIONS
        self._limit_bytes = book_bytes
        self._handle: int | None = None
        self._size_bytes = 0

    def load(self) -> Loaded:
        """What a venue starts with. Raises StateCorruptError when a line before the last is broken."""
        rows, account, closed = Rows(), None, NO_ROWS
        older = self.closed()
        if older:
            account, part = _read(older[-1].path)
            rows.extend(part)
            closed = rows.counts()
        if self._path.exists():
            newest, part = _read(self._path)
            account = newest or account
            rows.extend(part)
        return Loaded(account, rows, closed)

    def append(self, account: Account, rows: Rows, now_ms: int) -> bool:
        """Write one transaction; True when it filled the book, which is closed then.

        Raises StorageUnavailableError when the disk refuses.
        """
        entry = {"time_ms": now_ms, "account": account.to_json(), "rows": _pack_rows(rows)}
        data = orjson.dumps(entry) + b"\n"
        try:
            if os.write(self._open(), data) != len(data):
                raise OSError("short write")
        except OSError as error:
            self.close()  # opened anew it loses what was written of the line
            raise StorageUnavailableError(f"cannot write {self._path}: {error}") from error
        self._size_bytes += len(data)
        return self._size_bytes >= self._limit_bytes and self._turn(now_ms)

    def closed(self) -> list[Part]:
        """Closed books, oldest first; each with the venue's time of its last transaction."""
        return parts(self._path)

    def compress(self) -> None:
        """Compress closed books that are not yet. Takes tens of milliseconds each: for a thread. Raises OSError."""
        for part in self.closed():
            if not part.compressed:
                for _ in compress(part.path):
                    pass

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _turn(self, now_ms: int) -> bool:
        """Begin a new book. A refused rename loses nothing: the book goes on and is closed later."""
        older = self.closed()
        number = older[-1].number + 1 if older else 1
        try:
            os.rename(self._path, part_path(self._path, number, utc_from_ms(now_ms)))
        except OSError:
            return False
        self.close()
        return True

    def _open(self) -> int:
        if self._handle is None:
            self._home.mkdir(parents=True, exist_ok=True)
            _drop_torn_line(self._path)
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size_bytes = os.fstat(self._handle).st_size
        return self._handle


def read_rows(path: Path, kind: str) -> list[Any]:
    """Rows of one kind in one book, oldest first; it may be compressed meanwhile. Raises StateCorruptError, OSError."""
    found = []
    for number, line in enumerate(_lines(path), 1):
        try:
            found += [unpack(ROW_KINDS[kind], row) for row in orjson.loads(line)["rows"].get(kind, ())]
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, number, error) from error
    return found


def first_log_id(path: Path) -> int | None:
    """Id of the first booked row in a book; None when nothing was booked in it. Raises StateCorruptError, OSError."""
    for number, line in enumerate(_lines(path), 1):
        try:
            for row in orjson.loads(line)["rows"].get("log", ()):
                return int(row["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, number, error) from error
    return None


def transactions(home: Path) -> Iterator[dict[str, Any]]:
    """Every transaction of the account, oldest first. Raises StateCorruptError, OSError."""
    path = home / TRANSACTIONS
    for book in [*(part.path for part in parts(path)), path]:
        for line in _lines(book) if book != path or path.exists() else ():
            yield orjson.loads(line)


def last_transaction_ms(home: Path) -> int | None:
    """The venue's time of the newest transaction; None without any. Raises StateCorruptError."""
    path = home / TRANSACTIONS
    for book in [path, *(part.path for part in reversed(parts(path)))]:
        lines = _lines(book) if book != path or path.exists() else []
        if lines:
            try:
                return int(orjson.loads(lines[-1])["time_ms"])
            except (ValueError, KeyError) as error:
                raise StateCorruptError(f"the last line of {book} is damaged: {error}") from error
    return None


def _read(path: Path) -> tuple[Account | None, Rows]:
    """Account and rows as of a book's last complete line."""
    account: Account | None = None
    rows = Rows()
    lines = _lines(path)
    for number, line in enumerate(lines, 1):
        try:
            entry = orjson.loads(line)
            _unpack_rows(entry["rows"], rows)
            account = Account.from_json(entry["account"]) if number == len(lines) else account
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, number, error) from error
    return account, rows


def _damaged(path: Path, number: int, error: Exception) -> StateCorruptError:
    return StateCorruptError(
        f"{path}, line {number} is damaged ({error}); move the folder away to start with a fresh account"
    )


def _pack_rows(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    return {name: [pack(row) for row in getattr(rows, name)] for name in ROW_KINDS if getattr(rows, name)}


def _unpack_rows(packed: dict[str, list[dict[str, Any]]], into: Rows) -> None:
    for name, kind in ROW_KINDS.items():
        getattr(into, name).extend(unpack(kind, row) for row in packed.get(name, ()))


def _lines(path: Path) -> list[bytes]:
    """Complete lines; what follows the last newline is a torn write."""
    return book_bytes(path).split(b"\n")[:-1]


def book_bytes(path: Path) -> bytes:
    """A book's bytes, also when it was compressed since it was listed. Raises StateCorruptError, OSError."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        path = path.with_name(f"{path.name}.gz")
        raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, ValueError) as error:
        raise StateCorruptError(f"{path} cannot be unpacked: {error}") from error


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)
