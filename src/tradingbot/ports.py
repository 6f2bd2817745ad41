"""Protocols that the shell implements. Nothing above them asks what stands behind.

A read raises a `VenueError`; it never returns an empty answer for a failed question.
Orders return an `OrderOutcome`; they raise nothing but `asyncio.CancelledError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

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
from tradingbot.market.intelligence import IntelState


class Clock(Protocol):
    """Time as the daemon lives it: real, scaled or stepped. Delays are in seconds of this clock."""

    def now(self) -> datetime:
        """Aware UTC now."""

    def monotonic_s(self) -> float:
        """Seconds of this clock since some fixed point; never runs back."""

    def perf_s(self) -> float:
        """Real seconds for measuring how long our own work takes; never used in a decision."""

    async def sleep(self, delay_s: float) -> None:
        """Let this much of the clock's time pass."""

    async def sleep_until(self, moment: datetime) -> None:
        """Wait for a moment; at once when it has passed."""

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """Raises TimeoutError in the body when it takes longer than this."""

    def real_deadline_s(self, delay_s: float) -> float | None:
        """This deadline in real seconds, for parts that keep time themselves; None when only this clock can tell."""

    def hold(self) -> AbstractContextManager[None]:
        """Around a wait for a real thread or process: a stepped clock stands still meanwhile."""

    def touch(self) -> None:
        """Something is under way: a stepped clock lets it settle before it moves on."""

    def in_flight(self) -> AbstractContextManager[None]:
        """Around a wait for a peer on this machine: a stepped clock waits for the answer, or until the peer parks."""

    def parked(self) -> AbstractContextManager[None]:
        """Around a peer's own wait on the clock while it owes an answer: a stepped clock may move on."""


TouchSizes = tuple[float, float, float, float]
"""Best bid, contracts there, best ask, contracts there."""


@dataclass(frozen=True, slots=True)
class VenueCapabilities:
    """What a venue can do, so that "unsupported" is never an error."""

    amend_stop: bool
    dead_man_switch: bool
    leverage_preference: bool
    account_log: bool
    private_stream: bool


class Venue(Protocol):
    """One exchange account and its market."""

    @property
    def name(self) -> str:
        """A label for people and files; never compared with."""

    @property
    def capabilities(self) -> VenueCapabilities:
        """What this venue can do."""

    async def run(self) -> None:
        """Keep streams alive until cancelled. One task of the runtime's group runs this."""

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once streams are subscribed and logged in, or raise VenueUnavailableError."""

    async def close(self) -> None:
        """Release sockets."""

    # -- market
    async def server_time(self) -> datetime:
        """The venue's clock."""

    async def contract_specs(self) -> Mapping[Symbol, ContractSpec]:
        """Specifications of every symbol of the universe that the venue lists. An empty list is an outage: raises."""

    async def tickers(self) -> Mapping[Symbol, Ticker]:
        """All tickers of the universe, asked now."""

    async def candles(self, symbol: Symbol, timeframe: Timeframe, since: datetime, until: datetime) -> Candles:
        """Closed candles with open time in [since, until), paged as needed."""

    async def order_book(self, symbol: Symbol) -> BookView:
        """Full book, asked now."""

    async def funding_history(self, symbol: Symbol, since: datetime) -> Sequence[FundingRate]:
        """Hourly funding since a moment, oldest first."""

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        """Newest ticker of the stream, or None before the first."""

    def live_book(self, symbol: Symbol) -> BookView | None:
        """Newest book of the stream, or None while it is missing or being resynchronised."""

    def live_touch(self, symbol: Symbol) -> TouchSizes | None:
        """Best quotes of the newest book of the stream; None while it is missing or a side of it is empty."""

    def live_trades(self, symbol: Symbol) -> Sequence[PublicTrade]:
        """The newest public trades of the stream, oldest first; some hundreds at most."""

    # -- orders
    async def place(self, order: OrderRequest) -> OrderOutcome:
        """Send one order, once."""

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        """Change a resting order in place."""

    async def cancel(
        self, symbol: Symbol, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
    ) -> CancelOutcome:
        """Take one order off the book."""

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Every resting order of the account, ours or not."""

    async def order_reports(self, client_order_ids: Sequence[ClientOrderId]) -> Sequence[OrderReport]:
        """What the venue remembers of these orders; absence proves nothing."""

    async def set_leverage(self, symbol: Symbol, leverage: Decimal) -> None:
        """Leverage preference of a symbol, before an order."""

    async def arm_dead_man_switch(self, timeout_s: float) -> None:
        """Cancel everything unless re-armed within this time; 0 disarms."""

    # -- account
    async def positions(self) -> Sequence[VenuePosition]:
        """Every open position of the account."""

    async def account(self) -> AccountState:
        """All margin wallets."""

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Fills at or after a moment, oldest first, paged as needed. Fees may be None; `ledger` has them."""

    async def ledger(self, since_entry_id: int) -> Sequence[LedgerEntry]:
        """Booked cash movements with a greater id, oldest first, paged as needed."""

    async def fee_tiers(self) -> Sequence[FeeTier]:
        """The venue's own schedule of fees, the lowest volume first; empty when it publishes none."""

    async def notices(self) -> Sequence[VenueNotice]:
        """Announcements, e.g. maintenance."""

    def take_fills(self) -> Sequence[Fill]:
        """Fills that the private stream brought since the last call, oldest first."""

    async def wait_for_fills(self, fill_ids: Sequence[FillId], timeout_s: float) -> bool:
        """True once the private stream has brought all of these; False after the timeout. Does not take them."""

    def health(self) -> VenueHealth:
        """Streams and failures as seen from here."""


class IntelSource(Protocol):
    """Market intelligence from beside the venue. It never raises from `state`; a failure is in the feed's health."""

    async def run(self) -> None:
        """Keep polling until cancelled. One task of the runtime's group runs this."""

    def state(self) -> IntelState:
        """Everything known now, each value with its own time stamps."""

    def turned_at(self) -> datetime | None:
        """When its loop last came round, whatever came of its request; None before the first time."""

    async def close(self) -> None:
        """Release sockets."""


class Journal(Protocol):
    """Append-only JSONL. One owner."""

    def append(self, record: Mapping[str, Any]) -> bool | None:
        """Queue one record; written in order, soon, off the event loop. False: dropped, too much waits already."""

    async def commit(self, record: Mapping[str, Any]) -> None:
        """Append one record and return when it is on disk. Raises StorageUnavailableError."""
