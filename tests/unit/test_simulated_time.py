"""A loop that does not wait, and its clock."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tradingbot.simulated_time import SimulatedClock, run_simulated

ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_S = 365 * 86_400.0


def test_sleepers_wake_in_the_order_of_their_times_and_a_year_takes_no_time() -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(clock: SimulatedClock, name: str, delay_s: float) -> None:
        await clock.sleep(delay_s)
        woken.append((name, clock.monotonic_s()))

    async def main(clock: SimulatedClock) -> datetime:
        async with asyncio.TaskGroup() as group:
            for name, delay_s in (("late", YEAR_S), ("soon", 0.25), ("later", 61.5)):
                group.create_task(sleeper(clock, name, delay_s))
        return clock.now()

    end = run_simulated(ORIGIN, main)

    assert woken == [("soon", 0.25), ("later", 61.5), ("late", YEAR_S)]
    assert end == ORIGIN + timedelta(days=365)


def test_a_long_chain_of_turns_takes_no_time() -> None:
    async def main(clock: SimulatedClock) -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, lambda: None)  # something waits, but nobody may jump there while work is left
        for _ in range(10_000):
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop
        return clock.monotonic_s()

    assert run_simulated(ORIGIN, main) == 0.0


def test_a_deadline_strikes_in_simulated_time() -> None:
    async def main(clock: SimulatedClock) -> float:
        with pytest.raises(TimeoutError):
            async with clock.timeout(6.0):
                await asyncio.Event().wait()
        return clock.monotonic_s()

    assert run_simulated(ORIGIN, main) == 6.0


def test_time_stands_still_while_a_thread_works() -> None:
    async def main(clock: SimulatedClock) -> float:
        done = threading.Event()
        asyncio.get_running_loop().call_later(1.0, done.set)  # never comes while the thread works
        with clock.hold():
            assert not await asyncio.to_thread(done.wait, 0.05)
        return clock.monotonic_s()

    assert run_simulated(ORIGIN, main) == 0.0


def test_milliseconds_do_not_drift_over_a_month_of_odd_steps() -> None:
    async def main(clock: SimulatedClock) -> datetime:
        for minute in range(1, 43_201):
            await clock.sleep_until(ORIGIN + timedelta(minutes=minute))
        return clock.now()

    assert run_simulated(ORIGIN, main) == ORIGIN + timedelta(days=30)
