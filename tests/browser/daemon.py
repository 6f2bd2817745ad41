"""A real daemon with its page, as a process, and the desk of its exchange."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.crash.processes import BUSY

TOKEN = "a-token-of-the-browser-test-51c0"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PagedDaemon:
    """`tradingbot run` with much trading, and where its page is."""

    def __init__(self, home: Path, speed: float = 120.0) -> None:
        self.home = home
        self._log = home.parent / "daemon.log"
        environ = {
            **os.environ,
            **BUSY,
            "TRADINGBOT__DASHBOARD__ENABLED": "true",
            "TRADINGBOT_DASHBOARD_TOKEN": TOKEN,
        }
        command = [sys.executable, "-m", "tradingbot", "run", "--home", str(home), "--speed", f"{speed:g}"]
        command += ["--dashboard-port", "0", "--log-format", "json", "--symbols", "BTC,ETH,SOL,XRP"]
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environ)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Lines of its log of one kind."""
        lines = (line for line in self._log.read_bytes().split(b"\n") if line.startswith(b"{"))
        return [row for line in lines if (row := orjson.loads(line))["event"] == name]

    @property
    def url(self) -> str:
        """The page's address; empty before it listens."""
        found = self.events("dashboard.listening")
        return str(found[-1]["url"]) if found else ""

    @property
    def runtime(self) -> dict[str, Any]:
        """`state/runtime.json`."""
        path = self.home / "state" / "runtime.json"
        return orjson.loads(path.read_bytes())["data"] if path.exists() else {}

    def trouble(self, name: str) -> None:
        """Switch a trouble of the exchange on."""
        url = self.runtime["venue_url"].removesuffix("/derivatives") + "/control/faults"
        data, headers = orjson.dumps({"name": name}), {"Content-Type": "application/json"}
        NO_PROXY.open(urllib.request.Request(url, data, headers), timeout=10).close()

    def act(self, what: str, body: dict[str, Any]) -> None:
        """Ask for something as the page does."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        NO_PROXY.open(
            urllib.request.Request(f"{self.url}api/v1/{what}", orjson.dumps(body), headers), timeout=10
        ).close()

    def well(self) -> None:
        """Switch all troubles off."""
        url = self.runtime["venue_url"].removesuffix("/derivatives") + "/control/faults"
        NO_PROXY.open(urllib.request.Request(url, method="DELETE"), timeout=10).close()

    def until(self, what: str, condition: Callable[[], Any], limit_s: float = 60) -> None:
        """Wait for something."""
        deadline_s = time.monotonic() + limit_s
        while not condition():
            assert self.process.poll() is None, self._log.read_bytes()[-2000:].decode(errors="replace")
            assert time.monotonic() < deadline_s, f"{what}: not within {limit_s:g} s"
            time.sleep(0.1)


@contextmanager
def paged_daemon(home: Path) -> Iterator[PagedDaemon]:
    """A daemon that has traded."""
    daemon = PagedDaemon(home)
    try:
        daemon.until("the page", lambda: daemon.url)
        trades = home / "logs" / "executed_trades.jsonl"
        daemon.until("some trades", lambda: trades.exists() and trades.read_bytes().count(b"\n") >= 5, 120)
        yield daemon
    finally:
        daemon.process.terminate()
        daemon.process.wait(30)
