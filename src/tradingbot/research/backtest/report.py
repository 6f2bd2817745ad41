"""The report of a backtest: its figures, its page, its JSON, its summary for a terminal."""

from __future__ import annotations

import math

import numpy as np

from tradingbot.learning.trade_facts import facts_of
from tradingbot.research.arrays import Floats
from tradingbot.research.backtest.breakdown import breakdown_of, trade_rows
from tradingbot.research.backtest.curves import bars_of, curve_of
from tradingbot.research.backtest.metrics import (
    benchmark_of,
    checked,
    days_of,
    held_curve,
    metrics_of,
    returns_of,
)
from tradingbot.research.backtest.model import BacktestReport, DayRow, Honesty
from tradingbot.research.backtest.report_html import as_html
from tradingbot.research.backtest.report_json import as_json
from tradingbot.research.backtest.report_text import render
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.trust import trust_of
from tradingbot.research.performance import EquityDays

__all__ = ["BacktestReport", "Honesty", "as_html", "as_json", "render", "report_of"]


def report_of(result: BacktestResult, *, trials: int = 1, honesty: Honesty | None = None) -> BacktestReport:
    """Everything that can be said of one run.

    `trials`: how many variants were tried before this one was chosen. Raises ValueError for fewer than one, and for a
    result that does not fit together (lengths that differ, an equity that is not a number).
    """
    checked(result)
    done = honesty or Honesty()
    trades = [facts_of(one) for one in sorted(result.trades, key=lambda one: one.exit_time)]
    metrics, held = metrics_of(result, trades), held_curve(result.closes, result.facts.start_usd)
    days = _days(result, result.equity.equity_usd)
    held_days = EquityDays() if held is None else _days(result, held)
    bars = {str(symbol): bars_of(result.equity.time_ms, closes) for symbol, closes in result.closes.items()}
    return BacktestReport(
        facts=result.facts,
        warnings=result.warnings,
        metrics=metrics,
        benchmark=None if held is None else benchmark_of(result, held),
        months=days.months,
        years=_years(days.months),
        benchmark_months=held_days.months,
        trust=trust_of(returns_of(days), trades, metrics, trials, done),
        honesty=done,
        breakdown=breakdown_of(trades, result.signals),
        costs=result.costs,
        timings_s=result.timings_s,
        digest=result.digest,
        daily=_daily(days, held_days),
        curve=curve_of(result, held),
        prices={symbol: found for symbol, found in bars.items() if found is not None},
        trades=trade_rows(trades),
        counterfactual=result.counterfactual,
    )


def _days(result: BacktestResult, usd: Floats) -> EquityDays:
    return days_of(result.equity.time_ms, usd, result.facts.start_usd)


def _years(months: dict[str, float]) -> dict[str, float]:
    """Return of each year, out of those of its months."""
    found: dict[str, list[float]] = {}
    for month, value in months.items():
        found.setdefault(month[:4], []).append(1 + value)
    return {year: math.prod(grown) - 1 for year, grown in found.items()}


def _daily(days: EquityDays, held: EquityDays) -> tuple[DayRow, ...]:
    values = np.array(days.values)
    rows = zip(days.dates, days.by_day.items(), returns_of(days).tolist() if len(values) else (), strict=True)
    return tuple(DayRow(day, usd, gained, held.by_day.get(number)) for day, (number, usd), gained in rows)
