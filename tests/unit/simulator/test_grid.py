"""Steps counted in floats are the steps that decimals count."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradingbot.simulator.grid import Grid
from tradingbot.simulator.instruments import CATALOGUE
from tradingbot.simulator.rounding import floored_numbers, floored_texts

STEPS = sorted({one.tick for one in CATALOGUE.values()} | {one.step for one in CATALOGUE.values()})
NUMBERS = st.floats(1e-9, 1e13)


def counted(number: float, step: Decimal, rounding: str) -> int:
    with localcontext(prec=60):
        return int((Decimal(repr(number)) / step).to_integral_value(rounding))


@given(NUMBERS, st.sampled_from(STEPS))
@example(0.3, Decimal("0.1"))
@example(0.30000000000000004, Decimal("0.1"))
@example(0.29999999999999993, Decimal("0.1"))
@example(1e13, Decimal("1e-10"))
@example(2999.9999999, Decimal("1e3"))
def test_floor_and_ceil_are_those_of_the_decimal(number: float, step: Decimal) -> None:
    grid = Grid(step)
    assert grid.floor(number) == counted(number, step, ROUND_FLOOR)
    assert grid.ceil(number) == counted(number, step, ROUND_CEILING)


@given(st.integers(1, 10**10), st.sampled_from(STEPS), st.sampled_from([-1, 0, 1]))
def test_beside_a_multiple_by_a_hair(count: int, step: Decimal, hair: int) -> None:
    grid, number = Grid(step), float(np.nextafter(float(count * step), hair * np.inf) if hair else count * step)
    assert grid.floor(number) == counted(number, step, ROUND_FLOOR)
    assert grid.ceil(number) == counted(number, step, ROUND_CEILING)


@given(st.integers(0, 10**14), st.sampled_from(STEPS))
def test_a_multiple_as_a_float_is_the_float_of_the_multiple(count: int, step: Decimal) -> None:
    grid = Grid(step)
    exact = grid.exact(count)
    assert exact == count * step
    if len(exact.normalize().as_tuple().digits) <= 15 and grid.scale < 2**53:
        assert grid.number(count) == float(exact)


@pytest.mark.parametrize("step", [Decimal(0), Decimal(-1), Decimal("NaN")])
def test_a_step_is_above_zero(step: Decimal) -> None:
    with pytest.raises(ValueError, match="no step"):
        Grid(step)


@given(st.lists(st.floats(0, 1e13), max_size=20), st.lists(st.integers(0, 10**9), max_size=20), st.sampled_from(STEPS))
def test_floored_numbers_are_the_floored_texts(numbers: list[float], counts: list[int], step: Decimal) -> None:
    near = [float(count * step) * (1 + hair * 2e-16) for count in counts for hair in (-1, 0, 1)]
    every = [*numbers, *near]
    texts = [float(text) for text in floored_texts(every, step)]
    assert floored_numbers(np.array(every, dtype=np.float64), step).tolist() == texts
