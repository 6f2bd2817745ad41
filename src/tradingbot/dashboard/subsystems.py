"""Every subsystem green, yellow or red, since when, and with the issues that say why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tradingbot.core.types import parse_utc
from tradingbot.dashboard.moment import Moment

OF_KIND: Final[Mapping[str, str]] = {
    "stream_down": "exchange streams",
    "venue_degraded": "exchange",
    "account_unreadable": "exchange",
    "clock_skew": "clock",
    "storage_unavailable": "storage",
    "margin_short": "risk",
    "kill_switch": "risk",
    "position_mismatch": "positions",
    "foreign_position": "positions",
    "stray_order": "positions",
    "unprotected_position": "positions",
    "order_outcome_unknown": "orders",
    "symbol_suppressed": "symbols",
    "market_data_stale": "market data",
    "feed_failing": "intelligence",
    "cycle_failing": "bot cycle",
    "job_failing": "jobs",
    "job_missed": "jobs",
    "override_questionable": "risk",
    "fee_drift": "orders",
    "heartbeat_silent": "heartbeats",
    "healing_escalated": "self-healing",
    "repair_failed": "self-healing",
    "disk_space": "machine",
    "memory": "machine",
    "open_files": "machine",
    "tasks": "machine",
    "loop_lag": "machine",
    "home_size": "machine",
    "logged_error": "program",
    "venue_migration": "learning",
    "learning_refused": "learning",
    "alerts_undelivered": "alerts",
    "replay_mismatch": "program",
}
"""Where an issue of a kind is shown; others stand under ``other``."""
ORDER: Final = (
    "bot cycle",
    "exchange",
    "exchange streams",
    "market data",
    "intelligence",
    "positions",
    "orders",
    "risk",
    "symbols",
    "storage",
    "jobs",
    "heartbeats",
    "self-healing",
    "clock",
    "machine",
    "learning",
    "alerts",
    "program",
)
_COLOR: Final = {"warning": "yellow", "error": "red", "critical": "red"}
SUBJECTS: Final = 3
"""How many of those that an issue is open for are named in a row."""
_RANK: Final = {"green": 0, "yellow": 1, "red": 2}


@dataclass(frozen=True, slots=True)
class Subsystem:
    """One row of the health panel. `since`: when its state began; None where that is not known."""

    name: str
    state: str
    detail: str
    since: datetime | None
    issues: tuple[dict[str, Any], ...]

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return _RANK[self.state]


def subsystems(moment: Moment) -> list[Subsystem]:
    """All of them, in a fixed order."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ORDER}
    for issue in moment.issues:
        found.setdefault(OF_KIND.get(str(issue["kind"]), "other"), []).append(issue)
    return [_row(name, issues, moment) for name, issues in found.items()]


def troubled(issues: Iterable[Mapping[str, Any]]) -> set[str]:
    """Subsystems with an open issue."""
    return {OF_KIND.get(str(issue["kind"]), "other") for issue in issues}


def worst(rows: Iterable[Subsystem]) -> str:
    """The colour of the whole."""
    return max(rows, key=lambda row: row.rank).state


def _row(name: str, issues: list[dict[str, Any]], moment: Moment) -> Subsystem:
    if not issues:
        return Subsystem(name, "green", _well(name, moment), moment.green_since.get(name), ())
    state = max((_COLOR[str(issue["severity"])] for issue in issues), key=_RANK.__getitem__)
    return Subsystem(name, state, _detail(issues), _first(issues), tuple(issues))


def _detail(issues: Iterable[Mapping[str, Any]]) -> str:
    """Each title once, with some of what it is about."""
    subjects: dict[str, list[str]] = {}
    for issue in issues:
        subjects.setdefault(str(issue["title"]), []).append(str(issue["subject"]))
    return "; ".join(f"{title}{_about([one for one in names if one])}" for title, names in subjects.items())


def _about(names: list[str]) -> str:
    more = f" and {len(names) - SUBJECTS} more" if len(names) > SUBJECTS else ""
    return f" ({', '.join(names[:SUBJECTS])}{more})" if names else ""


def _first(issues: list[dict[str, Any]]) -> datetime:
    return min(parse_utc(str(issue["since"])) for issue in issues)


def _well(name: str, moment: Moment) -> str:
    """What there is to say of a subsystem that is well."""
    say = _WELL.get(name)
    return say(moment) if say is not None else "nothing wrong"


def _cycles(moment: Moment) -> str:
    runtime = moment.runtime
    return f"{runtime.cycles:,} cycles, {runtime.failed_cycles} failed, {runtime.last_cycle_ms:.0f} ms"


def _streams(moment: Moment) -> str:
    streams = moment.runtime.streams
    return f"{sum(bool(one['connected']) for one in streams)} of {len(streams)} live"


def _feeds(moment: Moment) -> str:
    return f"{sum(one['ok'] == one['of'] for one in moment.feeds)} of {len(moment.feeds)} feeds whole"


def _symbols(moment: Moment) -> str:
    return f"{sum(one['status'] == 'valid' for one in moment.symbols.values())} of {len(moment.symbols)} valid"


def _machine(moment: Moment) -> str:
    runtime = moment.runtime
    return f"{runtime.rss_mb:.0f} MB memory, loop {runtime.loop_lag_p99_ms:.0f} ms late at p99"


_WELL: Final[Mapping[str, Callable[[Moment], str]]] = {
    "bot cycle": _cycles,
    "exchange": lambda moment: moment.runtime.exchange_health or "not judged yet",
    "exchange streams": _streams,
    "intelligence": _feeds,
    "positions": lambda moment: f"{len(moment.positions)} positions, every one with its stop",
    "orders": lambda _: "every outcome is known",
    "risk": lambda _: "no kill switch is tripped",
    "symbols": _symbols,
    "storage": lambda _: "every write is on disk",
    "jobs": lambda moment: f"{len(moment.runtime.jobs)} jobs on the timetable",
    "self-healing": lambda moment: f"{sum(moment.runtime.heals_24h.values())} repairs in 24 h",
    "machine": _machine,
}


def heartbeats(moment: Moment) -> Iterator[dict[str, Any]]:
    """How long each loop has been silent, the longest first."""
    for name, age_s in sorted(moment.runtime.heartbeats_s.items(), key=lambda item: -item[1]):
        yield {"name": name, "age_s": age_s}
