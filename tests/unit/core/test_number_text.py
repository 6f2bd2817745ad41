"""Numbers for people."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.core.number_text import number_text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-5.795e-05, 4, "-0.00005795"),
        (0.3424912345, 4, "0.3425"),
        (1234567.0, 4, "1,234,567"),
        (98252.7, 6, "98,252.7"),
        (3385.99, 6, "3385.99"),
        (12345.6, 4, "12,346"),
        (9999.9, 4, "10000"),
        (120000.0, 6, "120,000"),
        (-0.0, 4, "0"),
        (Decimal("9978.0941190475375"), 6, "9978.09"),
        (float("nan"), 4, "nan"),
    ],
)
def test_a_number_as_people_read_it(value: float | Decimal, digits: int, text: str) -> None:
    assert number_text(value, digits) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_never_an_exponent_and_always_near(value: float) -> None:
    text = number_text(value)
    assert "e" not in text.lower()
    assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-3, abs=1e-300)
