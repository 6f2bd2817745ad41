"""The daemon as a user starts it: time to the first cycle, memory, and how late its event loop gets at 60x speed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.harness import Result

CYCLES = 60


def run() -> list[Result]:
    """Start to first cycle, RSS and loop lag of a paper run on the embedded venue."""
    imports_s = _imports_s()
    with tempfile.TemporaryDirectory() as folder:
        first_s = _run(Path(folder))
        runtime = orjson.loads((Path(folder) / "state" / "runtime.json").read_bytes())["data"]
    rss, worst, p99 = runtime["rss_mb"], runtime["loop_lag_max_ms"], runtime["loop_lag_p99_ms"]
    return [
        Result("start to first cycle", first_s, "s", imports_s, first_s / imports_s, "<= 2 s", first_s <= 2),
        Result(f"resident memory after {CYCLES} cycles", rss, "MB", None, None, "<= 200 MB", rss <= 200),
        Result("event-loop stall, worst", worst, "ms", None, None, "<= 20 ms", worst <= 20),
        Result("event-loop stall, p99", p99, "ms", None, None, "<= 20 ms", p99 <= 20),
    ]


def _imports_s() -> float:
    """Reference: importing the fixed libraries and nothing else."""
    started = time.perf_counter()
    code = "import aiohttp, websockets, pydantic, orjson, structlog, apscheduler, numpy, uvloop"
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def _run(home: Path) -> float:
    command = [sys.executable, "-m", "tradingbot", "run", "--home", str(home), "--cycles", str(CYCLES)]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--log-format", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        first_s = next(time.perf_counter() - started for line in run.stdout if b"cycle.completed" in line)
        run.stdout.read()
    return first_s
