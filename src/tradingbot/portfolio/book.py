"""The book: a frozen value that fills and ledger rows turn into the next one. Each fill and each row counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tradingbot.core.records import Fill, LedgerEntry, LedgerKind
from tradingbot.core.types import ClientOrderId, ContractKind, Direction, FillId, Side, Symbol
from tradingbot.portfolio.ladder_record import tightened_stop, with_rung
from tradingbot.portfolio.position import ZERO, Position, average_price

REMEMBERED_FILLS = 5_000


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """What an entry order means, kept with its intent: any fill of it can open the position, even after a crash."""

    symbol: Symbol
    direction: Direction
    kind: ContractKind
    contract_size: Decimal
    settlement_currency: str
    leverage: Decimal
    strategy: str
    conviction: str
    stop_fraction: Decimal
    grace_s: float
    timing_id: str = ""
    mtf_alignment: float | None = None
    signal_context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Book:
    """All positions of ours, open or awaiting settlement, and how far the venue's records were applied.

    `ledger_id` is the newest account-log row applied, `baseline_id` the newest one that was there before us.
    `fills_since` is the time from which fills are asked for again; `seen_fills` the ids applied, oldest first.
    """

    positions: tuple[Position, ...] = ()
    ledger_id: int = 0
    baseline_id: int = 0
    fills_since: datetime | None = None
    seen_fills: tuple[FillId, ...] = ()

    @property
    def open_positions(self) -> tuple[Position, ...]:
        """Positions with something at the venue."""
        return tuple(position for position in self.positions if position.is_open)

    def open_for(self, symbol: Symbol) -> Position | None:
        """The open position of a symbol (the venue nets: there is at most one)."""
        return next((position for position in self.positions if position.is_open and position.symbol == symbol), None)

    def replaced(self, changed: Position) -> Book:
        """The book with one position exchanged for its next state."""
        return replace(
            self,
            positions=tuple(
                changed if position.position_id == changed.position_id else position for position in self.positions
            ),
        )

    def without(self, position_id: str) -> Book:
        """The book after a position became a recorded trade."""
        return replace(self, positions=tuple(p for p in self.positions if p.position_id != position_id))


@dataclass(frozen=True, slots=True)
class FillEffect:
    """What a fill did to the book: ``opened``, ``increased``, ``reduced``, ``closed``, ``duplicate`` or ``foreign``."""

    kind: str
    position: Position | None
    fill: Fill


def apply_fill(
    book: Book, fill: Fill, plan: EntryPlan | None, exit_rule: str = "", exit_context: Mapping[str, Any] | None = None
) -> tuple[Book, FillEffect]:
    """Apply one fill. `plan` is given for fills of entry orders; other fills of ours reduce the symbol's position.

    A fill that was applied before changes nothing; one that fits no position of ours is ``foreign``. `exit_context` is
    what the exit order's intent carries; its ``rung`` and ``tighten_stop_to`` are kept in the position.
    """
    if fill.fill_id in book.seen_fills:
        return book, FillEffect("duplicate", book.open_for(fill.symbol), fill)
    seen = replace(book, seen_fills=(*book.seen_fills, fill.fill_id)[-REMEMBERED_FILLS:])
    position = book.open_for(fill.symbol)
    if plan is not None and fill.client_order_id is not None:
        return _apply_entry(seen, position, fill, plan, fill.client_order_id)
    if position is None or fill.side is position.direction.entry_side:
        return seen, FillEffect("foreign", position, fill)
    return _apply_exit(seen, position, fill, exit_rule, exit_context or {})


def apply_foreign_fill(
    book: Book, fill: Fill, exit_rule: str, exit_context: Mapping[str, Any]
) -> tuple[Book, FillEffect]:
    """Apply a fill of an order that is not ours: closed by hand, or by the venue itself.

    The venue nets, so one against our position takes away first what others added on our side since our entry, then
    from ours. What goes beyond ours, or touches it nowhere, is ``foreign``. A fill that changes nothing is not
    remembered: it is judged anew when it is shown again, so that it may arrive before the entry that it reduced.
    """
    if fill.fill_id in book.seen_fills:
        return book, FillEffect("duplicate", book.open_for(fill.symbol), fill)
    position = book.open_for(fill.symbol)
    if position is None or fill.time < position.entry_time:
        return book, FillEffect("foreign", None, fill)
    seen = replace(book, seen_fills=(*book.seen_fills, fill.fill_id)[-REMEMBERED_FILLS:])
    if fill.side is position.direction.entry_side:
        grown = replace(position, foreign_size=position.foreign_size + fill.size)
        return seen.replaced(grown), FillEffect("foreign", None, fill)
    theirs = min(fill.size, position.foreign_size)
    position = replace(position, foreign_size=position.foreign_size - theirs)
    if theirs == fill.size:
        return seen.replaced(position), FillEffect("foreign", None, fill)
    reduced, effect = _apply_exit(seen, position, replace(fill, size=fill.size - theirs), exit_rule, exit_context)
    return reduced, replace(effect, fill=fill)


def _apply_entry(
    book: Book, position: Position | None, fill: Fill, plan: EntryPlan, order_id: ClientOrderId
) -> tuple[Book, FillEffect]:
    position = position or next((p for p in book.positions if p.position_id == f"t-{order_id}"), None)
    if position is None:
        opened = _opened(fill, plan, order_id)
        return replace(book, positions=(*book.positions, opened)), FillEffect("opened", opened, fill)
    entry_price = average_price(position.kind, ((position.size, position.entry_price), (fill.size, fill.price)))
    grown = replace(
        position,
        size=position.size + fill.size,
        entry_size=position.entry_size + fill.size,
        entry_price=entry_price,
        fills={**position.fills, fill.fill_id: False},
    )
    return book.replaced(grown), FillEffect("increased", grown, fill)


def _opened(fill: Fill, plan: EntryPlan, order_id: ClientOrderId) -> Position:
    return Position(
        position_id=f"t-{order_id}",
        symbol=plan.symbol,
        direction=plan.direction,
        kind=plan.kind,
        contract_size=plan.contract_size,
        settlement_currency=plan.settlement_currency,
        size=fill.size,
        entry_size=fill.size,
        entry_price=fill.price,
        entry_time=fill.time,
        entry_client_order_id=order_id,
        leverage=plan.leverage,
        strategy=plan.strategy,
        conviction=plan.conviction,
        grace_until=fill.time + timedelta(seconds=plan.grace_s),
        stop_price=fill.price * (1 - plan.stop_fraction * plan.direction.sign),
        peak_price=fill.price,
        trough_price=fill.price,
        peak_time=fill.time,
        trough_time=fill.time,
        mtf_alignment=plan.mtf_alignment,
        timing_id=plan.timing_id,
        signal_context=plan.signal_context,
        fills={fill.fill_id: False},
    )


def _apply_exit(
    book: Book, position: Position, fill: Fill, rule: str, context: Mapping[str, Any]
) -> tuple[Book, FillEffect]:
    size = min(fill.size, position.size)
    value = size / fill.price if position.kind is ContractKind.INVERSE else size * fill.price
    left = position.size - size
    reduced = replace(
        position,
        size=left,
        exit_size=position.exit_size + size,
        exit_value=position.exit_value + value,
        exit_rule=rule or position.exit_rule,
        exit_context=dict(context) or position.exit_context,
        exit_time=fill.time,
        ladder_state=with_rung(position, fill, size, rule, context),
        stop_price=tightened_stop(position, context),
        fills={**position.fills, fill.fill_id: False},
    )
    return book.replaced(reduced), FillEffect("closed" if left == 0 else "reduced", reduced, fill)


def apply_ledger(book: Book, entry: LedgerEntry) -> tuple[Book, Position | None]:
    """Apply one row of the venue's account log; rows up to `ledger_id` change nothing.

    Trade rows find their position by fill id, funding rows by symbol and time. Returns the position it was booked to.
    """
    if entry.entry_id <= book.ledger_id:
        return book, None
    advanced = replace(book, ledger_id=entry.entry_id)
    position = _position_of(book, entry)
    if position is None:
        return advanced, None
    fills = dict(position.fills)
    if entry.fill_id is not None:
        fills[entry.fill_id] = True
    booked = replace(
        position,
        booked_pnl=position.booked_pnl + entry.realised_pnl,
        booked_fees=position.booked_fees + entry.fee,
        booked_funding=position.booked_funding + entry.realised_funding,
        fills=fills,
    )
    return advanced.replaced(booked), booked


def _position_of(book: Book, entry: LedgerEntry) -> Position | None:
    if entry.fill_id is not None:
        return next((position for position in book.positions if entry.fill_id in position.fills), None)
    if entry.kind is not LedgerKind.FUNDING or entry.symbol is None:
        return None
    held = [p for p in book.positions if p.symbol == entry.symbol and p.entry_time <= entry.time]
    return next((p for p in held if p.exit_time is None or p.is_open or entry.time <= p.exit_time), None)


def mark_extremes(book: Book, prices: Mapping[Symbol, Decimal], now: datetime | None = None) -> Book:
    """Carry peak and trough prices forward with the newest marks, and when they were seen."""
    for position in book.open_positions:
        price = prices.get(position.symbol)
        if price is not None:
            book = book.replaced(with_mark(position, price, now))
    return book


def with_mark(position: Position, price: Decimal, now: datetime | None) -> Position:
    """The position after its symbol's mark was `price`: a new best or worst one is kept with its time."""
    best, worst = (max, min) if position.direction is Direction.LONG else (min, max)
    peak, trough = best(position.peak_price or price, price), worst(position.trough_price or price, price)
    if peak == position.peak_price and trough == position.trough_price:
        return position
    return replace(
        position,
        peak_price=peak,
        trough_price=trough,
        peak_time=position.peak_time if peak == position.peak_price else now,
        trough_time=position.trough_time if trough == position.trough_price else now,
    )


def exit_side(position: Position) -> Side:
    """The side that closes a position."""
    return position.direction.entry_side.opposite


def total_open_size(book: Book, symbol: Symbol) -> Decimal:
    """Signed open size of a symbol in contracts: positive long, negative short."""
    position = book.open_for(symbol)
    return ZERO if position is None else position.size * position.direction.sign
