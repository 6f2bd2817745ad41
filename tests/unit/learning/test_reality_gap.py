"""What an order cost, taken apart without rest."""

from __future__ import annotations

import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.core.types import Side
from tradingbot.learning.reality_gap import (
    Distribution,
    ExecutedOrder,
    Quote,
    RealityGap,
    execution_costs,
    measured,
    quantile,
)

D = Decimal
PRICES = st.decimals(min_value=1, max_value=100_000, places=4)


def test_a_buy_s_cost_is_delay_and_spread_and_impact() -> None:
    """Decided at 2000, sent at 2000.9 / 2001.1, filled at 2001.5: 5 + 0.5 + 2 = 7.5 bps, and 5 bps of fees."""
    order = ExecutedOrder(Side.BUY, D("2001.5"), D(2000), D(2000), Quote(D("2000.9"), D("2001.1")), fees_usd=D(1))
    costs = execution_costs(order, 5.0)
    assert (costs.delay, costs.spread, costs.impact) == (D(5), D("0.5"), D(2))
    assert (costs.total, costs.fees, costs.slip) == (D("7.5"), D(5), None)
    assert costs.expected == D("5.5")
    assert costs.gap == D(2)
    assert costs.parts()["slippage"] == D(7)


def test_a_sell_s_cost_has_the_other_sign() -> None:
    order = ExecutedOrder(Side.SELL, D(1999), D(2000), D(2000), Quote(D(1999), D(2001)))
    costs = execution_costs(order, 5.0)
    assert (costs.delay, costs.spread, costs.impact, costs.total) == (D(0), D(5), D(0), D(5))
    assert costs.fees is None


def test_a_stop_slips_from_its_own_price() -> None:
    costs = execution_costs(ExecutedOrder(Side.SELL, D(1990), D(2000), stop_price=D(2000)), 5.0)
    assert (costs.slip, costs.total, costs.delay, costs.spread) == (D(50), D(50), None, None)
    assert costs.gap == D(45)


def test_what_is_not_known_is_left_out() -> None:
    """An unknown market leaves the total alone; an unknown decision leaves spread and impact."""
    no_market = execution_costs(ExecutedOrder(Side.BUY, D(2002), D(2000), D(2000)), 5.0)
    assert no_market.parts().keys() == {"total", "gap"}
    no_decision = execution_costs(ExecutedOrder(Side.BUY, D(2002), D(2000), sent=Quote(D(1999), D(2001))), 5.0)
    assert no_decision.parts() == {"spread": D(5), "impact": D(5)}


def test_the_decision_s_own_expectation_comes_first() -> None:
    order = ExecutedOrder(Side.BUY, D(2002), D(2000), D(2000), expected_bps=D(12))
    assert execution_costs(order, 5.0).gap == D(-2)


@given(st.sampled_from(Side), PRICES, PRICES, PRICES, PRICES)
def test_the_parts_add_up_to_the_total_digit_for_digit(side: Side, fill: D, mid: D, one: D, other: D) -> None:
    quote = Quote(min(one, other), max(one, other))
    costs = execution_costs(ExecutedOrder(side, fill, D(1), mid, quote), 5.0)
    assert costs.delay + costs.spread + costs.impact == costs.total
    assert costs.total == ((fill - mid) * side.sign / mid * 10_000).quantize(D("0.000001"))


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=40))
def test_a_distribution_is_that_of_its_values(values: list[float]) -> None:
    found = Distribution()
    for value in values:
        found = found.with_value(value, 500)
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert found.deviation == pytest.approx(statistics.stdev(values), abs=1e-6)
    assert found.p50 == pytest.approx(statistics.median(values))


def test_quantiles_are_of_the_newest_and_the_mean_is_of_all() -> None:
    found = Distribution()
    for value in range(100):
        found = found.with_value(float(value), 50)
    assert (found.count, found.mean, len(found.newest)) == (100, 49.5, 50)
    assert found.p10 == pytest.approx(54.9)
    assert quantile([3.0], 0.9) == 3.0


def test_stops_do_not_count_as_slippage_of_sent_orders() -> None:
    gap = measured(RealityGap(), "ETHUSDT", "entry", {"slippage": 4.0, "total": 5.0}, 500)
    gap = measured(gap, "ETHUSDT", "exit", {"slippage": 8.0}, 500)
    gap = measured(gap, "ETHUSDT", "stop", {"slip": 90.0}, 500)
    assert gap.symbols["ETHUSDT"].slippage() == (2, 6.0)
    assert gap.symbols["ETHUSDT"].orders == 3
