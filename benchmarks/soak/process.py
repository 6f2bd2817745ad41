"""The daemon as a process, looked at from outside, and the desks where its exchange is given troubles."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from tests.crash.processes import BUSY

from tradingbot.app.resources import folder_bytes

HISTORY_DAYS: Final = 15
SETTINGS: Final = {
    # Limits that would end a fortnight's trading after a bad day are out of the way; signals are as shipped.
    **{name: value for name, value in BUSY.items() if "__RISK__" in name},
    "TRADINGBOT__RISK__LIMITS__MAX_TRADES_PER_DAY": "100",
    "TRADINGBOT__STORAGE__JOURNAL_MAX_MB": "4",  # rotated many times a day
    # What is bounded reaches its bound within days, so that anything that goes on growing is a leak.
    "TRADINGBOT__STORAGE__DIAGNOSTICS_DAYS": "2",
    "TRADINGBOT__STORAGE__KEPT_TRADES": "500",
    "TRADINGBOT__STORAGE__KEPT_ORDERS": "1000",
    "TRADINGBOT__SIMULATOR__HISTORY_DAYS": str(HISTORY_DAYS),
    "TRADINGBOT__COINGLASS__BACKFILL_DAYS": "7",
    "TRADINGBOT__LEARNING__NEWEST_VALUES": "50",
    # It decides a day anew in a process of its own, while stepped time stands still: it would only make the run longer.
    "TRADINGBOT__ENGINE__INPUTS__NIGHTLY_REPLAY": "false",
    "TRADINGBOT__LEARNING__COUNTERFACTUAL__NIGHTLY": "false",
    "TRADINGBOT__LEARNING__LEARNERS__META__SCENARIOS_S": "0",
}
NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SoakedDaemon:
    """`tradingbot run --speed max` in a home of its own."""

    def __init__(self, home: Path, cycles: int, seed: int, symbols: str = "") -> None:
        self.home = home
        self._out = (home.parent / "daemon.out").open("ab")
        command = [sys.executable, "-m", "tradingbot", "run", "--home", str(home), "--source", "simulated"]
        command += ["--speed", "max", "--cycles", str(cycles), "--seed", str(seed), "--log-format", "json"]
        command += ["--dashboard-port", "0", *(["--symbols", symbols] if symbols else [])]
        environ = {**os.environ, **SETTINGS}
        self.process = subprocess.Popen(command, stdout=self._out, stderr=self._out, env=environ)

    @property
    def running(self) -> bool:
        """Whether it still lives."""
        return self.process.poll() is None

    def runtime(self) -> dict[str, Any]:
        """`state/runtime.json`; empty before the first cycle."""
        try:
            found: dict[str, Any] = orjson.loads((self.home / "state" / "runtime.json").read_bytes())["data"]
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found

    def desk(self, runtime: Mapping[str, Any], name: str) -> str:
        """The address of a control desk: ``venue`` or ``intelligence``."""
        url = str(runtime["venue_url" if name == "venue" else "intelligence_url"])
        return url.removesuffix("/derivatives") + "/control"

    def stop(self) -> int:
        """Wait for its end, or end it; the exit code."""
        if self.running:
            self.process.terminate()
        code = self.process.wait(60)
        self._out.close()
        return code

    def sample(self, runtime: Mapping[str, Any]) -> dict[str, float]:
        """One line of the table: the system's figures of the process, and the daemon's own."""
        status = _status(self.process.pid)
        return {
            "cycle": runtime["cycles"],
            "real_s": round(time.monotonic(), 2),
            "rss_mb": round(status.get("VmRSS", 0) * 1024 / 1e6, 2),
            "anonymous_mb": round(status.get("RssAnon", 0) * 1024 / 1e6, 2),
            "peak_rss_mb": round(status.get("VmHWM", 0) * 1024 / 1e6, 2),
            "threads": status.get("Threads", 0),
            "open_files": _open_files(self.process.pid),
            "tasks": runtime.get("tasks") or 0,
            "lag_p99_ms": runtime["loop_lag_p99_ms"],
            "lag_max_ms": runtime["loop_lag_max_ms"],
            "cycle_ms": runtime["last_cycle_ms"],
            "failed": runtime["failed_cycles"],
            "equity_usd": float(runtime["equity_usd"] or 0),
            "home_mb": round(folder_bytes(self.home) / 1e6, 2),
            "venue_mb": round(folder_bytes(self.home / "state" / "sim_venue") / 1e6, 3),
            "disk_free_mb": runtime.get("disk_free_mb") or 0,
        }


def ask(url: str, body: Mapping[str, Any] | None = None, method: str = "GET") -> Any:
    """One question to a control desk or to the simulated exchange. Raises OSError."""
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with NO_PROXY.open(request, timeout=20) as answer:
        return orjson.loads(answer.read())


def _status(pid: int) -> dict[str, int]:
    """Whole numbers of /proc/<pid>/status; empty once the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name: int(rest.split()[0]) for name, _, rest in pairs if rest.split() and rest.split()[0].isdecimal()}


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
