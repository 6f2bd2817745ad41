"""One soak from start to end: samples, faults at their cycles, and what is found afterwards."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.soak.plan import PlannedFault
from benchmarks.soak.process import HISTORY_DAYS, SoakedDaemon, ask
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import JOURNALS, journal_path
from tradingbot.storage.journal import Journal
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.rotation import parts

POLL_S: Final = 0.1
SAMPLE_CYCLES: Final = 50
STALLED_S: Final = 120.0
"""Real seconds without a new cycle after which the run is given up."""


@dataclass(slots=True)
class Soak:
    """What one run gave. `desk_errors` are questions to a control desk that failed."""

    cycles: int
    seed: int
    samples: list[dict[str, float]] = field(default_factory=list)
    injected: list[PlannedFault] = field(default_factory=list)
    desk_errors: list[str] = field(default_factory=list)
    venue_rows: dict[str, Any] = field(default_factory=dict)
    exit_code: int = -1
    real_s: float = 0.0
    stalled: bool = False
    runtime: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    journals: dict[str, int] = field(default_factory=dict)
    heap: list[dict[str, float]] = field(default_factory=list)
    """What the daemon itself wrote about its memory: cycle, blocks of Python's objects, MB asked of the C library."""


def run_soak(
    out: Path, cycles: int, seed: int, plan: list[PlannedFault], every: int, talk: bool = True, symbols: str = ""
) -> Soak:
    """Run the daemon in `out`/home for so many cycles under these faults; `out`/soak.csv grows meanwhile."""
    home = out / "home"
    home.mkdir(parents=True)
    found = Soak(cycles, seed)
    started_s = time.monotonic()
    daemon = SoakedDaemon(home, cycles, seed, symbols)
    try:
        _watch(daemon, found, plan, out / "soak.csv", every, talk)
    finally:
        found.exit_code = daemon.stop()
    found.real_s = time.monotonic() - started_s
    found.runtime = daemon.runtime()
    found.status = _status(home)
    found.journals = _journal_figures(home)
    found.heap = heap_rows(home)
    return found


def heap_rows(home: Path) -> list[dict[str, float]]:
    """Of the journal of resources, oldest first; cycles are the minutes since its first line."""
    rows, first_s = [], None
    for line in JournalReader(journal_path(home, "resources")):
        heap = line.get("heap")
        if isinstance(heap, dict):
            at_s = parse_utc(str(line["at"])).timestamp()
            first_s = at_s if first_s is None else first_s
            blocks, used_mb = float(heap["python_blocks"]), float(heap["used_mb"])
            rows.append({"cycle": (at_s - first_s) / 60, "blocks": blocks, "used_mb": used_mb})
    return rows


def _watch(daemon: SoakedDaemon, found: Soak, plan: list[PlannedFault], table: Path, every: int, talk: bool) -> None:
    waiting, open_skews = list(plan), list[PlannedFault]()
    last_cycle, moved_s, filled = -1, time.monotonic(), False
    while daemon.running:
        runtime = daemon.runtime()
        cycle = int(runtime.get("cycles", -1))
        if cycle > 0 and not filled:
            filled = True
            _fill_charts(daemon, runtime, found)
        if cycle > last_cycle:
            last_cycle, moved_s = cycle, time.monotonic()
        elif time.monotonic() - moved_s > STALLED_S:
            found.stalled = True
            return
        while waiting and waiting[0].cycle <= cycle:
            _inject(daemon, runtime, waiting.pop(0), found, open_skews)
        _end_skews(daemon, runtime, cycle, found, open_skews)
        if cycle >= 0 and cycle >= (found.samples[-1]["cycle"] + every if found.samples else 1):
            _sample(daemon, runtime, found, table, talk)
        time.sleep(POLL_S)
    _forget_the_end(daemon, found)


def _fill_charts(daemon: SoakedDaemon, runtime: dict[str, Any], found: Soak) -> None:
    """Ask for the oldest candles: the simulated exchange then holds as much as it ever will."""
    charts = f"{str(runtime['venue_url']).removesuffix('/derivatives')}/api/charts/v1/trade"
    since_s = int(parse_utc(str(runtime["as_of"])).timestamp()) - HISTORY_DAYS * 86_400
    for symbol in _asked(charts, found, None, "GET") or ():
        _asked(f"{charts}/{symbol}/1h?from={since_s}", found, None, "GET")


def _inject(
    daemon: SoakedDaemon, runtime: dict[str, Any], fault: PlannedFault, found: Soak, open_skews: list[PlannedFault]
) -> None:
    if _asked(f"{daemon.desk(runtime, fault.desk)}/faults", found, fault.body(), "POST") is not None:
        found.injected.append(fault)
        if fault.name == "clock_skew":
            open_skews.append(fault)


def _end_skews(
    daemon: SoakedDaemon, runtime: dict[str, Any], cycle: int, found: Soak, open_skews: list[PlannedFault]
) -> None:
    for fault in [one for one in open_skews if cycle >= one.cycle + one.minutes]:
        open_skews.remove(fault)
        _asked(f"{daemon.desk(runtime, fault.desk)}/faults/{fault.name}", found, None, "DELETE")


def _asked(url: str, found: Soak, body: dict[str, Any] | None, method: str) -> Any:
    try:
        return ask(url, body, method)
    except OSError as error:
        found.desk_errors.append(f"{method} {url}: {error}")
        return None


def _forget_the_end(daemon: SoakedDaemon, found: Soak) -> None:
    """A desk that is asked while the daemon ends is gone by right."""
    if found.desk_errors and int(daemon.runtime().get("cycles", 0)) >= found.cycles:
        found.desk_errors.pop()


def _sample(daemon: SoakedDaemon, runtime: dict[str, Any], found: Soak, table: Path, talk: bool) -> None:
    row = daemon.sample(runtime)
    if not row["rss_mb"]:
        return  # it has just ended
    found.samples.append(row)
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if len(found.samples) == 1:
            writer.writeheader()
        writer.writerow(row)
    if (rows := _asked(f"{daemon.desk(runtime, 'venue')}/state", found, None, "GET")) is not None:
        found.venue_rows = rows
    if talk and len(found.samples) % 10 == 1:
        done = row["cycle"] / found.cycles
        print(
            f"{row['cycle']:>6} of {found.cycles} ({done:.0%}): {row['rss_mb']:.0f} MB, {row['open_files']} files, "
            f"{row['threads']} threads, {row['tasks']} tasks, {row['failed']} failed, {len(found.injected)} faults",
            flush=True,
        )


def _status(home: Path) -> dict[str, Any]:
    """`tradingbot status --json --reconcile` of the stopped daemon."""
    command = [sys.executable, "-m", "tradingbot", "status", "--json", "--reconcile", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    try:
        facts: dict[str, Any] = orjson.loads(done.stdout)
    except orjson.JSONDecodeError:
        return {"error": done.stderr.decode(errors="replace")[-2000:]}
    return facts


def _journal_figures(home: Path) -> dict[str, int]:
    """Rotations, compressed parts, runs of the maintenance, lines about resources, reported findings."""
    found = [part for name in JOURNALS for part in parts(journal_path(home, name))]
    highest = [rotated[-1].number for name in JOURNALS if (rotated := parts(journal_path(home, name)))]
    lines = list(Journal.read(journal_path(home, "resources")))
    return {
        "rotations": sum(highest),
        "parts": len(found),
        "compressed": sum(part.compressed for part in found),
        "maintenance_runs": sum(1 for _ in Journal.read(journal_path(home, "maintenance"))),
        "resource_lines": len(lines),
        "resource_findings": sum(bool(line["findings"]) for line in lines),
    }
