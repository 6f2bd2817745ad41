"""Reading a journal, also while it is being written, and also after the machine lost power in the middle of a line."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson

from tradingbot.storage.rotation import Part, parts

_BLOCK: Final = 65_536


class JournalReader:
    """Iterates over every record, oldest first, rotated and compressed files included.

    Unreadable lines are passed over and counted in `bad_lines`; `torn_tail` tells of an unfinished last line (being
    written at this moment, or by a process that died); `problems` names files that could not be read to their end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0
        self.torn_tail = False
        self.problems: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.since(None)

    def since(self, moment: datetime | None, until: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Records of the files that were written between these moments, oldest first, one at a time.

        The first of them holds earlier records too, the last one later ones. The other files are not opened.
        """
        self.bad_lines, self.torn_tail, self.problems = 0, False, ()
        with ExitStack() as stack:
            current, rotated = files_of(self.path, stack, moment, until)
            for part in rotated:
                yield from self._part(part)
            if current is not None:
                yield from self._lines(current, last=True)

    def newest_of(
        self, count: int, until: datetime, wanted: Callable[[Mapping[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """The newest `count` wanted records of the files that had begun by `until`, oldest first."""
        self.bad_lines, self.torn_tail, self.problems = 0, False, ()
        newest: list[dict[str, Any]] = []
        with ExitStack() as stack:
            current, rotated = files_of(self.path, stack, None, until)
            files = [self._part(part) for part in rotated]
            files += [self._lines(current, last=True)] if current is not None else []
            while files and len(newest) < count:
                newest = [*deque(filter(wanted, files.pop()), maxlen=count - len(newest)), *newest]
        return newest

    def tail(self, count: int) -> list[dict[str, Any]]:
        """The newest `count` records; reads no more of the current file, and of rotated ones, than that takes."""
        self.bad_lines, self.torn_tail, self.problems = 0, False, ()
        with ExitStack() as stack:
            current = stack.enter_context(self.path.open("rb")) if self.path.exists() else None
            newest: list[dict[str, Any]] = []
            if current is not None:
                _seek_lines_from_end(current, count)
                newest = list(self._lines(current, last=True))[-count:]
            for part in reversed(parts(self.path)):
                if len(newest) >= count:
                    break
                if current is None or not is_same(current, part.path):
                    newest = [*deque(self._part(part), maxlen=count - len(newest)), *newest]
        return newest

    def newest(self, count: int) -> Iterator[dict[str, Any]]:
        """The newest `count` records and, where a file begins with older ones, these too; oldest first, one by one.

        For many records: none is held, and no more rotated files are read than that takes.
        """
        self.bad_lines, self.torn_tail, self.problems = 0, False, ()
        with ExitStack() as stack:
            current, rotated = files_of(self.path, stack)
            found, first = _count_lines(current) if current is not None else 0, len(rotated)
            while found < count and first > 0:
                first -= 1
                found += self._lines_of(rotated[first])
            for part in rotated[first:]:
                yield from self._part(part)
            if current is not None:
                current.seek(0)
                yield from self._lines(current, last=True)

    @staticmethod
    def _lines_of(part: Part) -> int:
        try:
            with open_part(part) as stream:
                return _count_lines(stream)
        except (OSError, EOFError, zlib.error):
            return 0  # said when it is read

    def _part(self, part: Part) -> Iterator[dict[str, Any]]:
        try:
            with open_part(part) as stream:
                yield from self._lines(stream, last=False)
        except (OSError, EOFError, zlib.error) as error:
            self.problems = (*self.problems, f"{part.path.name}: {error}")

    def _lines(self, stream: IO[bytes], last: bool) -> Iterator[dict[str, Any]]:
        for line in stream:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                record = None
            if isinstance(record, dict):
                yield record
            elif last and not line.endswith(b"\n"):
                self.torn_tail = True
            elif line.strip():
                self.bad_lines += 1


def _count_lines(stream: IO[bytes]) -> int:
    return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))


def _seek_lines_from_end(stream: IO[bytes], count: int) -> None:
    """Go back to where at most `count` whole lines (and a torn one) follow, or to the beginning."""
    position = stream.seek(0, os.SEEK_END)
    needed = count + 1
    while position:
        start = max(0, position - _BLOCK)
        stream.seek(start)
        block = stream.read(position - start)
        found = block.count(b"\n")
        if found >= needed:
            at = len(block)
            for _ in range(needed):
                at = block.rindex(b"\n", 0, at)
            stream.seek(start + at + 1)
            return
        needed -= found
        position = start
    stream.seek(0)


def files_of(
    path: Path, stack: ExitStack, since: datetime | None = None, until: datetime | None = None
) -> tuple[IO[bytes] | None, list[Part]]:
    """The current file, opened in `stack`, and the rotated ones, oldest first; each None or left out where not needed.

    Needed are those that were still written at `since` and had begun by `until`. A file begins when the one before it
    is rotated.
    """
    # The current file is opened before the others are listed: a rotation in between loses nothing.
    current = stack.enter_context(path.open("rb")) if path.exists() else None
    rotated = [part for part in parts(path) if current is None or not is_same(current, part.path)]
    begun = [None, *(part.rotated_at for part in rotated)]
    if until is not None and begun[-1] is not None and begun[-1] > until:
        current = None
    return current, [
        part
        for part, start in zip(rotated, begun, strict=False)
        if (since is None or part.rotated_at >= since) and (until is None or start is None or start <= until)
    ]


def open_part(part: Part) -> IO[bytes]:
    """A rotated file, compressed or not."""
    if part.compressed:
        return gzip.open(part.path, "rb")  # type: ignore[return-value]
    try:
        return part.path.open("rb")
    except FileNotFoundError:  # compressed since it was listed
        return gzip.open(part.path.with_name(f"{part.path.name}.gz"), "rb")  # type: ignore[return-value]


def is_same(stream: IO[bytes], path: Path) -> bool:
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
