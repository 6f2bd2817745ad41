"""The skew of a smile: against an independent computation, and what must hold of any smile."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import a_stamp
from tradingbot.market.intelligence import OptionSkew
from tradingbot.market.option_skew import (
    OptionQuote,
    Smile,
    Tenor,
    black76_delta,
    by_nearness,
    read_smile,
)

NORMAL = NormalDist()
FORWARD, YEARS = 80_000.0, 30 / 365
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


def price(forward: float, strike: float, spread: float, is_call: bool) -> float:
    """Black-76 at a rate of zero."""
    d1 = (math.log(forward / strike) + spread**2 / 2) / spread
    call = forward * NORMAL.cdf(d1) - strike * NORMAL.cdf(d1 - spread)
    return call if is_call else call - forward + strike


def chain(iv_of: object, years: float = YEARS, deltas: object = None) -> list[OptionQuote]:
    """Options at strikes up to three deviations away; `iv_of` tells the volatility at a log moneyness."""
    assert callable(iv_of)
    quotes = []
    for step in range(-15, 16):
        strike = FORWARD * math.exp(step / 5 * 0.5 * math.sqrt(years))
        iv_pct = iv_of(math.log(strike / FORWARD))
        quotes += [OptionQuote(is_call, strike, FORWARD, iv_pct) for is_call in (True, False)]
    return quotes


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("strike", [60_000.0, 80_000.0, 95_000.0])
def test_delta_is_how_the_price_moves_with_the_forward(is_call: bool, strike: float) -> None:
    """A difference quotient of the price knows nothing of the formula for delta."""
    spread, step = 0.55 * math.sqrt(YEARS), 1.0
    moved = [price(FORWARD + change, strike, spread, is_call) for change in (-step, step)]
    quotient = (moved[1] - moved[0]) / (2 * step)
    assert black76_delta(OptionQuote(is_call, strike, FORWARD, 55.0), YEARS) == pytest.approx(quotient, abs=1e-6)


def test_volatilities_are_those_at_the_strikes_of_the_deltas() -> None:
    """The strike whose option has a delta of 0.25 is found by bisection on the curve itself, without any table."""

    def iv_of(x: float) -> float:
        return 50.0 - 30.0 * x + 60.0 * x * x

    def at(delta: float, is_call: bool) -> float:
        low, high = -1.0, 1.0
        for _ in range(80):
            x = (low + high) / 2
            spread = iv_of(x) / 100 * math.sqrt(YEARS)
            found = NORMAL.cdf(-x / spread + spread / 2) - (0 if is_call else 1)
            low, high = (x, high) if found > delta else (low, x)
        return iv_of(low)

    smile = read_smile(chain(iv_of), YEARS)
    assert smile is not None
    assert smile.put_25d_iv_pct == pytest.approx(at(-0.25, False), abs=0.05)
    assert smile.call_25d_iv_pct == pytest.approx(at(0.25, True), abs=0.05)
    assert smile.atm_iv_pct == pytest.approx(at(0.5, True), abs=0.05)


def skew_of(smile: Smile | None) -> float:
    assert smile is not None
    told = OptionSkew(a_stamp(), smile.put_25d_iv_pct, smile.call_25d_iv_pct, smile.atm_iv_pct, 30.0)
    return told.skew


@given(st.floats(20, 120), st.floats(7, 90))
def test_a_flat_smile_has_no_skew(level: float, days: float) -> None:
    smile = read_smile(chain(lambda x: level, 30 / 365), days / 365)
    if smile is not None:
        assert skew_of(smile) == pytest.approx(0.0, abs=1e-12)


@given(st.floats(35, 70), st.floats(-60, 60))
def test_the_dearer_side_gives_the_sign_and_a_mirrored_smile_the_other(level: float, slope: float) -> None:
    lean = skew_of(read_smile(chain(lambda x: level - slope * x), YEARS))
    if abs(slope) > 1e-6:
        assert math.copysign(1, lean) == math.copysign(1, slope)
    back = skew_of(read_smile(chain(lambda x: level + slope * x), YEARS))
    assert math.copysign(1, back) != math.copysign(1, lean) or abs(slope) <= 1e-6


@given(st.lists(st.floats(5, 300), min_size=31, max_size=31), st.randoms(use_true_random=False))
def test_what_is_read_lies_among_what_is_told_in_any_order(volatilities: list[float], order: object) -> None:
    told = iter(volatilities)
    quotes = chain(lambda x: next(told))
    smile = read_smile(quotes, YEARS)
    order.shuffle(quotes)  # type: ignore[attr-defined]
    assert read_smile(quotes, YEARS) == smile
    if smile is not None:
        read = (smile.put_25d_iv_pct, smile.call_25d_iv_pct, smile.atm_iv_pct)
        assert all(min(volatilities) - 1e-9 <= one <= max(volatilities) + 1e-9 for one in read)


def test_too_few_or_too_distant_strikes_tell_nothing() -> None:
    quotes = chain(lambda x: 50.0)
    assert read_smile(quotes, YEARS) is not None
    assert read_smile([quote for quote in quotes if quote.is_call], YEARS) is None
    assert read_smile([quote for quote in quotes if not 0.97 < quote.strike / FORWARD < 1.03][::7], YEARS) is None
    assert read_smile([quote for quote in quotes if quote.strike > FORWARD], YEARS) is None
    near = sorted(quotes, key=lambda quote: abs(quote.strike - FORWARD))[:6]
    assert read_smile(near, YEARS) is None
    gap = [quote for quote in quotes if abs(math.log(quote.strike / FORWARD)) > 0.1]
    assert read_smile(gap, YEARS) is None
    assert read_smile(quotes, 0.0) is None
    assert read_smile([], YEARS) is None


def test_the_nearest_allowed_expiry_comes_first() -> None:
    days = (1, 6.9, 7, 20, 40, 90, 90.1, 200, -3)
    found = by_nearness([NOW + timedelta(days=one) for one in days], NOW, Tenor())
    assert [(one - NOW) / timedelta(days=1) for one in found] == [20, 40, 7, 90]
