"""`tradingbot data download` from a real venue process: what it brings, and what a failure costs."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
import pytest

from tests.crash.processes import VenueProcess
from tradingbot.app.cli import cli
from tradingbot.core.errors import ConfigurationError, SymbolUnknownError
from tradingbot.research.market_store import FUNDING, HOUR_MS, MINUTE_MS, MarketStore, Series, candles_of
from tradingbot.sim_server.recorded_files import read_recording

pytestmark = pytest.mark.process
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MINUTES = candles_of(MINUTE_MS)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    process = VenueProcess(tmp_path_factory.mktemp("venue"), 1.0, 3)
    yield process
    process.stop()


def ask(venue: VenueProcess, path: str, body: dict[str, Any] | None = None, method: str = "GET") -> Any:
    base = venue.endpoints["rest_url"].removesuffix("/derivatives")
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    with DIRECT.open(request, timeout=20) as answer:
        text = answer.read()
    return orjson.loads(text) if text else None


def download(venue: VenueProcess, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tradingbot", "data", "download", "--home", str(home), "--json", *arguments]
    command += ["--venue-url", venue.endpoints["rest_url"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def stored(home: Path, asset: str = "ETH") -> Series:
    found = MarketStore(home / "market_data").load(MINUTES, asset)
    assert found is not None
    return found


def text(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M}"


def test_what_the_venue_shows_is_what_is_stored_and_nothing_is_asked_twice(venue: VenueProcess, tmp_path: Path) -> None:
    done = download(venue, tmp_path, "--symbols", "BTC,ETH")
    assert done.returncode == 0, done.stderr
    rows = {row["asset"]: row for row in orjson.loads(done.stdout)["assets"]}
    assert set(rows) == {"BTC", "ETH"}
    eth = stored(tmp_path)
    assert rows["ETH"]["candles"] == len(eth) > 10_000
    assert rows["ETH"]["report"]["missing"] == 0
    since_s = int(eth.ts[5_000]) // 1000
    shown = ask(venue, f"/api/charts/v1/trade/PF_ETHUSD/1m?from={since_s}&to={since_s + 599 * 60}")["candles"]
    assert [row["time"] for row in shown] == eth.ts[5_000:5_600].tolist()
    assert [float(row["close"]) for row in shown] == eth.values["close"][5_000:5_600].tolist()
    assert [float(row["volume"]) for row in shown] == eth.values["volume"][5_000:5_600].tolist()
    btc = stored(tmp_path, "BTC")
    inverse = ask(
        venue, f"/api/charts/v1/trade/PI_XBTUSD/1m?from={int(btc.ts[50]) // 1000}&to={int(btc.ts[50]) // 1000}"
    )
    assert btc.values["volume"][50] == pytest.approx(
        float(inverse["candles"][0]["volume"]) / float(inverse["candles"][0]["close"])
    )
    rates = MarketStore(tmp_path / "market_data").load(FUNDING, "ETH")
    assert rates is not None
    assert set(np.diff(rates.ts)) == {HOUR_MS}
    again = download(venue, tmp_path, "--symbols", "BTC,ETH", "--to", text(int(eth.ts[-1])))
    assert {row["new_candles"] for row in orjson.loads(again.stdout)["assets"]} == {0}
    assert np.array_equal(stored(tmp_path).ts, eth.ts)
    assert set(read_recording(tmp_path / "market_data" / "candles_1m")) == {"BTC", "ETH"}


def test_a_venue_that_fails_midway_costs_nothing_that_was_there(venue: VenueProcess, tmp_path: Path) -> None:
    whole = download(venue, tmp_path / "whole", "--symbols", "ETH", "--no-funding")
    assert whole.returncode == 0, whole.stderr
    expected = stored(tmp_path / "whole")
    span = ("--from", text(int(expected.ts[0])), "--to", text(int(expected.ts[-1]) + MINUTE_MS))
    half = text(int(expected.ts[len(expected) // 2]))
    home = tmp_path / "broken"
    first = download(venue, home, "--symbols", "ETH", "--no-funding", "--from", half, "--to", span[3])
    assert first.returncode == 0, first.stderr
    kept = len(stored(home))
    ask(venue, "/control/faults", {"name": "html_page", "path": "charts"}, "POST")
    try:
        broken = download(venue, home, "--symbols", "ETH", "--no-funding", *span)
    finally:
        ask(venue, "/control/faults", method="DELETE")
    assert broken.returncode == 1
    assert "Traceback" not in broken.stderr
    assert len(broken.stderr.strip().splitlines()) == 1
    assert len(stored(home)) == kept
    done = download(venue, home, "--symbols", "ETH", "--no-funding", *span)
    assert done.returncode == 0, done.stderr
    found = stored(home)
    assert orjson.loads(done.stdout)["assets"][0]["new_candles"] == len(found) - kept
    assert np.array_equal(found.ts, expected.ts)
    assert all(np.array_equal(found.values[name], expected.values[name]) for name in MINUTES.values)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2030-01-01"), "is not before the end"),
        (("--symbols", "BTCC"), "unknown symbol 'BTCC'"),
        (("--from", "yesterday"), "'yesterday' is no time"),
    ],
)
def test_wrong_usage_is_one_clear_message(
    venue: VenueProcess, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Within this process: what the entry point makes of the error is tried elsewhere."""
    url = ("--venue-url", venue.endpoints["rest_url"], "--home", str(tmp_path))
    with pytest.raises((click.UsageError, ConfigurationError, SymbolUnknownError), match=said):
        cli.main(["data", "download", *url, *arguments], standalone_mode=False)
    assert not (tmp_path / "market_data").exists()
