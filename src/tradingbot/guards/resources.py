"""What the process takes from its machine, held against limits: memory, files, tasks, lag, disk (SPEC 13.4). Pure.

Nothing here ends the process: a full disk or too much memory holds entries back, exits go on, and a person is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.guards.trend import Trend

Severity = Literal["warning", "critical"]

SUBJECT: Final = "daemon"
GROWTH: Final = "memory_growth"
BLOCKS: Final[Mapping[str, str]] = {"disk_space": "disk_space", "memory": "memory"}
"""Kinds whose critical finding holds entries back, and the reason that the entry permission then gives."""


class Limit(Params):
    """Two steps of one limit, in the unit of what is limited."""

    warn: float = Field(gt=0, description="From here on a warning, in the unit of the limit's name.")
    critical: float = Field(gt=0, description="From here on critical, in the unit of the limit's name.")


class ResourceLimits(Params):
    """What the process may take (SPEC 13.4). Warnings come first, whichever direction is the bad one."""

    rss_mb: Limit = Field(default=Limit(warn=600, critical=900), description="Resident memory, MB (10^6 bytes).")
    open_files_pct: Limit = Field(
        default=Limit(warn=50, critical=80), description="Open files and sockets, % of what the system allows."
    )
    tasks: Limit = Field(default=Limit(warn=300, critical=1000), description="Tasks of the event loop.")
    threads: Limit = Field(default=Limit(warn=60, critical=200), description="Threads of the process.")
    loop_lag_p99_ms: Limit = Field(
        default=Limit(warn=50, critical=200),
        description="Lateness of the event loop by its own work, 99th percentile of the newest five minutes, ms.",
    )
    loop_lag_max_ms: Limit = Field(
        default=Limit(warn=500, critical=5000), description="Worst such lateness since the look before, ms."
    )
    disk_free_mb: Limit = Field(
        default=Limit(warn=2000, critical=500), description="Free space of the home folder's disk, MB."
    )
    home_mb: Limit = Field(default=Limit(warn=20_000, critical=50_000), description="Size of the home folder, MB.")
    clear_margin_pct: float = Field(
        default=10.0, ge=0, le=50, description="How far back within a limit a value must be before its finding ends, %."
    )
    growth_mb_per_day: float = Field(
        default=200.0, gt=0, description="Warn when resident memory surely grows faster than this, MB per day."
    )
    growth_window_h: float = Field(default=6.0, ge=0.5, le=72, description="Hours that growth is measured over.")
    growth_warm_up_h: float = Field(
        default=1.0, ge=0, le=24, description="Hours after the start that do not count for growth."
    )
    sample_s: float = Field(default=60.0, ge=1, le=3600, description="Seconds from look to look.")
    journal_s: float = Field(
        default=600.0, ge=60, le=86_400, description="Seconds from line to line of `logs/resources.jsonl`."
    )

    @model_validator(mode="after")
    def _steps_are_in_order(self) -> ResourceLimits:
        for row in ROWS:
            limit: Limit = getattr(self, row.setting)
            first, then = (limit.critical, limit.warn) if row.low_is_bad else (limit.warn, limit.critical)
            if first > then:
                side = "above" if row.low_is_bad else "below"
                keys = (f"{row.setting}.warn", f"{row.setting}.critical")
                raise contradiction(f"the warning must be {side} what is critical, or equal to it", *keys)
        return self


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """One look. None: not known; then nothing is said about it."""

    rss_mb: float | None = None
    peak_rss_mb: float | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    tasks: int | None = None
    threads: int | None = None
    loop_lag_p99_ms: float | None = None
    loop_lag_max_ms: float | None = None
    disk_free_mb: float | None = None
    home_mb: float | None = None
    growth: Trend | None = None

    @property
    def open_files_pct(self) -> float | None:
        """Open files, % of what the system allows; None when either is unknown or nothing limits them."""
        if self.open_files is None or not self.open_files_limit:
            return None
        return 100.0 * self.open_files / self.open_files_limit


@dataclass(frozen=True, slots=True)
class ResourceFinding:
    """A limit that is reached. `cleared`: it no longer is, and `severity` says what it was."""

    kind: str
    subject: str
    severity: Severity
    detail: str
    value: float
    limit: float
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    setting: str
    what: str
    unit: str
    low_is_bad: bool = False


ROWS: Final = (
    _Row("memory", "rss_mb", "resident memory", "MB"),
    _Row("open_files", "open_files_pct", "open files", "% of what is allowed"),
    _Row("tasks", "tasks", "tasks of the event loop", ""),
    _Row("threads", "threads", "threads", ""),
    _Row("loop_lag", "loop_lag_p99_ms", "lateness of the event loop, p99", "ms"),
    _Row("loop_stall", "loop_lag_max_ms", "worst lateness of the event loop", "ms"),
    _Row("disk_space", "disk_free_mb", "free disk space", "MB", low_is_bad=True),
    _Row("home_size", "home_mb", "size of the home folder", "MB"),
)
KINDS: Final = (*(row.kind for row in ROWS), GROWTH)


def judge(
    sample: ResourceSample, limits: ResourceLimits, before: Sequence[ResourceFinding] = ()
) -> tuple[ResourceFinding, ...]:
    """What stands against the sample now.

    `before` is what the last look found: such a finding only ends, or falls from critical to warning, when the value is
    back within the limit by `clear_margin_pct`. One whose value is not known now stands as it was.
    """
    known = {finding.kind: finding for finding in before if not finding.cleared}
    found = [_held(row, sample, limits, known.get(row.kind)) for row in ROWS]
    found.append(_growth(sample.growth, limits, known.get(GROWTH)))
    return tuple(finding for finding in found if finding is not None)


def ended(before: Iterable[ResourceFinding], now: Iterable[ResourceFinding]) -> tuple[ResourceFinding, ...]:
    """Findings of the look before that are over, each marked as cleared."""
    kinds = {finding.kind for finding in now}
    return tuple(replace(one, cleared=True) for one in before if not one.cleared and one.kind not in kinds)


def entry_blocks(findings: Iterable[ResourceFinding]) -> tuple[str, ...]:
    """Reasons against entries: what is critical and makes new positions unwise."""
    return tuple(BLOCKS[one.kind] for one in findings if one.severity == "critical" and one.kind in BLOCKS)


def _held(
    row: _Row, sample: ResourceSample, limits: ResourceLimits, known: ResourceFinding | None
) -> ResourceFinding | None:
    value = getattr(sample, row.setting)
    if value is None:
        return known
    limit: Limit = getattr(limits, row.setting)
    steps: tuple[tuple[Severity, float], ...] = (("critical", limit.critical), ("warning", limit.warn))
    for severity, step in steps:
        held = known is not None and (severity == "warning" or known.severity == "critical")
        margin_pct = limits.clear_margin_pct if held else 0.0
        if _beyond(row, float(value), step, margin_pct):
            return ResourceFinding(row.kind, SUBJECT, severity, _detail(row, float(value), step), float(value), step)
    return None


def _beyond(row: _Row, value: float, step: float, margin_pct: float) -> bool:
    if row.low_is_bad:
        return value <= step * (1 + margin_pct / 100)
    return value >= step * (1 - margin_pct / 100)


def _detail(row: _Row, value: float, step: float) -> str:
    unit = f" {row.unit}" if row.unit else ""
    return f"{row.what}: {value:,.6g}{unit}, limit {step:,.6g}{unit}"


def _growth(growth: Trend | None, limits: ResourceLimits, known: ResourceFinding | None) -> ResourceFinding | None:
    """Only a window that is nearly full counts: a short one sees the steps of the allocator, not a leak."""
    if growth is None or growth.span_s < 0.9 * limits.growth_window_h * 3600:
        return known
    margin_pct = limits.clear_margin_pct if known is not None else 0.0
    if growth.surely_per_day < limits.growth_mb_per_day * (1 - margin_pct / 100):
        return None
    detail = (
        f"resident memory grows {growth.per_day:,.0f} +- {growth.error_per_day:,.0f} MB per day "
        f"over {growth.span_s / 3600:.1f} h, limit {limits.growth_mb_per_day:,.6g}"
    )
    return ResourceFinding(GROWTH, SUBJECT, "warning", detail, growth.per_day, limits.growth_mb_per_day)
