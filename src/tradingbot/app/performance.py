"""How a home has done: ratios of its equity by the day, what its trades came to, and how far both can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tradingbot.app.home_trades import is_within, trades_of_home
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journal_moments import WRITTEN_LATER
from tradingbot.learning.trade_facts import TradeFacts, facts_of
from tradingbot.research.performance import YEAR_ROOT, DrawdownWatch, EquityDays, daily_returns, ratios
from tradingbot.research.sanity import doubts
from tradingbot.research.sharpe import bootstrap, deflated, probability_above, standard_error
from tradingbot.research.trade_figures import figures_of, turnover_per_year
from tradingbot.storage.journal_reader import JournalReader

JOURNALS: Final = ("equity", "cycles")
"""The first of them that holds equity is read: the page writes the one for years, cycles are kept for weeks."""
SEED: Final = 1


def performance_facts(home: Path, since: datetime | None, until: datetime | None, trials: int) -> dict[str, Any]:
    """Everything of [since, until). `trials`: how many variants were tried before this one was chosen.

    Raises ConfigurationError where there is no equity on file, StateError for trades that cannot be read.
    """
    watch, days = DrawdownWatch(), EquityDays()
    first: tuple[datetime, float] | None = None
    last: tuple[datetime, float] | None = None
    for at, usd in _equity(home, since, until):
        watch.add(at, usd)
        first = first or (at, usd)
        last = (at, usd)
        days.add(at.timestamp(), usd)
    if first is None or last is None:
        raise ConfigurationError(f"no equity on file in {home}; start a daemon with: tradingbot run --home {home}")
    values = days.values
    returns = daily_returns(values)
    found = asdict(ratios(returns))
    trades = _trades([facts_of(one) for one in trades_of_home(home, since, until) or ()], values, len(days.by_day))
    interval, error = bootstrap(returns, SEED), standard_error(returns)
    return {
        "home": str(home),
        "first": first[0],
        "last": last[0],
        "days": len(days.by_day),
        "start_usd": first[1],
        "end_usd": last[1],
        "change_usd": last[1] - first[1],
        "ratios": found,
        "drawdown": asdict(watch.worst) if watch.worst is not None else None,
        "trust": {
            "sharpe_error": None if error is None else error * YEAR_ROOT,
            "sharpe_interval_95": None if interval is None else [bound * YEAR_ROOT for bound in interval],
            "probability_above_zero": probability_above(returns),
            "trials": trials,
            "probability_not_luck": deflated(returns, trials),
        },
        "months": days.months,
        "trades": trades,
        "doubts": doubts(found, trades, len(days.by_day)),
    }


def _equity(home: Path, since: datetime | None, until: datetime | None) -> Iterator[tuple[datetime, float]]:
    """Known equity by the minute, oldest first, of the first journal that has any."""
    for name in JOURNALS:
        known = False
        latest: datetime | None = None
        end = None if until is None else until + WRITTEN_LATER
        for line in JournalReader(journal_path(home, name)).since(since, end):
            value = line.get("equity_usd")
            if value is None or "as_of" not in line:
                continue
            at, usd = parse_utc(str(line["as_of"])), float(value)
            if usd > 0 and is_within(at, since, until) and (latest is None or at > latest):
                known, latest = True, at
                yield at, usd
        if known:
            return


def _trades(trades: Sequence[TradeFacts], equities: Sequence[float], days: int) -> dict[str, Any]:
    """`turnover_per_year`: notional in and out, in multiples of the mean equity."""
    turnover = turnover_per_year(trades, sum(equities) / len(equities), days)
    return {**asdict(figures_of(trades)), "turnover_per_year": turnover}
