"""What the page of a backtest draws, packed: a year of ten symbols stays a few megabytes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from tradingbot.research.backtest.model import BacktestReport, TradeRow

MOST_TRADES: Final = 15_000


def page_data(report: BacktestReport) -> dict[str, Any]:
    """Curve, prices and the newest trades; names in trades are places in lists."""
    return {
        "curve": {
            "time": report.curve.time_s,
            "equity": report.curve.equity_usd,
            "benchmark": report.curve.benchmark_usd,
            "drawdown": report.curve.drawdown_pct,
            "exposure": report.curve.exposure_pct,
        },
        "prices": {
            symbol: {
                "step": bars.step_s,
                "time": bars.time_s,
                "open": bars.open,
                "high": bars.high,
                "low": bars.low,
                "close": bars.close,
            }
            for symbol, bars in report.prices.items()
        },
        "trades": _trades(report.trades[-MOST_TRADES:]),
    }


def _trades(trades: Sequence[TradeRow]) -> dict[str, Any]:
    names: dict[str, dict[str, int]] = {
        name: {} for name in ("symbol", "side", "strategy", "regime", "rule", "component")
    }

    def place(kind: str, name: str) -> int:
        return names[kind].setdefault(name, len(names[kind]))

    rows = [
        (
            one.number,
            place("symbol", one.symbol),
            place("side", one.direction),
            place("strategy", one.strategy),
            place("regime", one.regime),
            place("rule", one.exit_rule),
            _seconds(one.entry_time),
            _seconds(one.exit_time),
            _short(one.entry_price),
            _short(one.exit_price),
            round(one.notional_usd),
            round(one.fees_usd, 4),
            round(one.funding_usd, 4),
            round(one.net_usd, 4),
            round(one.net_bps, 1),
            _tenths(one.peak_bps),
            _tenths(one.trough_bps),
            tuple(place("component", name) for name in one.components),
        )
        for one in trades
    ]
    return {"names": {kind: list(known) for kind, known in names.items()}, "rows": rows}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _short(price: str) -> float:
    return float(f"{float(price):.7g}")


def _tenths(bps: float | None) -> float | None:
    return None if bps is None else round(bps, 1)
