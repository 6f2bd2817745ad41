"""What a soak's samples amount to, held against stated limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.soak.watching import Soak
from tradingbot.guards.trend import Trend, trend

CYCLES_PER_DAY: Final = 1440
WARM_UP_SHARE: Final = 0.15
WARM_UP_CYCLES: Final = 1440
"""The first day, or of a short run its first part, does not count for slopes: caches and history fill then."""
FULL_SHARE: Final = 0.45
FULL_CYCLES: Final = 8 * CYCLES_PER_DAY
"""Memory counts from here on: what is kept for a week is full then, and the 500 trades, at about a hundred a day."""
MIN_DAYS_FOR_SLOPE: Final = 3.0
"""A shorter time sees caches fill and the market's midnights, not a leak."""

MAX_RSS_MB: Final = 300.0
MAX_RSS_SLOPE_MB: Final = 1.5
"""Less than 1 % of it: room in the arenas of Python's objects, which grows ever more slowly, and not objects."""
MAX_BLOCKS_SLOPE_PCT: Final = 0.5
MAX_USED_SLOPE_MB: Final = 0.5
"""What is kept: blocks of objects, and what is asked of the C library. A leak shows here, however slow it is."""
MAX_OPEN_FILES: Final = 150
MAX_THREADS: Final = 30
MAX_TASKS: Final = 200
MAX_LAG_P99_MS: Final = 100.0
SLOPES: Final = (("rss_mb", "MB"), ("open_files", ""), ("threads", ""), ("tasks", ""), ("home_mb", "MB"))


@dataclass(frozen=True, slots=True)
class Check:
    """One demand on the run and whether it was met."""

    what: str
    found: str
    limit: str
    met: bool


def settled(soak: Soak, column: str) -> list[dict[str, float]]:
    """Samples after the warm-up, of memory those after everything bounded was full."""
    share, cycles = (FULL_SHARE, FULL_CYCLES) if column == "rss_mb" else (WARM_UP_SHARE, WARM_UP_CYCLES)
    return [row for row in soak.samples if row["cycle"] >= min(cycles, soak.cycles * share)]


def slope(soak: Soak, column: str) -> Trend | None:
    """Growth of a column per simulated day, once it has settled."""
    return trend([(row["cycle"] * 60.0, row[column]) for row in settled(soak, column)])


def worst(soak: Soak, column: str) -> float:
    """The largest value that was sampled."""
    return max((row[column] for row in soak.samples), default=0.0)


def p99(values: Sequence[float]) -> float:
    """99th percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0


def checks(soak: Soak) -> list[Check]:
    """Everything that must hold."""
    runtime, reconciled = soak.runtime, soak.status.get("reconcile", {})
    failed = [f"{job['name']} {job['failures'] + job['overruns']}" for job in runtime.get("jobs", ()) if _bad(job)]
    rows = [
        Check("exit code of the daemon", str(soak.exit_code), "0", soak.exit_code == 0 and not soak.stalled),
        Check("cycles", f"{runtime.get('cycles', 0):,}", f"{soak.cycles:,}", runtime.get("cycles") == soak.cycles),
        Check("cycles failed", str(runtime.get("failed_cycles", "?")), "0", runtime.get("failed_cycles") == 0),
        Check("files and exchange agree", str(reconciled.get("agree", "unknown")), "True", _agrees(reconciled)),
        _peak(soak, "peak_rss_mb", "peak memory, MB", MAX_RSS_MB),
        _peak(soak, "open_files", "most open files", MAX_OPEN_FILES),
        _peak(soak, "threads", "most threads", MAX_THREADS),
        _peak(soak, "tasks", "most tasks", MAX_TASKS),
        _peak(soak, "lag_p99_ms", "worst p99 of the loop's lateness, ms", MAX_LAG_P99_MS),
        Check("jobs that failed (faults reach them too)", ", ".join(failed) or "none", "told only", met=True),
        Check("desk questions that failed", str(len(soak.desk_errors)), "0", not soak.desk_errors),
    ]
    rows += _kept(soak)
    growth = slope(soak, "rss_mb")
    if growth is not None and growth.span_s >= MIN_DAYS_FOR_SLOPE * 86_400:
        said = f"{growth.per_day:+.2f} +- {growth.error_per_day:.2f}"
        met = growth.surely_per_day <= MAX_RSS_SLOPE_MB
        rows.append(Check("memory growth, MB per simulated day", said, f"{MAX_RSS_SLOPE_MB:.2f}", met))
    return rows


def _kept(soak: Soak) -> list[Check]:
    rows = [row for row in soak.heap if row["cycle"] >= min(FULL_CYCLES, soak.cycles * FULL_SHARE)]
    blocks = trend([(row["cycle"] * 60.0, row["blocks"]) for row in rows])
    used = trend([(row["cycle"] * 60.0, row["used_mb"]) for row in rows])
    if blocks is None or used is None or blocks.span_s < MIN_DAYS_FOR_SLOPE * 86_400:
        return []
    of_all = 100 / rows[-1]["blocks"]
    share, error = blocks.per_day * of_all, blocks.error_per_day * of_all
    return [
        Check(
            "objects kept, % of all per simulated day",
            f"{share:+.2f} +- {error:.2f}",
            f"{MAX_BLOCKS_SLOPE_PCT:.2f}",
            blocks.surely_per_day * of_all <= MAX_BLOCKS_SLOPE_PCT,
        ),
        Check(
            "asked of the C library, MB per simulated day",
            f"{used.per_day:+.2f} +- {used.error_per_day:.2f}",
            f"{MAX_USED_SLOPE_MB:.2f}",
            used.surely_per_day <= MAX_USED_SLOPE_MB,
        ),
    ]


def _peak(soak: Soak, column: str, what: str, limit: float) -> Check:
    value = worst(soak, column)
    return Check(what, f"{value:,.6g}", f"{limit:,.6g}", 0 < value <= limit)


def _bad(job: dict[str, int]) -> bool:
    return bool(job["failures"] or job["overruns"])


def _agrees(reconciled: dict[str, object]) -> bool:
    return reconciled.get("agree") is True
