"""Open positions, finished trades, equity and drawdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from tradingbot.dashboard.equity import EquityPoint, drawdown_pct, evenly
from tradingbot.dashboard.sources import Look
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.performance import YEAR_ROOT, EquityDays, daily_returns, ratios
from tradingbot.research.sharpe import standard_error

PAGE: Final = 100
SPANS: Final = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "all": 100_000}
POINTS: Final = 2_000
LEAST_DAYS: Final = 3
"""With fewer there are not two whole days to compare."""


def positions(look: Look) -> dict[str, Any]:
    """Every open and settling position."""
    rows = look.moment.positions
    known = [Decimal(row["unrealised_usd"]) for row in rows if row["unrealised_usd"] is not None]
    return {
        "positions": rows,
        "unrealised_usd": str(sum(known, Decimal(0))) if len(known) == len(rows) else None,
        "unresolved_orders": look.moment.runtime.unresolved_orders,
        "differences": look.moment.runtime.differences,
    }


def trades(look: Look) -> dict[str, Any]:
    """Finished trades, the newest first; `symbol`, `rule`, `side` choose, `page` pages."""
    symbol, rule, side = look.text("symbol").upper(), look.text("rule"), look.text("side")
    every = [one for one in look.sources.trades() if one.exit_time <= look.until]
    chosen = [
        one
        for one in reversed(every)
        if (not symbol or one.symbol == symbol)
        and (not rule or one.exit_rule == rule)
        and (not side or one.direction.value == side)
    ]
    page = look.number("page", 1, 10_000)
    return {
        "trades": [trade_row(one) for one in chosen[(page - 1) * PAGE : page * PAGE]],
        "page": page,
        "pages": max(1, -(-len(chosen) // PAGE)),
        "found": len(chosen),
        "kept": len(every),
        "sum": _summary(chosen),
        "symbols": sorted({str(one.symbol) for one in every}),
        "rules": sorted({one.exit_rule for one in every}),
        "chosen": {"symbol": symbol, "rule": rule, "side": side},
    }


def trade_row(one: ClosedTrade) -> dict[str, Any]:
    """One finished trade as plain values."""
    return {
        "trade_id": one.trade_id,
        "symbol": one.symbol,
        "direction": one.direction.value,
        "size": str(one.size),
        "entry_price": str(one.entry_price),
        "exit_price": str(one.exit_price),
        "entry_time": one.entry_time,
        "exit_time": one.exit_time,
        "duration_s": one.duration_s,
        "leverage": str(one.leverage),
        "strategy": one.strategy,
        "conviction": one.conviction,
        "exit_rule": one.exit_rule,
        "fees": str(one.fees),
        "funding": str(one.funding),
        "net_pnl": str(one.net_pnl),
        "settlement_currency": one.settlement_currency,
        "net_pnl_usd": str(one.net_pnl_usd),
        "return_pct": float(one.return_fraction) * 100,
    }


def _summary(chosen: list[ClosedTrade]) -> dict[str, Any]:
    net = [one.net_pnl_usd for one in chosen]
    won = [value for value in net if value > 0]
    lost = [value for value in net if value < 0]
    factor = float(sum(won, Decimal(0)) / -sum(lost, Decimal(0))) if lost else None
    return {
        "count": len(chosen),
        "won": len(won),
        "win_rate_pct": 100 * len(won) / len(chosen) if chosen else None,
        "net_pnl_usd": str(sum(net, Decimal(0))),
        "best_usd": str(max(net)) if net else None,
        "worst_usd": str(min(net)) if net else None,
        "profit_factor": factor,
        "mean_duration_s": sum(one.duration_s for one in chosen) / len(chosen) if chosen else None,
    }


def equity(look: Look) -> dict[str, Any]:
    """Equity and how far below its highest it stood; `span` is one of 1d, 7d, 30d, 90d, all."""
    span = look.text("span", "7d") if look.text("span", "7d") in SPANS else "7d"
    points = look.sources.equity().points(look.until - timedelta(days=SPANS[span]), look.until)
    falls = drawdown_pct(points)
    return {
        "span": span,
        "spans": list(SPANS),
        "equity": evenly([(one.at_s, round(one.usd, 2)) for one in points], POINTS),
        "drawdown": evenly([(at_s, round(pct, 4)) for at_s, pct in falls], POINTS),
        "first_usd": points[0].usd if points else None,
        "last_usd": points[-1].usd if points else None,
        "change_pct": (points[-1].usd / points[0].usd - 1) * 100 if points and points[0].usd else None,
        "max_drawdown_pct": min((pct for _, pct in falls), default=None),
        "by_day": _by_day(points),
        "profit": look.moment.profit,
    }


def _by_day(points: Sequence[EquityPoint]) -> dict[str, Any] | None:
    """Ratios of the daily returns, as `tradingbot performance` has them; None for fewer than three days.

    Longer ago than a week only hours are kept: a day then ends with the begin of its last hour.
    """
    days = EquityDays()
    for one in points:
        if one.usd > 0:
            days.add(one.at_s, one.usd)
    if len(days.by_day) < LEAST_DAYS:
        return None
    returns = daily_returns(days.values)
    error = standard_error(returns)
    return {
        "days": len(days.by_day),
        "sharpe_error": None if error is None else error * YEAR_ROOT,
        **asdict(ratios(returns)),
    }
