"""Finished trades as a home's files have them. Moves nothing: a daemon may own them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journalled_trades import older_trades, trades_since
from tradingbot.engine.models import TradesState
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.journal_search import search
from tradingbot.storage.writer import StorageWriter


def newest_of_home(home: Path, since: datetime, count: int) -> list[ClosedTrade]:
    """Those of the newest `count` trades that ended since then, oldest first; none where there is no file of trades.

    Raises StateError when the file cannot be read.
    """
    known = open_document(home, "trades", StorageWriter(SystemClock())).peek()
    if not isinstance(known, TradesState):
        return []
    return trades_since(known, JournalReader(journal_path(home, "executed_trades")), since, count)


def trades_of_home(home: Path, since: datetime | None, until: datetime | None) -> list[ClosedTrade] | None:
    """Trades that ended within [since, until), archived ones too, oldest first; None where there is no file of trades.

    Raises StateError for trades that cannot be read.
    """
    state = open_document(home, "trades", StorageWriter(SystemClock())).peek() if home.is_dir() else None
    if not isinstance(state, TradesState):
        return None
    journal = search(journal_path(home, "executed_trades"), '"trade_id":', since)
    both = chain(older_trades(state, journal), state.trades)
    return [trade for trade in both if is_within(trade.exit_time, since, until)]


def trades_ended(home: Path, since: datetime, until: datetime) -> Iterator[ClosedTrade]:
    """Trades that ended within [since, until], archived ones first, one at a time: a year of them is large.

    Raises StateError when the file of trades cannot be read.
    """
    state = open_document(home, "trades", StorageWriter(SystemClock())).peek()
    if not isinstance(state, TradesState):
        return
    records = search(journal_path(home, "executed_trades"), '"trade_id":', since)
    for trade in chain(older_trades(state, records), state.trades):
        if since <= trade.exit_time <= until:
            yield trade


def is_within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Whether it lies in [since, until); None: no bound."""
    return (since is None or moment >= since) and (until is None or moment < until)
