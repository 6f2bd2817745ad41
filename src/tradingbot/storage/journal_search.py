"""Finding lines of a journal by a piece of their text, without parsing the rest."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

from tradingbot.storage.journal_reader import is_same, open_part
from tradingbot.storage.rotation import parts


def search(path: Path, text: str, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Records whose line contains `text` as it stands, oldest first; rotated files included.

    `since`: files that were rotated before it are not opened. What cannot be read is passed over.
    """
    needle = text.encode()
    with ExitStack() as stack:
        # The current file is opened before the others are listed: a rotation in between loses nothing.
        current = stack.enter_context(path.open("rb")) if path.exists() else None
        for part in parts(path):
            if since is not None and part.rotated_at < since:
                continue
            if current is None or not is_same(current, part.path):
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
