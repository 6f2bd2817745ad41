"""EMA(10/30) cross with a 2.5 % stop over a year of one-minute bars, by the simulated venue's matching and account.

Long only, one position of 10,000 USD, fee 0.05 % a side, no signal before bar 30: bought at the open after a cross up,
sold at the open after a cross down. The stop is a reduce-only order that rests at the venue, 2.5 % below the entry
bar's open, fired by the index. Reference: the same rule as one plain loop over floats, which must trade as often.
All in CPU time of one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from benchmarks.harness import Result
from tradingbot.core.types import Side
from tradingbot.simulator.order_desk import NewOrder
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns
from tradingbot.simulator.rounding import floor_to
from tradingbot.simulator.venue import SimulatedVenue

BARS: Final = 525_600
MINUTE_MS: Final = 60_000
FIRST_MS: Final = 1_767_225_600_000
CONTRACT: Final = "PF_XBTUSD"
STAKE_USD: Final = 10_000.0
FEE: Final = 0.0005
STOP: Final = 0.975
QUICK, SLOW = 2 / 11, 2 / 31
FIRST_SIGNAL: Final = 30
FASTEST_FULL_ENGINE: Final = 30_900
"""Bars per second of the quickest peer that has venue, account and order events, measured elsewhere."""


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    trades: int = 0
    stopped: int = 0
    worth_usd: float = 0.0


def made_bars(count: int, seed: int = 11) -> RecordedColumns:
    """A seeded walk of one-minute bars, with a shock every other day or so, some of which reach a stop."""
    rng = np.random.default_rng(seed)
    shocks = np.where(rng.random(count) < 0.0005, rng.normal(0, 0.03, count), 0.0)
    close = 60_000 * np.exp(np.cumsum(rng.normal(0, 0.0006, count) + shocks))
    open_ = np.concatenate(([60_000.0], close[:-1]))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.0003, count)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.0003, count)))
    times = FIRST_MS + np.arange(count, dtype=np.int64) * MINUTE_MS
    return RecordedColumns(times, open_, high, low, close, rng.uniform(50, 150, count))


def plain(bars: RecordedColumns) -> Outcome:
    """The rule alone."""
    found, columns = Outcome(), (bars.open, bars.high, bars.low, bars.close)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    quick = slow = None
    size = stop = 0.0
    above = buy = sell = False
    for number, (open_, _, low, close) in enumerate(rows):
        if buy:
            size, stop = STAKE_USD / open_, open_ * STOP
            found.worth_usd -= STAKE_USD * (1 + FEE)
        elif sell:
            found.worth_usd += size * open_ * (1 - FEE)
            found.trades, size = found.trades + 1, 0.0
        if size and low <= stop:
            found.worth_usd += size * min(open_, stop) * (1 - FEE)
            found.trades, found.stopped, size = found.trades + 1, found.stopped + 1, 0.0
        quick = close if quick is None else quick + QUICK * (close - quick)
        slow = close if slow is None else slow + SLOW * (close - slow)
        was, above = above, quick > slow
        buy = sell = False
        if number >= FIRST_SIGNAL and was is not above:
            buy, sell = above and not size, not above and size > 0
    return found


def a_venue(bars: RecordedColumns) -> SimulatedVenue:
    """One contract on these bars, an account that a year of fees does not empty, and no public trades."""
    params = SimulatorParams(
        contracts=(CONTRACT,), traded_contracts=(CONTRACT,), starting_equity_usd=Decimal(10_000_000),
        taker_fee=Decimal(repr(FEE)), tick_interval_s=60, history_days=1,
    )  # fmt: skip
    venue = SimulatedVenue(params, RecordedMarket({"BTC": bars}, warmup_minutes=0), FIRST_MS)
    venue.state.has_tape = False
    return venue


class Trader:
    """The rule, as what trades at the venue."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self.found = Outcome()
        self._venue = venue
        self._one = venue.instruments[CONTRACT]
        self._quick: float | None = None
        self._slow = 0.0
        self._above = False
        self._stop_uid = ""

    def bar_closed(self, number: int, close: float, next_open: float) -> None:
        """Judge the bar; what has to be done is done at the open that follows."""
        if self._quick is None:
            self._quick = self._slow = close
        self._quick += QUICK * (close - self._quick)
        self._slow += SLOW * (close - self._slow)
        was, self._above = self._above, self._quick > self._slow
        if number < FIRST_SIGNAL or was is self._above:
            return
        holds = self._venue.account.size(CONTRACT)
        if self._above and not holds:
            self._enter(next_open)
        elif not self._above and holds:
            self._venue.cancel(self._stop_uid)
            self._stop_uid = ""
            self._trade(Side.SELL, holds, reduce_only=True)
            self.found.trades += 1

    def count_stops(self) -> None:
        """A stop that fired has left the book and taken the position along."""
        if self._stop_uid and self._stop_uid not in self._venue.account.orders:
            stopped = not self._venue.account.size(CONTRACT)
            self.found.stopped, self.found.trades = self.found.stopped + stopped, self.found.trades + stopped
            self._stop_uid = ""

    def _enter(self, price: float) -> None:
        size = floor_to(Decimal(repr(STAKE_USD / price)), self._one.step)
        self._trade(Side.BUY, size)
        stop = floor_to(Decimal(repr(price * STOP)), self._one.tick)
        self._stop_uid = self._trade(Side.SELL, size, kind="stp", stop_price=stop, signal="index", reduce_only=True)

    def _trade(self, side: Side, size: Decimal, kind: str = "mkt", **more: Any) -> str:
        told = self._venue.send(NewOrder(CONTRACT, side, kind, size, **more))
        if told.status != "placed" or told.order is None:
            raise RuntimeError(f"the venue refused an order: {told.status}")
        return told.order.uid


def ours(bars: RecordedColumns) -> Outcome:
    """The rule at the venue: bar by bar, orders, fills, funding, margin."""
    venue = a_venue(bars)
    trader = Trader(venue)
    closes, opens = bars.close.tolist(), bars.open.tolist()
    for number, close in enumerate(closes[:-1]):
        venue.advance(FIRST_MS + (number + 1) * MINUTE_MS)
        trader.count_stops()
        trader.bar_closed(number, close, opens[number + 1])
        if number % 1440 == 0:
            venue.state.take_fresh()  # as whoever keeps the account's history does
            venue.state.prints.clear()
    trader.found.worth_usd = float(venue.account.balance(venue.instruments[CONTRACT].wallet, "USD"))
    return trader.found


def cpu_s(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


def run() -> list[Result]:
    """Bars per second of the rule at the venue; fails when it did not trade as the plain loop does."""
    bars = made_bars(BARS)
    expected = plain(bars)
    plain_s = min(cpu_s(lambda: plain(bars)) for _ in range(3))
    found: list[Outcome] = []
    ours_s = cpu_s(lambda: found.append(ours(bars)))
    if (found[0].trades, found[0].stopped) != (expected.trades, expected.stopped):
        raise RuntimeError(f"the venue traded {found[0]}, the rule {expected}: this would be no measure of it")
    speed, reference = BARS / ours_s, BARS / plain_s
    name = f"EMA(10/30) cross with stop, a year, {expected.trades:,} trades"
    met = speed >= FASTEST_FULL_ENGINE
    return [Result(name, speed, "bars/s", reference, speed / reference, f">= {FASTEST_FULL_ENGINE:,} bars/s", met)]
