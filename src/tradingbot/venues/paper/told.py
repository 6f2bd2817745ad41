"""The simulated venue's records as ours. Numbers come as the wire would bring them: what a float carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from tradingbot.core.records import (
    Fill,
    LedgerEntry,
    LedgerKind,
    Liquidity,
    OpenOrder,
    OrderReport,
    OrderState,
    VenuePosition,
    Wallet,
)
from tradingbot.core.types import (
    ClientOrderId,
    ContractKind,
    Direction,
    FillId,
    OrderKind,
    Symbol,
    TriggerSignal,
    VenueOrderId,
    utc_from_ms,
)
from tradingbot.market.contracts import ContractSpec, MarginLevel
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.margin import WalletMargin
from tradingbot.simulator.records import EventKind, LogRow, Order, OrderEvent, Position
from tradingbot.simulator.records import Fill as SimulatedFill

ToSymbol = Callable[[str], Symbol]

KINDS: Final = {
    "mkt": OrderKind.MARKET,
    "lmt": OrderKind.LIMIT,
    "post": OrderKind.LIMIT,  # a resting post order looks like a limit order
    "ioc": OrderKind.IOC,
    "stp": OrderKind.STOP,
    "trailing_stop": OrderKind.STOP,
    "take_profit": OrderKind.TAKE_PROFIT,
}
SIGNALS: Final = {"mark": TriggerSignal.MARK, "last": TriggerSignal.LAST, "index": TriggerSignal.INDEX}
LIQUIDITIES: Final = {
    "maker": Liquidity.MAKER,
    "taker": Liquidity.TAKER,
    "takerAfterEdit": Liquidity.TAKER,
    "liquidation": Liquidity.LIQUIDATION,
    "partialLiquidation": Liquidity.LIQUIDATION,
    "assignor": Liquidity.LIQUIDATION,
}
LEDGER_KINDS: Final = {
    "futures trade": LedgerKind.TRADE,
    "funding rate change": LedgerKind.FUNDING,
    "futures liquidation": LedgerKind.LIQUIDATION,
    "futures partial liquidation": LedgerKind.LIQUIDATION,
    "futures assignor": LedgerKind.LIQUIDATION,
    "transfer": LedgerKind.TRANSFER,
}
STATES: Final = {
    EventKind.REJECT: OrderState.REJECTED,
    EventKind.CANCEL: OrderState.CANCELLED,
}


def told(number: Decimal) -> Decimal:
    """A number as its JSON form brings it."""
    return Decimal(repr(float(number)))


def told_or_none(number: Decimal | None) -> Decimal | None:
    """The same where a number may be missing."""
    return None if number is None else told(number)


def spec_of(one: Instrument, symbol: Symbol, post_only: bool, as_of: datetime) -> ContractSpec:
    """Specification of a listed contract."""
    return ContractSpec(
        symbol=symbol,
        venue_symbol=one.symbol,
        kind=one.kind,
        contract_size=Decimal(1),
        tick_size=told(one.tick),
        size_step=one.step,
        min_size=one.step,
        max_size=told(one.max_position),
        margin_levels=tuple(
            MarginLevel(told(step.threshold_usd), told(step.initial), told(step.maintenance)) for step in one.steps
        ),
        settlement_currency=currency_of(one),
        wallet=one.wallet,
        tradeable=True,
        post_only=post_only,
        as_of=as_of,
        source="venue",
    )


def currency_of(one: Instrument) -> str:
    """What a contract settles in, by our names."""
    return one.asset if one.kind is ContractKind.INVERSE else "USD"


def position_of(symbol: Symbol, position: Position, funding: Decimal) -> VenuePosition:
    """An open position."""
    direction = Direction.LONG if position.size > 0 else Direction.SHORT
    return VenuePosition(symbol, direction, told(abs(position.size)), told(position.entry), told(funding))


def wallet_of(margin: WalletMargin, currency: str, multi: bool) -> Wallet:
    """A margin wallet; the one of many collaterals counts accrued funding as unrealised profit."""
    return Wallet(
        name=margin.wallet,
        currency=currency,
        balance=told(margin.balance),
        equity=told(margin.equity),
        available=told(margin.available),
        initial_margin=told(margin.initial),
        maintenance_margin=told(margin.maintenance),
        unrealised_pnl=told(margin.pnl + margin.funding if multi else margin.pnl),
    )


def fill_of(fill: SimulatedFill, symbol: Symbol, fee_currency: str) -> Fill:
    """One execution with its fee."""
    return Fill(
        fill_id=FillId(fill.fill_id),
        venue_order_id=VenueOrderId(fill.uid),
        client_order_id=ClientOrderId(fill.client_id) if fill.client_id else None,
        symbol=symbol,
        side=fill.side,
        size=told(fill.size),
        price=told(fill.price),
        time=utc_from_ms(fill.time_ms),
        liquidity=LIQUIDITIES.get(fill.fill_type, Liquidity.OTHER),
        fee=told(fill.fee),
        fee_currency=fee_currency,
    )


def order_of(order: Order, symbol: Symbol) -> OpenOrder:
    """A resting order or trigger."""
    return OpenOrder(
        venue_order_id=VenueOrderId(order.uid),
        client_order_id=ClientOrderId(order.client_id) if order.client_id else None,
        symbol=symbol,
        side=order.side,
        kind=KINDS[order.kind],
        size=told(order.open),
        filled=told(order.filled),
        limit_price=told_or_none(order.limit_price),
        stop_price=told_or_none(order.stop_price),
        trigger_signal=SIGNALS[order.signal] if order.is_trigger else None,
        reduce_only=order.reduce_only,
        created_at=utc_from_ms(order.created_ms),
    )


def report_of(event: OrderEvent, symbol: Symbol) -> OrderReport:
    """The newest that is known of an order."""
    order = event.order
    resting = OrderState.TRIGGER_PENDING if order.is_trigger else OrderState.OPEN
    state = STATES.get(event.kind) or (OrderState.FILLED if order.open == 0 else resting)
    return OrderReport(
        venue_order_id=VenueOrderId(order.uid),
        client_order_id=ClientOrderId(order.client_id) if order.client_id else None,
        symbol=symbol,
        state=state,
        size=told(order.total),
        filled=told(order.filled),
        venue_reason=event.reason if event.kind in STATES else "",
    )


def entry_of(row: LogRow, currency: str, symbol: Symbol | None) -> LedgerEntry:
    """The cash leg of a booked movement."""
    return LedgerEntry(
        entry_id=row.id,
        time=utc_from_ms(row.time_ms),
        kind=LEDGER_KINDS.get(row.info, LedgerKind.OTHER),
        wallet=row.wallet,
        currency=currency,
        symbol=symbol,
        fill_id=FillId(row.execution) if row.execution else None,
        old_balance=told(row.old_balance),
        new_balance=told(row.new_balance),
        realised_pnl=told(row.realized_pnl or Decimal(0)),
        fee=told(row.fee or Decimal(0)),
        realised_funding=told(row.realized_funding or Decimal(0)),
    )


def cash_rows(rows: Iterable[LogRow]) -> list[LogRow]:
    """The other leg of a trade books the position under the contract's own name."""
    return [row for row in rows if row.asset != row.contract]
