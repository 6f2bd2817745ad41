"""Looks at what the process takes from its machine, once a minute, and tells who asks (limits: `guards.resources`)."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from tradingbot.app.heap import heap_figures
from tradingbot.app.vitals import rss_mb
from tradingbot.beside import in_thread
from tradingbot.guards.issues import Finding, Severity
from tradingbot.guards.resources import ResourceFinding, ResourceLimits, ResourceSample, ended, entry_blocks, judge
from tradingbot.guards.trend import Trend, trend
from tradingbot.ports import Clock, Journal

log = structlog.get_logger(__name__)

HOME_SIZE_EVERY_S: Final = 3600.0
"""Walking through the home folder is cheap, but not so cheap that it is done every minute."""
MB: Final = 1e6
ISSUES: Final[Mapping[str, tuple[str, str]]] = {
    "threads": ("tasks", "threads"),
    "loop_stall": ("loop_lag", "worst"),
    "memory_growth": ("memory", "growth"),
}
"""Findings that are told as an issue of another kind: its name and subject. The others have one of their own name."""


class Lag(Protocol):
    """How late the event loop is, in real milliseconds."""

    def p99_ms(self) -> float:
        """99th percentile of the newest measurements."""

    def take_worst_ms(self) -> float:
        """The worst since this was asked last."""


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """What the operating system says of this process and its disk; None where it does not tell."""

    rss_mb: float | None
    peak_rss_mb: float | None
    open_files: int | None
    open_files_limit: int | None
    threads: int
    disk_free_mb: float | None
    home_mb: float | None


class ResourceWatch:
    """Samples, judges, remembers. `report` is told at every look: all that stands, and once each that has ended.

    `findings` is what stands now, `blocks` the reasons against entries that follow, `figures` the fields of
    `runtime.json`. Nothing here ends the process.
    """

    def __init__(
        self,
        home: Path,
        clock: Clock,
        lag: Lag,
        limits: ResourceLimits,
        journal: Journal,
        report: Callable[[Sequence[ResourceFinding]], None] | None = None,
        read: Callable[[Path, bool], SystemFigures] | None = None,
    ) -> None:
        """`read` makes the figures of the system: (home folder, whether to measure its size too)."""
        self._home = home
        self._clock = clock
        self._lag = lag
        self._limits = limits
        self._journal = journal
        self._report = report
        self._read = read or read_system
        self._started_s = clock.monotonic_s()
        self._history: deque[tuple[float, float]] = deque(
            maxlen=max(3, round(limits.growth_window_h * 3600 / limits.sample_s))
        )
        self._home_mb: float | None = None
        self.turned_s: float | None = None
        """When the loop came round last, on the clock's monotonic scale."""
        self._home_at_s = -HOME_SIZE_EVERY_S
        self._written_s = -limits.journal_s
        self.sample = ResourceSample()
        self.findings: tuple[ResourceFinding, ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        """Reasons against entries: ``disk_space``, ``memory``."""
        return entry_blocks(self.findings)

    @property
    def figures(self) -> Mapping[str, Any]:
        """The fields of `runtime.json`; empty before the first look."""
        names = ("open_files", "tasks", "threads", "disk_free_mb", "peak_rss_mb", "home_mb")
        return {name: value for name in names if (value := getattr(self.sample, name)) is not None}

    async def run(self) -> None:
        """Look once every `sample_s`, until cancelled. A look that fails is said and made again."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a guard must not be what stops the daemon
                log.error("resources.look_failed", error=f"{type(error).__name__}: {error}")
            self.turned_s = self._clock.monotonic_s()
            await self._clock.sleep(self._limits.sample_s)

    async def look(self) -> ResourceSample:
        """One sample, judged and reported. What asks the system runs in a thread: a disk may hang."""
        now_s = self._clock.monotonic_s()
        measure_home = now_s - self._home_at_s >= HOME_SIZE_EVERY_S
        system = await in_thread(self._clock, self._read, self._home, measure_home)
        if measure_home:
            self._home_mb, self._home_at_s = system.home_mb, now_s
        self.sample = self._with_ours(system, self._growth(system.rss_mb, now_s))
        self._judge()
        if now_s - self._written_s >= self._limits.journal_s:
            self._written_s = now_s
            self._journal.append(self._line())
        return self.sample

    def _with_ours(self, system: SystemFigures, growth: Trend | None) -> ResourceSample:
        return ResourceSample(
            rss_mb=system.rss_mb,
            peak_rss_mb=system.peak_rss_mb,
            open_files=system.open_files,
            open_files_limit=system.open_files_limit,
            tasks=len(asyncio.all_tasks()),
            threads=system.threads,
            loop_lag_p99_ms=round(self._lag.p99_ms(), 2),
            loop_lag_max_ms=round(self._lag.take_worst_ms(), 2),
            disk_free_mb=system.disk_free_mb,
            home_mb=self._home_mb,
            growth=growth,
        )

    def _growth(self, rss: float | None, now_s: float) -> Trend | None:
        if rss is None or now_s - self._started_s < self._limits.growth_warm_up_h * 3600:
            return None
        self._history.append((now_s, rss))
        return trend(self._history)

    def _judge(self) -> None:
        before, self.findings = self.findings, judge(self.sample, self._limits, self.findings)
        over = ended(before, self.findings)
        known = {(one.kind, one.severity) for one in before}
        for one in self.findings:
            if (one.kind, one.severity) not in known:
                say = log.error if one.severity == "critical" else log.warning
                say("resources.limit_reached", kind=one.kind, severity=one.severity, detail=one.detail)
        for one in over:
            log.info("resources.limit_left", kind=one.kind, detail=one.detail)
        if self._report is not None:
            self._report((*self.findings, *over))

    def _line(self) -> dict[str, Any]:
        sample, growth = self.sample, self.sample.growth
        return {
            "at": self._clock.now(),
            "rss_mb": sample.rss_mb,
            "loop_lag_p99_ms": sample.loop_lag_p99_ms,
            "loop_lag_max_ms": sample.loop_lag_max_ms,
            **self.figures,
            "open_files_limit": sample.open_files_limit,
            "heap": asdict(heap_figures()),
            "growth_mb_per_day": None if growth is None else round(growth.per_day, 2),
            "growth_error_mb_per_day": None if growth is None else round(growth.error_per_day, 2),
            "findings": [{"kind": one.kind, "severity": one.severity, "detail": one.detail} for one in self.findings],
        }


def issues_of(findings: Sequence[ResourceFinding]) -> list[Finding]:
    """What stands among the findings, as the issue registry takes it."""
    standing = [(one, ISSUES.get(one.kind, (one.kind, ""))) for one in findings if not one.cleared]
    return [Finding(kind, subject, one.detail, Severity(one.severity)) for one, (kind, subject) in standing]


def read_system(home: Path, measure_home: bool) -> SystemFigures:
    """What the system tells now. Blocks for a moment, longer with `measure_home`; never raises OSError."""
    return SystemFigures(
        rss_mb=round(rss_mb(), 1) or None,
        peak_rss_mb=_peak_rss_mb(),
        open_files=_open_files(),
        open_files_limit=_open_files_limit(),
        threads=threading.active_count(),
        disk_free_mb=disk_free_mb(home),
        home_mb=round(folder_bytes(home) / MB, 3) if measure_home else None,
    )


def disk_free_mb(folder: Path) -> float | None:
    """Space in MB that is left for this user on the disk of a folder; None when the system does not tell."""
    try:
        figures = os.statvfs(folder)
    except OSError:
        return None
    return round(figures.f_bavail * figures.f_frsize / MB, 1)


def folder_bytes(folder: Path) -> int:
    """Bytes that everything below a folder occupies by its sizes; files with several names count once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = os.lstat(os.path.join(path, name))
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_size
    return total


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / MB, 1)


def _open_files() -> int | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(folder)) - 1  # one of them is the listing itself
    return None


def _open_files_limit() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
