"""Every decision of a run on the simulated exchange can be told, and computed again from its records."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from tests.integration.daemon_rig import running
from tradingbot.app.cli import cli
from tradingbot.app.explaining import story_of
from tradingbot.engine.catalog import journal_path
from tradingbot.storage.journal_reader import JournalReader


def told(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [*arguments, "--home", str(home)], env=dict(os.environ))
    return result.exit_code, result.output


def rows(home: Path, name: str) -> list[dict[str, Any]]:
    return list(JournalReader(journal_path(home, name)))


async def trade(home: Path) -> None:
    async with running(home) as rig:
        await rig.cycle_until("trades", lambda: len(rig.rows("executed_trades")) >= 4, 150)
        await rig.good_cycle()
        assert rig.failures == []


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a daemon that has traded for two hours."""
    home = tmp_path_factory.mktemp("told")
    asyncio.run(trade(home))
    return home


def test_every_decision_comes_out_as_it_was_stored(traded: Path) -> None:
    """Signals with a side, and all trades, open ones too: none differs, none lacks a record."""
    lines = [line for line in rows(traded, "signal_universe") if line["direction"] != "neutral"]
    traded_lines = [line for line in lines if line["stage"] == "entered"]
    blocked = [line for line in lines if line["stage"] != "entered"]
    assert len(traded_lines) >= 4
    for line in (*traded_lines, *blocked[:: max(1, len(blocked) // 60)]):
        facts = story_of(traded, line["signal_id"])
        assert facts["check"]["agrees"], facts["check"]
    for trade in rows(traded, "executed_trades"):
        facts = story_of(traded, trade["trade_id"])
        assert facts["check"]["agrees"], facts["check"]
        assert facts["result"]["net_pnl"] == trade["net_pnl"]
        assert facts["exit"]["rule"] == trade["exit_rule"]
        assert {order["purpose"] for order in facts["life"]["orders"]} >= {"entry", "stop"}


def test_commands_tell_it(traded: Path) -> None:
    """Text, JSON, exit codes; the newest cycle and a time before."""
    trade = rows(traded, "executed_trades")[0]
    code, text = told(traded, "explain", trade["trade_id"])
    assert code == 0, text
    for part in ("Components", "Gates", "early_days_floor", "Fills", f"Exit: {trade['exit_rule']}", "the same"):
        assert part in text
    code, text = told(traded, "explain", trade["trade_id"], "--json")
    assert orjson.loads(text)["trade_id"] == trade["trade_id"]
    signal_id = trade["signal_context"]["signal_id"]
    minute = f"{signal_id[9:11]}:{signal_id[11:13]}"
    code, text = told(traded, "why", trade["symbol"].removesuffix("USDT"), "--at", minute, "--json")
    assert (code, orjson.loads(text)["signal_id"]) == (0, signal_id)
    code, text = told(traded, "why", "ETH")
    assert code == 0
    assert "computed again" in text


def test_a_changed_record_is_found(traded: Path, tmp_path: Path) -> None:
    """One number in one line: exit code 1, and the place is named."""
    line = next(line for line in rows(traded, "signal_universe") if line["stage"] == "entered")
    home = tmp_path / "changed"
    (home / "logs").mkdir(parents=True)
    for name in ("signal_universe", "signals", "cycles", "decision_params"):
        content = journal_path(traded, name).read_bytes()
        if name == "signal_universe":
            text = f'"size_usd":"{line["size"]["size_usd"]}","leverage"'.encode()
            assert text in content
            content = content.replace(text, b'"size_usd":"499","leverage"', 1)
        journal_path(home, name).write_bytes(content)
    code, text = told(home, "explain", line["signal_id"])
    assert code == 1
    assert "differs: size.size_usd: stored 499" in text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("explain", "nonsense"), "is neither a trade id"),
        (("explain", "20250101T0000-BTCUSDT"), "nothing is on file of"),
        (("explain", "t-tb-55c24f"), "is cut short"),
        (("why", "BTCC"), "BTC"),
        (("why", "BTC", "--at", "yesterday"), "is no time"),
        (("why", "BTC", "--at", "2001-01-01T00:00Z"), "no signal of BTCUSDT"),
    ],
)
def test_what_is_not_on_file_is_said(traded: Path, arguments: tuple[str, ...], part: str) -> None:
    """One clear message."""
    result = CliRunner().invoke(cli, [*arguments, "--home", str(traded)])
    assert result.exit_code != 0
    assert part in str(result.exception)
