"""An open position, and the trade it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tradingbot.core.types import ClientOrderId, ContractKind, Direction, FillId, Symbol, VenueOrderId

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """One position of ours (SPEC 7.4). Sizes in contracts, money in `settlement_currency`, prices in USD.

    `size` is what is open now: 0 means all is closed and the venue's ledger is awaited. `entry_size` is everything that
    was ever opened. `foreign_size` is what others added on our side since our entry and still hold.
    `peak_price` and `trough_price` are the best and worst marks seen while it was open, with their times.
    `ladder_state` is what was taken rung by rung. `booked_*` are sums of the venue's own ledger rows; `fills` maps
    every fill to whether its row is booked.
    """

    position_id: str
    symbol: Symbol
    direction: Direction
    kind: ContractKind
    contract_size: Decimal
    settlement_currency: str
    size: Decimal
    entry_size: Decimal
    entry_price: Decimal
    entry_time: datetime
    entry_client_order_id: ClientOrderId
    leverage: Decimal
    strategy: str
    conviction: str
    grace_until: datetime
    stop_price: Decimal
    stop_client_order_id: ClientOrderId | None = None
    stop_order_id: VenueOrderId | None = None
    stop_generation: int = 0
    foreign_size: Decimal = ZERO
    peak_price: Decimal = ZERO
    trough_price: Decimal = ZERO
    peak_time: datetime | None = None
    trough_time: datetime | None = None
    mtf_alignment: float | None = None
    timing_id: str = ""
    ladder_state: Mapping[str, Any] = field(default_factory=dict)
    signal_context: Mapping[str, Any] = field(default_factory=dict)
    exit_size: Decimal = ZERO
    exit_value: Decimal = ZERO
    exit_time: datetime | None = None
    exit_rule: str = ""
    exit_context: Mapping[str, Any] = field(default_factory=dict)
    booked_pnl: Decimal = ZERO
    booked_fees: Decimal = ZERO
    booked_funding: Decimal = ZERO
    fills: Mapping[FillId, bool] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Something of it is still at the venue."""
        return self.size > 0

    @property
    def is_settled(self) -> bool:
        """Closed, and the venue has booked every fill."""
        return not self.is_open and all(self.fills.values())

    def notional_usd(self, price: Decimal) -> Decimal:
        """USD worth of the open size at `price`."""
        if self.kind is ContractKind.INVERSE:
            return self.size * self.contract_size
        return self.size * self.contract_size * price

    def return_fraction(self, price: Decimal) -> Decimal:
        """Unrealised return on notional at `price`, before costs and leverage."""
        return (price / self.entry_price - 1) * self.direction.sign


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A finished trade, to the venue's last unit (SPEC 9). Money in `settlement_currency` unless named `_usd`.

    net_pnl = gross_pnl - fees + funding, all sums of the venue's ledger rows. `net_pnl_usd` values it at the index
    price of the settlement currency when it closed. `notional_usd` is what everything that was opened cost at the entry
    price. `peak_fraction` and `trough_fraction` are the best and worst unrealised return on notional, before costs; the
    fields with a default are unknown in trades of older files.
    """

    trade_id: str
    symbol: Symbol
    direction: Direction
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_time: datetime
    exit_time: datetime
    duration_s: float
    leverage: Decimal
    strategy: str
    conviction: str
    settlement_currency: str
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    net_pnl: Decimal
    net_pnl_usd: Decimal
    return_fraction: Decimal
    exit_rule: str
    exit_context: Mapping[str, Any]
    signal_context: Mapping[str, Any]
    fill_ids: tuple[FillId, ...]
    entry_client_order_id: ClientOrderId
    notional_usd: Decimal | None = None
    peak_fraction: Decimal | None = None
    trough_fraction: Decimal | None = None
    peak_time: datetime | None = None
    mtf_alignment: float | None = None
    timing_id: str = ""
    ladder_state: Mapping[str, Any] = field(default_factory=dict)


def close_out(position: Position, settlement_price_usd: Decimal) -> ClosedTrade:
    """The trade that a settled position has become. Raises ValueError while it is not settled."""
    if not position.is_settled or position.exit_time is None:
        raise ValueError(f"{position.position_id} is not settled")
    exit_price = average_exit_price(position)
    net = position.booked_pnl - position.booked_fees + position.booked_funding
    return ClosedTrade(
        trade_id=position.position_id,
        symbol=position.symbol,
        direction=position.direction,
        size=position.entry_size,
        entry_price=position.entry_price,
        exit_price=exit_price,
        entry_time=position.entry_time,
        exit_time=position.exit_time,
        duration_s=(position.exit_time - position.entry_time).total_seconds(),
        leverage=position.leverage,
        strategy=position.strategy,
        conviction=position.conviction,
        settlement_currency=position.settlement_currency,
        gross_pnl=position.booked_pnl,
        fees=position.booked_fees,
        funding=position.booked_funding,
        net_pnl=net,
        net_pnl_usd=net * settlement_price_usd,
        return_fraction=position.return_fraction(exit_price),
        exit_rule=position.exit_rule,
        exit_context=position.exit_context,
        signal_context=position.signal_context,
        fill_ids=tuple(position.fills),
        entry_client_order_id=position.entry_client_order_id,
        notional_usd=_entry_notional_usd(position),
        peak_fraction=position.return_fraction(position.peak_price) if position.peak_price else None,
        trough_fraction=position.return_fraction(position.trough_price) if position.trough_price else None,
        peak_time=position.peak_time,
        mtf_alignment=position.mtf_alignment,
        timing_id=position.timing_id,
        ladder_state=position.ladder_state,
    )


BULKY: Final = ("advice", "facts")
"""Parts of an exit's context that make most of a trade's size; its order and its line in the journal have them."""


def without_advice(trade: ClosedTrade) -> ClosedTrade:
    """The trade as the file of all trades keeps it, which is read and written whole."""
    context = {name: value for name, value in trade.exit_context.items() if name not in BULKY}
    return replace(trade, exit_context=context)


def _entry_notional_usd(position: Position) -> Decimal:
    contracts = position.entry_size * position.contract_size
    return contracts if position.kind is ContractKind.INVERSE else contracts * position.entry_price


def average_price(kind: ContractKind, parts: tuple[tuple[Decimal, Decimal], ...]) -> Decimal:
    """Average of (size, price) parts: arithmetic for linear contracts, harmonic for inverse ones."""
    total = sum((size for size, _ in parts), ZERO)
    if kind is ContractKind.INVERSE:
        return total / sum((size / price for size, price in parts), ZERO)
    return sum((size * price for size, price in parts), ZERO) / total


def average_exit_price(position: Position) -> Decimal:
    """Average price of all closing fills; the entry price while there are none."""
    if position.exit_size == 0:
        return position.entry_price
    if position.kind is ContractKind.INVERSE:
        return position.exit_size / position.exit_value
    return position.exit_value / position.exit_size
