"""The stepped clock keeps order, stands still while held, and never waits for real time."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from tests.support import NOW
from tradingbot.clock import ScaledClock, SteppedClock


async def test_sleepers_wake_in_order_of_their_time() -> None:
    """A day of sleeping passes at once, in order."""
    clock = SteppedClock(NOW)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *delays_s: float) -> None:
        for delay_s in delays_s:
            await clock.sleep(delay_s)
            woken.append((name, clock.monotonic_s()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("a", 60, 60))
        group.create_task(sleeper("b", 90, 86_400))
    assert woken == [("a", 60), ("b", 90), ("a", 120), ("b", 86_490)]
    assert clock.now() == NOW + timedelta(seconds=86_490)


async def test_a_held_clock_stands_still() -> None:
    """While a thread works no simulated time passes, so no deadline can fire."""
    clock = SteppedClock(NOW)

    async def background() -> None:
        while True:
            await clock.sleep(1)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(background())
        await clock.sleep(5)
        with clock.hold():
            before_s = clock.monotonic_s()
            await asyncio.to_thread(time.sleep, 0.05)
            assert clock.monotonic_s() == before_s
        task.cancel()


async def test_a_deadline_fires_in_stepped_time() -> None:
    """A wait for something that never comes ends at its deadline, at once in real time."""
    clock = SteppedClock(NOW)
    with pytest.raises(TimeoutError):
        async with clock.timeout(3600):
            await asyncio.Event().wait()
    assert clock.monotonic_s() == 3600


async def test_a_deadline_that_is_met_leaves_nothing_behind() -> None:
    """A finished body is never interrupted later."""
    clock = SteppedClock(NOW)
    async with clock.timeout(10):
        await clock.sleep(1)
    await clock.sleep(100)
    assert clock.monotonic_s() == 101


async def test_cancelling_a_sleeper_does_not_stop_the_clock() -> None:
    """Others go on."""
    clock = SteppedClock(NOW)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(clock.sleep(1_000_000))
        await clock.sleep(1)
        task.cancel()
        await clock.sleep(1)
    assert clock.monotonic_s() == 2


async def test_a_scaled_clock_runs_at_its_speed() -> None:
    """An hour at 360,000 times real time is a hundredth of a second."""
    clock = ScaledClock(NOW, 360_000)
    await clock.sleep(3600)
    assert clock.now() >= NOW + timedelta(hours=1)


def test_a_speed_of_zero_is_refused() -> None:
    """A clock that stands still would hang every wait."""
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(NOW, 0)
