"""Proof that our files and the venue agree: orders, fills, positions, booked cash, balances, to the last unit.

Derived anew from the files and from the venue's own records, without the code that keeps the book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tradingbot.core.records import AccountState, Fill, LedgerEntry, LedgerKind, OpenOrder, VenuePosition
from tradingbot.core.types import FillId, OrderKind, Symbol
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.portfolio.position import ClosedTrade, Position
from tradingbot.portfolio.reconcile import Difference
from tradingbot.ports import Venue

ZERO = Decimal(0)
OURS = (LedgerKind.TRADE, LedgerKind.FUNDING, LedgerKind.LIQUIDATION)


@dataclass(frozen=True, slots=True)
class Records:
    """Everything both sides say."""

    positions: PositionsState
    trades: TradesState
    journal_fills: Sequence[Mapping[str, Any]]
    venue_positions: Sequence[VenuePosition]
    venue_orders: Sequence[OpenOrder]
    venue_fills: Sequence[Fill]
    ledger: Sequence[LedgerEntry]
    account: AccountState


@dataclass(frozen=True, slots=True)
class Agreement:
    """Every difference, and how much was compared."""

    differences: tuple[Difference, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    @property
    def agree(self) -> bool:
        """No difference at all."""
        return not self.differences


async def ask_venue(
    venue: Venue, positions: PositionsState, trades: TradesState, journal_fills: Sequence[Mapping[str, Any]]
) -> Records:
    """The venue's side, asked now. Raises VenueError."""
    began = [*(t.entry_time for t in trades.trades), *(p.entry_time for p in positions.positions)]
    since = min(began, default=positions.fills_since)
    return Records(
        positions,
        trades,
        journal_fills,
        await venue.positions(),
        await venue.open_orders(),
        await venue.fills(since) if since is not None else (),
        await venue.ledger(positions.baseline_id),
        await venue.account(),
    )


def compare(records: Records, ids: OrderIds) -> Agreement:
    """All comparisons."""
    ours = fills_of_ours(records.venue_fills, ids)
    differences = [
        *_positions(records),
        *_orders(records, ids),
        *_fills(records, ours),
        *_cash(records, {fill.fill_id for fill in ours}),
        *_balances(records),
    ]
    counts = {
        "trades": len(records.trades.trades),
        "open_positions": len([p for p in records.positions.positions if p.is_open]),
        "settling_positions": len([p for p in records.positions.positions if not p.is_open]),
        "fills_ours": len({str(row["fill_id"]) for row in records.journal_fills if row.get("purpose")}),
        "fills_venue": len(ours),
        "ledger_rows": len(records.ledger),
        "open_orders": len(records.venue_orders),
    }
    return Agreement(tuple(differences), counts, {k: str(v) for k, v in booked_cash(records).items()})


def fills_of_ours(fills: Sequence[Fill], ids: OrderIds) -> list[Fill]:
    """Fills of our orders, and those of others that took something from our position: by hand, or by force.

    The venue nets: what others added on our side goes first, then ours. A fill that took any part of ours counts whole,
    as its row in the account log does.
    """
    mine: dict[Symbol, Decimal] = {}
    added: dict[Symbol, Decimal] = {}
    found = []
    for fill in sorted(fills, key=lambda fill: fill.time):
        held = mine.get(fill.symbol, ZERO)
        change = fill.size * fill.side.sign
        if ids.is_entry(fill.client_order_id):
            mine[fill.symbol] = held + change
        elif ids.is_ours(fill.client_order_id):
            mine[fill.symbol] = _towards_zero(held, fill.size)
        elif held * change > 0:
            added[fill.symbol] = added.get(fill.symbol, ZERO) + fill.size
        elif held * change < 0:
            theirs = min(fill.size, added.get(fill.symbol, ZERO))
            added[fill.symbol] = added.get(fill.symbol, ZERO) - theirs
            mine[fill.symbol] = _towards_zero(held, fill.size - theirs)
        if mine.get(fill.symbol, ZERO) == 0:
            added[fill.symbol] = ZERO
        if ids.is_ours(fill.client_order_id) or mine.get(fill.symbol, ZERO) != held:
            found.append(fill)
    return found


def _towards_zero(held: Decimal, size: Decimal) -> Decimal:
    left = max(abs(held) - size, ZERO)
    return left if held > 0 else -left


def _positions(records: Records) -> Iterable[Difference]:
    ours = {p.symbol: p.size * p.direction.sign for p in records.positions.positions if p.is_open}
    theirs = {p.symbol: p.size * p.direction.sign for p in records.venue_positions}
    for symbol in sorted({*ours, *theirs}):
        mine, venue = ours.get(symbol, ZERO), theirs.get(symbol, ZERO)
        if mine != venue:
            yield Difference("position", symbol, str(mine), str(venue))


def _orders(records: Records, ids: OrderIds) -> Iterable[Difference]:
    resting = [order for order in records.venue_orders if ids.is_ours(order.client_order_id)]
    held = {p.symbol: p for p in records.positions.positions if p.is_open}
    for symbol, position in sorted(held.items()):
        stops = [o for o in resting if o.symbol == symbol and o.kind is OrderKind.STOP and o.reduce_only]
        if len(stops) != 1:
            yield Difference("protective_stops", symbol, "1", str(len(stops)))
        elif not _protects(stops[0], position):
            yield Difference("protective_stop_size", symbol, str(position.size), str(stops[0].size))
    for order in resting:
        if order.symbol not in held:
            yield Difference("orphan_order", order.symbol, "none", str(order.client_order_id))


def _protects(stop: OpenOrder, position: Position) -> bool:
    return stop.size == position.size and stop.side is position.direction.entry_side.opposite


def _fills(records: Records, venue_fills: Sequence[Fill]) -> Iterable[Difference]:
    rows = [row for row in records.journal_fills if row.get("purpose")]
    seen = Counter(str(row["fill_id"]) for row in rows)
    for fill_id, count in seen.items():
        if count > 1:
            yield Difference("fill_counted_twice", "", str(count), "1", fill_id)
    ours = {str(row["fill_id"]): (Decimal(str(row["size"])), Decimal(str(row["price"]))) for row in rows}
    theirs = {str(fill.fill_id): (fill.size, fill.price) for fill in venue_fills}
    for fill_id in sorted({*ours, *theirs}):
        if ours.get(fill_id) != theirs.get(fill_id):
            yield Difference("fill", "", _pair(ours.get(fill_id)), _pair(theirs.get(fill_id)), fill_id)


def _pair(value: tuple[Decimal, Decimal] | None) -> str:
    return "missing" if value is None else f"{value[0]} @ {value[1]}"


def booked_cash(records: Records) -> dict[str, Decimal]:
    """Net result by currency as our files have it: finished trades and what open positions have booked."""
    sums: dict[str, Decimal] = {}
    for trade in records.trades.trades:
        sums[trade.settlement_currency] = sums.get(trade.settlement_currency, ZERO) + trade.net_pnl
    for position in records.positions.positions:
        booked = position.booked_pnl - position.booked_fees + position.booked_funding
        sums[position.settlement_currency] = sums.get(position.settlement_currency, ZERO) + booked
    return sums


def _cash(records: Records, fills_of_ours: set[FillId]) -> Iterable[Difference]:
    ours = booked_cash(records)
    theirs: dict[str, Decimal] = {}
    for row in records.ledger:
        if _concerns_us(records, row) and (row.fill_id is None or row.fill_id in fills_of_ours):
            theirs[row.currency] = theirs.get(row.currency, ZERO) + row.change
    for currency in sorted({*ours, *theirs}):
        mine, venue = ours.get(currency, ZERO), theirs.get(currency, ZERO)
        if mine != venue:
            yield Difference("booked_cash", currency, str(mine), str(venue), f"differs by {venue - mine}")


def _concerns_us(records: Records, row: LedgerEntry) -> bool:
    """Trades, and funding of what we held at that time: the funding of somebody else's position is not ours."""
    if row.kind not in OURS or row.symbol is None:
        return False
    if row.kind is not LedgerKind.FUNDING:
        return True
    open_now = [p for p in records.positions.positions if p.is_open]
    settling = [p for p in records.positions.positions if not p.is_open]
    closed: list[Position | ClosedTrade] = [*records.trades.trades, *settling]
    return any(one.symbol == row.symbol and one.entry_time <= row.time for one in open_now) or any(
        one.symbol == row.symbol and one.entry_time <= row.time <= (one.exit_time or row.time) for one in closed
    )


def _balances(records: Records) -> Iterable[Difference]:
    """Each wallet's balance is where the account log left it."""
    last = {(row.wallet, row.currency): row.new_balance for row in records.ledger}
    for wallet in records.account.wallets:
        booked = last.get((wallet.name, wallet.currency))
        if booked is not None and booked != wallet.balance:
            yield Difference("balance", wallet.name, str(booked), str(wallet.balance), "account log against wallet")
