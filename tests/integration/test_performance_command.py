"""`tradingbot performance` says what the files say: of a real daemon's hour, and of months that were written down."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from tests.integration.daemon_rig import running
from tests.support import NOW
from tradingbot.app.cli import cli
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.models import TradesState


def performance(home: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["performance", "--home", str(home), "--json", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


async def test_a_daemon_s_first_hour(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle_until("trades", lambda: len(rig.rows("executed_trades")) >= 3)
        await rig.cycle(2)
        state = rig.stores.documents["trades"].newest
    assert isinstance(state, TradesState)
    equities = [float(row["equity_usd"]) for row in rig.rows("cycles")]
    found = performance(tmp_path)
    assert (found["start_usd"], found["end_usd"], found["days"]) == (equities[0], equities[-1], 1)
    assert found["ratios"]["total_return"] == pytest.approx(equities[-1] / equities[0] - 1)
    assert found["drawdown"]["depth"] == pytest.approx(
        min(value / max(equities[: number + 1]) - 1 for number, value in enumerate(equities))
    )
    assert found["trades"]["count"] == len(state.trades) >= 3
    assert found["trades"]["expectancy_usd"] == pytest.approx(
        float(sum(one.net_pnl_usd for one in state.trades)) / len(state.trades)
    )
    assert found["ratios"]["sharpe"] is None
    assert "1 days are too few" in found["doubts"][0]


def test_months_on_file(tmp_path: Path) -> None:
    """Minutes without a known equity are passed over; a span cuts both ends; the page's journal goes first."""
    path = journal_path(tmp_path, "equity")
    path.parent.mkdir(parents=True)
    begin = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    lines = []
    for hour in range(24 * 45):
        usd = 10_000 * 1.0005**hour * (0.9 if 400 <= hour < 410 else 1)
        at = iso_utc(begin + timedelta(hours=hour))
        lines.append({"as_of": at, "equity_usd": None if hour % 7 == 3 else f"{usd:.4f}"})
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    journal_path(tmp_path, "cycles").write_bytes(b'{"as_of":"2026-01-01T00:00:00.000Z","equity_usd":"1"}\n')
    found = performance(tmp_path, "--trials", "50")
    assert (found["days"], found["start_usd"]) == (45, 10_000.0)
    assert found["trades"]["count"] == 0
    assert found["drawdown"]["depth"] == pytest.approx(-0.1, abs=0.002)
    assert len(found["months"]) == 2
    assert found["trust"]["probability_not_luck"] < found["trust"]["probability_above_zero"]
    part = performance(
        tmp_path,
        "--since",
        f"{begin + timedelta(days=10):%Y-%m-%d}",
        "--until",
        f"{begin + timedelta(days=15):%Y-%m-%d}",
    )
    assert part["days"] == 5
    assert part["first"][:10] == f"{begin + timedelta(days=10):%Y-%m-%d}"
    text = CliRunner().invoke(cli, ["performance", "--home", str(tmp_path)]).output
    assert "45 days" in text
    assert "deepest fall" in text


def test_without_any_equity_there_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no equity on file in .*tradingbot run --home"):
        CliRunner().invoke(cli, ["performance", "--home", str(tmp_path)], catch_exceptions=False, standalone_mode=False)
