"""The future is exchanged for another one that is a market, too; what was before stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders_backtest import SINCE, a_result, run_facts
from tradingbot.core.types import epoch_ms
from tradingbot.research.backtest.look_ahead import differences, poisoned
from tradingbot.simulator.recorded_market import RecordedColumns

FIRST_MS = epoch_ms(SINCE)


def candles(count: int = 500) -> RecordedColumns:
    chance = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.001, count)))
    first = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(first, close) * 1.0005, np.minimum(first, close) * 0.9995
    times = FIRST_MS + np.arange(count, dtype=np.int64) * 60_000
    return RecordedColumns(times, first, high, low, close, chance.uniform(0, 9, count))


@pytest.mark.parametrize("minute", [-1, 0, 250, 499, 600])
def test_up_to_the_running_candle_nothing_changes_and_then_everything(minute: int) -> None:
    whole = candles()
    found = poisoned(whole, FIRST_MS + minute * 60_000 + 2_000)
    known = slice(0, max(0, minute + 1))
    later = slice(max(0, minute + 1), None)
    assert np.array_equal(found.open_ms, whole.open_ms)
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(found, name)[known].tobytes() == getattr(whole, name)[known].tobytes()
        assert np.all(getattr(found, name)[later] != getattr(whole, name)[later])
    assert np.all(found.low > 0)
    assert np.all(found.low <= np.minimum(found.open, found.close))
    assert np.all(found.high >= np.maximum(found.open, found.close))
    assert np.all(found.volume >= 0)


def test_the_garbage_is_the_same_each_time() -> None:
    first, second = (poisoned(candles(), FIRST_MS + 60_000) for _ in range(2))
    assert first.close.tobytes() == second.close.tobytes()


def test_the_first_cycle_that_decided_otherwise_is_named() -> None:
    marks = tuple(f"{number:04x}" for number in range(10))
    whole = a_result([1.0] * 10, step_min=1, checkpoints=marks)
    facts = run_facts(until=SINCE + timedelta(minutes=5))
    cut = a_result([1.0] * 5, step_min=1, checkpoints=marks[:5], facts=facts)
    assert differences(whole, cut) == []
    other = replace(cut, checkpoints=(*marks[:3], "beef", "dead"))
    assert differences(whole, other) == [
        "the cycle of 2026-01-01T00:03:02.000Z decided otherwise "
        "when the future from 2026-01-01T00:05:00.000Z on changed"
    ]
    poorer = a_result([1.0] * 4 + [0.5], step_min=1, checkpoints=marks[:5], facts=facts)
    assert len(differences(whole, poorer)) == 1
    assert "equity" in differences(whole, poorer)[0]
