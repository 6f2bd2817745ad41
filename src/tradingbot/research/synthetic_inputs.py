"""Recorded inputs that nobody recorded: seeded candles, or real ones, with seeded values of every other feed.

The values mean nothing. They move enough that every component has something to say, arrive as late as the real ones
do, and take the market from a rise into a panic on the last day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from tradingbot.core.types import ContractKind, Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray
from tradingbot.market.contracts import ContractSpec, MarginLevel
from tradingbot.research.recorded_inputs import EVERYWHERE, Key, RecordedInputs, Series, Told, minute_series

Make = Callable[[int], FloatArray]
"""Values of a column, so many."""
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 66
SEED: Final = 4
"""With this seed every probe depends on its newest inputs at one of the moments at least."""
LEADER, FOLLOWER, THIRD = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
CANDLE_DELAY_MS: Final = 1_000
AFTER: Final = timedelta(seconds=2)
"""A cycle looks this long after the full minute."""
WATCH: Final = timedelta(minutes=10), timedelta(minutes=2)
"""Books are recorded so long before and after each moment that will be looked at."""


def synthetic_moments(start: datetime = START) -> tuple[datetime, ...]:
    """Moments at which bars of every timeframe have just closed, with few and with many of them known.

    The last three: before the index of volatility tells of the panic, within it, and between two full minutes.
    """
    first = (timedelta(hours=2), timedelta(hours=5, minutes=30), timedelta(days=1), timedelta(days=4))
    later = (timedelta(days=16), timedelta(days=62), timedelta(days=64), timedelta(days=65))
    panic = (timedelta(days=65, hours=18), timedelta(days=65, hours=20), timedelta(days=65, hours=21, seconds=27))
    return tuple(start + span + AFTER for span in (*first, *later, *panic))


def unarrived_moments(start: datetime = START) -> tuple[datetime, ...]:
    """Moments at which the newest bars have closed but not arrived."""
    closed = (timedelta(days=65), timedelta(days=65, hours=20))
    return tuple(start + span + timedelta(milliseconds=CANDLE_DELAY_MS // 2) for span in closed)


def synthetic_inputs(seed: int = SEED) -> RecordedInputs:
    """Sixty-six days of three symbols that rise and then crash on the last day."""
    return record(synthetic_candles(seed), synthetic_moments(), seed)


def synthetic_candles(seed: int, days: int = DAYS) -> dict[Symbol, Candles]:
    """One-minute candles; the others follow the leader partly at once and partly a minute later."""
    rng = np.random.default_rng(seed)
    count = days * 1440
    times = epoch_ms(START) + MINUTE_MS * np.arange(count, dtype=np.int64)
    lead = rng.normal(0.012 / 1440, 0.0007, count)
    crash = slice((days - 1) * 1440 + 14 * 60, (days - 1) * 1440 + 20 * 60)
    lead[crash] -= 0.13 / 360
    late = np.concatenate(([0.0], lead[:-1]))
    found = {}
    for symbol, price, own in ((LEADER, 40_000.0, 0.0), (FOLLOWER, 2_000.0, 0.0004), (THIRD, 100.0, 0.0006)):
        moves = lead if symbol == LEADER else 0.6 * lead + 0.4 * late + rng.normal(0, own, count)
        found[symbol] = _bars(symbol, times, price * np.exp(np.cumsum(moves)), rng)
    return found


def _bars(symbol: Symbol, times: IntArray, close: FloatArray, rng: np.random.Generator) -> Candles:
    opens = np.concatenate((close[:1], close[:-1]))
    wicks = np.exp(np.abs(rng.normal(0, 0.0003, (2, close.shape[0]))))
    volume = np.asarray(rng.lognormal(1.0, 0.5, close.shape[0]))
    high, low = np.maximum(opens, close) * wicks[0], np.minimum(opens, close) / wicks[1]
    return Candles(symbol, Timeframe.M1, times, opens, high, low, close, volume)


def record(candles: Mapping[Symbol, Candles], moments: Iterable[datetime], seed: int) -> RecordedInputs:
    """Candles, synthetic or real, with seeded values of every other feed; books around `moments` only."""
    rng = np.random.default_rng((seed, 7))
    watched = tuple(moments)
    series: dict[Key, Series] = {}
    for symbol, minutes in candles.items():
        series[symbol, Told.MINUTES] = minute_series(minutes, CANDLE_DELAY_MS)
        series[symbol, Told.BOOK] = _book(minutes, watched, rng)
        series[symbol, Told.TICKER] = _ticker(minutes, rng)
        series |= {(symbol, kind): one for kind, one in _symbol_feeds(minutes, rng).items()}
        series[symbol, Told.OPTION_SKEW] = _options(minutes, np.random.default_rng((seed, 8, len(series))))
    first = next(iter(candles.values()))
    series[EVERYWHERE, Told.FEAR_GREED] = _rhythm(first, DAY_MS, 600_000, value=lambda n: rng.uniform(2, 98, n))
    series[EVERYWHERE, Told.VOLATILITY] = _volatility(first, rng)
    return RecordedInputs({symbol: a_contract(symbol, first) for symbol in candles}, series)


def a_contract(symbol: Symbol, candles: Candles) -> ContractSpec:
    """A linear contract of one unit."""
    return ContractSpec(
        symbol=symbol,
        venue_symbol=symbol,
        kind=ContractKind.LINEAR,
        contract_size=Decimal(1),
        tick_size=Decimal("0.01"),
        size_step=Decimal("0.001"),
        min_size=Decimal("0.001"),
        max_size=Decimal(100_000),
        margin_levels=(MarginLevel(Decimal(0), Decimal("0.02"), Decimal("0.01")),),
        settlement_currency="USD",
        wallet="flex",
        tradeable=True,
        post_only=False,
        as_of=utc_from_ms(int(candles.open_ms[0])),
        source="built-in",
    )


def _book(minutes: Candles, moments: Iterable[datetime], rng: np.random.Generator) -> Series:
    """Best quotes every five seconds around the moments, at the price of the minute before."""
    spans = [np.arange(epoch_ms(at - WATCH[0]), epoch_ms(at + WATCH[1]), 5_000, dtype=np.int64) for at in moments]
    times = np.unique(np.concatenate(spans)) if spans else np.empty(0, dtype=np.int64)
    row = np.clip(np.searchsorted(minutes.open_ms, times - MINUTE_MS, side="right") - 1, 0, None)
    mid = minutes.close[row] * np.exp(rng.normal(0, 0.0001, times.shape[0]))
    sizes = rng.lognormal(2.0, 0.8, (2, times.shape[0]))
    columns = {"bid": mid * 0.9999, "bid_size": sizes[0], "ask": mid * 1.0001, "ask_size": sizes[1]}
    return Series(times, times + 50, columns)


def _ticker(minutes: Candles, rng: np.random.Generator) -> Series:
    """A ticker half a second after each close."""
    times, count = minutes.open_ms + MINUTE_MS + 500, len(minutes)
    return Series(
        times,
        times + 200,
        {
            "mark": minutes.close * np.exp(rng.normal(0, 0.0001, count)),
            "funding_relative": rng.normal(2e-5, 4e-5, count),
            "open_interest": 1e9 / minutes.close[0] * np.exp(np.cumsum(rng.normal(0, 0.0005, count))),
        },
    )


def _symbol_feeds(minutes: Candles, rng: np.random.Generator) -> dict[Told, Series]:
    def lognormal(mean: float) -> Make:
        return lambda n: mean * rng.lognormal(0, 0.8, n)

    def normal(mean: float, spread: float) -> Make:
        return lambda n: rng.normal(mean, spread, n)

    def walk(n: int) -> FloatArray:
        return np.asarray(1e10 * np.exp(np.cumsum(rng.normal(0, 0.004, n))))

    return {
        Told.VENUE_FUNDING_HISTORY: _rhythm(minutes, HOUR_MS, 5_000, relative_rate=normal(1e-5, 3e-5)),
        Told.TAKER: _rhythm(minutes, 2 * MINUTE_MS, 20_000, buy_usd=lognormal(3e7), sell_usd=lognormal(3e7)),
        Told.LIQUIDATIONS: _rhythm(
            minutes,
            2 * MINUTE_MS,
            20_000,
            hour_long_usd=lognormal(3e5),
            hour_short_usd=lognormal(3e5),
            day_long_usd=lognormal(5e6),
            day_short_usd=lognormal(5e6),
        ),
        Told.OPEN_INTEREST: _rhythm(minutes, 5 * MINUTE_MS, 20_000, total_usd=walk),
        Told.FUNDING: _rhythm(
            minutes, 10 * MINUTE_MS, 20_000, median_8h=normal(1e-4, 2e-4), venues=lambda n: np.full(n, 5.0)
        ),
        Told.LONG_SHORT: _rhythm(minutes, HOUR_MS, 120_000, long_share=lambda n: rng.uniform(0.2, 0.8, n)),
        Told.EXCHANGE_FLOW: _rhythm(minutes, HOUR_MS, 600_000, net_inflow_usd=normal(0, 3e6)),
        Told.WHALES: _rhythm(
            minutes,
            10 * MINUTE_MS,
            60_000,
            inflow_usd=lognormal(2e6),
            outflow_usd=lognormal(2e6),
            count=lambda n: rng.integers(1, 9, n).astype(np.float64),
        ),
    }


def _options(minutes: Candles, rng: np.random.Generator) -> Series:
    """Volatilities of one expiry every five minutes; now puts are dearer, now calls."""

    def volatility(n: int) -> FloatArray:
        return rng.uniform(45, 55, n)

    return _rhythm(
        minutes,
        5 * MINUTE_MS,
        20_000,
        put_25d_iv_pct=volatility,
        call_25d_iv_pct=volatility,
        atm_iv_pct=volatility,
        expiry_days=lambda n: rng.uniform(25, 35, n),
    )


def _volatility(minutes: Candles, rng: np.random.Generator) -> Series:
    """DVOL once an hour: calm, then high from the last day's evening on."""
    series = _rhythm(minutes, HOUR_MS, 300_000, dvol=lambda n: rng.uniform(40, 55, n))
    evening_ms = (int(minutes.open_ms[-1]) // DAY_MS) * DAY_MS + 18 * HOUR_MS
    dvol = np.where(series.true_ms >= evening_ms, 90.0, 0.0) + series.columns["dvol"]
    return Series(series.true_ms, series.arrived_ms, {"dvol": dvol})


def _rhythm(minutes: Candles, every_ms: int, delay_ms: int, **columns: Make) -> Series:
    """Values at every full `every_ms` of the candles' time that arrive `delay_ms` later."""
    first, last = int(minutes.open_ms[0]) // every_ms * every_ms, int(minutes.open_ms[-1]) + MINUTE_MS
    times = np.arange(first, last + 1, every_ms, dtype=np.int64)
    return Series(times, times + delay_ms, {name: make(times.shape[0]) for name, make in columns.items()})
