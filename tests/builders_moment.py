"""A moment with everything in it; a test names what matters to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support import NOW
from tradingbot.dashboard.moment import Moment
from tradingbot.engine.models import JobStatus, RuntimeState


def a_runtime(**changes: Any) -> RuntimeState:
    """A paper daemon after 600 good cycles."""
    state = RuntimeState(
        profile="paper",
        source="simulated",
        venue="kraken_futures",
        venue_url="http://127.0.0.1:1/derivatives",
        pid=1,
        started_at=NOW - timedelta(hours=10),
        as_of=NOW,
        cycle_id="20260105T1200",
        cycles=600,
        failed_cycles=2,
        last_cycle_ms=42.0,
        rss_mb=128.5,
        loop_lag_p99_ms=6.0,
        loop_lag_max_ms=18.0,
        peak_rss_mb=140.0,
        open_files=42,
        tasks=31,
        threads=5,
        disk_free_mb=50_000.0,
        home_mb=31.25,
        exchange_health="healthy",
        heals_24h={"torn_journal": 1},
        heartbeats_s={"cycle": 60.0, "public stream": 0.4},
        equity_usd=Decimal("9900.5"),
        entry_blocks=["downtime"],
        blocked_symbols={"ADAUSDT": "validation: spread"},
        entries_left_today=7,
        unresolved_orders=["tb-55c24f-20260105T1726-LINKUSDT-entry"],
        differences=["ETHUSDT: position_size: ours 1, theirs 2"],
        streams=[
            {"name": "public", "connected": True, "reconnects": 1, "gaps": 2, "detail": ""},
            {"name": "private", "connected": False, "reconnects": 3, "gaps": 0, "detail": "closed"},
        ],
        jobs=[
            JobStatus(
                name="exchange_health",
                last_started_at=NOW - timedelta(minutes=2),
                last_duration_s=0.125,
                last_success_at=NOW - timedelta(minutes=2),
                last_result="ok",
                next_run_at=NOW + timedelta(minutes=3),
                runs=120,
                failures=1,
            ),
            JobStatus(name="maintenance", next_run_at=NOW + timedelta(hours=17)),
        ],
    )
    return state.model_copy(update=changes)


def a_position(**changes: Any) -> dict[str, Any]:
    """An open long of 2 ETH, bought at 3,000 and worth 3,100 now."""
    row = {
        "position_id": "t-tb-55c24f-20260105T1100-ETHUSDT-entry",
        "symbol": "ETHUSDT",
        "direction": "long",
        "kind": "linear",
        "contract_size": "1",
        "size": "2",
        "entry_price": "3000",
        "newest_price": "3100",
        "unrealised_usd": "200",
        "stop_order_id": "e14df310",
    }
    return {**row, **changes}


def a_moment(as_of: datetime = NOW, runtime: RuntimeState | None = None, **changes: Any) -> Moment:
    """What there is to show after that cycle."""
    shown = {
        "as_of": as_of,
        "cycle_id": "20260105T1200",
        "runtime": runtime or a_runtime(),
        "profit": {
            "today": {"change_usd": "-12.5", "change_pct": -0.125, "trades": 3, "won": 1, "net_pnl_usd": "-8.25"},
            "since_start": {"change_usd": "-99.5", "change_pct": -0.995, "trades": 40, "won": 22, "net_pnl_usd": "-80"},
            "unrealised_usd": "200",
        },
        "positions": [a_position()],
        "kill_switches": [{"switch": "drawdown", "since": NOW, "reason": "below_the_peak", "numbers": {}}],
        "issues": [
            {"id": "unprotected_position:ETHUSDT", "kind": "unprotected_position", "severity": "critical"},
            {"id": "memory", "kind": "memory", "severity": "warning", "acknowledged_at": NOW},
        ],
        "downtime": {"state": "TRADING"},
        "regime": {"regime": "RISK_ON"},
        "strategies": {"trend": 75.0},
        "symbols": {"ETHUSDT": {"status": "valid"}, "ADAUSDT": {"status": "suppressed"}},
        "readiness": [{"symbol": "ETHUSDT", "sample_readiness_pct": 40.0, "ready": False}],
        "feeds": [{"feed": "funding", "ok": 9, "of": 10}],
        "peak_equity_usd": Decimal(11000),
    }
    return Moment(**{**shown, **changes})
