"""Finished trades as a home's files have them. Moves nothing: a daemon may own them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journalled_trades import trades_since
from tradingbot.engine.models import TradesState
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter


def newest_of_home(home: Path, since: datetime, count: int) -> list[ClosedTrade]:
    """Those of the newest `count` trades that ended since then, oldest first; none where there is no file of trades.

    Raises StateError when the file cannot be read.
    """
    known = open_document(home, "trades", StorageWriter(SystemClock())).peek()
    if not isinstance(known, TradesState):
        return []
    return trades_since(known, JournalReader(journal_path(home, "executed_trades")), since, count)
