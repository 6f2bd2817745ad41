"""Ratios agree with an independent library to the ninth digit; their trust agrees with published figures."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.research.performance import DrawdownWatch, daily_returns, monthly, ratios
from tradingbot.research.sanity import doubts
from tradingbot.research.sharpe import (
    bootstrap,
    deflated,
    expected_best,
    probability_above,
    sharpe_of,
    standard_error,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
CLOSE = {"rel": 1e-9, "abs": 1e-12}


def made(seed: int, count: int = 500, mean: float = 0.001, tails: int = 4) -> np.ndarray:
    return mean + 0.015 * np.random.default_rng(seed).standard_t(tails, count)


@pytest.mark.parametrize("seed", range(8))
def test_every_ratio_agrees_with_an_independent_library(seed: int) -> None:
    returns = np.clip(made(seed, mean=0.002 * (-1) ** seed), -0.5, None)
    found, series = ratios(returns), pd.Series(returns, index=pd.date_range("2024-01-01", periods=len(returns)))
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(series), **CLOSE)
    assert found.return_per_year == pytest.approx(empyrical.cagr(series, annualization=365), **CLOSE)
    assert found.volatility_per_year == pytest.approx(empyrical.annual_volatility(series, annualization=365), **CLOSE)
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(series, annualization=365), **CLOSE)
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(series, annualization=365), **CLOSE)
    assert found.calmar == pytest.approx(empyrical.calmar_ratio(series, annualization=365), **CLOSE)
    assert found.max_drawdown == pytest.approx(empyrical.max_drawdown(series), **CLOSE)
    assert found.value_at_risk_95 == pytest.approx(empyrical.value_at_risk(series), **CLOSE)
    assert found.tail_loss_95 == pytest.approx(empyrical.conditional_value_at_risk(series), **CLOSE)
    assert found.tail_loss_99 == pytest.approx(empyrical.conditional_value_at_risk(series, 0.01), **CLOSE)


def test_what_cannot_be_said_is_not_said() -> None:
    nothing, one, flat = (ratios(np.array(values)) for values in ([], [0.01], [0.0, 0.0, 0.0]))
    assert (nothing.total_return, nothing.sharpe, nothing.best_day, nothing.tail_loss_95) == (0.0, None, None, None)
    assert (one.total_return, one.sharpe, one.best_day) == (pytest.approx(0.01), None, 0.01)
    assert (flat.sharpe, flat.sortino, flat.calmar, flat.volatility_per_year) == (None, None, None, 0.0)
    with pytest.raises(ValueError, match="not above 0"):
        daily_returns([100.0, 0.0])


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=60))
def test_the_watch_finds_the_deepest_fall_of_any_curve(values: list[float]) -> None:
    watch = DrawdownWatch()
    for number, value in enumerate(values):
        watch.add(START + timedelta(minutes=number), value)
    falls = [value / max(values[: number + 1]) - 1 for number, value in enumerate(values)]
    assert (watch.worst.depth if watch.worst else 0.0) == min(falls)
    if watch.worst is not None:
        place = int((watch.worst.trough_at - START).total_seconds() // 60)
        assert falls[place] == min(falls)
        later = [n for n in range(place, len(values)) if values[n] >= max(values[: place + 1])]
        expected = START + timedelta(minutes=later[0]) if later else None
        assert watch.worst.recovered_at == expected
        peak = int((watch.worst.peak_at - START).total_seconds() // 60)
        assert values[peak] == max(values[: place + 1])


def test_months_multiply_to_the_whole() -> None:
    days = [date(2026, 1, 20) + timedelta(days=number) for number in range(60)]
    closes = [100 * 1.002**number for number in range(60)]
    found = monthly(days, closes)
    assert list(found) == ["2026-01", "2026-02", "2026-03"]
    assert math.prod(1 + value for value in found.values()) == pytest.approx(closes[-1] / closes[0])
    assert found["2026-01"] == pytest.approx(1.002**11 - 1)
    assert monthly([], []) == {}


def test_the_deflated_ratio_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014), numerical example: 2.5 a year, 1,250 days, 100 trials, variance 1/2: 0.9004."""
    daily, error_free = 2.5 / math.sqrt(250), math.sqrt(0.5 / 250)
    benchmark = expected_best(100, error_free)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    skew, kurtosis, count = -3.0, 10.0, 1250
    error = math.sqrt((1 - skew * daily + (kurtosis - 1) / 4 * daily**2) / (count - 1))
    from statistics import NormalDist

    assert NormalDist().cdf((daily - benchmark) / error) == pytest.approx(0.9004, abs=5e-5)


def test_error_and_probability_follow_the_moments_of_the_returns() -> None:
    from scipy import stats

    returns = made(3, 900)
    ratio, error = sharpe_of(returns), standard_error(returns)
    assert ratio is not None
    assert error is not None
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    assert error == pytest.approx(math.sqrt((1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2) / 899), rel=1e-9)
    assert probability_above(returns, 0.01) == pytest.approx(stats.norm.cdf((ratio - 0.01) / error), rel=1e-9)
    assert probability_above(returns, ratio) == pytest.approx(0.5)


def test_the_error_is_what_repetition_shows() -> None:
    """Of 3,000 samples with one true ratio the estimates scatter as their error says."""
    samples = [0.05 + np.random.default_rng(seed).standard_normal(250) for seed in range(3_000)]
    scattered = float(np.std([sharpe_of(one) for one in samples]))
    assert np.mean([standard_error(one) for one in samples]) == pytest.approx(scattered, rel=0.04)


def test_more_tries_make_the_same_result_less_worth() -> None:
    returns = made(5, 400, mean=0.0015)
    chances = [deflated(returns, trials) for trials in (1, 2, 10, 100, 1000)]
    assert chances == sorted(chances, reverse=True)  # type: ignore[type-var]
    assert chances[0] == probability_above(returns)
    with pytest.raises(ValueError, match="at least one variant"):
        expected_best(0, 1.0)


def test_the_best_of_worthless_variants_is_what_is_expected_of_it() -> None:
    chance = np.random.default_rng(1)
    best = chance.standard_normal((20_000, 50)).max(axis=1).mean()
    assert expected_best(50, 1.0) == pytest.approx(best, rel=0.02)


def test_the_bootstrap_is_deterministic_and_holds_the_ratio_of_most_samples() -> None:
    assert bootstrap(made(1), 7) == bootstrap(made(1), 7)
    assert bootstrap(np.array([0.01]), 7) is None
    held = 0
    for seed in range(60):
        found = bootstrap(0.1 + np.random.default_rng(seed).standard_normal(300), seed, resamples=400)
        assert found is not None
        held += found[0] <= 0.1 <= found[1]
    assert held >= 51


def test_too_good_is_said() -> None:
    fine = {"count": 400, "profit_factor": 1.3, "win_rate": 0.52}
    assert doubts({"sharpe": 1.4}, fine, 200) == []
    assert "data of the future" in doubts({"sharpe": 11.0}, fine, 200)[0]
    assert len(doubts({"sharpe": 5.0}, {"count": 100, "profit_factor": 9.0, "win_rate": 0.97}, 200)) == 3
    assert len(doubts({"sharpe": None}, {"count": 0, "profit_factor": None, "win_rate": None}, 3)) == 2
