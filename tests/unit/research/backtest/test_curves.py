"""A long curve is thinned without losing an extreme; bars hold every price."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_backtest import a_result
from tradingbot.research.backtest.curves import bars_of, curve_of, kept


@given(st.integers(1, 5_000), st.integers(20, 500), st.integers(1, 4), st.integers(0, 99))
def test_few_points_keep_the_ends_and_every_extreme(count: int, most: int, series: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = [chance.standard_normal(count).cumsum() for _ in range(series)]
    places = kept(values, most)
    assert len(places) <= most
    assert (places[0], places[-1]) == (0, count - 1)
    assert (np.diff(places) > 0).all()
    for one in values:
        assert (one[places].min(), one[places].max()) == (one.min(), one.max())


def test_the_curve_says_how_far_below_the_highest_it_stood_from_the_start_on() -> None:
    found = curve_of(a_result([9_000.0, 10_000, 12_000, 9_000]), None)
    assert found.drawdown_pct == (-10.0, 0.0, 0.0, -25.0)
    assert (found.equity_usd, found.benchmark_usd) == ((9_000.0, 10_000.0, 12_000.0, 9_000.0), ())
    assert curve_of(a_result([]), None).time_s == ()


@given(st.integers(1, 3_000), st.integers(2, 100), st.integers(0, 99))
def test_bars_hold_every_known_price(count: int, most: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    closes = np.round(100 * np.exp(chance.standard_normal(count).cumsum() * 0.01), 3)
    closes[chance.random(count) < 0.1] = np.nan
    found = bars_of(1_767_225_602_000 + 60_000 * np.arange(count), closes, most)
    known = closes[~np.isnan(closes)]
    if not len(known):
        assert found is None
        return
    assert found is not None
    assert len(found.time_s) <= most + 1
    assert all(at % found.step_s == 0 for at in found.time_s)
    assert list(found.time_s) == sorted(set(found.time_s))
    assert (found.open[0], found.close[-1]) == (known[0], known[-1])
    assert (min(found.low), max(found.high)) == (known.min(), known.max())
