"""Factors of risk on a size: history, circuit breaker, rollout, parity of strategies."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import candles_of
from tradingbot.core.types import Timeframe
from tradingbot.market.volatility_spike import volatility_ratio
from tradingbot.risk.factors import circuit_breaker, history_multiplier, risk_parity, rollout_share
from tradingbot.risk.params import CircuitBreakerParams, HistoryParams, RiskParams, RolloutParams


@pytest.mark.parametrize(
    ("net_bps", "factor"), [(None, 1.0), (0.0, 1.0), (25.0, 1.15), (50.0, 1.3), (500.0, 1.3), (-500.0, 0.7)]
)
def test_history_changes_a_size_in_proportion(net_bps: float | None, factor: float) -> None:
    """At most 30 %."""
    assert history_multiplier(net_bps, HistoryParams()) == pytest.approx(factor)


@pytest.mark.parametrize(("ratio", "factor"), [(None, 1.0), (1.0, 1.0), (2.5, 1.0), (5.0, 0.5), (100.0, 0.25)])
def test_the_circuit_breaker_shrinks_from_its_ratio_on(ratio: float | None, factor: float) -> None:
    """Inverse proportion, never below a quarter."""
    assert circuit_breaker(ratio, CircuitBreakerParams()) == factor


@pytest.mark.parametrize(
    ("hours", "share"), [(0, 0.1), (47.99, 0.1), (48, 0.4), (95.9, 0.4), (96, 0.7), (144, 1.0), (10_000, 1.0)]
)
def test_live_begins_with_a_tenth(hours: float, share: float) -> None:
    """SPEC 6.7: 48 hours, then steps up; no rollout where it is off."""
    assert rollout_share(hours, RolloutParams(enabled=True)) == pytest.approx(share)
    assert rollout_share(hours, RolloutParams()) == 1.0


def test_parity_gives_the_calmer_strategy_more() -> None:
    """Weights 1/20 and 1/40: two thirds and one third, times two."""
    known = {"A": 20.0, "B": 40.0}
    assert risk_parity("A", ("A", "B"), known) == pytest.approx(4 / 3)
    assert risk_parity("B", ("A", "B"), known) == pytest.approx(2 / 3)


@pytest.mark.parametrize("strategy", ["A", "C"])
def test_parity_waits_until_all_is_known(strategy: str) -> None:
    """An active strategy without a volatility, or one that is not active: nothing changes."""
    assert risk_parity(strategy, ("A", "B"), {"A": 20.0, "C": 1.0}) == 1.0


def test_prices_that_are_none_have_no_volatility() -> None:
    """A candle that closed at zero makes no number."""
    hours = candles_of(100 * np.exp(0.01 * (np.arange(200) % 2)), timeframe=Timeframe.H1)
    assert volatility_ratio(candles_of([100.0] * 79 + [0.0]), hours) == 0.0


@pytest.mark.parametrize(
    "broken",
    [
        {"kill_switches": {"max_drawdown_pct": 25}},
        {"kill_switches": {"max_daily_loss_pct": 21, "max_drawdown_pct": 20}},
        {"limits": {"max_trade_risk_pct": 6}},
        {"sizing": {"early_max_leverage": 6}},
        {"sizing": {"early_min_notional_usd": 600}},
        {"sizing": {"min_trade_usd": 501}},
    ],
)
def test_limits_that_cannot_hold_together_are_refused(broken: dict[str, dict[str, float]]) -> None:
    """Each with one message."""
    with pytest.raises(ValueError, match="must"):
        RiskParams.model_validate(broken)


def test_the_volatility_ratio_compares_the_hour_with_the_week() -> None:
    """Minutes that move a tenth of an hour's move each: sqrt(60) / 10 of the usual."""
    hours = candles_of(100 * np.exp(0.01 * (np.arange(200) % 2)), timeframe=Timeframe.H1)
    minutes = candles_of(100 * np.exp(0.001 * (np.arange(80) % 2)))
    assert volatility_ratio(minutes, hours) == pytest.approx(60**0.5 / 10)
    assert volatility_ratio(candles_of([100.0] * 60), hours) is None
    assert volatility_ratio(minutes, None) is None
    assert volatility_ratio(minutes, candles_of([100.0] * 200, timeframe=Timeframe.H1)) is None
