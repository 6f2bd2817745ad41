"""The simulated venue survives a kill at any moment, and runs on a stepped clock as fast as the machine allows."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.builders_sim import START_MS, RestClient, SineFeed
from tradingbot.clock import SteppedClock
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.sim_server.books import TransactionFile
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.params import SimulatorParams

_CHILD = """
import asyncio, sys
from pathlib import Path
from dataclasses import asdict
import orjson
from tests.builders_sim import START_MS, SineFeed
from tradingbot.clock import ScaledClock
from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.persistence import persisted_now
from tradingbot.sim_server.server import SimServer
from tradingbot.simulator.params import SimulatorParams

async def main():
    home = Path(sys.argv[1])
    clock = ScaledClock(persisted_now(home) or utc_from_ms(START_MS), 20.0)
    params = SimulatorParams(latency_min_ms=0, latency_max_ms=20)
    server = SimServer(params=params, feed=SineFeed(), clock=clock, home=home)
    print(orjson.dumps(asdict(await server.start())).decode(), flush=True)
    await server.run()

asyncio.run(main())
"""


def _started(home: Path) -> tuple[subprocess.Popen[bytes], SimEndpoints]:
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(home)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    return child, SimEndpoints(**orjson.loads(line))


@pytest.mark.process
async def test_nothing_that_was_answered_is_lost_by_a_kill(tmp_path: Path) -> None:
    answered: list[str] = []
    for round_number in range(2):
        child, endpoints = _started(tmp_path)
        async with aiohttp.ClientSession() as session:
            rest = RestClient(session, endpoints)
            for number in range(8):
                side = "buy" if number % 2 else "sell"
                status = await rest.order("mkt", "PF_ETHUSD", side, 0.05, cliOrdId=f"{round_number}-{number}")
                answered += [e["executionId"] for e in status["orderEvents"] if e["type"] == "EXECUTION"]
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
    loaded = TransactionFile(tmp_path).load()
    account, rows = loaded.account, loaded.rows
    assert account is not None
    assert len(answered) >= 16
    assert [fill.fill_id for fill in rows.fills] == answered
    change = sum(fill.size * fill.side.sign for fill in rows.fills)
    assert account.size("PF_ETHUSD") == change
    assert [row.id for row in rows.log] == list(range(1, len(rows.log) + 1))


async def test_an_hour_on_a_stepped_clock_with_orders_and_latency(tmp_path: Path) -> None:
    clock = SteppedClock(utc_from_ms(START_MS))
    params = SimulatorParams(latency_min_ms=50, latency_max_ms=500)
    server = SimServer(params=params, feed=SineFeed(minutes=90), clock=clock, home=tmp_path)
    endpoints = await server.start()

    async def trader() -> list[int]:
        moments = []
        async with aiohttp.ClientSession() as session:
            rest = RestClient(session, endpoints)
            for number in range(12):
                await clock.sleep_until(utc_from_ms(START_MS + number * 300_000))
                status = await rest.order("mkt", "PF_XBTUSD", "buy" if number % 2 else "sell", 0.01)
                assert status["status"] == "placed"
                moments.append(epoch_ms(clock.now()) - START_MS - number * 300_000)
        return moments

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.run())
            task = group.create_task(trader())
    finally:
        await server.stop()
    assert server.finished.is_set()
    assert server.venue.now_ms == START_MS + 90 * 60_000
    assert all(50 <= moment <= 1_000 for moment in task.result())
    assert len(set(task.result())) > 3
    assert "PF_XBTUSD" not in server.venue.account.positions


async def _played(home: Path) -> tuple[object, ...]:
    clock = SteppedClock(utc_from_ms(START_MS))
    server = SimServer(params=SimulatorParams(), feed=SineFeed(minutes=40), clock=clock, home=home)
    endpoints = await server.start()

    async def trader() -> None:
        async with aiohttp.ClientSession() as session:
            rest = RestClient(session, endpoints)
            for number in range(10):
                await clock.sleep_until(utc_from_ms(START_MS + number * 150_000 + number % 3 * 777))
                await rest.order("mkt", "PF_XBTUSD", "buy" if number % 2 else "sell", 0.01)
                await rest.order("lmt", "PF_ETHUSD", "buy", 0.1, limitPrice=2990 + number % 5)

    async with asyncio.TaskGroup() as group:
        group.create_task(server.run())
        group.create_task(trader())
    await server.stop()
    rows = server.venue.rows
    return rows.fills, rows.log, rows.events, server.venue.account.balances


async def test_the_same_day_served_twice_is_the_same_to_the_last_digit(tmp_path: Path) -> None:
    assert await _played(tmp_path / "one") == await _played(tmp_path / "two")
