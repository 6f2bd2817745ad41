"""The two processes of the crash harness: a venue that lives on, and a daemon that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[2]

BUSY: dict[str, str] = {
    # Trade often: the more orders are under way when the kill comes, the better the test.
    "TRADINGBOT__SIGNALS__MIN_ALIGNED_COMPONENTS": "1",
    "TRADINGBOT__SIGNALS__CONVICTION__LOW__MIN_ALIGNED": "1",
    "TRADINGBOT__SIGNALS__CONVICTION__LOW__MIN_CONFIDENCE": "0.02",
    "TRADINGBOT__SIGNALS__HURST__MIN_MOVE_SIGMA": "0.0",
    "TRADINGBOT__SIGNALS__HURST__TRENDING_ABOVE": "0.501",
    "TRADINGBOT__SIGNALS__HURST__REVERTING_BELOW": "0.499",
    "TRADINGBOT__SIGNALS__LEAD_LAG__MIN_T_STATISTIC": "1.0",
    "TRADINGBOT__SIGNALS__LEAD_LAG__MIN_EXPECTED_SIGMA": "0.001",
    "TRADINGBOT__EXITS__REVERSAL__MIN_FLOW_CONFIDENCE": "0.02",
    "TRADINGBOT__ENGINE__GRACE__NORMAL_S": "0",
    "TRADINGBOT__ENGINE__GRACE__HIGH_CONVICTION_S": "0",
    # Many daemons run beside each other, and the page has a port of its own choice.
    "TRADINGBOT__DASHBOARD__ENABLED": "false",
    # So much trading trips kill switches, which have tests of their own.
    "TRADINGBOT__RISK__LIMITS__MAX_TRADES_PER_DAY": "1000",
    "TRADINGBOT__RISK__LIMITS__MIN_FREE_MARGIN_PCT": "0",
    "TRADINGBOT__RISK__LIMITS__MAX_DRAWDOWN_PCT": "100",
    "TRADINGBOT__RISK__KILL_SWITCHES__MAX_CONSECUTIVE_LOSSES": "100",
    "TRADINGBOT__RISK__KILL_SWITCHES__MAX_DAILY_LOSS_PCT": "100",
    "TRADINGBOT__RISK__KILL_SWITCHES__MAX_DRAWDOWN_PCT": "100",
    "TRADINGBOT__RISK__KILL_SWITCHES__MIN_WIN_RATE_PCT": "0",
    "TRADINGBOT__RISK__KILL_SWITCHES__REJECT_WINDOW_ORDERS": "1000",
    "TRADINGBOT__GATES__FEE__MIN_EDGE_BPS": "-10000",
    # A process that has run hundreds of tests is large, which is no trouble of the daemon in it.
    "TRADINGBOT__RESOURCES__RSS_MB__WARN": "1000000",
    "TRADINGBOT__RESOURCES__RSS_MB__CRITICAL": "1000000",
    # Each kill leaves a lock behind, which counts as a repair.
    "TRADINGBOT__HEALTH__HEALING__SOFT_LIMIT": "100000",
    "TRADINGBOT__HEALTH__HEALING__CRITICAL_LIMIT": "100000",
    "TRADINGBOT__GATES__ENSEMBLE__MIN_SIDE_PROBABILITY": "0",
    "TRADINGBOT__GATES__CORRELATION__MAX_CLUSTER_NOTIONAL_PCT": "1000",
    "TRADINGBOT__RISK__LIMITS__MAX_CORRELATION": "1",
}


def wait_until(what: str, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """The first true value of `condition`. Raises TimeoutError naming what was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if value := condition():
            return value
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {timeout_s:g} s")


class VenueProcess:
    """`tradingbot sim` on loopback."""

    def __init__(self, home: Path, speed: float, seed: int) -> None:
        self._errors = (home.parent / "venue.err").open("ab")
        command = [sys.executable, "-m", "tradingbot", "sim", "--json", "--home", str(home)]
        command += ["--speed", str(speed), "--seed", str(seed)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors)
        assert self.process.stdout is not None
        self.endpoints: dict[str, str] = orjson.loads(self.process.stdout.readline())

    def now(self) -> datetime:
        """The venue's time."""
        url = self.endpoints["rest_url"].removesuffix("/derivatives") + "/control/state"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return datetime.fromisoformat(orjson.loads(answer.read())["now"])

    def stop(self) -> None:
        """End it and wait."""
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


class DaemonProcess:
    """`tradingbot run --profile testnet` against that venue."""

    def __init__(
        self,
        home: Path,
        venue: VenueProcess,
        speed: float,
        settings: Mapping[str, str] | None = None,
        plan: Mapping[str, Any] | None = None,
    ) -> None:
        """With a `plan` its boundaries are watched; see `tests.crash.instrumented`."""
        self.home = home
        self._events: list[dict[str, Any]] = []
        self._log = home.parent / "daemon.log"
        self._out = self._log.open("ab")
        self._start = self._log.stat().st_size
        program = "tradingbot" if plan is None else "tests.crash.instrumented"
        command = [sys.executable, "-m", program, "run", "--profile", "testnet", "--home", str(home)]
        command += ["--venue-url", venue.endpoints["rest_url"], "--venue-ws-url", venue.endpoints["ws_url"]]
        command += ["--speed", str(speed), "--log-format", "json"]
        keys = {
            "KRAKEN_FUTURES_API_KEY": venue.endpoints["api_key"],
            "KRAKEN_FUTURES_API_SECRET": venue.endpoints["api_secret"],
            # At such a speed a busy machine is silent for minutes of market time.
            "TRADINGBOT__RISK__KILL_SWITCHES__HEARTBEAT_STALE_S": "86400",
        }
        environ = {**os.environ, **BUSY, **keys, **(settings or {})}
        self.side: Path | None = None
        if plan is not None:
            self.side = Path(plan["side"])
            environ["CRASH_PLAN"] = orjson.dumps({"home": str(home), **plan}).decode()
            environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "src"))))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE if plan else None, stdout=self._out, stderr=self._out, env=environ, cwd=ROOT
        )
        self._read_to = self._start

    def events(self) -> list[dict[str, Any]]:
        """What it has logged since it was started, whole lines only."""
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        self._events += [orjson.loads(line) for line in whole.split(b"\n") if line.startswith(b"{")]
        return self._events

    def text(self) -> str:
        """The end of what it has said since it was started."""
        return self._log.read_bytes()[self._start :][-2000:].decode(errors="replace")

    def order(self, **command: Any) -> None:
        """A command to the launcher."""
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(command) + b"\n")
        self.process.stdin.flush()

    def told(self) -> list[dict[str, Any]]:
        """What the launcher has told."""
        assert self.side is not None
        path = self.side / "told.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def cycles(self) -> int:
        """Finished cycles since the start."""
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended by itself with {self.process.returncode}: {self.text()}")
        return sum(1 for event in self.events() if event.get("event") == "cycle.completed")

    def kill(self) -> None:
        """SIGKILL, no goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        self._wait()
        return self.process.returncode

    def died(self) -> int:
        """Wait for an end that is on its way; the exit code, negative for a signal."""
        self._wait()
        return self.process.returncode

    def _wait(self) -> None:
        self.process.wait(40)
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._out.close()


def reconciled(home: Path, venue: VenueProcess) -> dict[str, Any]:
    """The product's own proof, asked of the venue that lived on. Raises AssertionError when it says nothing."""
    environ = {
        **os.environ,
        "KRAKEN_FUTURES_API_KEY": venue.endpoints["api_key"],
        "KRAKEN_FUTURES_API_SECRET": venue.endpoints["api_secret"],
    }
    command = [sys.executable, "-m", "tradingbot", "status", "--reconcile", "--json", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, env=environ, check=False)
    assert done.stdout, f"status --reconcile said nothing: {done.stderr.decode()[-500:]}"
    facts: dict[str, Any] = orjson.loads(done.stdout)
    return facts
