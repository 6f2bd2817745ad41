"""One market, traded three ways: by a daemon over the wire, by its collector in this process, and by a backtest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from pydantic import TypeAdapter

from tradingbot.app.backtest import BacktestRequest, Costs, plan_of, quiet
from tradingbot.core.types import utc_from_ms
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.backtest.engine import run_backtest
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
START = utc_from_ms(DEFAULT_START_MS)
ATTEMPTS: Final = 3
"""A daemon at full speed on a busy machine may see a message of its sockets a simulated moment late, and differ."""
COMPARED: Final = (
    "symbol", "direction", "size", "entry_price", "exit_price", "entry_time", "exit_time",
    "gross_pnl", "fees", "funding", "net_pnl", "exit_rule", "strategy",
)  # fmt: skip
SAME: Final[Mapping[str, str]] = {
    # A wire takes its time, in which the market moves; pacing of requests shifts it further.
    "TRADINGBOT__SIMULATOR__LATENCY_MIN_MS": "0",
    "TRADINGBOT__SIMULATOR__LATENCY_MAX_MS": "0",
    "TRADINGBOT__SIMULATOR__REST_BUDGET": "1000000",
    "TRADINGBOT__SIMULATOR__HISTORY_BUDGET": "1000000",
    "TRADINGBOT__VENUE__LIMITS__RATES": '[{"limit":100000,"period_s":1}]',
    "TRADINGBOT__VENUE__LIMITS__POOLS": '{"derivatives":{"limit":1000000,"period_s":10},'
    '"history":{"limit":1000000,"period_s":600}}',
    "TRADINGBOT__SIMULATOR__COINGLASS__ENABLED": "false",
    "TRADINGBOT__COINGLASS__ENABLED": "false",
    "TRADINGBOT__RISK__KILL_SWITCHES__MAX_CONSECUTIVE_LOSSES": "50",
}


@dataclass(frozen=True)
class Game:
    """A market and for how many cycles it is traded."""

    cycles: int
    seed: int
    volatility: str
    symbols: tuple[str, ...]

    @property
    def environ(self) -> dict[str, str]:
        """Settings that all three have."""
        return {**SAME, "TRADINGBOT__MARKET_SOURCE__VOLATILITY": self.volatility}


def by_daemon(game: Game, home: Path) -> list[ClosedTrade]:
    """Played by a process of its own, over HTTP and WebSocket; the trades as they are on its disk."""
    command = [sys.executable, "-m", "tradingbot", "run", "--source", "simulated", "--speed", "max", "--no-dashboard"]
    command += ["--cycles", str(game.cycles), "--seed", str(game.seed), "--symbols", ",".join(game.symbols)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KRAKEN_", "TRADINGBOT"))}
    env = {**kept, "PYTHONPATH": str(ROOT / "src"), **game.environ}
    done = subprocess.run([*command, "--home", str(home)], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    trades = orjson.loads((home / "state" / "trades_futures.json").read_bytes())["data"]["trades"]
    return TypeAdapter(list[ClosedTrade]).validate_python(trades)


def by_backtest(game: Game, home: Path, monkeypatch: pytest.MonkeyPatch, near: bool) -> BacktestResult:
    """Played in this process; a daemon's first cycle is at once, the others a minute apart."""
    quiet()
    for name in [name for name in os.environ if name.startswith("TRADINGBOT")]:
        monkeypatch.delenv(name)
    for name, value in game.environ.items():
        monkeypatch.setenv(name, value)
    until = START + timedelta(minutes=game.cycles - 1)
    request = BacktestRequest(
        str(home), symbols=game.symbols, since=START, until=until, warm_up_min=0, seed=game.seed, intelligence=False,
        costs=Costs(latency=0),
    )  # fmt: skip
    plan = plan_of(request)
    return run_backtest(replace(plan, trading=replace(plan.trading, near=near)))


def rows(trades: Sequence[ClosedTrade]) -> list[dict[str, Any]]:
    """What must be the same of every trade: values, not texts."""
    return [{name: getattr(trade, name) for name in COMPARED} for trade in trades]


def check(game: Game, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = by_backtest(game, tmp_path / "far", monkeypatch, near=False)
    near = by_backtest(game, tmp_path / "near", monkeypatch, near=True)
    assert len(near.trades) >= least
    assert any(trade.fees for trade in near.trades)
    assert rows(far.trades) == rows(near.trades)
    wires = []
    for attempt in range(ATTEMPTS):
        wires.append(rows(by_daemon(game, tmp_path / f"wire-{attempt}")))
        if wires[-1] == rows(near.trades):
            break
    else:
        pytest.fail(f"no daemon traded as the backtest did: {wires} instead of {rows(near.trades)}")
    assert near.facts.cycles == game.cycles
    assert (near.digest, near.checkpoints) == (far.digest, far.checkpoints)


def test_a_backtest_trades_as_the_daemon_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(Game(21, 5, "3", ("BTC", "ETH", "SOL", "XRP")), 2, tmp_path, monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_four_hundred_cycles_three_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(Game(400, 5, "3", ("BTC", "ETH", "SOL", "XRP")), 20, tmp_path, monkeypatch)
