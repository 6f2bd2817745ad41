"""Several runs side by side; one run at other fees; two runs that differ in their warm-up alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest

import numpy as np

from tradingbot.core.types import epoch_ms
from tradingbot.learning.trade_facts import facts_of, usd_rate
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.backtest.metrics import checked, daily_returns_of, metrics_of
from tradingbot.research.backtest.model import RunRow, WarmUp
from tradingbot.research.backtest.result import BacktestResult

COMPARED = (
    "symbol", "direction", "entry_time", "exit_time", "size", "entry_price", "exit_price", "exit_rule", "strategy",
    "fees", "funding", "net_pnl",
)  # fmt: skip


def compare(results: Mapping[str, BacktestResult]) -> tuple[RunRow, ...]:
    """One row per run, in their order; what a run was tried with is its name."""
    return tuple(_row(name, result) for name, result in results.items())


def _row(name: str, result: BacktestResult) -> RunRow:
    checked(result)
    found = metrics_of(result, [facts_of(one) for one in result.trades])
    trades = found.trades
    return RunRow(
        name=name,
        total_return=found.end_usd / found.start_usd - 1,
        return_per_year=found.ratios.return_per_year,
        sharpe=found.ratios.sharpe,
        sortino=found.ratios.sortino,
        max_drawdown=0.0 if found.drawdown is None else found.drawdown.depth,
        trades=trades.count,
        win_rate=trades.win_rate,
        profit_factor=trades.profit_factor,
        expectancy_bps=trades.expectancy_bps,
        fees_usd=trades.fees_usd,
        funding_usd=trades.funding_usd,
        net_usd=trades.net_usd,
        mean_exposure=found.mean_exposure,
        turnover_per_year=found.turnover_per_year,
    )


def with_fees(result: BacktestResult, factor: float) -> BacktestResult:
    """The same trades at other fees; the account pays the difference when each one ends.

    Exact for the trades that were made: entries would have been of another size, or not at all, had the fees been known
    to be others; only a run of its own says that. Positions that are still open keep their fees.
    """
    exact = Decimal(str(factor))
    trades = tuple(_at_fees(one, exact) for one in result.trades)
    pairs = zip(trades, result.trades, strict=True)
    extra = np.array([float((new.fees - old.fees) * usd_rate(old)) for new, old in pairs])
    ended_ms = np.array([epoch_ms(one.exit_time) for one in trades], dtype=np.int64)
    order = np.argsort(ended_ms, kind="stable")
    paid = np.append(0.0, np.cumsum(extra[order]))
    curve = result.equity
    after = np.searchsorted(ended_ms[order], curve.time_ms, side="right")
    # A trade that the last cycle closed ends after that cycle's point.
    after[-1:] = len(trades)
    return replace(
        result,
        facts=replace(result.facts, name=f"{result.facts.name}, fees x {factor:g}"),
        equity=replace(curve, equity_usd=curve.equity_usd - paid[after]),
        trades=trades,
        warnings=(*result.warnings, f"The same trades at {factor:g} times their fees; decisions were not made anew."),
    )


def _at_fees(trade: ClosedTrade, factor: Decimal) -> ClosedTrade:
    fees = trade.fees * factor
    net = trade.gross_pnl - fees + trade.funding
    return replace(trade, fees=fees, net_pnl=net, net_pnl_usd=net * usd_rate(trade))


def matrix_of(results: Sequence[BacktestResult]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Daily returns of variants over the same time, a row per day and a column per variant.

    Raises ValueError when they do not have equally many days.
    """
    columns = [daily_returns_of(one) for one in results]
    if len({len(one) for one in columns}) > 1:
        counts = ", ".join(str(len(one)) for one in columns)
        raise ValueError(f"variants are compared over the same days; these have {counts}")
    return np.column_stack(columns)


def warm_up_of(shorter: BacktestResult, longer: BacktestResult) -> WarmUp:
    """Whether more warm-up changes what is traded.

    Both may begin to trade at different times: trades that were opened before the later of the two, or that ended after
    the earlier end, are left out.
    """
    since = max(shorter.facts.since, longer.facts.since)
    until = min(shorter.facts.until, longer.facts.until)
    ours, theirs = (_between(run.trades, since, until) for run in (shorter, longer))
    return WarmUp(shorter.facts.name, longer.facts.name, max(len(ours), len(theirs)), _first_difference(ours, theirs))


def _between(trades: Sequence[ClosedTrade], since: datetime, until: datetime) -> list[ClosedTrade]:
    """As they began, so that the first difference is the first decision that differs."""
    found = (one for one in trades if one.entry_time >= since and one.exit_time < until)
    return sorted(found, key=lambda one: (one.entry_time, one.symbol))


def _first_difference(ours: Sequence[ClosedTrade], theirs: Sequence[ClosedTrade]) -> str:
    for number, (one, other) in enumerate(zip_longest(ours, theirs), 1):
        if one is None or other is None:
            found, only = (other, "longer") if one is None else (one, "shorter")
            return f"trade {number}: {_named(found)} is there only with the {only} warm-up"
        for name in COMPARED:
            if getattr(one, name) != getattr(other, name):
                return f"trade {number}: {_named(one)}: {name} {getattr(one, name)} against {getattr(other, name)}"
    return ""


def _named(trade: ClosedTrade) -> str:
    return f"{trade.direction.value} {trade.symbol} of {trade.entry_time:%Y-%m-%d %H:%M}"
