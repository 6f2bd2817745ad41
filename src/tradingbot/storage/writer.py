"""One thread that does all durable writing, in order, so that the event loop never waits for a disk.

A document that is put again before it was written is written once, with its newest value. What a disk refuses stays
queued and is tried again; meanwhile `health()` says so, and the daemon opens nothing. Per target the order of writes
is the order of calls; between targets it is too, as long as writes succeed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tradingbot.beside import in_thread
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.ports import Clock
from tradingbot.storage.files import probe
from tradingbot.storage.writing import StorageHealth, Target, Waiter, wake

__all__ = ["StorageHealth", "StorageWriter", "Target"]

RETRY_S: Final = 1.0
MAX_PENDING_BYTES: Final = 32 * 1024 * 1024


@dataclass(slots=True)
class _Item:
    payload: Any
    size: int
    waiters: list[Waiter] = field(default_factory=list)


@dataclass(slots=True)
class _Write:
    target: Target | None  # None is a barrier: its waiter wakes when everything before it is durable
    items: list[_Item]
    chore: Callable[[], Iterator[None]] | None = None  # no write: work for the writer's idle time


@dataclass(frozen=True, slots=True)
class _Failure:
    since: datetime
    detail: str
    target: Target
    of_value: bool  # the value cannot be written, whatever the disk does


class StorageWriter:
    """The writer thread and its queue. Starts with the first write; `close` flushes and ends it."""

    def __init__(self, clock: Clock, retry_s: float = RETRY_S, max_pending_bytes: int = MAX_PENDING_BYTES) -> None:
        self.clock = clock
        self._retry_s = retry_s
        self._max_pending_bytes = max_pending_bytes
        self._wake = threading.Condition()
        self._queue: deque[_Write] = deque()
        self._pending_bytes = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._closing: Waiter | None = None
        self._closed = False
        self._stalled: dict[Target, list[_Item]] = {}
        self._failures: dict[Target, _Failure] = {}
        self._unsynced: dict[Target, None] = {}
        self._open: dict[Target, None] = {}
        self._idle: dict[Target, Iterator[None]] = {}
        self._chores: list[Waiter] = []
        self._health = StorageHealth(ok=True)

    # ------------------------------------------------------------ from the event loop

    def health(self) -> StorageHealth:
        """Whether durable writes work, as of the last attempt. Never blocks."""
        return self._health

    def submit(self, target: Target, payload: Any, size: int) -> bool:
        """Queue a write; False when too much waits and it is dropped. Raises StorageUnavailableError after `close`."""
        return self._enqueue(target, _Item(payload, size))

    async def submit_and_wait(self, target: Target, payload: Any, size: int) -> None:
        """Queue a write and return when it is durable. Raises StorageUnavailableError."""
        waiter = Waiter()
        self._enqueue(target, _Item(payload, size, [waiter]))
        with self.clock.hold():
            await waiter.future

    async def flush(self) -> None:
        """Return when everything queued before is durable. Raises StorageUnavailableError naming what is not."""
        waiter = Waiter()
        self._enqueue(None, _Item(None, 0, [waiter]))
        with self.clock.hold():
            await waiter.future

    async def when_idle(self, target: Target, work: Callable[[], Iterator[None]]) -> None:
        """Do housekeeping of a target step by step in the writer's thread, while nothing is to be written.

        Returns when it is done. Raises StorageUnavailableError after `close`, or when the work raises an OSError.
        """
        waiter = Waiter()
        with self._wake:
            if self._closed:
                raise StorageUnavailableError("storage is closed")
            self._queue.append(_Write(target, [_Item(None, 0, [waiter])], work))
            self._start()
            self._wake.notify()
        with self.clock.hold():
            await waiter.future

    async def probe(self, folder: Path) -> None:
        """Prove that a folder takes durable writes. Raises StorageUnavailableError."""
        try:
            await in_thread(self.clock, probe, folder)
        except OSError as error:
            raise StorageUnavailableError(_explain(folder, error)) from error

    async def close(self, timeout_s: float) -> None:
        """Write what is queued and end the thread; a disk that hangs is abandoned after `timeout_s` real seconds.

        Raises StorageUnavailableError naming what could not be written.
        """
        with self._wake:
            if self._closed:
                return
            self._closed = True
            if self._thread is None:
                return
            self._closing = waiter = Waiter()
            self._wake.notify()
        try:
            with self.clock.hold():
                # Real seconds: the thread and the disk live in real time, whatever our clock does.
                async with asyncio.timeout(timeout_s):
                    await waiter.future
        except TimeoutError:
            raise StorageUnavailableError(f"storage did not finish within {timeout_s:g} s; {self._owed()}") from None

    def _enqueue(self, target: Target | None, item: _Item) -> bool:
        with self._wake:
            if self._closed:
                raise StorageUnavailableError("storage is closed")
            if target is not None and not self._admit(target, item):
                return False
            self._place(target, item)
            self._start()
            self._wake.notify()
            return True

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
            self._thread.start()

    def _admit(self, target: Target, item: _Item) -> bool:
        """Whether there is room for one more journal record; documents always have their one place."""
        if target.newest_only or self._pending_bytes + item.size <= self._max_pending_bytes:
            return True
        if item.waiters:
            raise StorageUnavailableError(f"{target.path}: too much waits to be written; {self._health.detail}")
        self._dropped += 1
        return False

    def _place(self, target: Target | None, item: _Item) -> None:
        """Coalesce: the newest value of a document moves to the end; adjacent journal records share one write."""
        self._pending_bytes += item.size
        if target is None:
            self._queue.append(_Write(None, [item]))
        elif target.newest_only:
            for write in self._queue:
                if write.target is target and write.chore is None:
                    item = self._supersede(write.items, item)
                    self._queue.remove(write)
                    break
            self._queue.append(_Write(target, [item]))
        elif self._queue and self._queue[-1].target is target and self._queue[-1].chore is None:
            self._queue[-1].items.append(item)
        else:
            self._queue.append(_Write(target, [item]))

    def _supersede(self, older: list[_Item], newest: _Item) -> _Item:
        """Who waited for an older value is served by the newest."""
        self._pending_bytes -= sum(item.size for item in older)
        newest.waiters = [waiter for item in older for waiter in item.waiters] + newest.waiters
        return newest

    # ------------------------------------------------------------ in the writer thread

    def _run(self) -> None:
        retry_at_s = 0.0
        while True:
            batch, closing = self._take(retry_at_s)
            for write in batch:
                self._carry_out(write)
            if closing is not None:
                self._finish(closing)
                return
            if self._failures and _real_s() >= retry_at_s:
                self._retry()
                retry_at_s = _real_s() + self._retry_s
            elif not batch:
                self._idle_step()

    def _take(self, retry_at_s: float) -> tuple[list[_Write], Waiter | None]:
        with self._wake:
            while not self._queue and self._closing is None and not self._idle:
                if self._failures:
                    if (left_s := retry_at_s - _real_s()) <= 0:
                        break
                    self._wake.wait(left_s)
                else:
                    self._wake.wait()
            batch = list(self._queue)
            self._queue.clear()
            return batch, self._closing

    def _carry_out(self, write: _Write) -> None:
        if write.target is None:
            self._settle(write.items, self._sync_all())
        elif write.chore is not None:
            waiters = write.items[0].waiters
            self._chores = [*(one for one in self._chores if not one.future.done()), *waiters]
            self._idle[write.target] = _told(self._idle.pop(write.target, None), write.chore, waiters)
        else:
            self._attempt(write.target, write.items)

    def _attempt(self, target: Target, items: list[_Item]) -> None:
        held = self._stalled.pop(target, [])
        if target.newest_only and items:
            with self._wake:
                items = [self._supersede(held, items[-1])]
        else:
            items = held + items
        durable = target.newest_only or any(item.waiters for item in items)
        self._open[target] = None
        try:
            self._sync_before(target)
            target.write([item.payload for item in items], durable)
        except OSError as error:
            self._refused(target, items, error)
        except Exception as error:  # noqa: BLE001 - one bad value must not end the thread that saves all others
            self._unwritable(target, items, error)
        else:
            self._written(target, items, durable)

    def _sync_before(self, target: Target) -> None:
        """What a file rests on is on disk first, or the file waits with it. Raises OSError."""
        for other in target.after:
            if other in self._stalled:
                self._attempt(other, [])
            if other in self._stalled:
                raise OSError(f"waits for {other.path.name}, which cannot be written")
            if other in self._unsynced:
                other.sync()
                self._unsynced.pop(other)

    def _written(self, target: Target, items: list[_Item], durable: bool) -> None:
        self._unsynced.pop(target, None)
        if not durable:
            self._unsynced[target] = None
        self._forget(items)
        self._failures.pop(target, None)
        self._publish()
        work = target.idle_work()
        if work is not None:
            # Asked for while a chore of the same target is under way: one after the other.
            self._idle[target] = itertools.chain(self._idle.pop(target, ()), work)
        self._settle(items, None)

    def _refused(self, target: Target, items: list[_Item], error: OSError) -> None:
        """Who waits is told at once. A journal record that somebody waited for is withdrawn, the rest is kept."""
        kept = [item for item in items if target.newest_only or not item.waiters]
        self._forget([item for item in items if not (target.newest_only or not item.waiters)])
        detail = _explain(target.path, error)
        self._fail(target, detail, of_value=False)
        self._settle(items, StorageUnavailableError(detail))
        for item in kept:
            item.waiters = []
        if kept:
            self._stalled[target] = kept

    def _unwritable(self, target: Target, items: list[_Item], error: Exception) -> None:
        self._forget(items)
        detail = f"{target.path}: this value cannot be stored: {error}"
        self._fail(target, detail, of_value=True)
        self._settle(items, StorageUnavailableError(detail))

    def _fail(self, target: Target, detail: str, of_value: bool) -> None:
        known = self._failures.get(target)
        since = known.since if known else self.clock.now()
        self._failures[target] = _Failure(since, detail, target, of_value)
        self._publish()

    def _retry(self) -> None:
        for target, failure in list(self._failures.items()):
            if target in self._stalled:
                self._attempt(target, [])
            elif not failure.of_value:
                self._probe_again(target)

    def _probe_again(self, target: Target) -> None:
        try:
            probe(target.path.parent)
        except OSError as error:
            self._fail(target, _explain(target.path, error), of_value=False)
        else:
            self._failures.pop(target, None)
            self._publish()

    def _sync_all(self) -> Exception | None:
        self._retry()
        for target in list(self._unsynced):
            try:
                target.sync()
                self._unsynced.pop(target)
            except OSError as error:
                self._fail(target, _explain(target.path, error), of_value=False)
        if self._failures:
            return StorageUnavailableError(self._health.detail)
        return None

    def _finish(self, closing: Waiter) -> None:
        error = self._sync_all()
        wake(self._chores, StorageUnavailableError("storage was closed before its housekeeping was done"))
        for target in self._open:
            with suppress(OSError):
                target.close()
        wake([closing], error)

    def _idle_step(self) -> None:
        for target, work in list(self._idle.items()):
            try:
                next(work)
            except StopIteration:
                self._idle.pop(target)
            except OSError as error:
                self._idle.pop(target)
                self._fail(target, _explain(target.path, error), of_value=False)
            return

    def _settle(self, items: list[_Item], error: Exception | None) -> None:
        wake([waiter for item in items for waiter in item.waiters], error)

    def _forget(self, items: list[_Item]) -> None:
        with self._wake:
            self._pending_bytes -= sum(item.size for item in items)

    def _publish(self) -> None:
        dropped = f"{self._dropped} journal records had to be dropped while the disk refused" if self._dropped else ""
        if not self._failures:
            self._health = StorageHealth(ok=True, detail=dropped)
            return
        oldest = min(failure.since for failure in self._failures.values())
        lines = [failure.detail for failure in self._failures.values()]
        self._health = StorageHealth(ok=False, since=oldest, detail="; ".join(filter(None, (*lines, dropped))))

    def _owed(self) -> str:
        names = sorted({str(write.target.path) for write in list(self._queue) if write.target is not None})
        return "not written: " + (", ".join(names) if names else "the write under way")


def _told(before: Iterator[None] | None, work: Callable[[], Iterator[None]], waiters: list[Waiter]) -> Iterator[None]:
    """What was under way already, then the work; who waits is woken at its end, also when it fails."""
    try:
        yield from before or ()
        yield from work()
    except OSError as error:
        wake(waiters, StorageUnavailableError(f"housekeeping failed: {error}"))
        raise
    wake(waiters, None)


def _explain(path: Path, error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{path}: {reason}; free space or make the folder writable, writing resumes by itself"


def _real_s() -> float:
    return time.monotonic()  # noqa: TID251 - retries of a real disk, in a real thread
