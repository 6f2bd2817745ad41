"""Figures of the process, its cycles and its jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tradingbot.dashboard.metric_rows import Row, Sample, View, finite, one, scaled, seconds
from tradingbot.engine.models import JobStatus

MB: Final = 1e6
MS: Final = 1e-3


def _runtime(name: str, factor: float = 1.0) -> Callable[[View], Iterable[Sample]]:
    """A field of `state/runtime.json` in its base unit."""
    return one(lambda view: scaled(getattr(view.runtime, name), factor))


def _jobs(value: Callable[[JobStatus], Any]) -> Callable[[View], Iterable[Sample]]:
    return lambda view: [((job.name,), finite(value(job))) for job in view.runtime.jobs]


def _build(view: View) -> Iterable[Sample]:
    program, runtime = view.program, view.runtime
    labels = (program.get("version", ""), program.get("python", ""), runtime.profile, runtime.source, runtime.venue)
    return [(labels, 1.0)]


CYCLES: Final = (
    Row("cycles", "counter", "cycles of this process that ended, failed ones among them", _runtime("cycles")),
    Row("cycles_failed", "counter", "those of them that failed or overran", _runtime("failed_cycles")),
    Row("last_cycle_duration_seconds", "gauge", "how long the newest good cycle took", _runtime("last_cycle_ms", MS)),
    Row(
        "last_cycle_age_seconds",
        "gauge",
        "time since the newest cycle ended, by the daemon's own clock",
        one(lambda view: max(0.0, (view.now - view.moment.as_of).total_seconds())),
    ),
    Row(
        "clock_timestamp_seconds",
        "gauge",
        "the daemon's own clock; a simulated market has its own time",
        one(lambda view: seconds(view.now)),
    ),
    Row(
        "start_timestamp_seconds",
        "gauge",
        "when the process started, by the daemon's own clock",
        one(lambda view: seconds(view.runtime.started_at)),
    ),
)

MACHINE: Final = (
    Row("build", "info", "what runs", _build, ("version", "python", "mode", "source", "venue")),
    Row(
        "loop_lag_p99_seconds",
        "gauge",
        "lateness of the event loop by its own work, p99",
        _runtime("loop_lag_p99_ms", MS),
    ),
    Row("loop_lag_max_seconds", "gauge", "the worst of it since the start", _runtime("loop_lag_max_ms", MS)),
    Row("resident_memory_bytes", "gauge", "resident memory", _runtime("rss_mb", MB)),
    Row("resident_memory_peak_bytes", "gauge", "the most of it since the start", _runtime("peak_rss_mb", MB)),
    Row("open_files", "gauge", "open files and sockets", _runtime("open_files")),
    Row("tasks", "gauge", "tasks of the event loop", _runtime("tasks")),
    Row("threads", "gauge", "threads", _runtime("threads")),
    Row("disk_free_bytes", "gauge", "free space of the home folder's disk", _runtime("disk_free_mb", MB)),
    Row("home_size_bytes", "gauge", "size of the home folder, measured once an hour", _runtime("home_mb", MB)),
)

JOBS: Final = (
    Row("job_runs", "counter", "runs of the job", _jobs(lambda job: job.runs), ("job_name",)),
    Row("job_failures", "counter", "runs that failed", _jobs(lambda job: job.failures), ("job_name",)),
    Row(
        "job_overruns",
        "counter",
        "runs cut off at their deadline",
        _jobs(lambda job: job.overruns),
        ("job_name",),
    ),
    Row("job_missed", "counter", "runs that came too late or not at all", _jobs(lambda job: job.missed), ("job_name",)),
    Row(
        "job_last_duration_seconds",
        "gauge",
        "how long the newest run took",
        _jobs(lambda job: job.last_duration_s),
        ("job_name",),
    ),
    Row(
        "job_last_success_timestamp_seconds",
        "gauge",
        "when a run succeeded last, by the daemon's own clock",
        _jobs(lambda job: seconds(job.last_success_at)),
        ("job_name",),
    ),
    Row(
        "job_next_run_timestamp_seconds",
        "gauge",
        "when the job is due next, by the daemon's own clock",
        _jobs(lambda job: seconds(job.next_run_at)),
        ("job_name",),
    ),
)
