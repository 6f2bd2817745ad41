"""A result comes back from its files as it was."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tests.builders_backtest import a_result, made_up
from tests.support import BTC
from tradingbot.core.errors import ConfigurationError
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.result_file import COLUMNS_NAME, JSON_NAME, load_result, save_result


def same(one: BacktestResult, other: BacktestResult) -> None:
    for name in ("time_ms", "equity_usd", "exposure_usd"):
        mine, theirs = getattr(one.equity, name), getattr(other.equity, name)
        assert (mine.dtype, mine.tobytes()) == (theirs.dtype, theirs.tobytes())
    assert {s: c.tobytes() for s, c in one.closes.items()} == {s: c.tobytes() for s, c in other.closes.items()}
    assert replace(one, equity=other.equity, closes=other.closes) == other
    assert replace(one, closes={}).trades == other.trades


def test_nothing_is_lost_of_a_run_without_trades(tmp_path: Path) -> None:
    whole = a_result(warnings=("first", "second"), digest="", checkpoints=())
    save_result(whole, tmp_path / "deeper" / "run")
    same(load_result(tmp_path / "deeper" / "run"), whole)


def test_unknown_prices_stay_unknown_and_money_stays_exact(tmp_path: Path) -> None:
    whole = made_up(3, step_min=5)
    first = replace(whole.trades[0], fees=Decimal("0.123456789012345678901234567890"), mtf_alignment=0.1 + 0.2)
    closes = {symbol: np.array(column) for symbol, column in whole.closes.items()}
    closes[BTC] = np.concatenate(([np.nan], closes[BTC][1:]))
    equity = np.concatenate(([np.nan], whole.equity.equity_usd[1:]))
    whole = replace(
        whole,
        trades=(first, *whole.trades[1:]),
        closes=closes,
        equity=replace(whole.equity, equity_usd=equity),
        checkpoints=("0123456789abcdef", "fedcba9876543210"),
    )
    save_result(whole, tmp_path)
    found = load_result(tmp_path)
    same(found, whole)
    assert str(found.trades[0].fees) == "0.123456789012345678901234567890"
    assert np.isnan(found.closes[BTC][0])


@pytest.mark.parametrize("harm", ["no json", "no columns", "cut json", "cut columns", "other version", "no trades"])
def test_what_is_no_result_is_named(tmp_path: Path, harm: str) -> None:
    save_result(a_result(), tmp_path)
    told, columns = tmp_path / JSON_NAME, tmp_path / COLUMNS_NAME
    match harm:
        case "no json":
            told.unlink()
        case "no columns":
            columns.unlink()
        case "cut json":
            told.write_bytes(told.read_bytes()[:100])
        case "cut columns":
            columns.write_bytes(columns.read_bytes()[:100])
        case "other version":
            told.write_bytes(told.read_bytes().replace(b'"schema_version":1', b'"schema_version":2'))
        case "no trades":
            told.write_bytes(told.read_bytes().replace(b'"trades"', b'"tirades"'))
    with pytest.raises(ConfigurationError, match=r"result.json: is no result of a backtest .*; run it again"):
        load_result(tmp_path)
