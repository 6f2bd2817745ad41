"""Intervals hold what they should, and what makes a run doubtful is said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders_backtest import a_result, made_up
from tradingbot.learning.trade_facts import facts_of
from tradingbot.research import bootstrap
from tradingbot.research.backtest.metrics import daily_returns_of, metrics_of
from tradingbot.research.backtest.model import Honesty, Overfitting, Trust, WarmUp
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.backtest.trust import deepest_falls, means, total_returns, trust_of
from tradingbot.research.performance import ratios


def trust(result: BacktestResult, trials: int = 1, honesty: Honesty | None = None) -> Trust:
    trades = [facts_of(one) for one in result.trades]
    done = honesty or Honesty()
    return trust_of(daily_returns_of(result), trades, metrics_of(result, trades), trials, done)


def test_each_figure_of_a_drawn_row_is_the_figure_of_that_row() -> None:
    rows = 0.02 * np.random.default_rng(4).standard_normal((5, 60))
    found = [ratios(row) for row in rows]
    assert total_returns(rows) == pytest.approx([one.total_return for one in found])
    assert deepest_falls(rows) == pytest.approx([one.max_drawdown for one in found])
    assert deepest_falls(np.array([[0.1, 0.2]])) == [0.0]


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        series = 3 + np.random.default_rng(seed).standard_normal(150)
        low, high = bootstrap.interval(bootstrap.redrawn(series, means, seed, 300))
        held += low <= 3 <= high
    assert held >= 51


def test_an_interval_leaves_as_much_out_below_as_above() -> None:
    assert bootstrap.interval(np.arange(1_001.0)) == pytest.approx((25, 975))
    assert bootstrap.interval(np.arange(1_001.0), share=0.5) == pytest.approx((250, 750))


def test_blocks_keep_what_follows_each_other_together() -> None:
    """Where neighbours are alike a mean is less certain than among independent ones."""
    alike = np.repeat(np.random.default_rng(1).standard_normal(40), 6)
    mixed = np.random.default_rng(2).permutation(alike)
    low, high = bootstrap.interval(bootstrap.redrawn(alike, means, 5, 400))
    mixed_low, mixed_high = bootstrap.interval(bootstrap.redrawn(mixed, means, 5, 400))
    assert high - low > 1.5 * (mixed_high - mixed_low)


def test_a_long_series_is_drawn_in_parts_and_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "AT_ONCE", 250)
    shapes: list[tuple[int, ...]] = []

    def figure(drawn: np.ndarray) -> np.ndarray:
        shapes.append(drawn.shape)
        return means(drawn)

    assert len(bootstrap.redrawn(np.arange(100.0), figure, 1, 7)) == 7
    assert shapes == [(2, 100), (2, 100), (2, 100), (1, 100)]


def test_a_run_has_an_interval_around_each_of_its_figures() -> None:
    result = made_up(60, step_min=60)
    found, whole = trust(result, trials=10), ratios(daily_returns_of(result))
    assert set(found.intervals) == {"sharpe", "total_return", "max_drawdown", "expectancy_usd", "expectancy_bps"}
    assert all(one.low <= one.high for one in found.intervals.values())
    assert found.intervals["sharpe"].value == pytest.approx(whole.sharpe)
    assert found.intervals["total_return"].value == pytest.approx(whole.total_return)
    assert found.intervals["max_drawdown"].value == pytest.approx(whole.max_drawdown)
    net = [float(one.net_pnl_usd) for one in result.trades]
    assert found.intervals["expectancy_usd"].value == pytest.approx(np.mean(net))
    assert found.probability_above_zero is not None
    assert found.probability_not_luck is not None
    assert found.probability_not_luck < found.probability_above_zero
    assert trust(result, trials=10) == found
    with pytest.raises(ValueError, match="at least one variant"):
        trust(result, trials=0)


def test_the_scatter_over_variants_counts_where_it_is_known() -> None:
    result = made_up(60, step_min=60)
    chances = [trust(result, 10, Honesty(trial_spread=spread)).probability_not_luck for spread in (0.0, 0.05, 0.2)]
    assert chances == sorted(chances, reverse=True)  # type: ignore[type-var]
    assert chances[0] == trust(result).probability_above_zero


def test_what_makes_a_run_doubtful_is_said() -> None:
    bad = Overfitting(5, 100, 12_870, 0.7, 0.6, -0.4, 0.3)
    found = trust(
        a_result([10_000.0, -1.0], step_min=1_440),
        honesty=Honesty(look_ahead=("hurst",), warm_up=WarmUp("a", "b", 3, "trade 2: other"), overfitting=bad),
    ).doubts
    for part in (
        "worth nothing at 2026-01-02 00:00",
        "1 value knows its own future",
        "trade 2: other",
        "worse than drawing lots",
    ):
        assert any(part in one for one in found), part
    assert any("2 days are too few" in one for one in found)
    assert any("-10,001.00 USD of the change" in one for one in found)
    fine = Honesty(look_ahead=(), warm_up=WarmUp("a", "b", 3, ""))
    assert not any(
        "future" in one or "warm-up" in one or "of the change" in one
        for one in trust(made_up(40, 60), honesty=fine).doubts
    )


def test_too_few_days_have_no_interval() -> None:
    assert trust(a_result([10_000.0, 10_100, 10_050] * 3, 1_440)).intervals == {}
    found = trust(a_result([10_000.0]))
    assert (found.intervals, found.sharpe_error, found.probability_not_luck) == ({}, None, None)
