"""A soak for people: tables, a picture, and the page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.soak.chart import Curve, Panel, svg
from benchmarks.soak.verdict import CYCLES_PER_DAY, SLOPES, checks, p99, settled, slope, worst
from benchmarks.soak.watching import Soak

BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
BLUE, ORANGE, GREEN, RED = "#2f7ed8", "#d9822b", "#2e9e5b", "#c23b3b"


def text(soak: Soak) -> str:
    """Everything as Markdown tables."""
    days = soak.runtime.get("cycles", 0) / CYCLES_PER_DAY
    head = (
        f"{soak.runtime.get('cycles', 0):,} cycles, {days:.1f} simulated days, seed {soak.seed}, "
        f"{len(soak.injected)} faults, {soak.real_s / 60:.1f} real minutes.\n"
    )
    demands = [(one.what, one.found, one.limit, "yes" if one.met else "**no**") for one in checks(soak)]
    parts = [
        head,
        table(("demand", "found", "limit", "met"), demands),
        table(("figure", "growth per simulated day", "standard error", "first settled", "last", "peak"), _growth(soak)),
        table(("what", "figure"), _figures(soak)),
        table(("job", "runs", "failed", "overran", "missed"), _jobs(soak.runtime.get("jobs", ()))),
        table(("whose", "fault", "times", "minutes"), _faults(soak)),
    ]
    return "\n".join(parts)


def _growth(soak: Soak) -> Iterable[Sequence[str]]:
    for column, unit in SLOPES:
        rows, found = settled(soak, column), slope(soak, column)
        if found is None or not rows:
            continue
        numbers = (rows[0][column], rows[-1][column], worst(soak, column))
        name = f"{column.removesuffix('_mb')}{f', {unit}' if unit else ''}"
        yield (name, f"{found.per_day:+.3g}", f"{found.error_per_day:.2g}", *(f"{one:,.6g}" for one in numbers))


def _figures(soak: Soak) -> Iterable[Sequence[str]]:
    lags = [row["lag_p99_ms"] for row in soak.samples]
    yield "loop lateness p99, median and worst of the samples, ms", f"{_median(lags):.1f}, {max(lags, default=0):.1f}"
    yield "loop lateness, worst of the run, ms", f"{worst(soak, 'lag_max_ms'):.1f}"
    cycles = [row["cycle_ms"] for row in soak.samples]
    yield "duration of sampled cycles, median and p99, ms", f"{_median(cycles):.1f}, {p99(cycles):.1f}"
    yield "trades", f"{soak.status.get('trade_count', 0):,}"
    yield "net result, USD", str(soak.status.get("net_pnl_usd", "?"))[:12]
    yield "reconnects of both streams", str(sum(one["reconnects"] for one in soak.runtime.get("streams", ())))
    for name, value in soak.journals.items():
        yield name.replace("_", " "), f"{value:,}"
    rows = soak.venue_rows
    yield "requests that the exchange answered", f"{sum(rows.get('requests', {}).values()):,}"
    yield "fills at the exchange", f"{rows.get('fills', 0):,}"
    yield "the exchange's own memory on disk, MB", f"{worst(soak, 'venue_mb'):.1f}"


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _jobs(jobs: Iterable[dict[str, Any]]) -> Iterable[Sequence[str]]:
    for job in jobs:
        yield (f"`{job['name']}`", *(f"{job[key]:,}" for key in ("runs", "failures", "overruns", "missed")))


def _faults(soak: Soak) -> Iterable[Sequence[str]]:
    times = Counter((one.desk, one.name) for one in soak.injected)
    minutes = Counter[tuple[str, str]]()
    for one in soak.injected:
        minutes[one.desk, one.name] += one.minutes
    for (desk, name), count in sorted(times.items(), key=lambda item: (item[0][0] != "venue", item[0][1])):
        yield ("exchange" if desk == "venue" else "market data", f"`{name}`", str(count), str(minutes[desk, name]))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def picture(soak: Soak) -> str:
    """The curves as an SVG."""

    def points(column: str) -> list[tuple[float, float]]:
        return [(row["cycle"] / CYCLES_PER_DAY, row[column]) for row in soak.samples]

    memory = [Curve("resident", BLUE, points("rss_mb"))]
    if (growth := slope(soak, "rss_mb")) is not None:
        memory.append(Curve("trend", RED, _line(settled(soak, "rss_mb"), growth.per_day), dashed=True))
    counts = [("open files", ORANGE, "open_files"), ("threads", GREEN, "threads"), ("tasks", BLUE, "tasks")]
    work = [Curve("lateness p99", RED, points("lag_p99_ms")), Curve("cycle", GREEN, points("cycle_ms"))]
    disk = [Curve("home folder", ORANGE, points("home_mb")), Curve("of that the exchange's", BLUE, points("venue_mb"))]
    panels = [
        Panel("Memory, MB", memory),
        Panel("Counts", [Curve(name, color, points(column)) for name, color, column in counts]),
        Panel("Lateness of the loop and duration of a cycle, ms", work),
        Panel("On disk, MB", disk),
    ]
    return svg(f"{soak.cycles:,} cycles under {len(soak.injected)} faults, seed {soak.seed}", panels)


def _line(rows: Sequence[dict[str, float]], per_day: float) -> list[tuple[float, float]]:
    days = [row["cycle"] / CYCLES_PER_DAY for row in rows]
    middle, mean = sum(days) / len(days), sum(row["rss_mb"] for row in rows) / len(rows)
    return [(day, mean + per_day * (day - middle)) for day in (days[0], days[-1])]


def publish(soak: Soak, docs: Path) -> None:
    """Rewrite the figures of docs/soak.md and the picture beside it. Raises ValueError when the markers are missing."""
    page = docs / "soak.md"
    head, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} must hold {BEGIN} and {END}")
    page.write_text(f"{head}{BEGIN}\n{text(soak)}{END}{tail}", encoding="utf-8")
    (docs / "soak.svg").write_text(picture(soak), encoding="utf-8")
