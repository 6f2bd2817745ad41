"""One whole cycle without a network: ten symbols, a thousand one-minute candles each, real engine, real files.

Reference: the same number of candles hashed and the same records encoded, which no cycle that writes a canonical record
can do without.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import structlog
import uvloop
from tests.fakes import FakeVenue
from tests.support import NOW, a_spec, an_inverse_spec, candles_of

from benchmarks.harness import Result
from tradingbot.app.bootstrap import IntelAccess, VenueParts, load
from tradingbot.app.daemon import Daemon
from tradingbot.app.home import make_home
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import open_stores
from tradingbot.clock import SteppedClock
from tradingbot.core.types import Symbol
from tradingbot.market.universe import Universe

CYCLES = 300


def run() -> list[Result]:
    """p50 and p99 of a cycle, and of its pure thinking."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cycle_ms, think_ms, reference_ms = runner.run(_measure(Path(folder)))
    structlog.reset_defaults()
    p50, p99 = statistics.median(cycle_ms), sorted(cycle_ms)[int(len(cycle_ms) * 0.99)]
    think = statistics.median(think_ms)
    return [
        Result(
            "cycle p50, 10 symbols x 1,000 candles", p50, "ms", reference_ms, p50 / reference_ms, "<= 15 ms", p50 <= 15
        ),
        Result("cycle p99", p99, "ms", reference_ms, p99 / reference_ms, "<= 40 ms", p99 <= 40),
        Result("  of which decision p50", think, "ms", reference_ms, think / reference_ms, "<= 15 ms", think <= 15),
    ]


async def _measure(home: Path) -> tuple[list[float], list[float], float]:
    make_home(home)
    options = RunOptions(home=home)
    settings, _ = load(options, {})
    universe = Universe(settings.universe)
    clock = SteppedClock(NOW)
    venue = _venue(clock, universe.tradeable)
    intel = IntelAccess(settings.coinglass, None)
    parts = VenueParts(venue, clock, universe, universe.tradeable, "", "", intel)
    stores = open_stores(home, clock)
    daemon = Daemon(options, settings, parts, stores, venue.specs)
    await daemon.prepare()
    cycle_ms, think_ms = [], []
    paths = _paths(venue)
    for number in range(CYCLES):
        _next_minute(venue, paths, number)
        report = await daemon.run_cycle()
        cycle_ms.append(report.duration_ms)
        think_ms.append(report.think_ms)
        await clock.sleep(60)
    await stores.writer.close(10)
    return cycle_ms, think_ms, _reference_ms(venue)


def _venue(clock: SteppedClock, symbols: tuple[Symbol, ...]) -> FakeVenue:
    specs = {s: an_inverse_spec(symbol=s) if s == "BTCUSDT" else a_spec(s) for s in symbols}
    return FakeVenue(clock, specs, {s: "50000" if s == "BTCUSDT" else "2000" for s in symbols})


def _paths(venue: FakeVenue) -> dict[Symbol, np.ndarray]:
    """One walk per symbol; the others follow BTC two minutes late."""
    rng = np.random.default_rng(1)
    length = 1000 + CYCLES
    leader = rng.normal(0, 0.0008, length)
    paths = {}
    for symbol in venue.specs:
        own = rng.normal(0, 0.0006, length)
        own[2:] += leader[:-2]
        base = 50_000 if symbol == "BTCUSDT" else 2_000
        paths[symbol] = base * np.exp(np.cumsum(leader if symbol == "BTCUSDT" else own))
    return paths


def _next_minute(venue: FakeVenue, paths: dict[Symbol, np.ndarray], number: int) -> None:
    end = venue.clock.now()
    for symbol, path in paths.items():
        venue.candle_sets[symbol] = candles_of(path[number : number + 1000], symbol, end)


def _reference_ms(venue: FakeVenue) -> float:
    import hashlib

    def once() -> float:
        started = time.perf_counter()
        state = hashlib.blake2b(digest_size=16)
        for candles in venue.candle_sets.values():
            for column in (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume):
                state.update(column.tobytes())
        for _ in range(11):
            orjson.dumps({"hash": state.hexdigest(), "numbers": [1.5] * 60})
        return (time.perf_counter() - started) * 1000

    return statistics.median(once() for _ in range(50))
