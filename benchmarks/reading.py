"""Reading a market: features carried along, contracts, ten components, alignment, regime, strategies, ensemble.

Every step is one more minute of a seeded walk. Reference of the update: everything computed anew from the candles.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import numpy as np
from tests.fakes import FakeIntel
from tests.support import NOW, a_spec, a_ticker, samples_of

from benchmarks.harness import Result, seconds
from tradingbot.core.types import Asset, Symbol, Timeframe, epoch_ms
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.market.candle_contract import candle_problems
from tradingbot.market.candles import Candles
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.frame_features import FrameParams, frame_features
from tradingbot.market.intelligence import (
    ExchangeFlow,
    FearGreed,
    FundingRates,
    FundingStats,
    IntelState,
    Liquidations,
    LiquidationWindow,
    LongShort,
    MarketIntel,
    OpenInterest,
    Stamp,
    SymbolIntel,
    TakerFlow,
)
from tradingbot.market.minute_features import minute_features
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import BookStats, MarketSnapshot, SymbolSnapshot
from tradingbot.reading import ReadingParams, read_market

KEPT = 1000
STEPS = 200
HIGHER = tuple(frame for frame in Timeframe if frame is not Timeframe.M1)
LEADER = Symbol("BTCUSDT")
READING, FRAMES, CONTRACTS = ReadingParams(), FrameParams(), ContractParams()


@dataclass
class World:
    """A walk of several symbols, minute by minute, and everything the daemon keeps of it."""

    paths: Mapping[Symbol, Candles]
    higher: Mapping[Symbol, Mapping[Timeframe, Candles]]
    keeper: FeatureKeeper
    desk: IntelDesk
    intel: FakeIntel
    regime: RegimeReading | None = None

    def minutes(self, step: int) -> dict[Symbol, Candles]:
        end_ms = epoch_ms(NOW) // 60_000 * 60_000 + step * 60_000
        return {symbol: path.until(end_ms).tail(KEPT) for symbol, path in self.paths.items()}


def a_world(count: int) -> World:
    rng = np.random.default_rng(5)
    length = KEPT + STEPS
    first_ms = epoch_ms(NOW) // 60_000 * 60_000 - KEPT * 60_000
    times = first_ms + np.arange(length, dtype=np.int64) * 60_000
    common = rng.normal(0, 0.0005, length)
    paths, higher = {}, {}
    for number in range(count):
        symbol = LEADER if number == 0 else Symbol(f"S{number}USDT")
        close = 2000 * np.exp(np.cumsum(common + rng.normal(0, 0.0004, length)))
        paths[symbol] = Candles(symbol, Timeframe.M1, times, close, close * 1.0002, close * 0.9998, close, close)
        higher[symbol] = {frame: _older(symbol, frame, rng) for frame in HIGHER}
    intel = FakeIntel()
    desk = IntelDesk(intel, {symbol: Asset(symbol.removesuffix("USDT")) for symbol in paths}, CONTRACTS)
    return World(paths, higher, FeatureKeeper(READING.signals.windows, FRAMES, paths), desk, intel)


def _older(symbol: Symbol, frame: Timeframe, rng: np.random.Generator) -> Candles:
    last_ms = epoch_ms(NOW) // frame.ms * frame.ms
    times = last_ms - frame.ms * np.arange(300, 0, -1, dtype=np.int64)
    close = 2000 * np.exp(np.cumsum(rng.normal(0, 0.002, 300)))
    return Candles(symbol, frame, times, close, close * 1.001, close * 0.999, close, close)


def everything(now: datetime, symbols: Mapping[Symbol, Candles], step: int) -> IntelState:
    """Every feed of every asset, newly polled."""
    stamp = Stamp(now - timedelta(seconds=20), now - timedelta(seconds=19), "coinglass")
    one = SymbolIntel(
        taker=TakerFlow(stamp, 300, 6e8 + step, 5e8),
        liquidations=Liquidations(
            LiquidationWindow(stamp, 3600, 2e6, 1e6), None, LiquidationWindow(stamp, 86_400, 2e7, 1e7)
        ),
        open_interest=OpenInterest(stamp, 1e9 + step, {"1h": 1.2, "4h": -0.8}),
        funding=FundingRates(stamp, 0.0004, 12),
        funding_stats=FundingStats(stamp, 0.0001, 0.0001, 90),
        long_short=LongShort(stamp, 0.6),
        exchange_flow=ExchangeFlow(stamp, 86_400, -3e6, 1e6),
    )
    assets = {Asset(symbol.removesuffix("USDT")): one for symbol in symbols}
    return IntelState(assets, MarketIntel(fear_greed=FearGreed(stamp, 12.0)))


def updated(world: World, minutes: Mapping[Symbol, Candles], symbol: Symbol) -> None:
    """What one new minute costs for one symbol."""
    world.keeper.minute(symbol, minutes)
    world.keeper.frames(symbol, (minutes[symbol], *world.higher[symbol].values()))


def anew(world: World, minutes: Mapping[Symbol, Candles], symbol: Symbol) -> None:
    """The same from the candles alone."""
    minute_features(minutes[symbol], minutes[LEADER] if symbol != LEADER else None, READING.signals.windows)
    for candles in (minutes[symbol], *world.higher[symbol].values()):
        frame_features(candles, FRAMES)


def read(world: World, step: int) -> None:
    """One cycle's whole reading."""
    now, minutes = NOW + timedelta(minutes=step), world.minutes(step)
    world.intel.known = everything(now, minutes, step)
    parts = {symbol: _part(world, symbol, minutes, now) for symbol in minutes}
    judged, market = world.desk.judge(now, {})
    parts = {symbol: replace(part, intel=judged[symbol]) for symbol, part in parts.items()}
    snapshot = MarketSnapshot(now, f"c{step}", parts, None, Decimal(10_000), {}, market, world.regime)
    reading = read_market(snapshot, READING)
    if min(one.flow.live for one in reading.symbols.values()) < 9:
        raise RuntimeError("a component could not judge: this would be no measure of reading")
    world.regime = reading.regime


def _part(world: World, symbol: Symbol, minutes: Mapping[Symbol, Candles], now: datetime) -> SymbolSnapshot:
    candles = minutes[symbol]
    price = float(candles.close[-1])
    samples = samples_of([10.0] * 60, [9.0] * 60, 5.0)
    shift_ms = epoch_ms(now) - epoch_ms(NOW)
    return SymbolSnapshot(
        symbol=symbol,
        spec=a_spec(symbol),
        candles=candles,
        samples=replace(samples, time_ms=samples.time_ms + shift_ms),
        ticker=a_ticker(symbol, f"{price:.4f}"),
        book=BookStats(now, price - 0.1, price + 0.1, 0.01, 1e6, 1e6),
        higher=world.higher[symbol],
        features=world.keeper.minute(symbol, minutes),
        frames=world.keeper.frames(symbol, (candles, *world.higher[symbol].values())),
        candle_problems=candle_problems(candles, price, now, 90.0, CONTRACTS),
    )


def run() -> list[Result]:
    """Reading of 10 and of 100 symbols; one symbol's update after a new minute."""
    results = []
    for count, limit_ms in ((10, 15.0), (100, 120.0)):
        world = a_world(count)
        read(world, 0)
        cycles_ms = [seconds(partial(read, world, step)) * 1000 for step in range(1, STEPS)]
        p50 = statistics.median(cycles_ms)
        batch = statistics.median(_batch_ms(world, step) for step in range(1, 12))
        name = f"reading of {count} symbols, p50"
        results.append(Result(name, p50, "ms", batch, p50 / batch, f"<= {limit_ms:g} ms", p50 <= limit_ms))
    return [*results, _update()]


def _batch_ms(world: World, step: int) -> float:
    """All features of all symbols anew: what a reading without carried sums would have to do first."""
    minutes = world.minutes(step)
    return seconds(lambda: [anew(world, minutes, symbol) for symbol in minutes]) * 1000


def _update() -> Result:
    world = a_world(2)
    other = next(symbol for symbol in world.paths if symbol != LEADER)
    updated(world, world.minutes(0), other)
    ours_us, batch_us = [], []
    for step in range(1, STEPS):
        minutes = world.minutes(step)
        ours_us.append(seconds(lambda minutes=minutes: updated(world, minutes, other)) * 1e6)
        batch_us.append(seconds(lambda minutes=minutes: anew(world, minutes, other)) * 1e6)
    ours, batch = statistics.median(ours_us), statistics.median(batch_us)
    return Result("features of one symbol, a new minute", ours, "us", batch, ours / batch, "<= 150 us", ours <= 150)
