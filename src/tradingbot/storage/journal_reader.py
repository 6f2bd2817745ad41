"""Reading a journal, also while it is being written, and also after the machine lost power in the middle of a line."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
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
        return self._records(lambda _: True)

    def _records(self, wanted: Callable[[Part], bool]) -> Iterator[dict[str, Any]]:
        self.bad_lines, self.torn_tail, self.problems = 0, False, ()
        with ExitStack() as stack:
            # The current file is opened before the others are listed: a rotation in between loses nothing.
            current = stack.enter_context(self.path.open("rb")) if self.path.exists() else None
            for part in parts(self.path):
                if wanted(part) and (current is None or not is_same(current, part.path)):
                    yield from self._part(part)
            if current is not None:
                yield from self._lines(current, last=True)

    def since(self, moment: datetime) -> Iterator[dict[str, Any]]:
        """Records of the files that were still written at `moment` or later, oldest first, one at a time.

        The oldest of them holds earlier records too. Files that were rotated before are not opened.
        """
        return self._records(lambda part: part.rotated_at >= moment)

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
