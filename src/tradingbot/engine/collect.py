"""Gathers one MarketSnapshot: candles kept up to date, books sampled in between, everything with its age."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.core.records import AccountState, Ticker
from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.engine.budget import within
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.higher_frames import HigherFrames
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.params import EngineParams
from tradingbot.engine.sample_ring import SampleRing
from tradingbot.engine.seen_book import Received, SeenBook
from tradingbot.engine.venue_readings import VenueReadings
from tradingbot.market.candle_contract import HourShape, candle_problems
from tradingbot.market.candles import Candles, empty_candles, join
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.data_contracts import OwnMarket
from tradingbot.market.intelligence import NO_INTEL
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import BookSamples, MarketSnapshot, SymbolSnapshot, book_stats
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)

AT_ONCE = 3

NOTICED = ("tradeable", "post_only", "tick_size", "size_step", "min_size", "max_size", "margin_levels")
"""What is said aloud when the venue changes it."""


@dataclass(slots=True)
class _Track:
    """What is kept of one symbol between cycles."""

    candles: Candles
    samples: SampleRing
    failing: bool = False


@dataclass(slots=True)
class MarketCollector:
    """Keeps candles and book samples of every traded symbol and puts snapshots together."""

    venue: Venue
    clock: Clock
    params: EngineParams
    specs: Mapping[Symbol, ContractSpec]
    features: FeatureKeeper
    desk: IntelDesk
    previous_regime: RegimeReading | None = None
    sampled_s: float | None = None
    """When the books were sampled last, on the clock's monotonic scale."""
    _tracks: dict[Symbol, _Track] = field(default_factory=dict)
    _higher: HigherFrames = field(init=False)
    _readings: VenueReadings = field(init=False)

    def __post_init__(self) -> None:
        self._higher = HigherFrames(self.venue, self.clock, self.params, self.specs)
        self._readings = VenueReadings(self.venue, self.clock, self.params.read_budget_s, self.specs)
        keep = self.params.book_samples
        for symbol in self.specs:
            self._tracks[symbol] = _Track(empty_candles(symbol, Timeframe.M1), SampleRing(keep))

    def minute_candles(self, symbol: Symbol) -> Candles | None:
        """The minute candles that are kept of a symbol; None for one that is not traded."""
        track = self._tracks.get(symbol)
        return track.candles if track is not None else None

    async def sample_books(self) -> None:
        """Note every book's best quotes at a steady pace, until cancelled."""
        while True:
            self.sample_once()
            await self.clock.sleep(self.params.book_sample_s)

    def sample_once(self) -> None:
        """Note every book's best quotes now."""
        now_ms = epoch_ms(self.clock.now())
        for symbol, track in self._tracks.items():
            touch = self.venue.live_touch(symbol)
            if touch is not None:
                track.samples.add(now_ms, touch)
        self.sampled_s = self.clock.monotonic_s()

    async def refresh(self) -> None:
        """Bring candles up to now; a symbol that fails keeps its last bars and is said once."""
        first = not any(len(track.candles) for track in self._tracks.values())
        answered = await self._refresh_minutes()
        # The first cycle must not wait for what only later ones need, nor exits for a venue that hangs.
        if answered and not first:
            await self._higher.refresh({symbol: track.candles for symbol, track in self._tracks.items()})
            await self._readings.refresh()

    async def _refresh_minutes(self) -> bool:
        """Bring one-minute candles up to now; whether anything answered."""
        now = self.clock.now()
        # A thousand candles take a few milliseconds to read; few at a time leave the event loop room between them.
        few = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for symbol in self._tracks:
                group.create_task(self._refresh_one(symbol, now, few), name=f"candles-{symbol}")
        return not all(track.failing for track in self._tracks.values())

    async def refresh_specs(self) -> None:
        """Read the contract specifications anew; one that is no longer listed is no longer tradeable.

        An empty list, as every failure, is an outage and keeps what is known. Raises VenueError.
        """
        listed = await self.venue.contract_specs()
        if not any(symbol in listed for symbol in self.specs):
            log.warning("specs.none_listed", symbols=len(self.specs))
            return
        found = {symbol: listed.get(symbol) or replace(old, tradeable=False) for symbol, old in self.specs.items()}
        for symbol, old in self.specs.items():
            new = found[symbol]
            changed = {name: str(getattr(new, name)) for name in NOTICED if getattr(new, name) != getattr(old, name)}
            if changed:
                log.warning("specs.changed", symbol=symbol, **changed)
        self.specs = found

    async def _refresh_one(self, symbol: Symbol, now: datetime, few: asyncio.Semaphore) -> None:
        track = self._tracks[symbol]
        last_ms = track.candles.last_close_ms
        oldest = now - timedelta(minutes=self.params.candle_count + 1)
        since = oldest if last_ms is None else max(oldest, datetime.fromtimestamp(last_ms / 1000, now.tzinfo))
        if now - since < timedelta(minutes=1):
            return
        try:
            question = self._candles(few, symbol, since, now)
            fresh = await within(self.clock, self.params.read_budget_s, "candles", question)
        except VenueError as error:
            if not track.failing:
                log.warning("candles.failed", symbol=symbol, error=str(error))
            track.failing = True
            return
        if track.failing:
            log.info("candles.recovered", symbol=symbol)
        track.failing = False
        track.candles = join(track.candles, fresh).tail(self.params.candle_count)

    async def _candles(self, few: asyncio.Semaphore, symbol: Symbol, since: datetime, until: datetime) -> Candles:
        async with few:
            return await self.venue.candles(symbol, Timeframe.M1, since, until)

    async def snapshot(self, cycle_id: str, account: AccountState | None) -> MarketSnapshot:
        """Everything as known now."""
        now = self.clock.now()
        tickers = await self._tickers(now)
        minutes = {symbol: track.candles for symbol, track in self._tracks.items()}
        parts = {symbol: self._part(symbol, tickers.get(symbol), minutes, now) for symbol in self._tracks}
        judged, market = self.desk.judge(now, {symbol: own_market(part) for symbol, part in parts.items()})
        parts = {symbol: part.with_intel(judged.get(symbol, NO_INTEL)) for symbol, part in parts.items()}
        index = index_prices(parts)
        return MarketSnapshot(
            as_of=now,
            cycle_id=cycle_id,
            symbols=parts,
            account=account,
            equity_usd=equity_usd(account, {spec.wallet for spec in self.specs.values()}, index),
            available_usd=available_usd(account, index),
            intel=market,
            previous_regime=self.previous_regime,
        )

    async def _tickers(self, now: datetime) -> Mapping[Symbol, Ticker]:
        live = {symbol: ticker for symbol in self._tracks if (ticker := self._live_ticker(symbol)) is not None}
        limit_s = self.params.freshness.ticker_s
        stale = [s for s in self._tracks if s not in live or (now - live[s].received_at).total_seconds() > limit_s]
        if not stale:
            return live
        try:
            asked = await within(self.clock, self.params.read_budget_s, "tickers", self.venue.tickers())
        except VenueError as error:
            log.warning("tickers.failed", error=str(error))
            return live
        return {**live, **{symbol: asked[symbol] for symbol in stale if symbol in asked}}

    def _part(
        self, symbol: Symbol, ticker: Ticker | None, minutes: Mapping[Symbol, Candles], now: datetime
    ) -> SymbolSnapshot:
        spec, candles = self.specs[symbol], minutes[symbol]
        seen, higher = self._seen_book(symbol), self._higher.of(symbol)
        stale = staleness(candles, ticker, seen, now, self.params)
        current = ticker if "ticker" not in stale else None
        if current is not None:
            self._readings.note(symbol, current)
        mark = float(current.mark_price) if current is not None and current.mark_price is not None else None
        delay_s = self.params.freshness.candle_delay_s
        problems = candle_problems(candles, mark, now, delay_s, self.desk.params, self._hour_shape(symbol))
        return SymbolSnapshot(
            symbol=symbol,
            spec=spec,
            candles=candles,
            higher=higher,
            samples=self._samples(symbol, now),
            ticker=ticker,
            book=seen.stats if seen is not None else None,
            stale=stale if not problems or "candles" in stale else (*stale, "candles"),
            features=self.features.minute(symbol, minutes),
            frames=self.features.frames(symbol, (candles, *higher.values())),
            candle_problems=problems,
            venue_funding=self._readings.funding(current),
            venue_funding_stats=self._readings.funding_stats(symbol),
            venue_interest=self._readings.interest(symbol, current, spec),
        )

    def _live_ticker(self, symbol: Symbol) -> Ticker | None:
        return self.venue.live_ticker(symbol)

    def _seen_book(self, symbol: Symbol) -> SeenBook | None:
        view = self.venue.live_book(symbol)
        return None if view is None else SeenBook(view.received_at, book_stats(view, self.specs[symbol]))

    def _hour_shape(self, symbol: Symbol) -> HourShape | None:  # noqa: ARG002
        return None

    def _samples(self, symbol: Symbol, now: datetime) -> BookSamples:  # noqa: ARG002
        return self._tracks[symbol].samples.newest()


def own_market(part: SymbolSnapshot) -> OwnMarket:
    """What the traded venue shows of a symbol, for comparison with what others tell."""
    mark, features = part.mark_price, part.features
    if mark is None:
        return OwnMarket()
    per_contract = float(part.spec.notional_usd(Decimal(1), mark))
    volume = features.volume_5m * per_contract if features is not None and not part.candle_problems else None
    interest = part.venue_interest.total_usd if part.venue_interest is not None else None
    return OwnMarket(volume, interest, part.venue_funding.median_8h if part.venue_funding is not None else None)


def staleness(
    candles: Candles, ticker: Ticker | None, book: Received | None, now: datetime, params: EngineParams
) -> tuple[str, ...]:
    """Names of the inputs that are missing or older than their limit (SPEC 3.1)."""
    found = []
    last_ms = candles.last_close_ms
    if last_ms is None or epoch_ms(now) - last_ms > params.freshness.candle_delay_s * 1000:
        found.append("candles")
    if ticker is None or _old(ticker.as_of, now, params.freshness.ticker_s):
        found.append("ticker")
    if book is None or _old(book.received_at, now, params.freshness.book_s):
        found.append("book")
    return tuple(found)


def _old(moment: datetime, now: datetime, limit_s: float) -> bool:
    return (now - moment).total_seconds() > limit_s


def index_prices(parts: Mapping[Symbol, SymbolSnapshot]) -> dict[str, Decimal]:
    """USD price of each settlement currency; USD itself is 1."""
    prices = {"USD": Decimal(1)}
    for part in parts.values():
        if part.ticker is not None and part.ticker.index_price is not None and part.spec.settlement_currency != "USD":
            prices[part.spec.settlement_currency] = part.ticker.index_price
    return prices


def equity_usd(
    account: AccountState | None, trading_wallets: Collection[str], prices: Mapping[str, Decimal]
) -> Decimal | None:
    """Worth in USD of the wallets that the traded contracts settle in; None while account or a price is unknown.

    Other wallets are not at risk here, so they carry no size.
    """
    if account is None:
        return None
    ours = [wallet for wallet in account.wallets if wallet.name in trading_wallets]
    if any(wallet.currency not in prices and wallet.equity != 0 for wallet in ours):
        return None
    return sum((wallet.equity * prices.get(wallet.currency, Decimal(0)) for wallet in ours), Decimal(0))


def available_usd(account: AccountState | None, prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Free margin by wallet in USD."""
    if account is None:
        return {}
    return {w.name: w.available * prices.get(w.currency, Decimal(0)) for w in account.wallets}
