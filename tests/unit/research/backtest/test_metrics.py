"""Figures of a run agree with an independent library, and with what a run that is known by heart must give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_backtest import SINCE, a_result, made_up, run_facts
from tests.builders_trades import a_trade
from tests.support import BTC, ETH
from tradingbot.core.types import epoch_ms
from tradingbot.learning.trade_facts import facts_of
from tradingbot.research.backtest.metrics import (
    alpha_to,
    benchmark_of,
    beta_to,
    checked,
    correlation,
    daily_returns_of,
    elapsed_days,
    held_curve,
    longest_under_water_days,
    metrics_of,
)
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.research.performance import DrawdownWatch, EquityDays, deepest_fall

CLOSE = {"rel": 1e-9, "abs": 1e-12}


def metrics(result: BacktestResult):  # type: ignore[no-untyped-def]
    return metrics_of(result, [facts_of(one) for one in result.trades])


@pytest.mark.parametrize("seed", range(6))
def test_what_moves_with_the_market_agrees_with_an_independent_library(seed: int) -> None:
    chance = np.random.default_rng(seed)
    theirs = 0.02 * chance.standard_t(4, 400)
    ours = 0.001 + 0.4 * theirs + 0.01 * chance.standard_normal(400)
    alpha, beta = empyrical.alpha_beta(pd.Series(ours), pd.Series(theirs), annualization=365)
    found = beta_to(ours, theirs)
    assert found == pytest.approx(beta, **CLOSE)
    assert found is not None
    assert alpha_to(ours, theirs, found) == pytest.approx(alpha, **CLOSE)
    assert correlation(ours, theirs) == pytest.approx(pd.Series(ours).corr(pd.Series(theirs)), **CLOSE)


def test_the_ratios_of_a_run_are_those_of_its_days() -> None:
    result = made_up(40, step_min=30)
    found, held = metrics(result), held_curve(result.closes, 10_000.0)
    assert held is not None
    index = pd.to_datetime(result.equity.time_ms, unit="ms", utc=True)

    def returns(usd: np.ndarray) -> pd.Series:
        closes = pd.Series(usd, index=index).resample("D").last()
        return closes.pct_change().fillna(closes.iloc[0] / 10_000 - 1)

    ours, theirs = returns(result.equity.equity_usd), returns(held)
    assert found.days == 40
    assert found.ratios.sharpe == pytest.approx(empyrical.sharpe_ratio(ours, annualization=365), **CLOSE)
    assert found.ratios.sortino == pytest.approx(empyrical.sortino_ratio(ours, annualization=365), **CLOSE)
    assert found.ratios.calmar == pytest.approx(empyrical.calmar_ratio(ours, annualization=365), **CLOSE)
    assert found.ratios.total_return == pytest.approx(found.end_usd / found.start_usd - 1, **CLOSE)
    against = benchmark_of(result, held)
    alpha, beta = empyrical.alpha_beta(ours, theirs, annualization=365)
    assert (against.alpha_per_year, against.beta) == pytest.approx((alpha, beta), **CLOSE)
    assert against.ratios.sharpe == pytest.approx(empyrical.sharpe_ratio(theirs, annualization=365), **CLOSE)
    assert against.ratios.max_drawdown == pytest.approx(empyrical.max_drawdown(theirs), **CLOSE)


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=60))
def test_the_deepest_fall_of_a_whole_curve_is_that_of_the_watch(values: list[float]) -> None:
    times = epoch_ms(SINCE) + 60_000 * np.arange(len(values))
    watch = DrawdownWatch()
    for number, value in enumerate(values):
        watch.add(SINCE + timedelta(minutes=number), value)
    assert deepest_fall(times, np.array(values)) == watch.worst


@given(
    st.lists(
        st.tuples(st.integers(0, 60 * 24 * 40), st.floats(1, 1000)),
        min_size=1,
        max_size=40,
        unique_by=lambda one: one[0],
    )
)
def test_days_of_a_whole_curve_are_those_of_its_points(points: list[tuple[int, float]]) -> None:
    points.sort()
    shown = EquityDays(5.0)
    for minute, value in points:
        shown.add(SINCE.timestamp() + 60 * minute, value)
    times = epoch_ms(SINCE) + 60_000 * np.array([minute for minute, _ in points])
    assert EquityDays.of(times, np.array([value for _, value in points]), 5.0) == shown
    assert shown.dates == sorted({(SINCE + timedelta(minutes=minute)).date() for minute, _ in points})


def test_a_run_that_is_known_by_heart() -> None:
    """Four days of one point each half day, half of them with a position worth the equity."""
    usd = [10_000.0, 11_000, 10_000, 9_900, 9_900, 12_000, 12_000, 12_100]
    trades = [
        a_trade(1, net="1500", notional_usd=Decimal(20_000), funding=Decimal(3), gross_pnl=Decimal(1499)),
        a_trade(2, net="500"),
        a_trade(3, net="-100"),
    ]
    result = a_result(usd, step_min=720, trades=trades, open_positions=1)
    exposed = np.where(np.arange(8) % 2, result.equity.equity_usd, 0.0)
    found = metrics(replace(result, equity=replace(result.equity, exposure_usd=exposed)))
    assert (found.days, found.start_usd, found.end_usd, found.change_usd) == (4, 10_000.0, 12_100.0, 2_100.0)
    assert found.ratios.total_return == pytest.approx(0.21)
    assert found.drawdown is not None
    assert found.drawdown.depth == pytest.approx(-0.1)
    assert found.drawdown.peak_at == SINCE + timedelta(hours=12, seconds=2)
    assert found.drawdown.recovered_at == SINCE + timedelta(hours=60, seconds=2)
    assert found.longest_under_water_days == 2.0
    assert (found.mean_exposure, found.max_exposure, found.time_in_market) == (0.5, 1.0, 0.5)
    assert found.turnover_per_year == pytest.approx(
        2 * 24_000 / np.mean([10_000, 11_000, 9_900, 12_000, 12_100]) / 4 * 365
    )
    assert (found.trades.count, found.trades.won, found.trades.win_rate) == (3, 2, pytest.approx(2 / 3))
    assert (found.trades.net_usd, found.trades.fees_usd, found.trades.funding_usd) == (1900.0, 6.0, 3.0)
    assert (found.trades.profit_factor, found.trades.mean_win_usd, found.trades.mean_loss_usd) == (20.0, 1000.0, -100.0)
    assert found.trades.expectancy_bps == pytest.approx((750 + 2500 - 500) / 3)
    assert found.not_in_trades_usd == pytest.approx(200.0)
    assert found.break_even_fee_factor == pytest.approx((1499 + 502 - 98 + 3) / 6)
    assert found.ruined_at is None
    assert found.execution_bps == pytest.approx(0, abs=1e-9)
    worse = a_trade(4, net="8", exit_context={"decision_mid": "2012"})
    assert metrics(a_result(trades=[worse, a_trade(5, exit_context={})])).execution_bps == pytest.approx(-10)


def test_holding_begins_with_the_first_price_and_stays_when_none_is_known() -> None:
    prices = {BTC: np.array([100.0, 110, np.nan, 120]), ETH: np.array([np.nan, 10, 5, 5]), "NONE": np.full(4, np.nan)}
    assert held_curve(prices, 1_000.0) == pytest.approx([1_000, 1_050, 800, 850])  # type: ignore[arg-type]
    assert held_curve({BTC: np.full(3, np.nan)}, 1_000.0) is None
    assert held_curve({}, 1_000.0) is None


def test_the_benchmark_names_the_symbols_that_had_a_price() -> None:
    result = a_result([10_000.0, 10_100], 1_440, closes={BTC: np.array([1.0, 2]), ETH: np.full(2, np.nan)})
    held = held_curve(result.closes, 10_000.0)
    assert held is not None
    found = benchmark_of(result, held)
    assert (found.symbols, found.end_usd) == ((BTC,), 20_000.0)
    assert (found.beta, found.correlation) == (pytest.approx(0.01), pytest.approx(1.0))


def test_a_ruined_account_ends_its_days_with_everything_lost() -> None:
    found = metrics(a_result([10_000.0, 9_000, -50, -60, 100], step_min=1_440))
    assert found.ruined_at == SINCE + timedelta(days=2, seconds=2)
    assert (found.ratios.total_return, found.ratios.max_drawdown, found.days) == (-1.0, -1.0, 3)
    assert found.ratios.return_per_year is None
    assert list(daily_returns_of(a_result([10_000.0, 9_000, -50], step_min=1_440))) == pytest.approx([0, -0.1, -1])


def test_a_run_of_nothing_has_figures_too() -> None:
    found = metrics(a_result([]))
    assert (found.days, found.end_usd, found.drawdown, found.ratios.sharpe) == (0, 10_000.0, None, None)
    assert (found.mean_exposure, found.turnover_per_year, found.trades.win_rate) == (None, None, None)
    assert longest_under_water_days(np.array([0]), np.array([1.0])) == 0.0


def test_rates_are_of_the_time_that_was_run_not_of_the_days_it_touched() -> None:
    found = metrics(a_result([10_000.0] * 6, step_min=60, trades=[a_trade(1), a_trade(2)]))
    assert (found.days, found.trades_per_day) == (1, 8.0)
    assert found.turnover_per_year == pytest.approx(2 * 4_000 / 10_000 * 4 * 365)
    assert elapsed_days(np.array([0])) == pytest.approx(1 / 1_440)


def test_a_run_that_ends_under_water_counts_to_its_end() -> None:
    found = metrics(a_result([10_000.0, 11_000, 12_000, 11_000, 11_500, 11_900], step_min=1_440))
    assert found.longest_under_water_days == 3.0
    assert found.drawdown is not None
    assert found.drawdown.recovered_at is None


def test_a_result_that_does_not_fit_together_is_refused() -> None:
    result = a_result([10_000.0, 10_001])
    with pytest.raises(ValueError, match="1 prices of BTCUSDT for 2 cycles"):
        checked(replace(result, closes={BTC: np.ones(1)}))
    with pytest.raises(ValueError, match=r"2026-01-01 01:00:02.* is not a number"):
        checked(a_result([10_000.0, np.nan]))
    with pytest.raises(ValueError, match="differ in length"):
        checked(replace(result, equity=replace(result.equity, exposure_usd=np.zeros(3))))
    with pytest.raises(ValueError, match="begins with more than 0"):
        checked(a_result([1.0], facts=run_facts(start_usd=0.0)))
    with pytest.raises(ValueError, match="begins with more than nan"):
        checked(a_result([1.0], facts=run_facts(start_usd=float("nan"))))
