"""What the writer thread and its users say to each other: targets, waiting coroutines, health."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class StorageHealth:
    """Whether durable writes work. `since` is when the oldest present trouble began; `detail` is for a person."""

    ok: bool
    since: datetime | None = None
    detail: str = ""


class Target(Protocol):
    """Something that is written: a document or a journal. The methods run in the writer thread and raise OSError."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def newest_only(self) -> bool:
        """True when a newer payload makes an older one needless."""

    @property
    def after(self) -> Sequence[Target]:
        """What must be durable before this is: it is written only when these have all that was given to them."""

    def write(self, payloads: Sequence[Any], durable: bool) -> None:
        """Write all of these or, by raising, none; `durable` when somebody waits until they are on disk."""

    def sync(self) -> None:
        """Make everything written so far durable."""

    def idle_work(self) -> Iterator[None] | None:
        """Housekeeping to be done in small steps while nothing else is to be written."""

    def close(self) -> None:
        """Release descriptors."""


class Waiter:
    """A coroutine that waits for the writer thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()

    def finish(self, error: Exception | None) -> None:
        """Wake the coroutine, on its own loop."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


def wake(waiters: list[Waiter], error: Exception | None) -> None:
    """Wake coroutines from the writer thread, with one message to each loop."""
    for loop in {waiter.loop for waiter in waiters}:
        mine = [waiter for waiter in waiters if waiter.loop is loop]
        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(_finish, mine, error)


def _finish(waiters: list[Waiter], error: Exception | None) -> None:
    for waiter in waiters:
        waiter.finish(error)
