"""Frozen messages between the stages: what venues say, what we ask of them, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradingbot.core.types import (
    ClientOrderId,
    Direction,
    FillId,
    OrderKind,
    Side,
    Symbol,
    TriggerSignal,
    VenueOrderId,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a stable code and the numbers it saw. Prose is made at the edge."""

    code: str
    numbers: tuple[tuple[str, float | str], ...] = ()


def reason(code: str, **numbers: float | str) -> Reason:
    """Shorthand for a `Reason` with named numbers."""
    return Reason(code, tuple(numbers.items()))


# ---------------------------------------------------------------- market data


@dataclass(frozen=True, slots=True)
class Ticker:
    """One contract's prices. `as_of` is when they were true at the venue, `received_at` when we had them.

    `funding_rate_relative` is the fraction of notional longs pay shorts per hour. Missing values are None.
    `open_interest` and `volume_24h` are in contracts (base units for linear, USD for inverse).
    """

    symbol: Symbol
    as_of: datetime
    received_at: datetime
    mark_price: Decimal | None
    index_price: Decimal | None
    last_price: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    funding_rate_relative: float | None = None
    funding_rate_prediction: float | None = None
    open_interest: Decimal | None = None
    volume_24h: Decimal | None = None
    volume_24h_usd: float | None = None
    suspended: bool = False
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class BookView:
    """Top levels of one order book, best first, as floats for analysis: ((price, size in contracts), ...)."""

    symbol: Symbol
    as_of: datetime
    received_at: datetime
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    seq: int = 0


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One print of the tape; `side` is the taker's."""

    symbol: Symbol
    time: datetime
    side: Side
    size: Decimal
    price: Decimal
    trade_id: str


@dataclass(frozen=True, slots=True)
class FundingRate:
    """Funding that was charged for the hour starting at `time`, as a fraction of notional."""

    symbol: Symbol
    time: datetime
    relative_rate: float


# ---------------------------------------------------------------- orders


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as we want it. `size` in contracts; prices already on tick; see `OrderKind` for what needs what.

    The venue must refuse it when it would be processed after `process_before`: that makes later absence a proof.
    """

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    kind: OrderKind
    size: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger_signal: TriggerSignal | None = None
    reduce_only: bool = False
    process_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class AmendRequest:
    """Change a resting order in place; None keeps a value. `size` is the new open size in contracts."""

    client_order_id: ClientOrderId
    symbol: Symbol
    venue_order_id: VenueOrderId | None = None
    size: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class RefusalCode(StrEnum):
    """Why a venue refused, in our terms."""

    INVALID_ORDER = "invalid_order"
    INVALID_PRICE = "invalid_price"
    INVALID_SIZE = "invalid_size"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    WOULD_LIQUIDATE = "would_liquidate"
    POSITION_LIMIT = "position_limit"
    ORDER_LIMIT = "order_limit"
    PRICE_COLLAR = "price_collar"
    POST_WOULD_EXECUTE = "post_would_execute"
    NOTHING_TO_MATCH = "nothing_to_match"
    SELF_TRADE = "self_trade"
    WOULD_NOT_REDUCE = "would_not_reduce"
    LEVERAGE_TOO_HIGH = "leverage_too_high"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    INVALID_CLIENT_ID = "invalid_client_id"
    MARKET_SUSPENDED = "market_suspended"
    MARKET_POST_ONLY = "market_post_only"
    TOO_LATE = "too_late"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    NO_EFFECT = "no_effect"


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The venue has the order. `executed_size` of it traded at once, at `average_price`, as `fill_ids`."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    executed_size: Decimal = Decimal(0)
    average_price: Decimal | None = None
    fill_ids: tuple[FillId, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """Proof that the venue did not take the order (or the change)."""

    client_order_id: ClientOrderId
    code: RefusalCode
    venue_text: str


@dataclass(frozen=True, slots=True)
class OrderDenied:
    """We never sent it: a local check said no."""

    client_order_id: ClientOrderId
    detail: str


@dataclass(frozen=True, slots=True)
class OrderUnknown:
    """Sent, and neither acceptance nor refusal is proven. Ask the venue; never send again."""

    client_order_id: ClientOrderId
    detail: str


OrderOutcome = OrderAccepted | OrderRefused | OrderDenied | OrderUnknown


class CancelStatus(StrEnum):
    """What came of a cancel: it is off the book, it had traded, the venue does not know it, or nobody knows."""

    CANCELLED = "cancelled"
    FILLED = "filled"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """Result of one cancel."""

    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    status: CancelStatus
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests at the venue. `size` is what remains open, `filled` what has traded."""

    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    side: Side
    kind: OrderKind
    size: Decimal
    filled: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trigger_signal: TriggerSignal | None
    reduce_only: bool
    created_at: datetime


class OrderState(StrEnum):
    """State of an order the venue still remembers."""

    OPEN = "open"
    TRIGGER_PENDING = "trigger_pending"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """The venue's word on one order. An order that is absent from the answer has no report: that proves nothing."""

    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    state: OrderState
    size: Decimal
    filled: Decimal
    venue_reason: str = ""


class Liquidity(StrEnum):
    """How a fill came about; LIQUIDATION is everything that the venue closed by force."""

    MAKER = "maker"
    TAKER = "taker"
    LIQUIDATION = "liquidation"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fee` is positive when we paid, negative for a rebate, None while the venue has not told it."""

    fill_id: FillId
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    side: Side
    size: Decimal
    price: Decimal
    time: datetime
    liquidity: Liquidity
    fee: Decimal | None = None
    fee_currency: str | None = None


# ---------------------------------------------------------------- account


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """A position as the venue has it; `size` in contracts, always positive."""

    symbol: Symbol
    direction: Direction
    size: Decimal
    entry_price: Decimal
    unrealised_funding: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """One margin wallet. Amounts in `currency`; `equity` includes unrealised profit, `available` is free margin."""

    name: str
    currency: str
    balance: Decimal
    equity: Decimal
    available: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    unrealised_pnl: Decimal


@dataclass(frozen=True, slots=True)
class AccountState:
    """All margin wallets at one moment."""

    as_of: datetime
    wallets: tuple[Wallet, ...]

    def wallet(self, name: str) -> Wallet | None:
        """The wallet of that name, or None."""
        return next((wallet for wallet in self.wallets if wallet.name == name), None)


class LedgerKind(StrEnum):
    """What moved a balance."""

    TRADE = "trade"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    TRANSFER = "transfer"
    CONVERSION = "conversion"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One booked cash movement of the venue's account log: change = realised_pnl - fee + realised_funding.

    Amounts in `currency`. `symbol` is None for movements outside contracts or of contracts outside the universe.
    """

    entry_id: int
    time: datetime
    kind: LedgerKind
    wallet: str
    currency: str
    symbol: Symbol | None
    fill_id: FillId | None
    old_balance: Decimal
    new_balance: Decimal
    realised_pnl: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    realised_funding: Decimal = Decimal(0)

    @property
    def change(self) -> Decimal:
        """What the balance moved by."""
        return self.new_balance - self.old_balance


@dataclass(frozen=True, slots=True)
class VenueNotice:
    """A notification of the venue, e.g. planned maintenance."""

    kind: str
    priority: str
    text: str
    effective_at: datetime | None = None
    downtime_min: float | None = None


@dataclass(frozen=True, slots=True)
class FeeTier:
    """What one fill costs from a monthly volume on, bps of notional; negative is a rebate."""

    from_volume_usd: Decimal
    maker_bps: Decimal
    taker_bps: Decimal


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """State of one live stream, as a person should read it."""

    name: str
    connected: bool
    last_message_at: datetime | None
    reconnects: int = 0
    gaps: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """How the venue looks from here."""

    as_of: datetime
    streams: tuple[StreamHealth, ...] = ()
    consecutive_failures: int = 0
    last_error: str = ""
    notes: tuple[str, ...] = field(default=())
