"""Append-only JSONL files: one record a line, safe against a pulled plug, rotated by size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, Final

import orjson

from tradingbot.core.types import iso_utc
from tradingbot.storage.files import FILE_MODE, make_folder, quarantine_path, sync_folder, write_all, write_file
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.repairs import Repair, RepairLog
from tradingbot.storage.rotation import compress, part_path, parts, retire
from tradingbot.storage.writer import StorageWriter, Target

_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME
_BLOCK: Final = 65_536


class Journal:
    """One journal with one owner; implements `ports.Journal`.

    `max_bytes` is the size from which the file is rotated, `keep_files` how many rotated files are kept at most,
    `retention_days` how old they may become (None: any age). Records hold what JSON holds, and Decimals, aware
    datetimes, enums, dataclasses.
    """

    newest_only = False
    after: tuple[Target, ...] = ()

    def __init__(
        self,
        path: Path,
        writer: StorageWriter,
        max_bytes: int = 64 * 1024 * 1024,
        keep_files: int = 30,
        retention_days: float | None = 90.0,
        compress: bool = True,
        repairs: RepairLog | None = None,
    ) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._repairs = repairs or RepairLog()
        self._writer = writer
        self._keep_files = keep_files
        self._retention_days = retention_days
        self._compress = compress
        self._descriptor: int | None = None
        self._size = 0
        self._undo_to: int | None = None
        self._housekeeping_due = True

    # ------------------------------------------------------------ from the event loop

    def append(self, record: Mapping[str, Any]) -> None:
        """Queue one record; written in order, soon, off the event loop. Raises TypeError for what JSON cannot hold."""
        line = encode_line(record)
        self._writer.submit(self, line, len(line))

    async def commit(self, record: Mapping[str, Any]) -> None:
        """Append one record and return when it is on disk; who commits at the same time shares one fsync.

        Raises StorageUnavailableError, and then the record is not in the journal, also not later.
        """
        line = encode_line(record)
        await self._writer.submit_and_wait(self, line, len(line))

    def reader(self) -> JournalReader:
        """Every record on disk, rotated files first; what is still queued is not in it."""
        return JournalReader(self.path)

    @staticmethod
    def read(path: Path) -> Iterator[dict[str, Any]]:
        """Every record of the journal at `path`, oldest first. `JournalReader` also counts what was unreadable."""
        return iter(JournalReader(path))

    # ------------------------------------------------------------ in the writer thread

    def write(self, payloads: Sequence[bytes], durable: bool) -> None:
        """Append all lines or none. Raises OSError."""
        block = b"".join(payloads)
        descriptor = self._opened()
        if self._size and self._size + len(block) > self.max_bytes:
            self._rotate(descriptor)
            descriptor = self._opened()
        try:
            write_all(descriptor, block)
            if durable:
                os.fsync(descriptor)
        except OSError:
            self._undo()
            raise
        self._size += len(block)

    def sync(self) -> None:
        """Make every append durable. Raises OSError."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def idle_work(self) -> Iterator[None] | None:
        """Compress and retire rotated files after a rotation or a start."""
        if not self._housekeeping_due:
            return None
        self._housekeeping_due = False
        return self.tidy()

    def close(self) -> None:
        """Release the descriptor."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def tidy(self) -> Iterator[None]:
        """Delete parts that are too old or too many, then compress what is left, step by step. Raises OSError."""
        retire(self.path, self._keep_files, self._retention_days, self._writer.clock.now())
        yield
        if self._compress:
            for part in parts(self.path):
                if not part.compressed:
                    yield from compress(part.path)

    def _opened(self) -> int:
        """The descriptor, opened anew when somebody moved or deleted the file under it."""
        if self._descriptor is not None:
            if self._is_still_there(self._descriptor):
                return self._descriptor
            self.close()
            self._undo_to = None
            self._repairs.note(Repair("missing", self.path, "moved or deleted while in use", "begun anew"))
        if not self.path.exists():
            make_folder(self.path.parent)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            if self._undo_to is not None:
                os.ftruncate(descriptor, min(self._undo_to, os.fstat(descriptor).st_size))
                self._undo_to = None
            before = os.fstat(descriptor).st_size
            self._size = repair_tail(descriptor, self.path, self._writer.clock.now())
            if self._size < before:
                self._repairs.note(Repair("torn", self.path, f"{before - self._size} torn bytes", "set aside"))
            if self._size == 0:
                sync_folder(self.path.parent)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return descriptor

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _undo(self) -> None:
        """Take back what part of a block reached the file; if even that fails, before the next write."""
        self._undo_to = self._size
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
        self.close()

    def _rotate(self, descriptor: int) -> None:
        os.fsync(descriptor)
        self.close()
        rotated = parts(self.path)
        number = rotated[-1].number + 1 if rotated else 1
        os.replace(self.path, part_path(self.path, number, self._writer.clock.now()))
        self._housekeeping_due = True


def encode_line(record: Mapping[str, Any]) -> bytes:
    """One record as one line of JSON. Raises TypeError for what JSON cannot hold."""
    try:
        return orjson.dumps(record if isinstance(record, dict) else dict(record), _plain, _OPTIONS)
    except orjson.JSONEncodeError as error:
        raise TypeError(f"this record cannot be written as JSON: {error.__cause__ or error}") from error


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return iso_utc(value)
        case Decimal() | PurePath():
            return str(value)
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value)
    raise TypeError(f"type {type(value).__name__} has no JSON form")


def repair_tail(descriptor: int, path: Path, now: datetime) -> int:
    """Make the file end with a whole line and return its size; torn bytes go to the quarantine folder.

    A last record that lacks only its newline is completed. Raises OSError.
    """
    size = os.fstat(descriptor).st_size
    tail = _after_last_newline(descriptor, size)
    if not tail:
        return size
    if _is_record(tail):
        write_all(descriptor, b"\n")
        size += 1
    else:
        write_file(quarantine_path(path, "torn", now), tail)
        size -= len(tail)
        os.ftruncate(descriptor, size)
    os.fsync(descriptor)
    return size


def _after_last_newline(descriptor: int, size: int) -> bytes:
    tail = b""
    position = size
    while position:
        start = max(0, position - _BLOCK)
        block = os.pread(descriptor, position - start, start)
        if (cut := block.rfind(b"\n")) >= 0:
            return block[cut + 1 :] + tail
        tail = block + tail
        position = start
    return tail


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
