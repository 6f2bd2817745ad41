"""Proof that our files and the venue agree: orders, fills, positions, booked cash, balances, to the last unit.

Derived anew from the files and from the venue's own records, without the code that keeps the book.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tradingbot.core.records import AccountState, Fill, LedgerEntry, LedgerKind, OpenOrder, VenuePosition
from tradingbot.core.types import FillId, OrderKind, Symbol
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.journalled_trades import older_trades
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.learning.exact_sums import total
from tradingbot.portfolio.position import ClosedTrade, Position
from tradingbot.portfolio.reconcile import Difference
from tradingbot.ports import Venue

ZERO = Decimal(0)
OURS = (LedgerKind.TRADE, LedgerKind.FUNDING, LedgerKind.LIQUIDATION)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the journal of executed trades says of a trade that the file holds only as a part of sums."""

    symbol: Symbol
    entry_time: datetime
    exit_time: datetime
    currency: str
    net_pnl: Decimal


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
    older: Sequence[Holding] = ()


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
    venue: Venue,
    positions: PositionsState,
    trades: TradesState,
    journal_fills: Sequence[Mapping[str, Any]],
    journal_trades: Iterable[Mapping[str, Any]] = (),
) -> Records:
    """The venue's side, asked now; `journal_trades` are read only when some trades are archived. Raises VenueError."""
    began = [*(t.entry_time for t in trades.trades), *(p.entry_time for p in positions.positions)]
    if trades.archived.oldest_entry_time is not None:
        began.append(trades.archived.oldest_entry_time)
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
        [
            Holding(one.symbol, one.entry_time, one.exit_time, one.settlement_currency, one.net_pnl)
            for one in older_trades(trades, journal_trades)
        ],
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
        *_archive(records),
    ]
    counts = {
        "trades": records.trades.count,
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
    sums = {currency: one.net_pnl for currency, one in records.trades.archived.sums.items()}
    for trade in records.trades.trades:
        sums[trade.settlement_currency] = sums.get(trade.settlement_currency, ZERO) + trade.net_pnl
    for position in records.positions.positions:
        booked = position.booked_pnl - position.booked_fees + position.booked_funding
        sums[position.settlement_currency] = sums.get(position.settlement_currency, ZERO) + booked
    return sums


def _cash(records: Records, fills_of_ours: set[FillId]) -> Iterable[Difference]:
    ours, held = booked_cash(records), HeldTimes(records)
    theirs: dict[str, Decimal] = {}
    for row in records.ledger:
        if _concerns_us(held, row) and (row.fill_id is None or row.fill_id in fills_of_ours):
            theirs[row.currency] = theirs.get(row.currency, ZERO) + row.change
    for currency in sorted({*ours, *theirs}):
        mine, venue = ours.get(currency, ZERO), theirs.get(currency, ZERO)
        if mine != venue:
            yield Difference("booked_cash", currency, str(mine), str(venue), f"differs by {venue - mine}")


def _concerns_us(held: HeldTimes, row: LedgerEntry) -> bool:
    """Trades, and funding of what we held at that time: the funding of somebody else's position is not ours."""
    if row.kind not in OURS or row.symbol is None:
        return False
    return row.kind is not LedgerKind.FUNDING or held.at(row.symbol, row.time)


class HeldTimes:
    """When we held what."""

    def __init__(self, records: Records) -> None:
        positions = records.positions.positions
        closed: list[Position | ClosedTrade | Holding] = [*records.trades.trades, *records.older]
        spans = [(one.symbol, one.entry_time, one.exit_time) for one in (*closed, *positions) if not _is_open(one)]
        spans += [(one.symbol, one.entry_time, None) for one in positions if one.is_open]
        last = datetime.max.replace(tzinfo=UTC)
        self._entries: dict[Symbol, list[datetime]] = {}
        self._until: dict[Symbol, list[datetime]] = {}
        for symbol, entry, leave in sorted(spans, key=lambda span: span[1]):
            until = self._until.setdefault(symbol, [])
            self._entries.setdefault(symbol, []).append(entry)
            until.append(max(leave or last, until[-1] if until else entry))

    def at(self, symbol: Symbol, moment: datetime) -> bool:
        """Whether something of ours was held then, its first and last moment among them."""
        began = bisect_right(self._entries.get(symbol, []), moment)
        return began > 0 and moment <= self._until[symbol][began - 1]


def _is_open(one: Position | ClosedTrade | Holding) -> bool:
    return isinstance(one, Position) and one.is_open


def _archive(records: Records) -> Iterable[Difference]:
    """The sums of archived trades are those of their lines in the journal."""
    gone = records.trades.archived
    if len(records.older) != gone.count:
        yield Difference("archived_trades", "", str(gone.count), str(len(records.older)), "sums against journal")
    for currency, sums in sorted(gone.sums.items()):
        lines = total([one.net_pnl for one in records.older if one.currency == currency])
        if lines != sums.net_pnl:
            yield Difference("archived_cash", currency, str(sums.net_pnl), str(lines), "sums against journal")


def _balances(records: Records) -> Iterable[Difference]:
    """Each wallet's balance is where the account log left it."""
    last = {(row.wallet, row.currency): row.new_balance for row in records.ledger}
    for wallet in records.account.wallets:
        booked = last.get((wallet.name, wallet.currency))
        if booked is not None and booked != wallet.balance:
            yield Difference("balance", wallet.name, str(booked), str(wallet.balance), "account log against wallet")
