"""The only file that reads the time or sleeps.

Three clocks, one protocol (`ports.Clock`): the real one, a real one run at another speed, and a stepped one that jumps
from event to event as fast as the machine allows.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

PATIENCE_S: Final = 1.0
"""How long (real seconds) a stepped clock waits for a peer that neither answers nor parks."""
MIN_REAL_TIMEOUT_S: Final = 2.0
"""At higher speeds a deadline never shrinks below this real time: the machine itself needs it."""


class SystemClock:
    """Wall time."""

    def now(self) -> datetime:
        """Aware UTC now."""
        return datetime.now(UTC)  # noqa: TID251 - this file is where time is read

    def monotonic_s(self) -> float:
        """Seconds since some fixed point."""
        return time.monotonic()  # noqa: TID251

    def perf_s(self) -> float:
        """Real seconds for measuring our own work."""
        return time.perf_counter()

    async def sleep(self, delay_s: float) -> None:
        """Real sleep."""
        await asyncio.sleep(max(0.0, delay_s))  # noqa: TID251

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep in pieces, so that a stepped wall clock is noticed."""
        while (left_s := (moment - self.now()).total_seconds()) > 0:
            await self.sleep(min(left_s, 30.0))

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """asyncio.timeout."""
        return asyncio.timeout(delay_s)

    def real_deadline_s(self, delay_s: float) -> float | None:
        """Real time is real time."""
        return delay_s

    def hold(self) -> AbstractContextManager[None]:
        """Nothing to hold: real time passes anyway."""
        return nullcontext()

    def touch(self) -> None:
        """Nothing to do."""

    def in_flight(self) -> AbstractContextManager[None]:
        """Nothing to do."""
        return nullcontext()

    def parked(self) -> AbstractContextManager[None]:
        """Nothing to do."""
        return nullcontext()


class ScaledClock(SystemClock):
    """Starts at `origin` and runs `speed` times as fast as real time."""

    def __init__(self, origin: datetime, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.speed = speed
        self._origin = origin.astimezone(UTC)
        self._started_s = time.monotonic()  # noqa: TID251

    def now(self) -> datetime:
        """Scaled UTC now."""
        return self._origin + timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        """Scaled seconds since the origin."""
        return (time.monotonic() - self._started_s) * self.speed  # noqa: TID251

    async def sleep(self, delay_s: float) -> None:
        """Sleep this many scaled seconds."""
        await super().sleep(delay_s / self.speed)

    async def sleep_until(self, moment: datetime) -> None:
        """Wait for a scaled moment."""
        while (left_s := (moment - self.now()).total_seconds()) > 0:
            await self.sleep(left_s)

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """A deadline in scaled seconds, but never shorter than the machine needs."""
        return asyncio.timeout(self.real_deadline_s(delay_s))

    def real_deadline_s(self, delay_s: float) -> float | None:
        """Shorter by the speed, but never shorter than the machine needs."""
        return max(delay_s / self.speed, min(delay_s, MIN_REAL_TIMEOUT_S))


@dataclass(order=True, slots=True)
class _Sleeper:
    at_s: float
    number: int
    wake: asyncio.Future[None] = field(compare=False)


class SteppedClock(SystemClock):
    """Jumps to the next sleeper as soon as the event loop has settled; no real time is waited for.

    Everything that takes part must live on one event loop. Work in threads or processes is wrapped in `hold`. While a
    question to a peer is `in_flight` and the peer is not `parked` on this very clock, time stands still, though never
    for longer than `PATIENCE_S` of real time. What else is under way on loopback sockets settles within
    `settle_rounds` turns of the loop after the last `touch`.
    """

    def __init__(self, origin: datetime, settle_rounds: int = 16) -> None:
        self._origin = origin.astimezone(UTC)
        self._elapsed_s = 0.0
        self._sleepers: list[_Sleeper] = []
        self._numbers = itertools.count()
        self._holds = 0
        self._in_flight = 0
        self._parked = 0
        self._touched_s = 0.0
        self._rounds = settle_rounds
        self._quiet = 0
        self._pumping = False

    def now(self) -> datetime:
        """Stepped UTC now."""
        return self._origin + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Stepped seconds since the origin."""
        return self._elapsed_s

    async def sleep(self, delay_s: float) -> None:
        """Wait until the clock has moved on by this much."""
        sleeper = self._add(delay_s)
        try:
            await sleeper.wake
        finally:
            sleeper.wake.cancel()

    async def sleep_until(self, moment: datetime) -> None:
        """Wait for a stepped moment."""
        await self.sleep((moment - self.now()).total_seconds())

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """A deadline in stepped time."""
        return self._timeout(delay_s)

    def real_deadline_s(self, delay_s: float) -> float | None:  # noqa: ARG002 - no real time belongs to it
        """Stepped time has no real length."""
        return None

    @asynccontextmanager
    async def _timeout(self, delay_s: float) -> AsyncIterator[object]:
        async with asyncio.timeout(None) as limit:
            sleeper = self._add(delay_s)
            loop = asyncio.get_running_loop()
            sleeper.wake.add_done_callback(lambda wake: None if wake.cancelled() else limit.reschedule(loop.time()))
            try:
                yield limit
            finally:
                sleeper.wake.cancel()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Stand still while a real thread works."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self.touch()
            self._start_pump()

    def touch(self) -> None:
        """Let what is under way settle before the next step."""
        self._quiet = 0
        self._touched_s = time.monotonic()  # noqa: TID251

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """A peer owes an answer."""
        self._in_flight += 1
        self.touch()
        try:
            yield
        finally:
            self._in_flight -= 1
            self.touch()

    @contextmanager
    def parked(self) -> Iterator[None]:
        """An answer is owed on purpose."""
        self._parked += 1
        try:
            yield
        finally:
            self._parked -= 1
            self.touch()

    def _owed(self) -> bool:
        return self._in_flight > self._parked and time.monotonic() - self._touched_s < PATIENCE_S  # noqa: TID251

    def _add(self, delay_s: float) -> _Sleeper:
        loop = asyncio.get_running_loop()
        sleeper = _Sleeper(self._elapsed_s + max(0.0, delay_s), next(self._numbers), loop.create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._start_pump()
        return sleeper

    def _start_pump(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._quiet = 0
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        while self._sleepers and self._sleepers[0].wake.done():
            heapq.heappop(self._sleepers)
        if self._holds or not self._sleepers:
            self._pumping = False
            return
        self._quiet = 0 if self._owed() else self._quiet + 1
        if self._quiet > self._rounds:
            self._quiet = 0
            sleeper = heapq.heappop(self._sleepers)
            self._elapsed_s = max(self._elapsed_s, sleeper.at_s)
            sleeper.wake.set_result(None)
        asyncio.get_running_loop().call_soon(self._pump)
