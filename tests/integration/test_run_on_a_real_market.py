"""`tradingbot run --source kraken` against another process that plays the real venue; then without it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from tests.crash.processes import VenueProcess

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

BRISK = {
    "TRADINGBOT__ENGINE__CYCLE_S": "3",
    "TRADINGBOT__ENGINE__CYCLE_OFFSET_S": "0",
    "TRADINGBOT__ENGINE__CYCLE_DEADLINE_S": "3",
    "TRADINGBOT__ENGINE__CANDLE_COUNT": "100",
}


def tradingbot(*arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One command, run to its end."""
    command = [sys.executable, "-m", "tradingbot", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, env={**os.environ, **environ}, check=False
    )


def upstream_of(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Settings that make the real venue this one."""
    urls = {"REST_URL": endpoints["rest_url"], "WS_URL": endpoints["ws_url"]}
    return {**BRISK, **{f"TRADINGBOT__VENUE__{name}": url for name, url in urls.items()}}


def test_the_daemon_trades_on_paper_and_its_account_is_right_without_network(tmp_path: Path) -> None:
    home = tmp_path / "home"
    common = ("--home", str(home))
    market = VenueProcess(tmp_path / "market", speed=1.0, seed=5)
    environ = upstream_of(market.endpoints)
    try:
        run = tradingbot(
            "run", "--source", "kraken", "--symbols", "BTC,ETH", "--cycles", "2", "--log-format", "json", *common,
            environ=environ,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        checked = tradingbot("check", "--source", "kraken", "--json", *common, environ=environ)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    finally:
        market.stop()
    status = tradingbot("status", "--reconcile", "--json", *common, environ=environ)
    assert status.returncode == 0, status.stdout + status.stderr
    facts = orjson.loads(status.stdout)
    assert facts["runtime"]["source"] == "kraken"
    assert facts["runtime"]["cycles"] == 2
    assert facts["reconcile"]["agree"]


def test_a_real_market_that_is_away_is_one_clear_message(tmp_path: Path) -> None:
    nowhere = upstream_of({"rest_url": "http://127.0.0.1:9/derivatives", "ws_url": "ws://127.0.0.1:9/ws/v1"})
    run = tradingbot("run", "--source", "kraken", "--home", str(tmp_path), environ=nowhere)
    assert run.returncode == 1
    assert "http://127.0.0.1:9/derivatives cannot be reached" in run.stderr
    assert "--source simulated" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_the_real_market_cannot_be_sped_up(tmp_path: Path) -> None:
    run = tradingbot("run", "--source", "kraken", "--speed", "60", "--home", str(tmp_path), environ={})
    assert run.returncode == 2
    assert "--speed" in run.stderr


def test_a_venue_of_its_own_can_follow_the_real_market_too(tmp_path: Path) -> None:
    market = VenueProcess(tmp_path / "market", speed=1.0, seed=5)
    command = [sys.executable, "-m", "tradingbot", "sim", "--json", "--source", "kraken", "--symbols", "ETH"]
    follower = subprocess.Popen(
        [*command, "--home", str(tmp_path / "paper")],
        stdout=subprocess.PIPE,
        env={**os.environ, **upstream_of(market.endpoints)},
    )
    try:
        assert follower.stdout is not None
        assert "rest_url" in orjson.loads(follower.stdout.readline())
        follower.terminate()
        assert follower.wait(20) == 0
    finally:
        follower.kill()
        follower.wait(20)
        if follower.stdout is not None:
            follower.stdout.close()
        market.stop()
