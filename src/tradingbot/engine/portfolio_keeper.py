"""Owner of the book: applies fills and ledger rows, settles trades, and keeps both state files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import nsmallest
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

import structlog

from tradingbot.core.records import Fill, LedgerEntry, Liquidity
from tradingbot.core.types import FillId, Symbol
from tradingbot.engine.intents import Intent, IntentLog
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.engine.trade_archive import ArchivedTrades, age, archived
from tradingbot.portfolio.book import REMEMBERED_FILLS, Book, FillEffect, apply_fill, apply_foreign_fill, apply_ledger
from tradingbot.portfolio.ladder_record import without_part
from tradingbot.portfolio.position import ClosedTrade, Position, close_out, without_advice
from tradingbot.ports import Journal

log = structlog.get_logger(__name__)

T = TypeVar("T", contravariant=True)

LIQUIDATION = "liquidation"
"""Exit rule and journalled purpose of what the venue closed by force."""

BY_HAND = "closed_by_hand"
"""Exit rule and journalled purpose of what an order that is not ours took from our position."""

FILL_OVERLAP = timedelta(minutes=10)
"""Fills are asked for again from this long before the newest applied one; ids make the repetition harmless."""


KEPT_TRADES = 2000
"""Finished trades that are kept one by one."""
LEAVING_AT_ONCE: Final = 100
"""At most so many leave with one save."""

FindJournalled = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Which of these trades have a line in the journal of executed trades. Takes long; asked where nothing else tells."""


async def _none_journalled(_: Collection[str]) -> Collection[str]:
    return ()


class StateDocument(Protocol[T]):
    """The part of a stored document that the keeper needs."""

    async def commit(self, value: T) -> None:
        """Durable when it returns."""

    def put(self, value: T) -> None:
        """Durable soon."""


class PortfolioKeeper:
    """The only writer of positions, trades and the journals of fills and executed trades."""

    def __init__(
        self,
        book: Book,
        trades: TradesState,
        positions_file: StateDocument[PositionsState],
        trades_file: StateDocument[TradesState],
        fills_journal: Journal,
        trades_journal: Journal,
        intents: IntentLog,
        journalled_fills: Mapping[str, str] | None = None,
        journalled_trades: Iterable[str] = (),
        kept_trades: int = KEPT_TRADES,
        find_journalled: FindJournalled = _none_journalled,
    ) -> None:
        """`journalled_fills`: the newest lines of the journal of fills, purpose by fill id.

        `journalled_trades`: ids of trades whose line is in the journal of executed trades. `kept_trades`: how many of
        the newest are kept one by one. `find_journalled` tells whether a trade that comes again is an archived one.
        """
        self._book = book
        self._saved: Book | None = None
        self._trades = list(trades.trades)
        self._archived = trades.archived
        self._kept_trades = kept_trades
        self._find_journalled = find_journalled
        self._may_leave: Callable[[ClosedTrade], bool] = lambda _: False
        self._trade_ids = {trade.trade_id for trade in self._trades}
        self._positions_file = positions_file
        self._trades_file = trades_file
        self._fills_journal = fills_journal
        self._trades_journal = trades_journal
        self._intents = intents
        # A crash between journal and positions file makes fills come again: their line is there already.
        self._journalled = dict(journalled_fills or {})
        self._journalled_trades = set(journalled_trades)
        self._fill_listeners: list[Callable[[Mapping[str, Any]], None]] = []
        self._waiting: set[FillId] = set()

    @property
    def book(self) -> Book:
        """The current book, frozen."""
        return self._book

    @property
    def trades(self) -> Sequence[ClosedTrade]:
        """The newest finished trades, in the order in which they were settled."""
        return tuple(self._trades)

    @property
    def archived(self) -> ArchivedTrades:
        """The sums of all finished trades before `trades`."""
        return self._archived

    @property
    def state(self) -> TradesState:
        """All finished trades as their file has them."""
        return TradesState.model_construct(trades=self._trades, archived=self._archived)

    def archive_when(self, may_leave: Callable[[ClosedTrade], bool]) -> None:
        """Trades beyond the limit leave once `may_leave` says that nobody needs them any more; until then none does."""
        self._may_leave = may_leave

    def listen_to_fills(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Hand every line of the journal of fills to `listener` too; it must be quick."""
        self._fill_listeners.append(listener)

    def set_book(self, book: Book) -> None:
        """Exchange the book for its next state (stops, extremes); saved with the next `save`."""
        self._book = book

    def absorb(self, fills: Sequence[Fill], now: datetime, complete: bool = False) -> list[FillEffect]:
        """Apply fills, each once. `complete`: all since `fills_wanted_since`, as REST has them.

        What an outside fill took from us depends on all fills before it, and the stream may have lost one of them: it
        waits until a complete list shows it in its place.
        """
        effects = []
        for fill in sorted(fills, key=lambda fill: fill.time):
            if complete:
                self._waiting.discard(fill.fill_id)
            elif self._is_outside(fill):
                self._waiting |= {fill.fill_id} - set(self._book.seen_fills)
                continue
            effects.append(self._absorb_one(fill, now))
        return [effect for effect in effects if effect.kind != "duplicate"]

    @property
    def needs_complete_fills(self) -> bool:
        """The sizes at the venue alone prove nothing: others trade, or hold something, where we hold a position."""
        return bool(self._waiting) or any(position.foreign_size for position in self._book.open_positions)

    def _is_outside(self, fill: Fill) -> bool:
        return self._intents.find(fill.client_order_id) is None and not self._is_known_stop(fill)

    def _absorb_one(self, fill: Fill, now: datetime) -> FillEffect:
        intent = self._intents.find(fill.client_order_id)
        plan = intent.plan if intent is not None and intent.purpose == "entry" else None
        rule, context = _exit_reason(intent)
        if intent is None and self._is_known_stop(fill):
            self._book, effect = apply_fill(self._book, fill, None, "protective_stop", {})
        elif intent is None:
            # No intent of ours explains it: a person's order, or the venue's own. It opens nothing of ours, and what
            # it closes of ours is gone.
            context = {"price": str(fill.price), "venue_order_id": fill.venue_order_id}
            self._book, effect = apply_foreign_fill(self._book, fill, _outside_rule(fill), context)
        else:
            own = self._book.open_for(fill.symbol)
            if own is not None and intent.position_id not in ("", own.position_id):
                context = without_part(context)  # a late fill of the position before this one
            self._book, effect = apply_fill(self._book, fill, plan, rule, context)
        newest = self._book.fills_since
        if newest is None or fill.time > newest:
            self._book = replace(self._book, fills_since=fill.time)
        if effect.kind == "duplicate" or self._journal_fill(effect, intent, now):
            return effect
        return replace(effect, kind="duplicate") if effect.kind == "foreign" else effect

    def _is_known_stop(self, fill: Fill) -> bool:
        """The position remembers its stop even when the journal of intents was lost."""
        order_id = fill.client_order_id
        return order_id is not None and any(p.stop_client_order_id == order_id for p in self._book.positions)

    def _journal_fill(self, effect: FillEffect, intent: Intent | None, now: datetime) -> bool:
        """One line per fill; a second one when a fill that was nobody's turns out to have moved our position."""
        fill, purpose = effect.fill, self._purpose(effect, intent)
        known = self._journalled.get(fill.fill_id)
        if known or known == purpose:
            return False
        self._journalled[fill.fill_id] = purpose
        while len(self._journalled) > REMEMBERED_FILLS:
            del self._journalled[next(iter(self._journalled))]
        record = {
            "at": now,
            "fill_id": fill.fill_id,
            "client_order_id": fill.client_order_id,
            "venue_order_id": fill.venue_order_id,
            "symbol": fill.symbol,
            "side": fill.side,
            "size": fill.size,
            "price": fill.price,
            "time": fill.time,
            "liquidity": fill.liquidity,
            "fee": fill.fee,
            "effect": effect.kind,
            "purpose": purpose,
            "position_id": effect.position.position_id if effect.position else "",
        }
        self._fills_journal.append(record)
        for listen in self._fill_listeners:
            listen(record)
        log.info(
            "fill.applied",
            symbol=fill.symbol,
            side=fill.side.value,
            size=str(fill.size),
            price=str(fill.price),
            effect=effect.kind,
            purpose=purpose,
        )
        return True

    def _purpose(self, effect: FillEffect, intent: Intent | None) -> str:
        if intent is not None:
            return intent.purpose
        if effect.kind not in ("reduced", "closed"):
            return ""
        return "stop" if self._is_known_stop(effect.fill) else _outside_rule(effect.fill)

    def book_ledger(self, entries: Sequence[LedgerEntry]) -> None:
        """Apply account-log rows in order."""
        for entry in sorted(entries, key=lambda entry: entry.entry_id):
            self._book, _ = apply_ledger(self._book, entry)

    def needs_ledger(self) -> bool:
        """Some fill of ours is not booked yet."""
        return any(not all(position.fills.values()) for position in self._book.positions)

    def unknown_fills(self, entries: Sequence[LedgerEntry]) -> bool:
        """Rows speak of fills that we have not seen: ask for fills before booking these rows."""
        known = {None, *self._book.seen_fills}
        return any(entry.fill_id not in known and entry.entry_id > self._book.ledger_id for entry in entries)

    async def settle(self, prices_usd: Mapping[str, Decimal], now: datetime) -> list[ClosedTrade]:
        """Turn settled positions into trades: trade file first, then positions, so that a crash between repeats it."""
        finished = [position for position in self._book.positions if position.is_settled]
        new = await self._unknown([self._close(position, prices_usd) for position in finished])
        if new:
            # Remembered only once durable: a disk that refuses is asked again, and no trade's line is lost.
            state = self._within_limit([*self._trades, *(without_advice(trade) for trade in new)])
            await self._trades_file.commit(state)
            self._remember(state)
            for trade in new:
                self._report(trade, now)
        for position in finished:
            self._book = self._book.without(position.position_id)
        return new

    async def _unknown(self, closed: Sequence[ClosedTrade]) -> list[ClosedTrade]:
        """Those of these trades that were never recorded.

        After a lost file of positions all of them come again, the archived ones too: the journal knows those.
        """
        new = [trade for trade in closed if trade.trade_id not in self._trade_ids]
        old = [trade.trade_id for trade in new if self._archived.may_hold(trade.exit_time)]
        known = await self._find_journalled(old) if old else ()
        return [trade for trade in new if trade.trade_id not in known]

    def _within_limit(self, trades: list[ClosedTrade]) -> TradesState:
        """The file with these trades; those beyond the limit become sums, as soon as they may.

        Their line must be in the journal (and is on disk before the file is, which waits for it), and nobody who
        learns from trades may lack them. After the limit was lowered thousands may leave: they do so in several steps,
        because their sums are made on the event loop.
        """
        excess = nsmallest(len(trades) - self._kept_trades, trades, key=age)
        may = (one for one in excess if one.trade_id in self._journalled_trades and self._may_leave(one))
        leaving = list(islice(may, LEAVING_AT_ONCE))
        left = {trade.trade_id for trade in leaving}
        kept = [trade for trade in trades if trade.trade_id not in left] if left else trades
        return TradesState.model_construct(trades=kept, archived=archived(leaving, self._archived))

    def _remember(self, state: TradesState) -> None:
        ids = {trade.trade_id for trade in state.trades}
        self._journalled_trades -= self._trade_ids - ids
        self._trades, self._archived, self._trade_ids = state.trades, state.archived, ids

    def _close(self, position: Position, prices_usd: Mapping[str, Decimal]) -> ClosedTrade:
        return close_out(position, prices_usd.get(position.settlement_currency, Decimal(1)))

    def journal_trade(self, trade: ClosedTrade, now: datetime) -> bool:
        """The trade's line in the journal of executed trades, once; whether it was missing."""
        if trade.trade_id in self._journalled_trades:
            return False
        if self._trades_journal.append({"at": now, **asdict(trade)}) is not False:
            self._journalled_trades.add(trade.trade_id)
        return True

    def _report(self, trade: ClosedTrade, now: datetime) -> None:
        self.journal_trade(trade, now)
        log.info(
            "trade.closed",
            trade_id=trade.trade_id,
            symbol=trade.symbol,
            direction=trade.direction.value,
            rule=trade.exit_rule,
            net_pnl_usd=float(round(trade.net_pnl_usd, 4)),
            return_pct=float(round(trade.return_fraction * 100, 4)),
            held_s=trade.duration_s,
        )

    async def save(self) -> None:
        """Positions durable; a book that is there already is not written twice. Raises StorageUnavailableError."""
        book = self._book
        if book is not self._saved:
            await self._positions_file.commit(PositionsState.from_book(book))
            self._saved = book

    def fills_wanted_since(self, start: datetime) -> datetime:
        """From when fills must be asked for again."""
        return (self._book.fills_since or start) - FILL_OVERLAP

    def open_symbols(self) -> set[Symbol]:
        """Symbols with an open position of ours."""
        return {position.symbol for position in self._book.open_positions}


def _outside_rule(fill: Fill) -> str:
    return LIQUIDATION if fill.liquidity is Liquidity.LIQUIDATION else BY_HAND


def _exit_reason(intent: Intent | None) -> tuple[str, Mapping[str, object]]:
    if intent is None or intent.purpose == "entry":
        return "", {}
    if intent.purpose == "stop":
        return "protective_stop", {"stop_price": str(intent.stop_price)}
    return intent.rule, dict(intent.context)


def purposes_by_fill(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Purpose by fill id of lines of the journal of fills; ours win over an earlier line that called a fill foreign."""
    found: dict[str, str] = {}
    for row in rows:
        if "fill_id" in row:
            fill_id = str(row["fill_id"])
            found[fill_id] = found.get(fill_id) or str(row.get("purpose") or "")
    return found
