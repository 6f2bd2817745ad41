"""Finished trades as the journal of executed trades has them, each once; the file of trades made again from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappush, heappushpop
from typing import Any, Final, Protocol

from pydantic import TypeAdapter, ValidationError

from tradingbot.engine.models import TradesState
from tradingbot.engine.trade_archive import ArchivedTrades, age, archived
from tradingbot.portfolio.position import ClosedTrade, without_advice

SPARE_LINES: Final = 100
"""Lines that are read beyond those wanted, for a trade that has two."""

_TRADE: TypeAdapter[ClosedTrade] = TypeAdapter(ClosedTrade)


def trades_of(records: Iterable[Mapping[str, Any]]) -> Iterator[ClosedTrade]:
    """The trades of these lines, each once, in their order; a line of another shape is no trade."""
    seen: set[str] = set()
    for record in records:
        if (trade_id := str(record.get("trade_id"))) in seen:
            continue
        try:
            trade = _TRADE.validate_python({name: value for name, value in record.items() if name != "at"})
        except ValidationError:
            continue
        seen.add(trade_id)
        yield without_advice(trade)


def older_trades(state: TradesState, records: Iterable[Mapping[str, Any]]) -> Iterator[ClosedTrade]:
    """The trades that the file holds only as sums, from lines of the journal, in their order."""
    kept = {trade.trade_id for trade in state.trades}
    if not state.archived.count:
        return
    for trade in trades_of(record for record in records if record.get("trade_id") not in kept):
        if state.archived.may_hold(trade.exit_time):
            yield trade


class Lines(Protocol):
    """A journal."""

    def newest(self, count: int) -> Iterator[dict[str, Any]]:
        """At least the newest `count` lines, oldest first."""


def newest_trades(state: TradesState, journal: Lines, count: int) -> list[ClosedTrade]:
    """The newest `count` trades, oldest first, from the file and, as far as it does not go back, from the journal."""
    kept = state.trades[-count:]
    wanted = min(count - len(kept), state.archived.count)
    if not wanted:
        return kept
    return [*deque(older_trades(state, journal.newest(count + SPARE_LINES)), maxlen=wanted), *kept]


def trades_since(state: TradesState, journal: Lines, since: datetime, count: int) -> list[ClosedTrade]:
    """Those of the newest `count` that ended since then, oldest first.

    The journal is read where they are no longer kept one by one.
    """
    trades = newest_trades(state, journal, count) if state.archived.may_hold(since) else state.trades[-count:]
    return [trade for trade in trades if trade.exit_time >= since]


def with_journalled(known: TradesState, records: Iterable[Mapping[str, Any]], kept: int) -> TradesState:
    """The trades, and those that only the journal of executed trades still knows; the newest `kept` one by one.

    `known` is the file as it once was, or empty. The result is what it would have become trade by trade.
    """
    mine = {trade.trade_id for trade in known.trades}
    written: set[str] = set()
    newest: list[tuple[Any, ClosedTrade]] = []
    again, gone = ArchivedTrades(), ArchivedTrades()
    for trade in trades_of(records):
        if trade.trade_id in mine:
            written.add(trade.trade_id)
        elif known.archived.may_hold(trade.exit_time):
            again = again.with_trade(trade)
        elif len(newest) < kept:
            heappush(newest, (age(trade), trade))
        else:
            gone = gone.with_trade(heappushpop(newest, (age(trade), trade))[1])
    # A journal that lacks lines of archived trades cannot say more of them than the sums do.
    before = again if again.count >= known.archived.count else known.archived
    trades = sorted([*known.trades, *(trade for _, trade in newest)], key=age)
    written.update(trade.trade_id for _, trade in newest)
    leaving = [trade for trade in trades[: max(len(trades) - kept, 0)] if trade.trade_id in written]
    left = {trade.trade_id for trade in leaving}
    return TradesState.model_construct(
        trades=[trade for trade in trades if trade.trade_id not in left],
        archived=archived(leaving, before.plus(gone)),
    )
