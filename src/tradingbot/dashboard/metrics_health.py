"""Figures of health: exchange, streams, issues, repairs, data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from tradingbot.dashboard.metric_rows import OTHER, Row, Sample, View, finite, one, scaled, states
from tradingbot.guards.exchange_health import HealthStatus
from tradingbot.guards.healing_escalation import HealCategory
from tradingbot.guards.issue_kinds import KINDS
from tradingbot.guards.issues import Severity

SYMBOL_STATUSES: Final = ("valid", "invalid", "suppressed", OTHER)


def _streams(key: str) -> Any:
    return lambda view: [((row["name"],), float(row[key])) for row in view.runtime.streams]


def _issues(view: View) -> Iterable[Sample]:
    counts = Counter(str(row["severity"]) for row in view.moment.issues)
    return [((one.value,), float(counts[one.value])) for one in Severity]


def _unacknowledged(view: View) -> Iterable[Sample]:
    counts = Counter(str(row["severity"]) for row in view.moment.issues if row.get("acknowledged_at") is None)
    return [((one.value,), float(counts[one.value])) for one in Severity]


def _kinds(view: View) -> Iterable[Sample]:
    counts = Counter(str(row["kind"]) for row in view.moment.issues)
    return [((kind,), float(counts[kind])) for kind in KINDS]


def _heals(view: View) -> Iterable[Sample]:
    found = view.runtime.heals_24h
    return [((one.value,), float(found.get(one.value, 0))) for one in HealCategory]


def _symbols(view: View) -> Iterable[Sample]:
    known = (str(row.get("status")) for row in view.moment.symbols.values())
    counts = Counter(status if status in SYMBOL_STATUSES else OTHER for status in known)
    return [((status,), float(counts[status])) for status in SYMBOL_STATUSES]


def _readiness(key: str, factor: float = 1.0) -> Any:
    return lambda view: [((row["symbol"],), scaled(row.get(key), factor)) for row in view.moment.readiness]


def _feeds(key: str) -> Any:
    return lambda view: [((row["feed"],), finite(row.get(key))) for row in view.moment.feeds]


def _ages(view: View) -> Iterable[Sample]:
    return [((name,), finite(age_s)) for name, age_s in view.runtime.heartbeats_s.items()]


HEALTH: Final = (
    Row(
        "issues_open",
        "gauge",
        "open issues by severity",
        _issues,
        ("severity",),
    ),
    Row("issues_unacknowledged", "gauge", "those of them that nobody acknowledged", _unacknowledged, ("severity",)),
    Row("issues_open_by_kind", "gauge", "open issues by kind, as the runbooks name it", _kinds, ("kind",)),
    Row("heals_24h", "gauge", "repairs of itself within the newest 24 hours", _heals, ("category",)),
    Row(
        "heartbeat_age_seconds",
        "gauge",
        "time since the newest sign of life, at the end of the newest cycle",
        _ages,
        ("subsystem",),
    ),
    Row(
        "orders_unresolved",
        "gauge",
        "orders whose outcome is not known yet",
        one(lambda view: len(view.runtime.unresolved_orders)),
    ),
    Row(
        "book_differences",
        "gauge",
        "differences between our book and the exchange",
        one(lambda view: len(view.runtime.differences)),
    ),
    Row("storage_ok", "gauge", "1 while the disk takes what is written", one(lambda view: view.runtime.storage_ok)),
)

VENUE: Final = (
    Row(
        "exchange_health",
        "gauge",
        "1 for how the exchange is",
        states((status.value for status in HealthStatus), lambda view: view.runtime.exchange_health),
        ("state",),
    ),
    Row("stream_connected", "gauge", "1 while the live stream is connected", _streams("connected"), ("stream",)),
    Row(
        "stream_reconnects", "counter", "times that the stream was connected anew", _streams("reconnects"), ("stream",)
    ),
    Row("stream_gaps", "counter", "gaps found in the numbers of the stream's messages", _streams("gaps"), ("stream",)),
    Row("feed_subjects_ok", "gauge", "assets that the feed of intelligence holds for", _feeds("ok"), ("feed",)),
    Row("feed_subjects", "gauge", "assets that it should hold for; 1 for the whole market", _feeds("of"), ("feed",)),
    Row("symbols", "gauge", "symbols by the verdict of their validation", _symbols, ("status",)),
    Row(
        "sample_readiness_ratio",
        "gauge",
        "how much of the sample that is needed the symbol has",
        _readiness("sample_readiness_pct", 0.01),
        ("symbol",),
    ),
    Row("sample_ready", "gauge", "1 once the symbol may be judged by its trades", _readiness("ready"), ("symbol",)),
)
