"""Recorded series can be cut, poisoned, shifted, and know when a value arrived."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import BTC, candles_of
from tradingbot.research.recorded_inputs import (
    EVERYWHERE,
    RecordedInputs,
    Series,
    Told,
    minute_candles,
    minute_series,
)


def a_series(arrived: list[int] | None = None) -> Series:
    """Four values that are true every 100 ms and arrive 150 ms later."""
    true = np.array([100, 200, 300, 400], dtype=np.int64)
    at = true + 150 if arrived is None else np.array(arrived, dtype=np.int64)
    return Series(true, at, {"value": np.array([1.0, 2.0, 0.0, 4.0])})


def a_store(series: Series) -> RecordedInputs:
    return RecordedInputs({}, {(EVERYWHERE, Told.FEAR_GREED): series})


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.mark.parametrize(("at_ms", "known"), [(249, 0), (250, 1), (399, 2), (5000, 4)])
def test_a_value_is_known_once_it_has_arrived_not_once_it_is_true(at_ms: int, known: int) -> None:
    assert len(a_store(a_series()).cut(moment(at_ms)).series[EVERYWHERE, Told.FEAR_GREED]) == known


def test_poison_leaves_the_past_and_the_times_and_changes_every_later_value() -> None:
    series = a_series()
    poisoned = a_store(series).poisoned(moment(350), seed=1).series[EVERYWHERE, Told.FEAR_GREED]
    assert poisoned.true_ms.tolist() == series.true_ms.tolist()
    assert poisoned.columns["value"][:2].tolist() == [1.0, 2.0]
    late = poisoned.columns["value"][2:]
    assert np.isfinite(late).all()
    assert (late != series.columns["value"][2:]).all()
    assert (late != 0).all()
    assert series.columns["value"].tolist() == [1.0, 2.0, 0.0, 4.0]


def test_the_same_seed_poisons_the_same_way_and_another_otherwise() -> None:
    def late(seed: int) -> list[float]:
        poisoned = a_store(a_series()).poisoned(moment(0), seed)
        return poisoned.series[EVERYWHERE, Told.FEAR_GREED].columns["value"].tolist()

    assert late(1) == late(1)
    assert late(1) != late(2)


def test_a_shift_shows_the_next_value_and_drops_the_last_row() -> None:
    shifted = a_series().shifted()
    assert shifted.true_ms.tolist() == [100, 200, 300]
    assert shifted.columns["value"].tolist() == [2.0, 0.0, 4.0]


def test_at_once_everything_arrives_when_it_is_true() -> None:
    assert a_series().at_once().arrived_ms.tolist() == [100, 200, 300, 400]


def test_rows_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order of arrival"):
        a_series([250, 240, 450, 550])


def test_a_value_that_arrived_before_it_was_true_is_refused() -> None:
    with pytest.raises(ValueError, match="before it was true"):
        a_series([90, 350, 450, 550])


def test_columns_of_another_length_are_refused() -> None:
    times = np.array([1, 2], dtype=np.int64)
    with pytest.raises(ValueError, match="as many rows"):
        Series(times, times, {"value": np.array([1.0])})


def test_candles_go_in_and_come_out_the_same_and_arrive_after_their_close() -> None:
    candles = candles_of([1.0, 2.0, 3.0], BTC)
    series = minute_series(candles, 700)
    assert (series.true_ms - candles.open_ms).tolist() == [60_000] * 3
    assert (series.arrived_ms - series.true_ms).tolist() == [700] * 3
    back = minute_candles(BTC, series)
    assert back.open_ms.tolist() == candles.open_ms.tolist()
    assert back.close.tolist() == [1.0, 2.0, 3.0]
