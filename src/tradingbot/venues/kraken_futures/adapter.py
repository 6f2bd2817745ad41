"""`ports.Venue` for Kraken Futures: REST for questions and orders, websockets for what changes by itself."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.errors import VenueRejectedError, VenueUnavailableError
from tradingbot.core.records import (
    AccountState,
    AmendRequest,
    BookView,
    CancelOutcome,
    FeeTier,
    Fill,
    FundingRate,
    LedgerEntry,
    OpenOrder,
    OrderOutcome,
    OrderReport,
    OrderRequest,
    PublicTrade,
    Ticker,
    VenueHealth,
    VenueNotice,
    VenuePosition,
    Wallet,
)
from tradingbot.core.types import ClientOrderId, FillId, Symbol, Timeframe, VenueOrderId, iso_utc, plain
from tradingbot.market.candles import Candles, candles_from_rows
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import Universe
from tradingbot.net.http import HttpClient
from tradingbot.net.nonce import NonceSource, NonceStore
from tradingbot.net.rate_limiter import RateLimiter
from tradingbot.net.stream import Sender, Stream
from tradingbot.ports import Clock, TouchSizes, VenueCapabilities
from tradingbot.venues.kraken_futures import parse_account, parse_market, parse_orders
from tradingbot.venues.kraken_futures.auth import Credentials, Signer
from tradingbot.venues.kraken_futures.contract_specs import ContractSpecs, SpecCache
from tradingbot.venues.kraken_futures.fields import rows
from tradingbot.venues.kraken_futures.orders import OrderDesk
from tradingbot.venues.kraken_futures.parse_market import CandleRow
from tradingbot.venues.kraken_futures.private_feed import PrivateAccount, PrivateConversation
from tradingbot.venues.kraken_futures.public_feed import PublicConversation, PublicMarket
from tradingbot.venues.kraken_futures.rest import KrakenFuturesRest
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams

VENUE: Final = "kraken_futures"
BALANCE_NOTE: Final = "balance endpoint unsupported on testnet; skipping"


class KrakenFuturesVenue:
    """One account, or public data only when `credentials` is None.

    `run` keeps the streams alive; REST works without it. `spec_cache` lets contract specifications outlive the process.
    """

    def __init__(
        self,
        params: KrakenFuturesParams,
        universe: Universe,
        clock: Clock,
        credentials: Credentials | None,
        nonce_store: NonceStore | None,
        spec_cache: SpecCache | None = None,
        logger: Any = None,
    ) -> None:
        self._params = params
        self._universe = universe
        self._clock = clock
        self._log = logger if logger is not None else structlog.get_logger()
        self._products = {name.upper(): symbol for name, symbol in universe.venue_symbols(VENUE).items()}
        self._signer = Signer(credentials) if credentials is not None else None
        rng = random.Random(params.jitter_seed)  # noqa: S311 - jitter, not secrecy
        self._http = HttpClient(clock, params.http)
        self._limiter = RateLimiter(clock, params.limits)
        nonces = NonceSource(clock, nonce_store) if nonce_store is not None else None
        self.rest = KrakenFuturesRest(
            params.host, self._http, self._limiter, clock, params.rest, rng, self._signer, nonces
        )
        self._desk = OrderDesk(self.rest, self._venue_symbol, can_trade=self._signer is not None)
        self._specs = ContractSpecs(self._products, spec_cache)
        self._market = PublicMarket(self._products, params.feed.kept_trades)
        self._account = PrivateAccount(params.feed.kept_fill_ids)
        self._notes: tuple[str, ...] = ()
        self._streams = self._make_streams(rng)

    def _make_streams(self, rng: random.Random) -> dict[str, Stream]:
        params, clock = self._params, self._clock

        def public(sender: Sender) -> PublicConversation:
            return PublicConversation(self._market, sender, clock, params.feed)

        streams = {"public": Stream("public", params.ws_url, clock, params.stream, public, rng)}
        signer = self._signer
        if signer is not None:

            def private(sender: Sender) -> PrivateConversation:
                return PrivateConversation(self._account, signer, self._to_symbol, sender, clock, params.feed)

            streams["private"] = Stream("private", params.ws_url, clock, params.stream, private, rng)
        return streams

    # -- identity and life
    @property
    def name(self) -> str:
        """A label for people and files."""
        return VENUE

    @property
    def capabilities(self) -> VenueCapabilities:
        """What this account can do."""
        keyed = self._signer is not None
        return VenueCapabilities(
            amend_stop=True,
            dead_man_switch=True,
            leverage_preference=True,
            account_log=keyed and self._params.account_log,
            private_stream=keyed,
        )

    async def run(self) -> None:
        """Keep the streams alive until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, stream in self._streams.items():
                group.create_task(stream.run(), name=f"{VENUE}-{name}")

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once streams are subscribed and logged in, or raise VenueUnavailableError."""
        try:
            async with self._clock.timeout(timeout_s):
                await self._market.subscribed.wait()
                if self._signer is not None:
                    await self._account.subscribed.wait()
        except TimeoutError as error:
            details = "; ".join(f"{name}: {stream.health().detail}" for name, stream in self._streams.items())
            raise VenueUnavailableError(f"streams are not ready after {timeout_s:g} s ({details})") from error

    async def close(self) -> None:
        """Release sockets."""
        await self._http.close()

    def health(self) -> VenueHealth:
        """Streams and failures as seen from here."""
        gaps = {"public": self._market.gaps, "private": self._account.gaps}
        refused = [f"stream refuses {product}: {why}" for product, why in self._market.refused.items()]
        unsupported = [f"no feed {feed}: {why}" for feed, why in self._account.unsupported.items()]
        return VenueHealth(
            as_of=self._clock.now(),
            streams=tuple(stream.health(gaps[name]) for name, stream in self._streams.items()),
            consecutive_failures=self.rest.failures.consecutive,
            last_error=self.rest.failures.last_error,
            notes=(*self._notes, *refused, *unsupported),
        )

    # -- names
    def _venue_symbol(self, symbol: Symbol) -> str:
        return self._universe.venue_symbol(VENUE, symbol)

    def _to_symbol(self, venue_symbol: str) -> Symbol:
        upper = venue_symbol.upper()
        return self._products.get(upper) or Symbol(upper)

    # -- market
    async def server_time(self) -> datetime:
        """The venue's clock."""
        return parse_market.server_time(await self.rest.instruments_status())

    async def contract_specs(self) -> Mapping[Symbol, ContractSpec]:
        """Specifications as the venue lists them now. None listed is an outage and raises VenueError."""
        payload = await self.rest.instruments()
        return self._specs.update(parse_market.parse_instruments(payload, self._products, self._clock.now()))

    def known_specs(self) -> Mapping[Symbol, ContractSpec]:
        """The best specifications known without asking: venue, else cache, else built-in; see their `source`."""
        return self._specs.known()

    async def tickers(self) -> Mapping[Symbol, Ticker]:
        """All tickers of the universe, asked now."""
        return parse_market.parse_tickers(await self.rest.tickers(), self._products, self._clock.now())

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        """Closed trade candles with open time in [since, until), page by page."""
        step_s = timeframe.seconds
        product = self._venue_symbol(symbol).upper()
        closed_s = math.floor(self._clock.now().timestamp()) - step_s
        last_s = min(math.ceil(until.timestamp()) - 1, closed_s)
        cursor_s = math.ceil(since.timestamp() / step_s) * step_s
        found: dict[int, CandleRow] = {}
        while cursor_s <= last_s:
            end_s = min(cursor_s + (self._params.candles_page - 1) * step_s, last_s)
            payload = await self.rest.charts("trade", product, timeframe.value, cursor_s, end_s)
            page, more = parse_market.parse_candles(payload)
            found.update((row[0], row) for row in page if cursor_s * 1000 <= row[0] <= end_s * 1000)
            newest_s = page[-1][0] // 1000 if page else 0
            cursor_s = newest_s + step_s if more and newest_s >= cursor_s else end_s - end_s % step_s + step_s
        return candles_from_rows(symbol, timeframe, [found[open_ms] for open_ms in sorted(found)])

    async def order_book(self, symbol: Symbol) -> BookView:
        """Full book, asked now."""
        payload = await self.rest.orderbook(self._venue_symbol(symbol))
        return parse_market.parse_orderbook(payload, symbol, self._clock.now())

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        """Hourly funding since a moment, oldest first."""
        payload = await self.rest.historicalfundingrates(self._venue_symbol(symbol))
        return parse_market.parse_funding(payload, symbol, since)

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        """Newest ticker of the stream, or None before the first."""
        return self._market.tickers.get(symbol)

    def live_book(self, symbol: Symbol) -> BookView | None:
        """Top of the newest book of the stream, or None while it is not in step."""
        return self._market.view(symbol, self._params.live_book_depth)

    def live_touch(self, symbol: Symbol) -> TouchSizes | None:
        """Best quotes of the newest book of the stream, or None while it is not in step."""
        return self._market.touch(symbol)

    def live_trades(self, symbol: Symbol) -> Sequence[PublicTrade]:
        """The newest public trades of the stream, oldest first."""
        return tuple(self._market.trades.get(symbol, ()))

    # -- orders
    async def place(self, order: OrderRequest) -> OrderOutcome:
        """Send one order, once."""
        return await self._desk.place(order)

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        """Change a resting order in place."""
        return await self._desk.amend(change)

    async def cancel(
        self,
        symbol: Symbol,  # noqa: ARG002 - this venue finds an order by its id alone
        client_order_id: ClientOrderId | None,
        venue_order_id: VenueOrderId | None,
    ) -> CancelOutcome:
        """Take one order off the book."""
        return await self._desk.cancel(client_order_id, venue_order_id)

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Every resting order of the account, ours or not."""
        return parse_orders.parse_open_orders(await self.rest.openorders(), self._to_symbol)

    async def order_reports(self, client_order_ids: Sequence[ClientOrderId]) -> Sequence[OrderReport]:
        """What the venue remembers of these orders; absence proves nothing."""
        if not client_order_ids:
            return []
        payload = await self.rest.orders_status(cli_ord_ids=client_order_ids)
        return parse_orders.parse_reports(payload, self._to_symbol)

    async def set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        """Isolated margin at this leverage for a symbol."""
        await self.rest.set_leveragepreferences(self._venue_symbol(symbol).upper(), plain(leverage))

    async def arm_dead_man_switch(self, timeout_s: float) -> None:
        """Cancel everything unless re-armed within this time; 0 disarms. Whole seconds, rounded up."""
        await self.rest.cancelallordersafter(math.ceil(timeout_s))

    # -- account
    async def positions(self) -> Sequence[VenuePosition]:
        """Every open position of the account."""
        return parse_account.parse_positions(await self.rest.openpositions(), self._to_symbol)

    async def account(self) -> AccountState:
        """All margin wallets. A test venue without balances gives none, said once in the log and in `health`."""
        try:
            return parse_account.parse_accounts(await self.rest.accounts())
        except VenueRejectedError as error:
            if not self._params.testnet:
                raise
            if BALANCE_NOTE not in self._notes:
                self._notes = (*self._notes, BALANCE_NOTE)
                self._log.info("venue.balances_unsupported", note=BALANCE_NOTE, venue_text=str(error))
            return AccountState(self._clock.now(), ())

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Fills at or after a moment, oldest first, page by page backwards in time."""
        found: dict[FillId, Fill] = {}
        bound: datetime | None = None
        while True:
            payload = await self.rest.fills(iso_utc(bound) if bound is not None else None)
            page = parse_account.parse_fills(payload, self._to_symbol)
            fresh = {fill.fill_id: fill for fill in page if fill.fill_id not in found}
            found = fresh | found
            if len(page) < self._params.fills_page or page[0].time < since:
                break
            bound = self._older_bound(bound, page[0].time, bool(fresh))
        return sorted((fill for fill in found.values() if fill.time >= since), key=lambda fill: fill.time)

    @staticmethod
    def _older_bound(bound: datetime | None, oldest: datetime, progress: bool) -> datetime:
        """The bound is exclusive: stay one millisecond above the oldest, in case that millisecond was cut in two."""
        if progress or bound is None:
            return oldest + timedelta(milliseconds=1)
        return min(oldest, bound - timedelta(milliseconds=1))

    async def ledger(self, since_entry_id: int) -> Sequence[LedgerEntry]:
        """Booked cash movements with a greater id, oldest first, page by page."""
        entries: dict[int, LedgerEntry] = {}
        after, count = since_entry_id, self._params.ledger_page
        while True:
            payload = await self.rest.account_log(after + 1, count)
            page, size, newest = parse_account.parse_ledger(payload, self._products)
            entries.update((entry.entry_id, entry) for entry in page if entry.entry_id > since_entry_id)
            if size < count or newest is None or newest <= after:
                return [entries[entry_id] for entry_id in sorted(entries)]
            after = newest

    async def fee_tiers(self) -> Sequence[FeeTier]:
        """The tiers of the schedule that the venue lists first, which is the one of perpetuals."""
        return parse_market.parse_fee_tiers(await self.rest.feeschedules())

    async def notices(self) -> Sequence[VenueNotice]:
        """Announcements, e.g. maintenance."""
        return parse_market.parse_notices(rows(await self.rest.notifications(), "notifications"))

    def take_fills(self) -> Sequence[Fill]:
        """Fills that the private stream brought since the last call, oldest first; each fill once."""
        return self._account.fills.take()

    async def wait_for_fills(self, fill_ids: Sequence[FillId], timeout_s: float) -> bool:
        """True once the private stream has brought all of these; False after the timeout."""
        return await self._account.fills.wait_for(fill_ids, self._clock, timeout_s)

    def live_positions(self) -> Sequence[VenuePosition] | None:
        """Positions as the private stream tells them, or None while it has not."""
        return self._account.positions

    def live_orders(self) -> Sequence[OpenOrder] | None:
        """Resting orders as the private stream tells them, or None while it has not."""
        orders = self._account.open_orders
        return None if orders is None else tuple(orders.values())

    def live_wallets(self) -> Mapping[str, Wallet] | None:
        """Wallets as the private stream tells them, or None while it has not."""
        return self._account.wallets
