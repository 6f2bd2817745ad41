"""System health: every subsystem, open issues with what to do, switches, heartbeats, streams, the machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tradingbot.dashboard.sources import Look
from tradingbot.dashboard.subsystems import heartbeats, subsystems, worst


def health(look: Look) -> dict[str, Any]:
    """The panel."""
    moment, runtime = look.moment, look.moment.runtime
    rows = subsystems(moment)
    return {
        "health": worst(rows),
        "subsystems": [asdict(one) for one in rows],
        "issues": moment.issues,
        "kill_switches": moment.kill_switches,
        "heartbeats": list(heartbeats(moment)),
        "streams": runtime.streams,
        "heals_24h": runtime.heals_24h,
        "feeds": moment.feeds,
        "symbols": moment.symbols,
        "machine": {
            "rss_mb": runtime.rss_mb,
            "peak_rss_mb": runtime.peak_rss_mb,
            "loop_lag_p99_ms": runtime.loop_lag_p99_ms,
            "loop_lag_max_ms": runtime.loop_lag_max_ms,
            "open_files": runtime.open_files,
            "tasks": runtime.tasks,
            "threads": runtime.threads,
            "disk_free_mb": runtime.disk_free_mb,
            "home_mb": runtime.home_mb,
        },
    }
