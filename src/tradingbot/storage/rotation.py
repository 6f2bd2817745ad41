"""Rotated parts of a journal: their names, order, compression and retention."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tradingbot.storage.files import FILE_MODE, stamp, sync_folder

_CHUNK_BYTES: Final = 262_144
_GZIP_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One rotated file: ``signals.000042.20260131T120000123Z.jsonl``, with ``.gz`` once it is compressed."""

    number: int
    rotated_at: datetime
    path: Path

    @property
    def compressed(self) -> bool:
        """Whether it is a gzip file."""
        return self.path.suffix == ".gz"


def part_path(journal: Path, number: int, now: datetime) -> Path:
    """Where the current file goes when it is rotated."""
    return journal.with_name(f"{journal.stem}.{number:06d}.{stamp(now)}{journal.suffix}")


def parts(journal: Path) -> list[Part]:
    """Rotated files of a journal, oldest first; of a file and its compressed copy, the plain one. Raises OSError."""
    pattern = re.compile(
        rf"{re.escape(journal.stem)}\.(\d{{6,}})\.(\d{{8}}T\d{{9}}Z){re.escape(journal.suffix)}(\.gz)?"
    )
    found: dict[int, Part] = {}
    try:
        names = sorted(os.listdir(journal.parent), reverse=True)  # the plain name sorts first, so it comes last here
    except FileNotFoundError:
        return []
    for name in names:
        if match := pattern.fullmatch(name):
            moment = datetime.strptime(match[2], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
            found[int(match[1])] = Part(int(match[1]), moment, journal.with_name(name))
    return [found[number] for number in sorted(found)]


def compress(path: Path) -> Iterator[None]:
    """Replace a file by its gzip copy, in steps small enough to be done between two writes. Raises OSError."""
    done = path.with_name(f"{path.name}.gz")
    temp = path.with_name(f".{path.name}.gz.tmp")
    if not done.exists():
        with (
            path.open("rb") as source,
            open(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as raw,
        ):
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as packed:
                while chunk := source.read(_CHUNK_BYTES):
                    packed.write(chunk)
                    yield
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(temp, done)
        shutil.copystat(path, done)
        sync_folder(path.parent)
    path.unlink()


def retire(journal: Path, keep_files: int, retention_days: float | None, now: datetime) -> None:
    """Delete the parts beyond `keep_files` and those older than `retention_days`. Raises OSError."""
    rotated = parts(journal)
    oldest_kept = now - timedelta(days=retention_days) if retention_days is not None else None
    for position, part in enumerate(rotated):
        surplus = len(rotated) - position > keep_files
        expired = oldest_kept is not None and part.rotated_at < oldest_kept
        if surplus or expired:
            _delete(part.path)


def _delete(path: Path) -> None:
    for name in (path, path.with_name(f"{path.name}.gz")):
        with suppress(FileNotFoundError):
            name.unlink()
