"""Executive summary: money, health, and whether anything waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tradingbot.dashboard.equity import drawdown_pct, evenly
from tradingbot.dashboard.moment import Moment
from tradingbot.dashboard.sources import Look
from tradingbot.dashboard.subsystems import subsystems, worst

SPARK_POINTS: Final = 240
RECENT_TRADES: Final = 5


def overview(look: Look) -> dict[str, Any]:
    """What one must know within five seconds."""
    moment, rows = look.moment, subsystems(look.moment)
    points = look.sources.equity().points(look.until - timedelta(days=1), look.until)
    trades = [one for one in look.sources.trades() if one.exit_time <= look.until][-RECENT_TRADES:]
    return {
        "health": worst(rows),
        "not_green": [{"name": one.name, "state": one.state, "detail": one.detail} for one in rows if one.rank],
        "trading": trading(moment),
        "waiting": waiting(moment),
        "profit": moment.profit,
        "last_known": _last_known(look),
        "positions": moment.positions,
        "kill_switches": moment.kill_switches,
        "overrides": moment.runtime.overrides,
        "issues": moment.issues,
        "exchange_health": {
            "state": moment.runtime.exchange_health,
            "since": moment.runtime.exchange_health_since,
        },
        "symbols": {
            "valid": sum(one["status"] == "valid" for one in moment.symbols.values()),
            "of": len(moment.symbols),
            "suppressed": sorted(name for name, one in moment.symbols.items() if one["status"] != "valid"),
        },
        "healing": moment.runtime.heals_24h,
        "readiness": moment.readiness,
        "regime": moment.regime.get("regime"),
        "spark": evenly([(one.at_s, round(one.usd, 2)) for one in points], SPARK_POINTS),
        "drawdown_24h_pct": min((pct for _, pct in drawdown_pct(points)), default=None),
        "recent_trades": [
            {
                "trade_id": one.trade_id,
                "symbol": one.symbol,
                "direction": one.direction.value,
                "net_pnl_usd": str(one.net_pnl_usd),
                "exit_rule": one.exit_rule,
                "exit_time": one.exit_time,
            }
            for one in reversed(trades)
        ],
    }


def _last_known(look: Look) -> dict[str, Any] | None:
    """The newest equity that is known, where the cycle could not read it."""
    if look.moment.runtime.equity_usd is not None:
        return None
    points = look.sources.equity().points(None, look.until)
    return {"equity_usd": points[-1].usd, "at_s": points[-1].at_s} if points else None


def trading(moment: Moment) -> dict[str, Any]:
    """Whether entries are open, and if not, every reason."""
    runtime = moment.runtime
    return {
        "entries_open": not runtime.entry_blocks and not runtime.stopped,
        "blocks": runtime.entry_blocks,
        "stopped": runtime.stopped,
        "mode": runtime.profile,
        "downtime": moment.downtime,
        "entries_left_today": runtime.entries_left_today,
    }


def waiting(moment: Moment) -> list[dict[str, Any]]:
    """What a person has to do: switches that do not lift by themselves, serious issues nobody has acknowledged.

    Issues of one kind are one line: `count` of them, and what the first one says.
    """
    found = [
        {"what": f"kill switch {one['switch']}", "why": str(one.get("reason", "")), "page": "health", "count": 1}
        for one in moment.kill_switches
        if str(one["lifts"]).startswith("only by")
    ]
    kinds: dict[str, dict[str, Any]] = {}
    for one in moment.issues:
        if one["severity"] != "warning" and one["acknowledged_at"] is None:
            line = {"what": str(one["title"]), "why": str(one["detail"]), "page": "health", "count": 0}
            kinds.setdefault(str(one["kind"]), line)["count"] += 1
    return [*found, *kinds.values()]
