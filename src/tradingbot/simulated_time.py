"""An event loop whose time is no real one: where everything waits, it is at once as late as the next one waits for.

The loop's own timers are the clock, so that tasks, deadlines and sleeps are what they are in real time, only that
nobody waits. Two runs of the same tasks take the same turns.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tradingbot.clock import SystemClock

T = TypeVar("T")


class _Impatient(selectors.BaseSelector):
    """Asks the real selector what is ready; a wait for a timer is no wait."""

    def __init__(self, pass_time: Callable[[float], bool]) -> None:
        self._real = selectors.DefaultSelector()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready. Without a timer, or while a thread works, the wait is a real one."""
        if timeout is not None and timeout > 0 and self._pass_time(timeout):
            timeout = 0
        elif timeout is not None and timeout > 0:
            timeout = None
        return self._real.select(timeout)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real one."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the real one."""
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real one."""
        return self._real.modify(fileobj, events, data)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """As the real one."""
        return self._real.get_key(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As the real one."""
        return self._real.get_map()

    def close(self) -> None:
        """As the real one."""
        self._real.close()


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s. While `held`, time stands still and the loop really waits: for threads."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self.held = 0
        super().__init__(_Impatient(self._pass_time))
        # After months a float of seconds is no longer exact to the nanosecond, which the loop would else wait for.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._elapsed_s

    def _pass_time(self, wait_s: float) -> bool:
        if self.held:
            return False
        self._elapsed_s += wait_s
        return True


class SimulatedClock(SystemClock):
    """The time of a `SimulatedLoop`, which began at `origin`. Only to be used within that loop."""

    def __init__(self, origin: datetime, loop: SimulatedLoop) -> None:
        self._origin = origin.astimezone(UTC)
        self._loop = loop

    def now(self) -> datetime:
        """Simulated UTC now, to the microsecond."""
        return self._origin + timedelta(seconds=self._loop.time())

    def monotonic_s(self) -> float:
        """Simulated seconds since the origin."""
        return self._loop.time()

    async def sleep_until(self, moment: datetime) -> None:
        """At once, and that much later."""
        await self.sleep((moment - self.now()).total_seconds())

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """A deadline in simulated time."""
        return asyncio.timeout(delay_s)

    def real_deadline_s(self, delay_s: float) -> float | None:  # noqa: ARG002 - no real time belongs to it
        """Simulated time has no real length."""
        return None

    def hold(self) -> AbstractContextManager[None]:
        """Time stands still while a real thread works."""
        return self._held()

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._loop.held += 1
        try:
            yield
        finally:
            self._loop.held -= 1


def run_simulated(origin: datetime, main: Callable[[SimulatedClock], Coroutine[Any, Any, T]]) -> T:
    """What `main` returns or raises, run to its end in a loop of its own that begins at `origin`."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimulatedLoop)
        clock, returned = SimulatedClock(origin, loop), list[T]()

        async def played() -> None:
            # Not as the task's result: the runner would spell it out in words, however long it is, to no end.
            returned.append(await main(clock))

        runner.run(played())
        return returned[0]
