"""Reading journals from their ends and following them while they are written, rotated, cut or replaced."""

from __future__ import annotations

import heapq
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Final

import orjson

from tradingbot.app.tail_text import Entry
from tradingbot.engine.journal_moments import moment_of
from tradingbot.storage.journal_reader import is_same, open_part
from tradingbot.storage.rotation import Part, parts

BLOCK: Final = 65_536
NEAR_END: Final = 4 * 1024 * 1024
"""Bytes at a file's end that are looked at first; the rest only when they do not hold enough."""
MAX_LINE: Final = 16 * 1024 * 1024
"""A line that is longer than this without an end counts as one that cannot be read."""
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

Wanted = Callable[[Entry], bool]


@dataclass(slots=True)
class Trouble:
    """What could not be read of one journal."""

    bad_lines: int = 0
    torn: bool = False
    files: list[str] = field(default_factory=list)
    cut: int = 0

    def in_words(self) -> str:
        """Empty when there was none."""
        said = [f"{self.bad_lines} unreadable lines passed over"] if self.bad_lines else []
        said += ["an unfinished last line"] if self.torn else []
        said += [f"cut short {self.cut} times while it was followed"] if self.cut else []
        return ", ".join([*said, *(f"not read to its end: {name}" for name in self.files)])


class Source:
    """One journal: what is on file when it is opened (`since`, `newest`), then what is added (`fresh`).

    Each line is given exactly once, also when the file is rotated in between; `trouble` says what was not.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.trouble = Trouble()
        self._file: IO[bytes] | None = None
        self._at = 0
        self._known = 0
        self._open()
        self._end = self._at = self._end_of_lines()

    def size(self) -> dict[str, int]:
        """Bytes of all its files, and how many of them were rotated away."""
        rotated = self._rotated()
        total = 0 if self._file is None else os.fstat(self._file.fileno()).st_size
        for part in rotated:
            with suppress(FileNotFoundError):
                total += part.path.stat().st_size
        return {"bytes": total, "rotated": len(rotated)}

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    # ------------------------------------------------------------ what is on file

    def since(self, moment: datetime) -> Iterator[Entry]:
        """Entries of files still written at `moment`, oldest first; the oldest file's earlier ones too."""
        for part in self._rotated():
            if part.rotated_at >= moment:
                yield from self._entries(self._part(part))
        yield from self._entries(self._current(0, self._end))

    def newest(self, number: int, wanted: Wanted, since: datetime | None = None) -> list[Entry]:
        """The newest so many that are wanted, oldest first; reads no more than that takes.

        Files that were rotated before `since` are not opened.
        """
        found: list[Entry] = []
        if number <= 0:
            return found
        for lines in self._from_the_end(since or BEGINNING):
            found = [*deque(filter(wanted, self._entries(lines())), maxlen=number - len(found)), *found]
            if len(found) >= number:
                break
        return found

    def newest_moment(self) -> datetime | None:
        """When the newest entry that says so happened."""
        counted, self.trouble = self.trouble, Trouble()  # what it reads is read again
        last = self.newest(1, lambda entry: moment_of(entry.record) is not None)
        self.trouble = counted
        return last[0].moment if last else None

    def _from_the_end(self, since: datetime) -> Iterator[Callable[[], Iterable[bytes]]]:
        middle = self._line_start(max(0, self._end - NEAR_END))
        yield partial(self._current, middle, self._end)
        if middle:
            yield partial(self._current, 0, middle)
        for part in reversed(self._rotated()):
            if part.rotated_at < since:
                return
            yield partial(self._part, part)

    def _rotated(self) -> list[Part]:
        """Files that were rotated before this one was opened."""
        return [part for part in parts(self.path) if part.number <= self._known]

    def _part(self, part: Part) -> Iterator[bytes]:
        try:
            with open_part(part) as stream:
                yield from stream
        except (OSError, EOFError, zlib.error):
            self.trouble.files.append(part.path.name)

    def _current(self, start: int, end: int) -> Iterator[bytes]:
        if self._file is None:
            return
        self._file.seek(start)
        while start < end:
            line = self._file.readline(end - start)
            if not line:
                return
            start += len(line)
            yield line

    # ------------------------------------------------------------ what is added

    def fresh(self) -> list[Entry]:
        """Whole lines that were added since the last look."""
        found = list(self._entries(self._added()))
        if self._file is not None and is_same(self._file, self.path):
            return found
        if not self.path.exists():
            return found  # between the two names of a rotation, or not there yet
        known, had = self._known, self._file is not None
        found += self._entries(self._added())  # what came in just before it was rotated
        self.trouble.bad_lines += self.trouble.torn  # nobody will end it any more
        self.close()
        self._open()
        self._at = 0
        between = [part for part in parts(self.path) if known < part.number <= self._known]
        for part in between[1:] if had else between:  # the first one is the file that was open till now
            found += self._entries(self._part(part))
        return [*found, *self._entries(self._added())]

    def _added(self) -> Iterator[bytes]:
        file = self._file
        if file is None:
            return
        if os.fstat(file.fileno()).st_size < self._at:
            self.trouble.cut += 1
            self._at = 0
        self.trouble.torn = False
        file.seek(self._at)
        while line := file.readline(MAX_LINE):
            if not line.endswith(b"\n") and len(line) < MAX_LINE:
                self.trouble.torn = True  # being written
                return
            self._at += len(line)
            yield line

    # ------------------------------------------------------------ files and lines

    def _open(self) -> None:
        """The current file, and the number of the newest file that was rotated before it."""
        while True:
            file = None
            with suppress(FileNotFoundError):
                file = self.path.open("rb")
            rotated = parts(self.path)
            if file is None or is_same(file, self.path) or not self.path.exists():
                break
            file.close()  # rotated between the two looks
        older = [part.number for part in rotated if file is None or not is_same(file, part.path)]
        self._file, self._known = file, max(older, default=0)

    def _end_of_lines(self) -> int:
        """Where the last whole line ends."""
        if self._file is None:
            return 0
        size = end = self._file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                self.trouble.torn = start + found + 1 < size
                return start + found + 1
            end = start
        self.trouble.torn = size > 0
        return 0

    def _line_start(self, offset: int) -> int:
        """The beginning of the first line that begins at or after `offset`."""
        if self._file is None or offset <= 0:
            return 0
        self._file.seek(offset - 1)
        self._file.readline()
        return min(self._file.tell(), self._end)

    def _entries(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        moment = None
        for line in lines:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                record = None
            if isinstance(record, dict):
                moment = moment_of(record) or moment
                yield Entry(self.name, record, moment)
            elif line.strip():
                self.trouble.bad_lines += 1


def merged(sources: Iterable[Iterable[Entry]]) -> Iterator[Entry]:
    """Entries of several journals by time; of one moment, as the journals are named."""
    order = count()

    def keyed(place: int, entries: Iterable[Entry]) -> Iterator[tuple[datetime, int, int, Entry]]:
        for entry in entries:
            yield entry.moment or BEGINNING, place, next(order), entry

    return (row[3] for row in heapq.merge(*(keyed(place, entries) for place, entries in enumerate(sources))))
