"""One daemon per home folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final

import orjson

from tradingbot.core.errors import AlreadyRunningError, StorageUnavailableError
from tradingbot.core.types import iso_utc
from tradingbot.storage.files import FILE_MODE, make_folder

LOCK_NAME: Final = "tradingbot.lock"


def is_held(home: Path) -> bool:
    """Whether a process holds the lock of a home. Changes nothing there, so it may be read-only or not exist.

    Raises StorageUnavailableError when the lock file may not be read.
    """
    path = home / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StorageUnavailableError(f"{path}: the lock cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class InstanceLock:
    """An advisory lock held for the life of the process; the kernel lets go of it when the process dies.

    The file holds pid and start time for people and is never deleted: deleting it would let two processes hold two
    locks of the same name. Worker processes must be spawned, not forked, or they keep the lock alive.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / LOCK_NAME
        self._descriptor: int | None = None
        self.left_behind = ""
        """Who held the lock and died without letting go of it, as the file says; empty after an orderly end."""

    def acquire(self, started_at: datetime) -> None:
        """Take the lock, at once. Raises AlreadyRunningError naming the holder, StorageUnavailableError."""
        try:
            make_folder(self.path.parent)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise StorageUnavailableError(f"{self.path}: the lock cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.left_behind = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            raise AlreadyRunningError(self._refusal(holder)) from None
        except OSError as error:
            os.close(descriptor)
            raise StorageUnavailableError(f"{self.path}: the lock cannot be taken: {error.strerror}") from error
        # What it says is for people: a disk that is full does not keep anybody from holding it.
        with suppress(OSError):
            text = orjson.dumps({"pid": os.getpid(), "started_at": iso_utc(started_at)}) + b"\n"
            os.pwrite(descriptor, text, 0)
            os.ftruncate(descriptor, len(text))
        self._descriptor = descriptor

    def _refusal(self, holder: bytes) -> str:
        try:
            facts = orjson.loads(holder)
            who = f"process {facts['pid']}, started {facts['started_at']},"
        except (orjson.JSONDecodeError, KeyError, TypeError):
            who = "another process"
        return f"{who} already works in {self.path.parent}; stop it first, or choose another folder with --home"

    def release(self) -> None:
        """Let go; the file stays, empty: whoever comes next sees that this was an orderly end."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def __enter__(self) -> InstanceLock:
        if not self.held:
            raise RuntimeError("acquire the lock first")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
