"""What learners learn from, out of a home's journals; runs in a process of its own, as it reads for seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tradingbot.app.home_trades import newest_of_home
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.ledger_reader import ledger_table
from tradingbot.engine.outcome_reader import signal_table
from tradingbot.learning.learner_params import MetaLearningParams
from tradingbot.learning.learners import Records
from tradingbot.learning.trade_facts import facts_of
from tradingbot.signals.table import COMPONENTS
from tradingbot.storage.journal_reader import JournalReader

MOST_TRADES: Final = 20_000


def records_of_home(
    home: Path, since: datetime, now: datetime, params: MetaLearningParams, default_cost_bps: float
) -> tuple[Records, dict[str, int]]:
    """Signals, trades and the ledger of the window, nothing from before `since`; and how many of each."""
    first = max(since, now - timedelta(days=params.window_days))
    reader = JournalReader(journal_path(home, "signal_outcomes"))
    table, bad = signal_table(reader.since(first), tuple(COMPONENTS), first, now, default_cost_bps)
    newest = newest_of_home(home, first, MOST_TRADES)
    trades = tuple(facts_of(trade) for trade in newest if first <= trade.exit_time < now)
    lines = JournalReader(journal_path(home, "counterfactual"))
    ledger, odd = ledger_table(lines.since(first), first, now)
    counts = {
        "signals": len(table),
        "trades": len(trades),
        "ledger": len(ledger),
        "bad_lines": bad + odd + reader.bad_lines + lines.bad_lines,
    }
    return Records(table, tuple(sorted(trades, key=lambda facts: facts.trade.exit_time)), ledger), counts
