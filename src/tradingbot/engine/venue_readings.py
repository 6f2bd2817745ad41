"""The traded venue's own funding and open interest: the rate with its history, and the change while we watched."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import structlog

from tradingbot.core.errors import VenueError
from tradingbot.core.records import FundingRate, Ticker
from tradingbot.core.types import Symbol, epoch_ms
from tradingbot.engine.budget import within
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.intelligence import FundingRates, FundingStats, OpenInterest, Stamp
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)

WINDOWS_MIN: Final = {"5m": 5, "15m": 15, "1h": 60, "4h": 240}
HISTORY: Final = timedelta(days=7)
REFRESH: Final = timedelta(hours=1)
PER_CYCLE: Final = 3
TOLERANCE_MS: Final = 120_000
HOURS_PER_PERIOD: Final = 8
KEPT_SAMPLES: Final = 400


class VenueReadings:
    """Funding and open interest of every symbol as the traded venue tells them."""

    def __init__(self, venue: Venue, clock: Clock, read_budget_s: float, symbols: Iterable[Symbol]) -> None:
        self._venue = venue
        self._clock = clock
        self._read_budget_s = read_budget_s
        self._interest: dict[Symbol, InterestSamples] = {symbol: InterestSamples() for symbol in symbols}
        self._stats: dict[Symbol, FundingStats] = {}
        self._asked_at: dict[Symbol, datetime] = {}
        self._failing: set[Symbol] = set()

    async def refresh(self) -> None:
        """Ask for the funding history of the few symbols that waited longest; each about once an hour."""
        now = self._clock.now()
        due = [symbol for symbol in self._interest if now - self._asked_at.get(symbol, now - 2 * REFRESH) >= REFRESH]
        due.sort(key=lambda symbol: self._asked_at.get(symbol, now - 3 * REFRESH))
        async with asyncio.TaskGroup() as group:
            for symbol in due[:PER_CYCLE]:
                group.create_task(self._ask(symbol, now), name=f"funding-{symbol}")

    async def _ask(self, symbol: Symbol, now: datetime) -> None:
        self._asked_at[symbol] = now
        try:
            question = self._venue.funding_history(symbol, now - HISTORY)
            rates = await within(self._clock, self._read_budget_s, "funding history", question)
        except VenueError as error:
            if symbol not in self._failing:
                log.warning("funding_history.failed", symbol=symbol, error=str(error))
            self._failing.add(symbol)
            return
        self._failing.discard(symbol)
        stats = funding_stats(rates, now, self._venue.name)
        if stats is not None:
            self._stats[symbol] = stats

    def note(self, symbol: Symbol, ticker: Ticker) -> None:
        """Remember the open interest that a ticker tells, once a minute at most."""
        if ticker.open_interest is None or ticker.open_interest <= 0:
            return
        samples, at_ms = self._interest[symbol], epoch_ms(ticker.as_of)
        if not samples.times_ms or at_ms - samples.times_ms[-1] >= 30_000:
            samples.add(at_ms, float(ticker.open_interest))

    def funding(self, ticker: Ticker | None) -> FundingRates | None:
        """The venue's own rate as a fraction per 8 hours."""
        return funding_of(ticker, self._venue.name)

    def funding_stats(self, symbol: Symbol) -> FundingStats | None:
        """Mean and spread of its funding over the last week; None while unknown."""
        return self._stats.get(symbol)

    def interest(self, symbol: Symbol, ticker: Ticker | None, spec: ContractSpec) -> OpenInterest | None:
        """Open interest with its changes in contracts over every window that was watched whole."""
        return interest_of(ticker, spec, self._venue.name, self._interest[symbol].changes_pct)


def funding_of(ticker: Ticker | None, source: str) -> FundingRates | None:
    """The rate that a ticker tells, as a fraction per 8 hours; None where it tells none."""
    if ticker is None or ticker.funding_rate_relative is None:
        return None
    stamp = Stamp(ticker.as_of, ticker.received_at, source)
    return FundingRates(stamp, ticker.funding_rate_relative * HOURS_PER_PERIOD, 1)


def interest_of(
    ticker: Ticker | None, spec: ContractSpec, source: str, changes: Callable[[], Mapping[str, float]]
) -> OpenInterest | None:
    """The open interest that a ticker tells; None where it tells none."""
    if ticker is None or ticker.open_interest is None or ticker.mark_price is None:
        return None
    total = float(spec.notional_usd(ticker.open_interest, ticker.mark_price))
    return OpenInterest(Stamp(ticker.as_of, ticker.received_at, source), total, changes(), in_usd=False)


def funding_stats(rates: Iterable[FundingRate], now: datetime, source: str) -> FundingStats | None:
    """Mean and standard deviation of hourly rates, as fractions per 8 hours; None without any."""
    known = [rate for rate in rates if rate.time <= now]
    if not known:
        return None
    values = np.array([rate.relative_rate for rate in known]) * HOURS_PER_PERIOD
    stamp = Stamp(known[-1].time, now, source)
    return FundingStats(stamp, float(values.mean()), float(values.std()), len(known))


class InterestSamples:
    """The newest samples of open interest, by rising times."""

    def __init__(self) -> None:
        self.times_ms: list[int] = []
        self.values: list[float] = []

    def add(self, at_ms: int, value: float) -> None:
        """One more."""
        self.times_ms.append(at_ms)
        self.values.append(value)
        if len(self.times_ms) >= 2 * KEPT_SAMPLES:
            del self.times_ms[:-KEPT_SAMPLES], self.values[:-KEPT_SAMPLES]

    def changes_pct(self) -> Mapping[str, float]:
        """As the function of this name, of the newest `KEPT_SAMPLES`."""
        first = max(0, len(self.times_ms) - KEPT_SAMPLES)
        return changes_pct(self.times_ms, self.values, first)


def changes_pct(times_ms: Sequence[int], values: Sequence[float], first: int = 0) -> Mapping[str, float]:
    """Change in percent from the sample one window before the newest; windows without such a sample are left out.

    Times rise; samples before `first` do not count.
    """
    if len(times_ms) <= first:
        return {}
    newest_ms, newest = times_ms[-1], values[-1]
    found = {}
    for name, minutes in WINDOWS_MIN.items():
        wanted_ms = newest_ms - minutes * 60_000
        row = bisect_left(times_ms, wanted_ms, first)
        if row > first and (row == len(times_ms) or wanted_ms - times_ms[row - 1] <= times_ms[row] - wanted_ms):
            row -= 1
        if abs(times_ms[row] - wanted_ms) <= min(TOLERANCE_MS, minutes * 15_000):
            found[name] = (newest / values[row] - 1) * 100
    return found
