"""What the venue keeps and tells: orders, fills, positions, booked rows, and the events of an order's life."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tradingbot.core.types import Side
from tradingbot.simulator.rounding import ZERO

TRIGGER_KINDS = frozenset({"stp", "take_profit", "trailing_stop"})


@dataclass(frozen=True, slots=True)
class Order:
    """An order or, while `stop_price` is set, a trigger that waits. `open` is what remains, in contracts."""

    uid: str
    client_id: str | None
    symbol: str
    side: Side
    kind: str
    open: Decimal
    filled: Decimal
    limit_price: Decimal | None
    reduce_only: bool
    created_ms: int
    updated_ms: int
    stop_price: Decimal | None = None
    signal: str = "last"
    above: bool = False
    queue: Decimal = ZERO
    deviation: Decimal | None = None
    deviation_unit: str = ""
    offset: Decimal | None = None
    offset_unit: str = ""
    from_trigger: bool = False

    @property
    def is_trigger(self) -> bool:
        """True while it waits for its trigger price."""
        return self.stop_price is not None

    @property
    def total(self) -> Decimal:
        """Open and filled contracts together."""
        return self.open + self.filled


class EventKind(StrEnum):
    """What happened to an order."""

    PLACE = "PLACE"
    EXECUTION = "EXECUTION"
    CANCEL = "CANCEL"
    EDIT = "EDIT"
    REJECT = "REJECT"
    ACTIVATE = "ACTIVATE"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of ours. `fee` in `fee_currency`, positive when paid."""

    fill_id: str
    uid: str
    client_id: str | None
    symbol: str
    side: Side
    size: Decimal
    price: Decimal
    time_ms: int
    fill_type: str
    fee: Decimal
    fee_currency: str
    order_kind: str
    remaining: Decimal
    realized_pnl: Decimal
    seq: int
    mark_price: Decimal


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One step in an order's life: `order` after it, `old` before it. `reason` in the private feed's words."""

    uid: str
    time_ms: int
    kind: EventKind
    order: Order
    old: Order | None = None
    reason: str = ""
    fill: Fill | None = None
    reduced: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A signed position in contracts. `funding_since_ms` is when funding was last realised."""

    size: Decimal
    entry: Decimal
    fill_ms: int
    funding_since_ms: int


@dataclass(frozen=True, slots=True)
class LogRow:
    """One booked row of the account log; the position legs have the contract as their asset."""

    id: int
    booking: str
    time_ms: int
    asset: str
    contract: str | None
    info: str
    wallet: str
    old_balance: Decimal
    new_balance: Decimal
    realized_pnl: Decimal | None = None
    fee: Decimal | None = None
    realized_funding: Decimal | None = None
    execution: str | None = None
    trade_price: Decimal | None = None
    mark_price: Decimal | None = None
    funding_rate: Decimal | None = None
    old_average: Decimal | None = None
    new_average: Decimal | None = None
    liquidation_fee: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PositionChange:
    """One row of the position history."""

    uid: str
    time_ms: int
    symbol: str
    old_size: Decimal
    new_size: Decimal
    old_entry: Decimal
    new_entry: Decimal
    fee: Decimal
    fee_currency: str
    realized_pnl: Decimal
    realized_funding: Decimal
    change: str
    reason: str
    fill_id: str = ""
    price: Decimal = ZERO
    size: Decimal = ZERO
    fill_type: str = ""
