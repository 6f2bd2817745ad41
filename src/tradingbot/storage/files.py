"""File mechanics shared by documents and journals: private modes, durable replacement, setting bad bytes aside."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
QUARANTINE: Final = "quarantine"
"""Name of the folder beside the state files where unreadable ones are kept for a person to look at."""


def stamp(moment: datetime) -> str:
    """A moment as it is used in file names, sortable: ``20260131T120000123Z``."""
    text = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")
    return f"{text[:-3]}Z"


def make_folder(folder: Path) -> None:
    """Create a folder, and its parents, for this user alone; existing ones keep their modes. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)


def write_all(descriptor: int, payload: bytes) -> None:
    """Write every byte, also where the system takes them in pieces. Raises OSError."""
    view = memoryview(payload)
    while view:
        view = view[os.write(descriptor, view) :]


def write_file(path: Path, payload: bytes) -> None:
    """Write a whole file and fsync it; a file that could not be completed is removed again. Raises OSError.

    An existing file is overwritten in its own disk blocks: fast, and possible on a full disk.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            write_all(descriptor, payload)
            os.ftruncate(descriptor, len(payload))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def replace_file(path: Path, payload: bytes) -> None:
    """Put a whole file in place at once, durably, making its folder. Raises OSError."""
    make_folder(path.parent)
    temp = path.with_name(f".{path.name}.tmp")
    temp.unlink(missing_ok=True)
    write_file(temp, payload)
    os.replace(temp, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def probe(folder: Path, size_bytes: int = 65_536) -> None:
    """Prove that the folder takes a durable write of this size. Raises OSError."""
    make_folder(folder)
    path = folder / f".probe-{os.getpid()}"
    write_file(path, b"\0" * size_bytes)
    path.unlink()


def quarantine_path(path: Path, kind: str, now: datetime) -> Path:
    """A free name in the quarantine folder beside `path`; `kind` is ``corrupt`` or ``torn``. Raises OSError."""
    folder = path.parent / QUARANTINE
    make_folder(folder)
    base = folder / f"{path.name}.{kind}-{stamp(now)}"
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
