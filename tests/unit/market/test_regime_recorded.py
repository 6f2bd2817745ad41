"""The regime over recorded hours of 2019 to 2021, played by the script that writes the documentation."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.shared_data import recorded
from tradingbot.core.types import Regime, epoch_ms
from tradingbot.market.regime_metrics import LEADER
from tradingbot.market.regime_params import RegimeParams

pytestmark = pytest.mark.recorded


@cache
def script() -> ModuleType:
    where = Path(__file__).resolve().parents[3] / "scripts" / "regime_report.py"
    spec = importlib.util.spec_from_file_location("regime_report", where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["regime_report"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def played() -> Any:
    report = script()
    hours = report.candles_of(recorded("market/candles_1h_spot_btc_2017_2021.parquet"))[LEADER]
    begin, end = (epoch_ms(datetime(year, 6, 1, tzinfo=UTC)) for year in (2019, 2020))
    part = hours.until(end)
    return report.play("a year", {LEADER: part.tail(int((part.open_ms >= begin).sum()))}, RegimeParams())


def test_the_crash_of_march_2020_is_a_panic_and_then_a_recovery(played: Any) -> None:
    by_time = {moment: reading.regime for moment, reading in zip(played.times, played.readings, strict=True)}
    assert by_time[datetime(2020, 3, 13, 12, tzinfo=UTC)] is Regime.PANIC
    assert by_time[datetime(2020, 2, 10, tzinfo=UTC)] is not Regime.PANIC
    after = [reading.regime for reading in played.readings]
    assert {new for old, new in pairwise(after) if old is Regime.PANIC} == {Regime.PANIC, Regime.RECOVERY}


def test_switches_are_few_and_fewer_than_by_the_levels_alone(played: Any) -> None:
    report = script()
    held = report.switches([reading.regime for reading in played.readings])
    assert 10 < held / played.years < 110
    assert held < report.switches(played.plain)


def test_the_page_of_a_period_has_every_regime(played: Any) -> None:
    text = script().section(played)
    assert all(f"| {regime} |" in text for regime in Regime)
    assert "2020-03-1" in text
