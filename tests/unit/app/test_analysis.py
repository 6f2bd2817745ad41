"""``tradingbot analyze`` on the files of a home."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from tests.builders_trades import a_trade
from tests.support import NOW
from tradingbot.app.analysis import ANALYSES, advised, read_analysis
from tradingbot.app.cli.analyze import WHAT, command, sample_text
from tradingbot.app.stores import open_document
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.catalog import document_path
from tradingbot.engine.models import TradesState
from tradingbot.learning.params import LearningParams
from tradingbot.storage.writer import StorageWriter

PARAMS = LearningParams()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Ten days with four trades each: half of them lose."""
    trades = [
        a_trade(day * 10 + n, "8" if n % 2 else "-12", closed=NOW + timedelta(days=day, minutes=n))
        for day in range(10)
        for n in range(4)
    ]
    document = open_document(tmp_path, "trades", StorageWriter(SteppedClock(NOW)))
    document.save(TradesState.model_construct(trades=trades))
    return tmp_path


def test_the_command_knows_every_analysis() -> None:
    assert set(WHAT) == set(ANALYSES)


def test_a_home_without_trades_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no trades in .* yet; start a daemon with"):
        read_analysis(tmp_path / "none", PARAMS, None, None, None)


def test_trades_are_chosen_by_their_exit(home: Path) -> None:
    """From the third day (inclusive) to the fifth (exclusive)."""
    since, until = NOW + timedelta(days=2), NOW + timedelta(days=4)
    found = read_analysis(home, PARAMS, "trades", since, until)
    assert found["trade_count"] == 8
    assert found["trades"]["all"]["net_usd"] == -16
    assert "exits" not in found


def test_enough_trades_give_advice_and_lose_their_star(home: Path) -> None:
    found = read_analysis(home, PARAMS, None, None, None)
    assert not found["trades"]["all"]["net_bps"]["small"]
    assert found["faults"]["counted"]["exit"]["trades"] == 20
    assert found["faults"]["small"]
    text = CliRunner().invoke(command, ["--home", str(home)])
    assert text.exit_code == 0, text.output
    assert "-10.0 ±8.0 (40) bps" in text.output


def test_a_date_is_its_first_moment_in_utc(home: Path) -> None:
    out = CliRunner().invoke(command, ["fees", "--home", str(home), "--json", "--since", "2026-01-14"]).output
    assert orjson.loads(out)["trade_count"] == 4
    assert orjson.loads(out)["since"] == "2026-01-14T00:00:00+00:00"
    wrong = CliRunner().invoke(command, ["--since", "yesterday"])
    assert wrong.exit_code == 2
    assert "'yesterday' is no time; write 2026-01-31" in wrong.output


def test_a_damaged_file_of_the_feature_store_does_not_keep_the_rest_away(home: Path) -> None:
    path = document_path(home, "rollout")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")
    assert read_analysis(home, PARAMS, "fees", None, None)["rollout"] is None
    assert path.read_bytes() == b"{"  # it is the daemon's


def test_a_line_of_advice_is_flat(home: Path) -> None:
    line = advised([a_trade(n) for n in range(3)], PARAMS, NOW)
    assert line["advice"] == [{"code": "sample_too_small", "trades": 3}]
    assert line["at"] == NOW


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"count": 40, "mean": 3.24, "standard_error": 1.1, "small": False}, "+3.2 ±1.1 (40)"),
        ({"count": 1, "mean": -2.0, "standard_error": None, "small": True}, "-2.0 (1*)"),
        ({"count": 0, "mean": None, "standard_error": None, "small": True}, "-"),
    ],
)
def test_a_mean_says_what_it_is_worth(found: dict, text: str) -> None:
    assert sample_text(found) == text
