"""Hand-written fakes of ports. `FakeVenue` fills market orders at its mark price and keeps honest books."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tradingbot.core.errors import StorageUnavailableError, VenueUnavailableError
from tradingbot.core.records import (
    AccountState,
    AmendRequest,
    BookView,
    CancelOutcome,
    CancelStatus,
    FeeTier,
    Fill,
    FundingRate,
    LedgerEntry,
    LedgerKind,
    Liquidity,
    OpenOrder,
    OrderAccepted,
    OrderOutcome,
    OrderRefused,
    OrderReport,
    OrderRequest,
    OrderUnknown,
    PublicTrade,
    RefusalCode,
    StreamHealth,
    Ticker,
    VenueHealth,
    VenueNotice,
    VenuePosition,
    Wallet,
)
from tradingbot.core.types import (
    Asset,
    ClientOrderId,
    ContractKind,
    Direction,
    FillId,
    OrderKind,
    Side,
    Symbol,
    Timeframe,
    VenueOrderId,
)
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.params import EngineParams
from tradingbot.market.candles import Candles, empty_candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.frame_features import FrameParams
from tradingbot.market.intelligence import IntelState
from tradingbot.ports import Clock, TouchSizes, VenueCapabilities
from tradingbot.signals.params import SignalParams

FEE = Decimal("0.0005")


class MemoryJournal:
    """Journal port over a list; `broken` makes commits fail as a full disk does."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.broken = False

    def append(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))

    async def commit(self, record: Mapping[str, Any]) -> None:
        if self.broken:
            raise StorageUnavailableError("disk full")
        self.append(record)


class MemoryDocument:
    """A stored document over a variable."""

    def __init__(self) -> None:
        self.value: Any = None
        self.commits = 0
        self.broken = False

    def put(self, value: Any) -> None:
        self.value = value

    async def commit(self, value: Any) -> None:
        if self.broken:
            raise StorageUnavailableError("disk full")
        self.value = value
        self.commits += 1


class FakeVenue:
    """An exchange in memory. `lose_answers` makes every order work and its answer unknown; `down` makes reads fail."""

    name = "fake"
    capabilities = VenueCapabilities(True, True, True, True, True)

    def __init__(self, clock: Clock, specs: Mapping[Symbol, ContractSpec], prices: Mapping[Symbol, str]) -> None:
        self.clock = clock
        self.specs = dict(specs)
        self.prices = {symbol: Decimal(price) for symbol, price in prices.items()}
        self.candle_sets: dict[Symbol, Candles] = {}
        self.higher_sets: dict[tuple[Symbol, Timeframe], Candles] = {}
        self.frames_down: set[Timeframe] = set()
        self.asked_funding: list[Symbol] = []
        self.asked_frames: list[tuple[Symbol, Timeframe]] = []
        self.trades: dict[Symbol, list[PublicTrade]] = {}
        self.down = False
        self.lose_answers = False
        self.drop_orders = False
        self.silent_stream = False
        self.refuse: RefusalCode | None = None
        self.sent: list[OrderRequest] = []
        self.orders: dict[VenueOrderId, OpenOrder] = {}
        self.all_fills: list[Fill] = []
        self.rows: list[LedgerEntry] = []
        self.held: dict[Symbol, tuple[Decimal, Decimal]] = {}  # signed size, entry price
        self.balances = {"flex": Decimal(9000), "fi_xbtusd": Decimal("0.02")}
        self.leverages: list[tuple[Symbol, Decimal]] = []
        self._stream: list[Fill] = []
        self._number = 0

    def _check(self) -> None:
        if self.down:
            raise VenueUnavailableError("down")

    # -- life
    async def run(self) -> None:
        await asyncio.Event().wait()

    async def wait_ready(self, timeout_s: float) -> None:
        self._check()

    async def close(self) -> None:
        return

    # -- market
    async def server_time(self) -> datetime:
        self._check()
        return self.clock.now()

    async def contract_specs(self) -> Mapping[Symbol, ContractSpec]:
        self._check()
        return self.specs

    async def tickers(self) -> Mapping[Symbol, Ticker]:
        self._check()
        return {symbol: self._ticker(symbol) for symbol in self.specs}

    def _ticker(self, symbol: Symbol) -> Ticker:
        now, price = self.clock.now(), self.prices[symbol]
        return Ticker(symbol, now, now, price, price, price, price, price)

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        self._check()
        if timeframe in self.frames_down:
            raise VenueUnavailableError("down")
        self.asked_frames.append((symbol, timeframe))
        known = self.candle_sets.get(symbol) if timeframe is Timeframe.M1 else self.higher_sets.get((symbol, timeframe))
        return known if known is not None else empty_candles(symbol, timeframe)

    async def order_book(self, symbol: Symbol) -> BookView:
        self._check()
        return self._book(symbol)

    def _book(self, symbol: Symbol) -> BookView:
        price, now = float(self.prices[symbol]), self.clock.now()
        return BookView(
            symbol, now, now, ((price, 50.0), (price * 0.999, 90.0)), ((price * 1.0001, 50.0), (price * 1.001, 90.0))
        )

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        self._check()
        self.asked_funding.append(symbol)
        return [FundingRate(symbol, self.clock.now() - timedelta(hours=n), 0.00001) for n in (2, 1)]

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        return self._ticker(symbol)

    def live_book(self, symbol: Symbol) -> BookView | None:
        return self._book(symbol)

    def live_touch(self, symbol: Symbol) -> TouchSizes | None:
        book = self._book(symbol)
        return None if book is None or not book.bids or not book.asks else (*book.bids[0], *book.asks[0])

    def live_trades(self, symbol: Symbol) -> Sequence[PublicTrade]:
        return tuple(self.trades.get(symbol, ()))

    # -- orders
    async def place(self, order: OrderRequest) -> OrderOutcome:
        self.sent.append(order)
        if self.drop_orders:
            return OrderUnknown(order.client_order_id, "timeout before acceptance")
        if self.refuse is not None:
            return OrderRefused(order.client_order_id, self.refuse, "as told")
        if any(o.client_order_id == order.client_order_id for o in (*self.orders.values(), *self.all_fills)):
            return OrderRefused(order.client_order_id, RefusalCode.DUPLICATE_CLIENT_ID, "clientOrderIdAlreadyExist")
        outcome = self._rest(order) if order.kind is OrderKind.STOP else self._trade(order)
        return OrderUnknown(order.client_order_id, "answer lost") if self.lose_answers else outcome

    def _rest(self, order: OrderRequest) -> OrderOutcome:
        self._number += 1
        order_id = VenueOrderId(f"v{self._number}")
        self.orders[order_id] = OpenOrder(
            order_id,
            order.client_order_id,
            order.symbol,
            order.side,
            order.kind,
            order.size,
            Decimal(0),
            order.limit_price,
            order.stop_price,
            order.trigger_signal,
            order.reduce_only,
            self.clock.now(),
        )
        return OrderAccepted(order.client_order_id, order_id)

    def _trade(self, order: OrderRequest) -> OrderOutcome:
        size, _ = self.held.get(order.symbol, (Decimal(0), Decimal(0)))
        amount = min(order.size, abs(size)) if order.reduce_only else order.size
        if order.reduce_only and (amount == 0 or (size > 0) == (order.side is Side.BUY)):
            return OrderRefused(order.client_order_id, RefusalCode.WOULD_NOT_REDUCE, "wouldNotReducePosition")
        fill = self.fill(order.symbol, order.side, amount, order.client_order_id)
        return OrderAccepted(order.client_order_id, fill.venue_order_id, amount, fill.price, (fill.fill_id,))

    def fill(self, symbol: Symbol, side: Side, amount: Decimal, client_order_id: ClientOrderId | None) -> Fill:
        """Trade at the mark price: position, ledger row and stream fill follow."""
        self._number += 1
        price = self.prices[symbol]
        fill = Fill(
            FillId(f"f{self._number}"),
            VenueOrderId(f"v{self._number}"),
            client_order_id,
            symbol,
            side,
            amount,
            price,
            self.clock.now(),
            Liquidity.TAKER,
        )
        self._book_fill(fill)
        self.all_fills.append(fill)
        if not self.silent_stream:
            self._stream.append(fill)
        return fill

    def _book_fill(self, fill: Fill) -> None:
        spec = self.specs[fill.symbol]
        size, entry = self.held.get(fill.symbol, (Decimal(0), Decimal(0)))
        change = fill.size * fill.side.sign
        inverse = spec.kind is ContractKind.INVERSE
        fee = (fill.size / fill.price if inverse else fill.size * fill.price) * FEE
        pnl = Decimal(0)
        if size * change < 0:
            sign = 1 if size > 0 else -1
            closed = min(fill.size, abs(size))
            pnl = sign * (closed * (1 / entry - 1 / fill.price) if inverse else closed * (fill.price - entry))
            entry = fill.price if fill.size > abs(size) else entry
        else:
            entry = (abs(size) * entry + fill.size * fill.price) / (abs(size) + fill.size)
        self.held[fill.symbol] = (size + change, entry)
        unit = Decimal("1e-12")
        pnl, fee = pnl.quantize(unit), fee.quantize(unit)
        old = self.balances[spec.wallet]
        new = old + pnl - fee
        self.balances[spec.wallet] = new
        self.rows.append(
            LedgerEntry(
                len(self.rows) + 1,
                fill.time,
                LedgerKind.TRADE,
                spec.wallet,
                spec.settlement_currency,
                fill.symbol,
                fill.fill_id,
                old,
                new,
                pnl,
                fee,
            )
        )

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        for order_id, order in self.orders.items():
            if order.client_order_id == change.client_order_id:
                self.orders[order_id] = replace(
                    order, size=change.size or order.size, stop_price=change.stop_price or order.stop_price
                )
                return OrderAccepted(change.client_order_id, order_id)
        return OrderRefused(change.client_order_id, RefusalCode.NOT_FOUND, "orderForEditNotFound")

    async def cancel(
        self, symbol: Symbol, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
    ) -> CancelOutcome:
        gone = self.orders.pop(venue_order_id, None) if venue_order_id else None
        status = CancelStatus.CANCELLED if gone else CancelStatus.NOT_FOUND
        return CancelOutcome(client_order_id, venue_order_id, status)

    async def open_orders(self) -> Sequence[OpenOrder]:
        self._check()
        return list(self.orders.values())

    async def order_reports(self, client_order_ids: Sequence[ClientOrderId]) -> Sequence[OrderReport]:
        self._check()
        return []

    async def set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        self.leverages.append((symbol, leverage))

    async def arm_dead_man_switch(self, timeout_s: float) -> None:
        return

    # -- account
    async def positions(self) -> Sequence[VenuePosition]:
        self._check()
        return [
            VenuePosition(symbol, Direction.LONG if size > 0 else Direction.SHORT, abs(size), entry)
            for symbol, (size, entry) in self.held.items()
            if size
        ]

    async def account(self) -> AccountState:
        self._check()
        currencies = {"flex": "USD", "fi_xbtusd": "XBT"}
        wallets = tuple(
            Wallet(name, currencies[name], amount, amount, amount, Decimal(0), Decimal(0), Decimal(0))
            for name, amount in self.balances.items()
        )
        return AccountState(self.clock.now(), wallets)

    async def fills(self, since: datetime) -> Sequence[Fill]:
        self._check()
        return [fill for fill in self.all_fills if fill.time >= since]

    async def ledger(self, since_entry_id: int) -> Sequence[LedgerEntry]:
        self._check()
        return [row for row in self.rows if row.entry_id > since_entry_id]

    async def fee_tiers(self) -> Sequence[FeeTier]:
        self._check()
        return [FeeTier(Decimal(0), Decimal(2), Decimal(5))]

    async def notices(self) -> Sequence[VenueNotice]:
        return ()

    def take_fills(self) -> Sequence[Fill]:
        taken, self._stream = self._stream, []
        return taken

    async def wait_for_fills(self, fill_ids: Sequence[FillId], timeout_s: float) -> bool:
        return not self.silent_stream

    def health(self) -> VenueHealth:
        return VenueHealth(self.clock.now(), (StreamHealth("public", True, self.clock.now()),))

    # -- what happens without us
    def fire_stop(self, symbol: Symbol) -> Fill:
        """The market reaches the resting stop: it trades whole."""
        order = next(order for order in self.orders.values() if order.symbol == symbol)
        del self.orders[order.venue_order_id]
        return self.fill(symbol, order.side, order.size, order.client_order_id)

    def charge_funding(self, symbol: Symbol, amount: Decimal) -> None:
        """An hour's funding is booked."""
        spec = self.specs[symbol]
        old = self.balances[spec.wallet]
        self.balances[spec.wallet] = old + amount
        self.rows.append(
            LedgerEntry(
                len(self.rows) + 1,
                self.clock.now() + timedelta(0),
                LedgerKind.FUNDING,
                spec.wallet,
                spec.settlement_currency,
                symbol,
                None,
                old,
                old + amount,
                realised_funding=amount,
            )
        )


class FakeIntel:
    """Intelligence that is set by hand."""

    def __init__(self, state: IntelState | None = None) -> None:
        self.known = state or IntelState()

    async def run(self) -> None:
        """Nothing to poll."""
        await asyncio.Event().wait()

    def turned_at(self) -> datetime | None:
        return None

    def state(self) -> IntelState:
        """What was set."""
        return self.known

    async def close(self) -> None:
        """Nothing to release."""


def a_collector(venue: FakeVenue, clock: Clock, intel: FakeIntel | None = None) -> MarketCollector:
    """A collector of everything that the fake exchange lists."""
    specs = dict(venue.specs)
    assets = {symbol: Asset(symbol.removesuffix("USDT")) for symbol in specs}
    desk = IntelDesk(intel or FakeIntel(), assets, ContractParams())
    features = FeatureKeeper(SignalParams().windows, FrameParams(), specs)
    return MarketCollector(venue, clock, EngineParams(), specs, features, desk)
