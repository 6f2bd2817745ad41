"""The only door to a venue (SPEC 2.2): picks an adapter by name and passes everything on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from tradingbot.core.errors import ConfigurationError
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
)
from tradingbot.core.types import ClientOrderId, FillId, Symbol, Timeframe, VenueOrderId
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import Universe
from tradingbot.ports import TouchSizes, Venue, VenueCapabilities
from tradingbot.venues.kraken_futures.adapter import VENUE as KRAKEN_FUTURES
from tradingbot.venues.kraken_futures.contract_specs import built_in

ALIASES: Final[Mapping[str, str]] = {"kraken": KRAKEN_FUTURES, KRAKEN_FUTURES: KRAKEN_FUTURES}
"""What the setting EXCHANGE may say -> adapter."""

Builder = Callable[[], Venue]


def adapter_name(exchange: str) -> str:
    """The adapter that a setting names. Raises ConfigurationError listing what exists."""
    found = ALIASES.get(exchange.strip().lower())
    if found is None:
        raise ConfigurationError(f"EXCHANGE={exchange!r} is not supported; allowed: {', '.join(sorted(ALIASES))}")
    return found


def built_in_specs(exchange: str, universe: Universe) -> dict[Symbol, ContractSpec]:
    """Contracts known without asking anybody, by symbol. Raises ConfigurationError for an unknown exchange."""
    name = adapter_name(exchange)
    found = {symbol: built_in(symbol, product) for product, symbol in universe.venue_symbols(name).items()}
    return {symbol: spec for symbol, spec in found.items() if spec is not None}


class ExchangeGateway:
    """One venue behind `ports.Venue`."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @classmethod
    def open(cls, exchange: str, builders: Mapping[str, Builder]) -> ExchangeGateway:
        """The gateway to the named venue; only that adapter is built. Raises ConfigurationError."""
        name = adapter_name(exchange)
        if name not in builders:
            raise ConfigurationError(f"no adapter for {name} is set up here; there are: {', '.join(sorted(builders))}")
        return cls(builders[name]())

    @property
    def name(self) -> str:
        """A label for people and files; never compared with."""
        return self._venue.name

    @property
    def capabilities(self) -> VenueCapabilities:
        """What this venue can do."""
        return self._venue.capabilities

    async def run(self) -> None:
        """Keep streams alive until cancelled. One task of the runtime's group runs this."""
        await self._venue.run()

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once streams are subscribed and logged in, or raise VenueUnavailableError."""
        await self._venue.wait_ready(timeout_s)

    async def close(self) -> None:
        """Release sockets."""
        await self._venue.close()

    async def server_time(self) -> datetime:
        """The venue's clock."""
        return await self._venue.server_time()

    async def contract_specs(self) -> Mapping[Symbol, ContractSpec]:
        """Specifications of every symbol of the universe that the venue lists. An empty list is an outage: raises."""
        return await self._venue.contract_specs()

    async def tickers(self) -> Mapping[Symbol, Ticker]:
        """All tickers of the universe, asked now."""
        return await self._venue.tickers()

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        """Closed candles with open time in [since, until), paged as needed."""
        return await self._venue.candles(symbol, timeframe, since, until)

    async def order_book(self, symbol: Symbol) -> BookView:
        """Full book, asked now."""
        return await self._venue.order_book(symbol)

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        """Hourly funding since a moment, oldest first."""
        return await self._venue.funding_history(symbol, since)

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        """Newest ticker of the stream, or None before the first."""
        return self._venue.live_ticker(symbol)

    def live_book(self, symbol: Symbol) -> BookView | None:
        """Newest book of the stream, or None while it is missing or being resynchronised."""
        return self._venue.live_book(symbol)

    def live_touch(self, symbol: Symbol) -> TouchSizes | None:
        """Best quotes of the newest book of the stream; None while it is missing or a side of it is empty."""
        return self._venue.live_touch(symbol)

    def live_trades(self, symbol: Symbol) -> Sequence[PublicTrade]:
        """The newest public trades of the stream, oldest first; some hundreds at most."""
        return self._venue.live_trades(symbol)

    async def place(self, order: OrderRequest) -> OrderOutcome:
        """Send one order, once."""
        return await self._venue.place(order)

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        """Change a resting order in place."""
        return await self._venue.amend(change)

    async def cancel(
        self, symbol: Symbol, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
    ) -> CancelOutcome:
        """Take one order off the book."""
        return await self._venue.cancel(symbol, client_order_id, venue_order_id)

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Every resting order of the account, ours or not."""
        return await self._venue.open_orders()

    async def order_reports(self, client_order_ids: Sequence[ClientOrderId]) -> Sequence[OrderReport]:
        """What the venue remembers of these orders; absence proves nothing."""
        return await self._venue.order_reports(client_order_ids)

    async def set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        """Leverage preference of a symbol, before an order."""
        await self._venue.set_leverage(symbol, leverage)

    async def arm_dead_man_switch(self, timeout_s: float) -> None:
        """Cancel everything unless re-armed within this time; 0 disarms."""
        await self._venue.arm_dead_man_switch(timeout_s)

    async def positions(self) -> Sequence[VenuePosition]:
        """Every open position of the account."""
        return await self._venue.positions()

    async def account(self) -> AccountState:
        """All margin wallets."""
        return await self._venue.account()

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Fills at or after a moment, oldest first, paged as needed. Fees may be None; `ledger` has them."""
        return await self._venue.fills(since)

    async def ledger(self, since_entry_id: int) -> Sequence[LedgerEntry]:
        """Booked cash movements with a greater id, oldest first, paged as needed."""
        return await self._venue.ledger(since_entry_id)

    async def fee_tiers(self) -> Sequence[FeeTier]:
        """The venue's own schedule of fees, the lowest volume first; empty when it publishes none."""
        return await self._venue.fee_tiers()

    async def notices(self) -> Sequence[VenueNotice]:
        """Announcements, e.g. maintenance."""
        return await self._venue.notices()

    def take_fills(self) -> Sequence[Fill]:
        """Fills that the private stream brought since the last call, oldest first."""
        return self._venue.take_fills()

    async def wait_for_fills(self, fill_ids: Sequence[FillId], timeout_s: float) -> bool:
        """True once the private stream has brought all of these; False after the timeout. Does not take them."""
        return await self._venue.wait_for_fills(fill_ids, timeout_s)

    def health(self) -> VenueHealth:
        """Streams and failures as seen from here."""
        return self._venue.health()
