"""`ports.Venue` over a `SimulatedVenue` of this process: no wire, no streams, the same rules and the same answers.

Every question first lets the market run up to the clock's now. An order takes its simulated latency in the clock's time
before it is matched, as over the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from tradingbot.core.errors import VenueRejectedError
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
    OpenOrder,
    OrderDenied,
    OrderOutcome,
    OrderRefused,
    OrderReport,
    OrderRequest,
    PublicTrade,
    RefusalCode,
    StreamHealth,
    Ticker,
    VenueHealth,
    VenueNotice,
    VenuePosition,
)
from tradingbot.core.types import ClientOrderId, FillId, Symbol, Timeframe, VenueOrderId, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.universe import Universe
from tradingbot.ports import Clock, TouchSizes, VenueCapabilities
from tradingbot.simulator.account import RowCounts
from tradingbot.simulator.margin import wallet_margin, wallets
from tradingbot.simulator.order_desk import Outcome
from tradingbot.simulator.records import EventKind, Order, OrderEvent
from tradingbot.simulator.records import Fill as SimulatedFill
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.market import ShownMarket
from tradingbot.venues.paper.orders import (
    CANCELS,
    TOO_LATE,
    change_of,
    new_order,
    outcome_of,
    problem_of,
    problem_of_change,
)
from tradingbot.venues.paper.told import (
    cash_rows,
    currency_of,
    entry_of,
    fill_of,
    order_of,
    position_of,
    report_of,
    spec_of,
    wallet_of,
)

Row = TypeVar("Row")

NAMES: Final = "kraken_futures"
"""Whose names the simulated contracts go by; also the label of this venue: what is learned here is learned there."""
LIVE_DEPTH: Final = 50
KEPT_ROWS: Final = 2_000
"""Rows of each kind that are kept to be asked for again; twice as many are let in before the older half goes."""


class InProcessVenue:
    """One simulated account and its market.

    `latency`: whether orders take their time. `tape`: whether public trades are told; without, time goes by faster.
    """

    def __init__(
        self, sim: SimulatedVenue, universe: Universe, clock: Clock, latency: bool = True, tape: bool = True
    ) -> None:
        self._sim = sim
        self._clock = clock
        self._latency = latency
        sim.state.has_tape = tape
        listed = {name.upper(): symbol for name, symbol in universe.venue_symbols(NAMES).items()}
        self._symbols = {name: symbol for name, symbol in listed.items() if name in sim.instruments}
        self._names = {symbol: name for name, symbol in self._symbols.items()}
        self._shown = ShownMarket(sim, LIVE_DEPTH)
        self._fresh: list[Fill] = []
        self._caught_up_s = -1.0
        self.on_the_way: Callable[[int], None] | None = None
        """Told before the market runs up to a moment (epoch milliseconds); may let it run up to earlier ones first."""

    # -- identity and life
    @property
    def name(self) -> str:
        """A label for people and files."""
        return NAMES

    @property
    def capabilities(self) -> VenueCapabilities:
        """What this account can do."""
        return VenueCapabilities(
            amend_stop=True, dead_man_switch=True, leverage_preference=True, account_log=True, private_stream=True
        )

    async def run(self) -> None:
        """There is nothing to keep alive; ends when cancelled."""
        await asyncio.Event().wait()

    async def wait_ready(self, timeout_s: float) -> None:
        """It always is."""

    async def close(self) -> None:
        """There is nothing to release."""

    def health(self) -> VenueHealth:
        """As of two streams that never fail."""
        now = self._clock.now()
        return VenueHealth(now, tuple(StreamHealth(name, True, now) for name in ("public", "private")))

    # -- time
    def catch_up(self) -> None:
        """Let the market run up to now and take over what came of it; nothing happens twice in one moment."""
        at_s = self._clock.monotonic_s()
        if at_s == self._caught_up_s:
            return
        self._caught_up_s = at_s
        now_ms = epoch_ms(self._clock.now())
        if self.on_the_way is not None:
            self.on_the_way(now_ms)
        self._sim.advance(now_ms)
        self._commit()

    def _commit(self) -> None:
        state, rows = self._sim.state, self._sim.rows
        if len(state.fresh):
            fresh = state.take_fresh()
            rows.extend(fresh)
            self._fresh += [self._fill(one) for one in fresh.fills]
            self._forget()
        state.prints.clear()
        state.touched.clear()

    def _forget(self) -> None:
        counts = self._sim.rows.counts()
        if max(counts) >= 2 * KEPT_ROWS:
            self._sim.drop(RowCounts(*(max(0, count - KEPT_ROWS) for count in counts)))

    # -- market
    async def server_time(self) -> datetime:
        """The venue's clock."""
        return utc_from_ms(max(self._sim.now_ms, epoch_ms(self._clock.now())))

    async def contract_specs(self) -> Mapping[Symbol, ContractSpec]:
        """Specifications of every symbol of the universe that is listed."""
        now, post_only = self._clock.now(), self._sim.state.post_only()
        return {
            symbol: spec_of(self._sim.instruments[name], symbol, post_only, now)
            for name, symbol in self._symbols.items()
        }

    async def tickers(self) -> Mapping[Symbol, Ticker]:
        """All tickers of the universe, asked now."""
        self.catch_up()
        found = {symbol: self._shown.ticker(symbol, name) for name, symbol in self._symbols.items()}
        return {symbol: ticker for symbol, ticker in found.items() if ticker is not None}

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        """Closed trade candles with open time in [since, until)."""
        self.catch_up()
        return self._shown.candles(symbol, self._name(symbol), timeframe, since, until)

    async def order_book(self, symbol: Symbol) -> BookView:
        """Full book, asked now."""
        self.catch_up()
        book = self._shown.book(
            symbol, self._name(symbol), self._sim.params.level_count + len(self._sim.account.orders)
        )
        if book is None:
            raise VenueRejectedError(f"{symbol} has no market yet")
        return book

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        """Hourly funding since a moment, oldest first."""
        self.catch_up()
        return self._shown.funding(symbol, self._name(symbol), since)

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        """The ticker of the market's last move."""
        self.catch_up()
        return self._shown.ticker(symbol, self._names[symbol]) if symbol in self._names else None

    def live_book(self, symbol: Symbol) -> BookView | None:
        """Top of the book as of the market's last move."""
        self.catch_up()
        return self._shown.book(symbol, self._names[symbol]) if symbol in self._names else None

    def live_touch(self, symbol: Symbol) -> TouchSizes | None:
        """Best quotes as of the market's last move."""
        self.catch_up()
        return self._shown.touch(self._names[symbol]) if symbol in self._names else None

    def is_plain(self, symbol: Symbol) -> bool:
        """Whether its book is that of the market's last tick: nothing of ours rests in it, took from it or moved it."""
        name = self._name(symbol)
        return self._sim.is_as_made(name) and self._shown.is_plain(self._sim.market(name))

    def live_trades(self, symbol: Symbol) -> Sequence[PublicTrade]:
        """The newest public trades, oldest first."""
        self.catch_up()
        return self._shown.trades(symbol, self._names[symbol]) if symbol in self._names else ()

    # -- orders
    async def place(self, order: OrderRequest) -> OrderOutcome:
        """Send one order, once."""
        problem = problem_of(order)
        if problem or order.symbol not in self._names:
            return OrderDenied(order.client_order_id, problem or f"{order.symbol} is not listed")
        await self._take_time()
        if order.process_before is not None and self._clock.now() > order.process_before:
            return OrderRefused(order.client_order_id, RefusalCode.TOO_LATE, TOO_LATE)
        outcome = self._sim.send(new_order(order, self._names[order.symbol]))
        self._commit()
        return outcome_of(outcome, order.client_order_id)

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        """Change a resting order in place."""
        problem = problem_of_change(change)
        if problem:
            return OrderDenied(change.client_order_id, problem)
        await self._take_time()
        found = self._sim.find(None, change.client_order_id)
        outcome = self._sim.edit(found.uid, change_of(change)) if found else Outcome("orderForEditNotFound")
        self._commit()
        return outcome_of(outcome, change.client_order_id)

    async def cancel(
        self,
        symbol: Symbol,  # noqa: ARG002 - this venue finds an order by its id alone
        client_order_id: ClientOrderId | None,
        venue_order_id: VenueOrderId | None,
    ) -> CancelOutcome:
        """Take one order off the book."""
        if not client_order_id and not venue_order_id:
            detail = "a cancel needs a client order id or a venue order id"
            return CancelOutcome(client_order_id, venue_order_id, CancelStatus.UNKNOWN, detail)
        await self._take_time()
        found = self._sim.find(None if client_order_id else venue_order_id, client_order_id)
        if found is None:
            return CancelOutcome(client_order_id, venue_order_id, self._missed(client_order_id, venue_order_id))
        outcome = self._sim.cancel(found.uid)
        self._commit()
        return CancelOutcome(client_order_id, VenueOrderId(found.uid), CANCELS[outcome.status])

    async def _take_time(self) -> None:
        self.catch_up()
        if self._latency:
            await self._clock.sleep(self._sim.next_latency_ms() / 1000)
            self.catch_up()

    def _missed(self, client_order_id: str | None, venue_order_id: str | None) -> CancelStatus:
        """An order that has just traded is remembered for a while."""
        for event in self._remembered():
            mine = event.order.client_id == client_order_id if client_order_id else event.order.uid == venue_order_id
            if mine:
                gone = event.kind is EventKind.EXECUTION and event.order.open == 0
                return CancelStatus.FILLED if gone else CancelStatus.NOT_FOUND
        return CancelStatus.NOT_FOUND

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Every resting order of the account, newest first."""
        self.catch_up()
        return [order_of(one, self._symbol(one.symbol)) for one in reversed(self._sim.account.orders.values())]

    async def order_reports(self, client_order_ids: Sequence[ClientOrderId]) -> Sequence[OrderReport]:
        """Orders that rest or ended within the last seconds."""
        self.catch_up()
        wanted, newest = set(client_order_ids), dict[str, OrderEvent]()
        for event in self._remembered():
            if event.order.client_id in wanted:
                newest.setdefault(event.order.uid, event)
        for uid, order in self._sim.account.orders.items():
            if order.client_id in wanted and uid not in newest:
                newest[uid] = _standing(order)
        return [report_of(event, self._symbol(event.order.symbol)) for event in newest.values()]

    def _remembered(self) -> Iterator[OrderEvent]:
        """Events of the last seconds, newest first."""
        oldest_ms = self._sim.now_ms - round(self._sim.params.order_memory_s * 1000)
        for event in reversed(self._sim.rows.events):
            if event.time_ms < oldest_ms:
                return
            yield event

    async def set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        """Isolated margin at this leverage for a symbol."""
        if not self._sim.set_leverage(self._name(symbol), leverage):
            raise VenueRejectedError(f"{symbol}: leverage {leverage} is not allowed")

    async def arm_dead_man_switch(self, timeout_s: float) -> None:
        """Cancel everything unless re-armed within this time; 0 disarms."""
        self.catch_up()
        self._sim.arm_dead_man(-int(-timeout_s // 1))

    # -- account
    async def positions(self) -> Sequence[VenuePosition]:
        """Every open position of the account."""
        self.catch_up()
        state = self._sim.state
        return [
            position_of(self._symbol(name), position, state.unrealized_funding(name))
            for name, position in state.account.positions.items()
        ]

    async def account(self) -> AccountState:
        """All margin wallets."""
        self.catch_up()
        state = self._sim.state
        names = {one.wallet: one for one in state.instruments.values()}
        found = (
            wallet_of(wallet_margin(state, wallet), currency_of(names[wallet]), not names[wallet].inverse)
            for wallet in wallets(state)
        )
        return AccountState(await self.server_time(), tuple(found))

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Fills at or after a moment, oldest first."""
        self.catch_up()
        since_ms = epoch_ms(since)
        return [self._fill(fill) for fill in self._sim.rows.fills if fill.time_ms >= since_ms]

    async def ledger(self, since_entry_id: int) -> Sequence[LedgerEntry]:
        """Booked cash movements with a greater id, oldest first."""
        self.catch_up()
        rows = (row for row in _newest(self._sim.rows.log, lambda row: row.id > since_entry_id))
        instruments = {one.symbol.lower(): one for one in self._sim.instruments.values()}
        found = []
        for row in cash_rows(rows):
            one = instruments.get(row.contract or "")
            currency = currency_of(one) if one is not None else self._asset(row.asset)
            symbol = self._symbols.get(one.symbol) if one is not None else None
            found.append(entry_of(row, currency, symbol))
        return found

    async def fee_tiers(self) -> Sequence[FeeTier]:
        """The simulated account's one tier."""
        params = self._sim.params
        return [FeeTier(Decimal(0), params.maker_fee * 10_000, params.taker_fee * 10_000)]

    async def notices(self) -> Sequence[VenueNotice]:
        """It announces nothing."""
        return []

    def take_fills(self) -> Sequence[Fill]:
        """Fills since the last call, oldest first; each fill once."""
        self.catch_up()
        taken, self._fresh = self._fresh, []
        return taken

    async def wait_for_fills(self, fill_ids: Sequence[FillId], timeout_s: float) -> bool:  # noqa: ARG002 - they are here
        """A fill is known in the moment it happens."""
        return True

    # -- names
    def _name(self, symbol: Symbol) -> str:
        if symbol not in self._names:
            raise VenueRejectedError(f"{symbol} is not listed")
        return self._names[symbol]

    def _symbol(self, name: str) -> Symbol:
        return self._symbols.get(name) or Symbol(name)

    def _asset(self, code: str) -> str:
        known = {one.code.lower(): one.asset for one in self._sim.instruments.values()}
        return known.get(code, code.upper())

    def _fill(self, fill: SimulatedFill) -> Fill:
        return fill_of(fill, self._symbol(fill.symbol), currency_of(self._sim.instruments[fill.symbol]))


def _standing(order: Order) -> OrderEvent:
    """A resting order to which nothing has happened lately."""
    return OrderEvent("", order.updated_ms, EventKind.PLACE, order)


def _newest(rows: Sequence[Row], wanted: Callable[[Row], bool]) -> list[Row]:
    """The rows at the end that are wanted, oldest first."""
    found = []
    for row in reversed(rows):
        if not wanted(row):
            break
        found.append(row)
    return found[::-1]
