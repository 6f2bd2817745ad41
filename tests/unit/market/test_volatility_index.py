"""Realised volatility, its mapping to the VIX scale, quoted sources, correlated moves."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_thinking import BTC, ETH, NOW, bars, path
from tests.shared_data import recorded
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles, empty_candles
from tradingbot.market.comovement import comovement
from tradingbot.market.intelligence import Stamp, VolatilityReading
from tradingbot.market.volatility_index import (
    FITTED_KNOTS,
    Knot,
    VolatilityIndexParams,
    correlation_raise_pct,
    map_to_index,
    quoted_index,
    realised_volatility_pct,
    volatility_index,
)

PARAMS = VolatilityIndexParams()


def hours(sigma: float = 0.006, count: int = 200, seed: int = 1) -> Candles:
    return bars(path(seed, count, sigma), Timeframe.H1)


def quoted(kind: str, value: float, age_h: float = 0.5) -> VolatilityReading:
    moment = NOW - timedelta(hours=age_h)
    return VolatilityReading(Stamp(moment, moment, "test"), kind, value)


def without(candles: Candles, gone: slice) -> Candles:
    keep = np.ones(len(candles), dtype=bool)
    keep[gone] = False
    names = ("open_ms", "open", "high", "low", "close", "volume")
    return Candles(candles.symbol, candles.timeframe, *(getattr(candles, name)[keep] for name in names))


def test_volatility_is_annualised_from_hours() -> None:
    """Returns of 0.6 % an hour are 0.6 x sqrt(8760) % a year."""
    closes = 100 * np.exp(np.cumsum(np.tile([0.006, -0.006], 100)))
    assert realised_volatility_pct(bars(closes, Timeframe.H1), PARAMS) == pytest.approx(0.6 * np.sqrt(8760))


def test_only_the_window_counts() -> None:
    """A storm eight days ago is over."""
    calm = path(1, 170, 0.001)
    storm = path(2, 100, 0.05)
    both = bars(np.concatenate((storm, calm * storm[-1] / calm[0])), Timeframe.H1)
    expected = realised_volatility_pct(bars(calm, Timeframe.H1), PARAMS)
    assert realised_volatility_pct(both, PARAMS) == pytest.approx(expected)


def test_missing_hours_do_not_raise_volatility() -> None:
    """A return over a hole counts for all of its hours; too large a hole gives no figure."""
    zigzag = bars(100 * np.exp(np.cumsum(np.tile([0.006, -0.006], 100))), Timeframe.H1)
    holed = realised_volatility_pct(without(zigzag, slice(100, 120)), PARAMS)
    assert holed == pytest.approx(0.6 * np.sqrt(8760 * 148 / 168))
    assert realised_volatility_pct(without(hours(), slice(60, 150)), PARAMS) is None
    assert realised_volatility_pct(hours(count=100), PARAMS) is None


@given(low=st.floats(0, 2000), high=st.floats(0, 2000))
def test_the_mapping_never_falls(low: float, high: float) -> None:
    below, above = sorted((low, high))
    assert map_to_index(below, FITTED_KNOTS) <= map_to_index(above, FITTED_KNOTS)


def test_the_mapping_meets_its_knots_and_goes_through_zero_beyond_them() -> None:
    for knot in FITTED_KNOTS:
        assert map_to_index(knot.volatility_pct, FITTED_KNOTS) == pytest.approx(knot.index)
    first, last = FITTED_KNOTS[0], FITTED_KNOTS[-1]
    assert map_to_index(0.0, FITTED_KNOTS) == 0.0
    assert map_to_index(first.volatility_pct / 2, FITTED_KNOTS) == pytest.approx(first.index / 2)
    assert map_to_index(last.volatility_pct * 2, FITTED_KNOTS) == pytest.approx(last.index * 2)


def test_a_quoted_vix_is_taken_as_it_is_and_dvol_is_mapped() -> None:
    assert quoted_index(quoted("vix", 27.0), PARAMS) == 27.0
    assert quoted_index(quoted("dvol", 48.0), PARAMS) == pytest.approx(20.0)
    table = (Knot(volatility_pct=50, index=20), Knot(volatility_pct=90, index=40))
    assert quoted_index(quoted("dvol", 70.0), VolatilityIndexParams(dvol_knots=table)) == pytest.approx(30.0)
    assert quoted_index(quoted("move", 100.0), PARAMS) is None
    assert quoted_index(quoted("vix", float("nan")), PARAMS) is None


def test_a_stale_quote_gives_way_to_realised_volatility_and_says_so() -> None:
    fresh = volatility_index(hours(), quoted("vix", 27.0), None, NOW, PARAMS)
    stale = volatility_index(hours(), quoted("dvol", 60.0, age_h=5), None, NOW, PARAMS)
    assert fresh is not None
    assert stale is not None
    assert (fresh.kind, fresh.value) == ("vix", 27.0)
    assert stale.kind == "realised"
    assert stale.reasons[0].code == "quoted_index_not_used"


def test_a_vix_of_friday_holds_over_the_weekend() -> None:
    found = volatility_index(hours(), quoted("vix", 27.0, age_h=66), None, NOW, PARAMS)
    assert found is not None
    assert (found.kind, found.as_of) == ("vix", NOW - timedelta(hours=66))


def test_a_quote_of_the_future_is_not_used() -> None:
    found = volatility_index(hours(), quoted("vix", 27.0, age_h=-1), None, NOW, PARAMS)
    assert found is not None
    assert found.kind == "realised"


@pytest.mark.parametrize("price", [0.0, float("nan")])
def test_a_price_that_is_none_gives_no_volatility_and_no_correlation(price: float) -> None:
    closes = path(1, 200)
    broken = closes.copy()
    broken[150] = price
    assert realised_volatility_pct(bars(broken, Timeframe.H1), PARAMS) is None
    pair = {BTC: bars(closes, Timeframe.H1), ETH: bars(broken, Timeframe.H1, symbol=ETH)}
    assert comovement(pair, 168, 120) is None


def test_without_quote_and_hours_there_is_no_index() -> None:
    assert volatility_index(empty_candles(BTC, Timeframe.H1), None, None, NOW, PARAMS) is None


def test_correlated_moves_raise_the_index_up_to_their_limit() -> None:
    assert correlation_raise_pct(None, PARAMS) == 0.0
    assert correlation_raise_pct(0.80, PARAMS) == 0.0
    assert correlation_raise_pct(0.875, PARAMS) == pytest.approx(7.5)
    assert correlation_raise_pct(1.0, PARAMS) == 15.0
    alone = volatility_index(hours(), None, 0.5, NOW, PARAMS)
    together = volatility_index(hours(), None, 0.99, NOW, PARAMS)
    assert alone is not None
    assert together is not None
    assert together.value == pytest.approx(alone.value * 1.15)


def test_knots_must_rise() -> None:
    falling = (Knot(volatility_pct=50, index=20), Knot(volatility_pct=60, index=20))
    with pytest.raises(ValueError, match="rise"):
        VolatilityIndexParams(knots=falling)
    with pytest.raises(ValueError, match="two knots"):
        VolatilityIndexParams(dvol_knots=falling[:1])


# ---------------------------------------------------------------- moving together


def test_average_correlation_is_the_mean_of_all_pairs() -> None:
    """Against numpy's matrix."""
    common = np.random.default_rng(1).normal(0, 0.004, 200)
    series = {}
    for number in range(4):
        own = np.random.default_rng(10 + number).normal(0, 0.004, 200)
        symbol = Symbol(f"S{number}")
        series[symbol] = bars(100 * np.exp(np.cumsum(common + own)), Timeframe.H1, symbol=symbol)
    found = comovement(series, 168, 120)
    returns = [np.diff(np.log(candles.close))[-168:] for candles in series.values()]
    matrix = np.corrcoef(returns)
    assert found is not None
    assert found.average == pytest.approx((matrix.sum() - 4) / 12)
    assert (found.bars, len(found.symbols)) == (168, 4)


def test_holes_are_left_out_for_all_and_short_or_flat_series_alone() -> None:
    closes = path(1, 200)
    whole = {BTC: bars(closes, Timeframe.H1), ETH: bars(closes**1.5, Timeframe.H1, symbol=ETH)}
    holed = {**whole, ETH: without(whole[ETH], slice(150, 160))}
    short = {**whole, Symbol("NEW"): bars(closes[-50:], Timeframe.H1), Symbol("FLAT"): bars(np.ones(200), Timeframe.H1)}
    for series, count in ((holed, 157), (short, 168)):
        found = comovement(series, 168, 120)
        assert found is not None
        assert found.average == pytest.approx(1.0)
        assert (found.symbols, found.bars) == ((BTC, ETH), count)


def test_one_symbol_moves_with_nobody() -> None:
    assert comovement({BTC: hours()}, 168, 120) is None
    assert comovement({}, 168, 120) is None


@pytest.mark.recorded
def test_the_default_knots_are_quantiles_of_the_recordings() -> None:
    """Median volatility of recorded BTC maps near the VIX's long-run median of 17.6."""
    import pandas as pd

    values = []
    for name in ("candles_1h_spot_btc_2017_2021", "candles_1h_perp_12sym_2023_2025"):
        table = pd.read_parquet(recorded(f"market/{name}.parquet"))
        rows = table[table["symbol"] == BTC]
        close = rows["close"].to_numpy(np.float64)
        every = Candles(BTC, Timeframe.H1, rows["ts"].to_numpy(np.int64), close, close, close, close, close)
        parts = (every._slice(slice(end - 170, end)) for end in range(200, len(every), 24))
        values.extend(realised_volatility_pct(part, PARAMS) for part in parts)
    known = np.array([value for value in values if value is not None])
    assert map_to_index(float(np.median(known)), PARAMS.knots) == pytest.approx(17.6, abs=0.4)
    assert map_to_index(float(np.quantile(known, 0.95)), PARAMS.knots) == pytest.approx(33.1, abs=1.5)
