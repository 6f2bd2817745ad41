"""A real venue's public market, as the simulated venue wants it: prices, books, trades and candles as values."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import structlog
from numpy.typing import NDArray

from tradingbot.core.errors import VenueError, VenueUnavailableError, first_of
from tradingbot.core.records import BookView, PublicTrade, Ticker
from tradingbot.core.types import Symbol, Timeframe, epoch_ms, exact
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.ports import Clock, Venue
from tradingbot.simulator.instruments import CATALOGUE, Instrument, MarginStep
from tradingbot.simulator.live_quotes import LiveQuote, PastFunding
from tradingbot.simulator.market_feed import MinuteBar, rows_of
from tradingbot.simulator.tape import MINUTE_MS, Print

log = structlog.get_logger(__name__)

HISTORY = timedelta(minutes=2_000)
FUNDING_HISTORY = timedelta(days=30)
CANDLE_POLLS_S = (1.0, 3.0, 8.0)
"""When, after a minute's end, its candle is asked for; the later ones only for contracts that have none yet."""


class LiveMarket:
    """Implements `MarketFeed` and `LiveQuotes` over the public side of a venue. `open` it, then keep `run` running.

    `contracts` are the venue's names of contracts -> internal symbols, at most one per asset.
    """

    def __init__(
        self, upstream: Venue, clock: Clock, contracts: Mapping[str, Symbol], assets: Mapping[Symbol, str], url: str
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._contracts = dict(contracts)
        self._asset_of = dict(assets)
        self._url = url
        self._instruments: dict[str, Instrument] = {}
        self._history: dict[str, list[MinuteBar]] = {}
        self._candle_ms: dict[str, int] = {}
        self._bars: dict[str, list[MinuteBar]] = {}
        self._funding: dict[str, tuple[PastFunding, ...]] = {}
        self._quotes: dict[str, LiveQuote] = {}
        self._books: dict[str, BookView] = {}
        self._seen: dict[str, str] = {}
        self._start_ms = 0
        self._failing = False

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """Ask for specifications, prices, books and the past. Raises VenueUnavailableError naming URL and remedy."""
        try:
            await self._ask_everything()
        except VenueError as error:
            raise unreachable(self._url, error) from error
        except ExceptionGroup as group:
            if group.split(VenueError)[1] is not None:
                raise
            raise unreachable(self._url, group) from group

    async def _ask_everything(self) -> None:
        specs, tickers = await self._upstream.contract_specs(), await self._upstream.tickers()
        now = self._clock.now()
        self._start_ms = epoch_ms(now) // MINUTE_MS * MINUTE_MS
        known = {contract: symbol for contract, symbol in self._contracts.items() if contract in CATALOGUE}
        listed = {contract: symbol for contract, symbol in known.items() if symbol in specs and symbol in tickers}
        self._instruments = {contract: instrument_of(specs[symbol]) for contract, symbol in listed.items()}
        async with asyncio.TaskGroup() as group:
            for contract, symbol in listed.items():
                group.create_task(self._prime(contract, symbol, tickers[symbol], now))

    async def _prime(self, contract: str, symbol: Symbol, ticker: Ticker, now: datetime) -> None:
        quote = quote_of(ticker, await self._upstream.order_book(symbol), None)
        if quote is not None:
            self._quotes[contract] = quote
        past = await self._upstream.candles(symbol, Timeframe.M1, now - HISTORY, now)
        self._history[self._asset_of[symbol]] = self._bars_of(contract, past)
        self._candle_ms[contract] = past.last_close_ms or self._start_ms
        await self._ask_funding(contract, symbol)

    async def run(self) -> None:
        """Keep the streams alive and the candles coming until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._upstream.run(), name="real-market")
            group.create_task(self._follow(), name="real-market-candles")

    async def _follow(self) -> None:
        while True:
            minute = self._clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
            for delay_s in CANDLE_POLLS_S:
                await self._clock.sleep_until(minute + timedelta(seconds=delay_s))
                await self._catch_up(epoch_ms(minute))
            if minute.minute == 0:
                await self._ask([self._ask_funding(c, self._contracts[c]) for c in self._instruments])

    async def _catch_up(self, closed_ms: int) -> None:
        late = [contract for contract in self._instruments if self._candle_ms[contract] < closed_ms]
        await self._ask([self._ask_candles(contract) for contract in late])

    async def _ask(self, questions: Sequence[Coroutine[None, None, None]]) -> None:
        """Ask all at once; failing is logged when it begins and when it is over."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_told(question)) for question in questions]
        errors = [error for task in asked if (error := task.result()) is not None]
        if errors and not self._failing:
            log.warning("real_market.failed", error=str(errors[0]), questions=len(errors))
        elif self._failing and asked and not errors:
            log.info("real_market.recovered")
        self._failing = bool(errors) if asked else self._failing

    async def _ask_candles(self, contract: str) -> None:
        since = datetime.fromtimestamp(self._candle_ms[contract] / 1000, UTC)
        fresh = await self._upstream.candles(self._contracts[contract], Timeframe.M1, since, self._clock.now())
        self._bars.setdefault(contract, []).extend(self._bars_of(contract, fresh))
        self._candle_ms[contract] = max(self._candle_ms[contract], fresh.last_close_ms or 0)

    async def _ask_funding(self, contract: str, symbol: Symbol) -> None:
        rates = await self._upstream.funding_history(symbol, self._clock.now() - FUNDING_HISTORY)
        self._funding[contract] = tuple(PastFunding(epoch_ms(rate.time), rate.relative_rate) for rate in rates)

    def _bars_of(self, contract: str, candles: Candles) -> list[MinuteBar]:
        inverse = self._instruments[contract].inverse
        columns = (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [MinuteBar(ms, o, h, low, c, volume / c if inverse else volume) for ms, o, h, low, c, volume in rows]

    # ------------------------------------------------------------ MarketFeed

    @property
    def assets(self) -> Sequence[str]:
        """Canonical assets whose contracts are listed."""
        return tuple(self._asset_of[self._contracts[contract]] for contract in self._instruments)

    @property
    def start_ms(self) -> int:
        """The minute in which it was opened."""
        return self._start_ms

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:  # noqa: ARG002 - the port's signature
        """What a minute will be is not known; a real market does not end."""
        return {}

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        """Up to `count` closed minutes of trades before `until_ms` as they were known at the start, oldest first."""
        known = [bar for bar in self._history.get(asset, ()) if bar.open_ms < until_ms]
        return known[max(0, len(known) - count) :]

    def rows(self, asset: str, until_ms: int, count: int) -> NDArray[np.float64]:
        """As `MarketFeed.rows`."""
        return rows_of(self.history(asset, until_ms, count))

    # ------------------------------------------------------------ LiveQuotes

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Those of the contracts that the real venue lists, with its specifications."""
        return {symbol: self._instruments[symbol] for symbol in symbols if symbol in self._instruments}

    def quote(self, symbol: str) -> LiveQuote | None:
        """The newest quote. While the book is out of step it is the last one that was right, and grows old."""
        internal = self._contracts[symbol]
        ticker, book = self._upstream.live_ticker(internal), self._upstream.live_book(internal)
        if ticker is None or book is None:
            return self._quotes.get(symbol)
        before, known = self._quotes.get(symbol), self._books.get(symbol)
        same = known is not None and (known.bids, known.asks) == (book.bids, book.asks)
        unchanged = before if same else None
        if unchanged is not None and unchanged.as_of_ms == _as_of_ms(ticker, book):
            return unchanged
        quote = quote_of(ticker, book, unchanged)
        if quote is None:
            return before
        self._quotes[symbol], self._books[symbol] = quote, book
        return quote

    def new_prints(self, symbol: str) -> Sequence[Print]:
        """Public trades that came since the last call, oldest first."""
        fresh: list[PublicTrade] = []
        for trade in reversed(self._upstream.live_trades(self._contracts[symbol])):
            if trade.trade_id == self._seen.get(symbol):
                break
            fresh.append(trade)
        if fresh:
            self._seen[symbol] = fresh[0].trade_id
        return [Print(epoch_ms(one.time), one.side, one.price, one.size) for one in reversed(fresh)]

    def new_bars(self, symbol: str) -> Sequence[MinuteBar]:
        """Closed candles that came since the last call."""
        return self._bars.pop(symbol, ())

    def past_funding(self, symbol: str) -> Sequence[PastFunding]:
        """Hourly funding of the last month."""
        return self._funding.get(symbol, ())


async def _told(question: Coroutine[None, None, None]) -> VenueError | None:
    try:
        await question
    except VenueError as error:
        return error
    return None


def unreachable(url: str, failure: BaseException) -> VenueUnavailableError:
    """The one message for a real market that cannot be had at the start."""
    return VenueUnavailableError(
        f"the real market at {url} cannot be reached ({first_of(failure)}); "
        "check the network and the setting venue.rest_url, or run with --source simulated"
    )


def instrument_of(spec: ContractSpec) -> Instrument:
    """A contract of the catalogue with the tick, step, limit and margin that the real venue states."""
    base = CATALOGUE[spec.venue_symbol]
    steps = tuple(MarginStep(one.threshold_usd, one.initial, one.maintenance) for one in spec.margin_levels)
    return replace(
        base,
        tick=spec.tick_size,
        precision=-spec.size_step.adjusted(),
        max_position=spec.max_size,
        steps=steps or base.steps,
    )


def quote_of(ticker: Ticker, book: BookView, levels_of: LiveQuote | None) -> LiveQuote | None:
    """Ticker and book as one quote, as old as the older of both; None without index or mark.

    `levels_of` is a quote of the same book, whose levels need not be made again.
    """
    if ticker.index_price is None or ticker.mark_price is None:
        return None
    return LiveQuote(
        as_of_ms=_as_of_ms(ticker, book),
        bids=levels_of.bids if levels_of else _levels(book.bids),
        asks=levels_of.asks if levels_of else _levels(book.asks),
        index=ticker.index_price,
        mark=ticker.mark_price,
        last=ticker.last_price,
        funding=ticker.funding_rate_relative or 0.0,
        funding_next=ticker.funding_rate_prediction or 0.0,
        open_interest=ticker.open_interest or Decimal(0),
        volume_24h=ticker.volume_24h,
        turnover_24h_usd=ticker.volume_24h_usd,
        suspended=ticker.suspended,
        post_only=ticker.post_only,
    )


def _as_of_ms(ticker: Ticker, book: BookView) -> int:
    """A book is as old as the last word on its connection: until then no change is missing."""
    return min(epoch_ms(ticker.as_of), epoch_ms(book.received_at))


def _levels(levels: Sequence[tuple[float, float]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((exact(price), exact(size)) for price, size in levels)
