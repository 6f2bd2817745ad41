"""Lines of a journal with the place that they stand at, rotated and compressed files included."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from tradingbot.storage.journal_reader import files_of, open_part


@dataclass(frozen=True, slots=True)
class Located:
    """One line as it stands in its file; `problem` instead of bytes where a file could not be read any further."""

    file: str
    number: int
    raw: bytes
    problem: str = ""
    rotated_at: datetime | None = None
    """When the file that has the problem was written last."""


def located_lines(path: Path, since: datetime | None, until: datetime | None) -> Iterator[Located]:
    """Lines of the files that were written between these moments, oldest first; one that is being written is left."""
    with ExitStack() as stack:
        current, rotated = files_of(path, stack, since, until)
        for part in rotated:
            number = 0
            try:
                with open_part(part) as stream:
                    for one in _lines(stream, part.path.name, last=False):
                        number = one.number
                        yield one
            except (OSError, EOFError, zlib.error) as error:
                why = f"the rest of the file cannot be read: {error}"
                yield Located(part.path.name, number + 1, b"", why, part.rotated_at)
        if current is not None:
            yield from _lines(current, path.name, last=True)


def _lines(stream: IO[bytes], file: str, last: bool) -> Iterator[Located]:
    for number, raw in enumerate(stream, start=1):
        if raw.endswith(b"\n") or not last:
            yield Located(file, number, raw)
