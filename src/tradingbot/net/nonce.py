"""Nonces that only ever rise, also over restarts and when the wall clock steps back.

A nonce is the time in microseconds, or one more than the last. Once in a while a floor ahead of it is written down;
after a restart the count goes on from that floor, so no number is used twice without a write per request.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Protocol

from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.ports import Clock

RESERVED_AHEAD: Final = 60_000_000
"""How far the written floor runs ahead, in microseconds: one write a minute."""
RETRY_AFTER: Final = 1_000_000
"""After a floor could not be written: how far on it is tried again, in microseconds."""
FIRST_JUMP: Final = 10_000_000
HIGHEST_JUMP_TARGET: Final = 4 * 10**18
"""No jump goes beyond this: venues keep nonces in 63 bits, and one that is burnt can never be undercut again."""


class NonceStore(Protocol):
    """Where the floor survives."""

    def load(self) -> int:
        """The written floor; 0 when there is none yet."""

    def save(self, floor: int) -> None:
        """Write the floor durably before returning."""


class MemoryNonceStore:
    """For accounts that do not outlive the process."""

    def __init__(self, floor: int = 0) -> None:
        self._floor = floor

    def load(self) -> int:
        """The floor of this process."""
        return self._floor

    def save(self, floor: int) -> None:
        """Remember it."""
        self._floor = floor


class FileNonceStore:
    """The floor as one number in a file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> int:
        """The written floor; 0 without a file. Raises StateCorruptError when the file holds no number."""
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0
        except (OSError, UnicodeDecodeError) as error:
            raise StateCorruptError(
                f"nonce file {self._path} cannot be read: {error}; delete it to start anew"
            ) from error
        if not text.strip().isdigit():
            raise StateCorruptError(f"nonce file {self._path} holds no number; delete it to start anew")
        return int(text)

    def save(self, floor: int) -> None:
        """Write, flush to disk, replace. Raises StorageUnavailableError."""
        temporary = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(f"{floor}\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            raise StorageUnavailableError(f"nonce file {self._path} cannot be written: {error}") from error


class NonceSource:
    """Hands out rising nonces as text."""

    def __init__(self, clock: Clock, store: NonceStore, reserved_ahead: int = RESERVED_AHEAD) -> None:
        self._clock = clock
        self._store = store
        self._ahead = reserved_ahead
        self._last: int | None = None
        self._floor = 0
        self._jump = FIRST_JUMP

    def next(self) -> str:
        """The next nonce. Raises StateError when the floor cannot be read.

        A floor that cannot be written does not stop the count: exits must go out on a full disk too. Should the process
        die then and the wall clock step back, the venue refuses the first nonce and `resync` jumps over it.
        """
        if self._last is None:
            self._floor = self._last = self._store.load()
        value = max(self._last + 1, round(self._clock.now().timestamp() * 1e6))
        if value >= self._floor:
            self._floor = self._reserve(value)
        self._last = value
        return str(value)

    def _reserve(self, value: int) -> int:
        floor = value + self._ahead
        try:
            self._store.save(floor)
        except StorageUnavailableError:
            return value + min(self._ahead, RETRY_AFTER)
        return floor

    def resync(self) -> None:
        """The venue refused a nonce as too low: jump ahead, ten times further each time in a row, within 63 bits."""
        last = self._last if self._last is not None else self._store.load()
        base = max(last, round(self._clock.now().timestamp() * 1e6))
        if base + self._jump > HIGHEST_JUMP_TARGET:
            self._jump = FIRST_JUMP
        self._last = base + self._jump
        self._jump *= 10

    def accepted(self) -> None:
        """The venue took our nonce: the next resynchronisation starts with a small jump again."""
        self._jump = FIRST_JUMP
