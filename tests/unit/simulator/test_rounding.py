"""Many numbers at once are rounded as one number is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradingbot.core.types import plain
from tradingbot.simulator.instruments import CATALOGUE
from tradingbot.simulator.rounding import floor_to, floored_texts

STEPS = sorted({one.tick for one in CATALOGUE.values()} | {one.step for one in CATALOGUE.values()})


def slowly(number: float, step: Decimal) -> str:
    return plain(floor_to(Decimal(repr(number)), step))


@given(st.floats(0, 1e13), st.sampled_from(STEPS))
@example(1e13, Decimal("1e-10"))
@example(0.3, Decimal("0.1"))
@example(0.30000000000000004, Decimal("0.1"))
@example(0.29999999999999993, Decimal("0.1"))
@example(123456.99999999999, Decimal(1))
@example(2999.9999999, Decimal("1e3"))
def test_any_number(number: float, step: Decimal) -> None:
    assert floored_texts([number], step) == [slowly(number, step)]


@given(st.integers(0, 10**9), st.sampled_from(STEPS), st.sampled_from([-1, 0, 1]))
def test_on_a_step_and_a_hair_beside_it(count: int, step: Decimal, hair: int) -> None:
    number = max(0.0, float(count * step) * (1 + hair * 2e-16))
    assert floored_texts([number], step) == [slowly(number, step)]


def test_a_step_must_be_one() -> None:
    with pytest.raises(ValueError, match="no step"):
        floored_texts([1.0], Decimal(-1))
