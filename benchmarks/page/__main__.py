"""`python -m benchmarks.page`: measure, print a table, and end with 1 when a target is missed."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final

import orjson
from playwright.sync_api import sync_playwright
from tests.crash.processes import BUSY

from benchmarks.harness import Result, show
from benchmarks.page.browser import page_times, seen, watch
from benchmarks.page.month import MADE, SYMBOLS, make_month
from tradingbot.engine.catalog import journal_path

SPEED: Final = 60
SETTLED_S: Final = 8.0
PAGES: Final = 50
PART_S: Final = 30.0
"""How long each part of the comparison lasts; a cycle takes a second at this speed."""
MINUTE_LEAD_S: Final = 4.0
"""So long before a cycle the simulated exchange begins its minute, which is not the page's doing."""
ROUNDS: Final = 3


class Daemon:
    """A real daemon; when each of its lines came, in epoch milliseconds."""

    def __init__(self, home: Path, environ: dict[str, str], speed: float) -> None:
        command = [sys.executable, "-m", "tradingbot", "run", "--home", str(home), "--speed", f"{speed:g}"]
        command += ["--symbols", SYMBOLS, "--dashboard-port", "0", "--log-format", "json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)
        self.lines: list[tuple[float, dict[str, Any]]] = []
        self._speed = speed
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            came_ms = time.time() * 1000
            if line.startswith(b"{"):
                self.lines.append((came_ms, orjson.loads(line)))

    def of(self, event: str, since: int = 0) -> list[tuple[float, dict[str, Any]]]:
        """Lines of one kind."""
        return [one for one in self.lines[since:] if one[1]["event"] == event]

    def until(self, event: str, count: int = 1) -> None:
        """Wait for it."""
        while len(self.of(event)) < count:
            if self.process.poll() is not None:
                raise RuntimeError(f"the daemon has ended: {self.lines[-3:]}")
            time.sleep(0.1)

    def watched(self, seconds: float) -> Part:
        """The next seconds: how long cycles took that sent no order, and stalls outside of cycles."""
        begun = len(self.lines)
        time.sleep(seconds)
        quiet = [row for _, row in self.of("cycle.completed", begun) if row["opened"] == row["closed"] == 0]
        return Part([row["duration_ms"] for row in quiet], self.stalls(begun))

    def stalls(self, since: int) -> list[float]:
        """How late the loop was, each time that it was too late while neither a cycle ran nor a minute began."""
        lead_ms = MINUTE_LEAD_S * 1000 / self._speed + 50
        cycles = [(at - row["duration_ms"] - lead_ms, at + 5) for at, row in self.of("cycle.completed")]
        found = self.of("loop.stalled", since)
        return [row["late_ms"] for at, row in found if not any(begin <= at <= end for begin, end in cycles)]


@dataclass(frozen=True)
class Part:
    """Durations of cycles and stalls outside of them, both in milliseconds."""

    cycles_ms: list[float]
    stalls_ms: list[float]


def measured(folder: Path, chromium: str) -> list[Result]:
    """All rows."""
    home = folder / "home"
    environ = {**os.environ, **BUSY, "TRADINGBOT__DASHBOARD__ENABLED": "true"}
    make_month(home, environ)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with running(home, environ, 1) as (daemon, url):  # as fast as a person's is
            found = _visits(daemon, browser, url, home)
        with running(home, environ, SPEED) as (daemon, url):
            found += _update(daemon, browser, url)
            browser.close()
            found += _crowd(daemon, url)
    return found


@contextmanager
def running(home: Path, environ: dict[str, str], speed: float) -> Iterator[tuple[Daemon, str]]:
    """A daemon whose first cycle has ended, and the address of its page."""
    daemon = Daemon(home, environ, speed)
    try:
        daemon.until("dashboard.listening")
        daemon.until("cycle.completed")
        time.sleep(SETTLED_S)
        yield daemon, daemon.of("dashboard.listening")[0][1]["url"]
    finally:
        daemon.process.terminate()
        daemon.process.wait(30)


def _visits(daemon: Daemon, browser: Any, url: str, home: Path) -> list[Result]:
    lines = journal_path(home, "executed_trades").read_bytes().splitlines()
    trade = orjson.loads(next(line for line in reversed(lines) if MADE not in line))  # with all its records
    arguments = {"explain": f"?id={trade['trade_id']}", "equity": "?span=30d", "trades": "?page=20"}
    begun = len(daemon.lines)
    times = page_times(browser, url, arguments)
    then = orjson.loads(journal_path(home, "equity").read_bytes().splitlines()[1440 * 15])["as_of"]
    past = page_times(browser, url, dict.fromkeys(("overview", "market", "signals", "learning"), f"?at={then}"))
    stalls = daemon.stalls(begun)
    paint, ready = max(times, key=lambda one: one.paint_ms), max(times, key=lambda one: one.ready_ms)
    old = max(past, key=lambda one: one.ready_ms)
    for one in times:
        print(f"  {one.page:10} first paint {one.paint_ms:6.0f} ms, all usable {one.ready_ms:6.0f} ms")
    return [
        _row(f"first paint, slowest page ({paint.page})", paint.paint_ms, "ms", 300),
        _row(f"all usable, slowest page ({ready.page})", ready.ready_ms, "ms", 1000),
        _row(f"all usable, fifteen days ago ({old.page})", old.ready_ms, "ms", 1000),
        _row("event-loop stall while pages are asked for, worst", max(stalls, default=0.0), "ms", 20),
    ]


def _update(daemon: Daemon, browser: Any, url: str) -> list[Result]:
    """From the line that ends a cycle to the change in the page."""
    found = []
    for name in ("", "health", "market", "signals"):
        page = watch(browser, url + name)
        time.sleep(12)
        shown = seen(page)
        ended = {row["cycle_id"]: at for at, row in daemon.of("cycle.completed")}
        found += [at - ended[cycle] for cycle, at in shown.items() if cycle in ended]
        page.context.close()
    found.sort()
    return [
        _row(f"a cycle's end to the changed page, median of {len(found)}", statistics.median(found), "ms", 250),
        _row("the same, 95th percentile", found[int(len(found) * 0.95)], "ms", 250),
    ]


def _crowd(daemon: Daemon, url: str) -> list[Result]:
    """Cycles with and without fifty open pages, in turn.

    A cycle that sends orders takes three times as long as one that does not: only the latter are compared.
    """
    ratios, alone, beside = [], Part([], []), Part([], [])
    for _ in range(ROUNDS):
        before = daemon.watched(PART_S)
        command = [sys.executable, "-m", "benchmarks.page.visitors", url, str(PAGES), str(PART_S + 4)]
        with subprocess.Popen(command) as crowd:
            time.sleep(3)
            with_them = daemon.watched(PART_S)
            if crowd.wait() != 0:
                raise RuntimeError("open pages were closed")
        ratios.append(statistics.median(with_them.cycles_ms) / statistics.median(before.cycles_ms))
        alone, beside = _joined(alone, before), _joined(beside, with_them)
    ratio, quiet_ms = statistics.median(ratios), statistics.median(alone.cycles_ms)
    name = f"a cycle beside {PAGES} open pages, median of {len(beside.cycles_ms)}"
    stall, reference = (max(one.stalls_ms, default=0.0) for one in (beside, alone))
    return [
        Result(name, statistics.median(beside.cycles_ms), "ms", quiet_ms, ratio, "<= 1.05", ratio <= 1.05),
        Result("event-loop stall beside them, worst", stall, "ms", reference, None, "<= 20 ms", stall <= 20),
    ]


def _joined(one: Part, other: Part) -> Part:
    return Part([*one.cycles_ms, *other.cycles_ms], [*one.stalls_ms, *other.stalls_ms])


def _row(name: str, value: float, unit: str, limit: float) -> Result:
    return Result(name, value, unit, None, None, f"<= {limit:g} {unit}", value <= limit)


def main() -> int:
    """0 when every target is met."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("there is no Chromium on this machine; name one in CHROMIUM", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = measured(Path(folder), chromium)
    show(found)
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
