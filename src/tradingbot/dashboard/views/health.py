"""System health: every subsystem, open issues with what to do, switches, heartbeats, streams, the machine."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from tradingbot.core.errors import ConfigurationError
from tradingbot.dashboard.runbooks import runbook
from tradingbot.dashboard.sources import Look
from tradingbot.dashboard.subsystems import heartbeats, subsystems, worst

REPAIRS: Final = 20
LINES: Final = 400


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
        "repairs": repairs(look),
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


def repairs(look: Look) -> list[dict[str, Any]]:
    """What was repaired lately, the newest first: category, subject, before, after, and whether it worked."""
    lines = reversed(look.newest(look.journal("healing"), LINES))
    ended = (line for line in lines if line.get("event") in ("healed", "not_healed"))
    return [{**line, "succeeded": line["event"] == "healed"} for line in islice(ended, REPAIRS)]


def what_to_do(look: Look) -> dict[str, Any]:
    """The runbook of a `kind` of issue. Raises ConfigurationError where there is none."""
    kind = look.text("kind")
    text = runbook(kind)
    if text is None:
        raise ConfigurationError(f"there is no runbook of that name: {kind}")
    return {"kind": kind, "markdown": text}
