"""Labels are what happened between a moment and the end of its horizon."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from tests.support import ETH, NOW, candles_of
from tradingbot.core.types import Direction
from tradingbot.research.labels import forward_return, hit, price_at

MINUTES = candles_of([100.0, 101.0, 103.0, 102.0], ETH, NOW)
"""Their closes are 3, 2, 1 and 0 minutes before 12:00, and NOW is two seconds later."""


def ago(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def test_the_price_is_the_newest_close_of_a_candle_that_had_closed() -> None:
    assert price_at(MINUTES, NOW) == 102.0
    assert price_at(MINUTES, NOW - timedelta(seconds=3)) == 103.0
    assert price_at(MINUTES, NOW - timedelta(seconds=2)) == 102.0


def test_there_is_no_price_before_the_first_close_and_none_after_a_minute_without_candle() -> None:
    assert price_at(MINUTES, NOW - ago(4)) is None
    assert price_at(MINUTES, NOW + timedelta(seconds=57)) == 102.0
    assert price_at(MINUTES, NOW + timedelta(seconds=58)) is None


def test_a_forward_return_is_the_log_return_over_the_horizon() -> None:
    assert forward_return(MINUTES, NOW - ago(3), 1) == pytest.approx(math.log(101 / 100))
    assert forward_return(MINUTES, NOW - ago(3), 3) == pytest.approx(math.log(102 / 100))
    assert forward_return(MINUTES, NOW - ago(1), 5) is None


def test_a_hit_went_the_way_that_was_said() -> None:
    assert hit(Direction.LONG, 0.01) is True
    assert hit(Direction.LONG, -0.01) is False
    assert hit(Direction.SHORT, -0.01) is True
    assert hit(Direction.NEUTRAL, 0.01) is None
    assert hit(Direction.LONG, None) is None
    assert hit(Direction.LONG, 0.0) is None
