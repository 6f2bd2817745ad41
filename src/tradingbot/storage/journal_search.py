"""Finding lines of a journal by a piece of their text, without parsing the rest."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

from tradingbot.storage.journal_reader import files_of, open_part


def search(
    path: Path, text: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Records whose line contains `text` as it stands, oldest first; rotated files included.

    Files that were rotated before `since`, or begun after `until`, are not read. What cannot be read is passed over.
    """
    needle = text.encode()
    with ExitStack() as stack:
        current, rotated = files_of(path, stack, since, until)
        for part in rotated:
            try:
                with open_part(part) as stream:
                    yield from _matching(stream, needle)
            except (OSError, EOFError, zlib.error):
                continue
        if current is not None:
            yield from _matching(current, needle)


def _matching(stream: IO[bytes], needle: bytes) -> Iterator[dict[str, Any]]:
    for line in stream:
        if needle not in line:
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            yield record
