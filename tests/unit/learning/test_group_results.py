"""Groups of trades with sums, means and intervals; horizons; the week."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from statistics import fmean, stdev

import pytest

from tests.builders_trades import a_trade
from tests.support import NOW
from tradingbot.learning.group_results import GroupResult, told, with_trade
from tradingbot.learning.horizons import horizons_of
from tradingbot.learning.intervals import Running, share_interval, t_quantile
from tradingbot.learning.trade_facts import facts_of
from tradingbot.learning.weekly_review import in_words, weekly_review
from tradingbot.portfolio.position import ClosedTrade

LATER = NOW + timedelta(days=200)


def ago(number: int, days: float, net: str = "8", **changes: object) -> ClosedTrade:
    return a_trade(number, net, closed=LATER - timedelta(days=days), **changes)


def test_a_running_mean_is_the_mean_with_its_interval() -> None:
    values, found = [3.0, -1.0, 4.0, 1.5], Running()
    for value in values:
        found = found.with_value(value)
    error = stdev(values) / math.sqrt(4)
    assert (found.mean, found.standard_error) == (pytest.approx(fmean(values)), pytest.approx(error))
    interval = found.interval()
    assert interval == pytest.approx((fmean(values) - 3.182 * error, fmean(values) + 3.182 * error))
    strict = found.interval(tests=20)
    assert interval is not None
    assert strict is not None
    assert strict[0] < interval[0]
    assert Running().with_value(1).interval() is None


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.706), (10, 2.228), (12, 2.179), (30, 2.042), (1000, 1.962)])
def test_t_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=2e-3)


def test_a_share_has_an_interval_that_stays_within_nought_and_one() -> None:
    """Wilson's interval of 8 of 10 is 0.490 to 0.943."""
    assert share_interval(8, 10) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert share_interval(0, 5) == pytest.approx((0.0, 0.434), abs=1e-3)
    assert share_interval(0, 0) is None


def test_groups_add_up_to_the_whole_and_only_large_ones_stand_out() -> None:
    groups: dict[str, dict[str, GroupResult]] = {}
    trades = [ago(n, 1, str(8 + n % 3), exit_rule="ladder" if n % 2 else "hard_stop") for n in range(40)]
    for trade in trades:
        groups = {name: dict(rows) for name, rows in with_trade(groups, facts_of(trade)).items()}
    rules = groups["exit_rule"]
    assert rules["ladder"].net_usd + rules["hard_stop"].net_usd == sum(trade.net_pnl_usd for trade in trades)
    assert rules["ladder"].gross_usd - rules["ladder"].fees_usd == rules["ladder"].net_usd
    assert told(groups["symbol"]["ETHUSDT"], 30)["stands_out"] is True
    assert told(rules["ladder"], 30)["stands_out"] is False
    assert set(groups["component"]) == {"hurst", "whale_flow"}


def test_each_horizon_holds_the_trades_that_ended_within_it() -> None:
    trades = [ago(1, 0.5, "10"), ago(2, 3, "-4"), ago(3, 20, "1"), ago(4, 80, "2"), ago(5, 100, "99")]
    found = horizons_of(iter(trades), LATER, "venue", 30, LATER - timedelta(days=50))
    assert {days: (row["trades"], Decimal(row["net_usd"])) for days, row in found.items()} == {
        "1": (1, 10),
        "7": (2, 6),
        "30": (3, 7),
        "90": (3, 7),
    }
    assert (found["30"]["covered_days"], found["90"]["covered_days"]) == (30, 50)
    assert sum(Decimal(row["net_usd"]) for row in found["30"]["component"].values()) == 7
    assert found["30"]["groups"]["symbol"]["ETHUSDT"]["small"] is True


def test_a_week_is_held_against_the_week_before_it() -> None:
    """A clear difference is said to be one; what lies outside of both weeks does not count."""
    trades = [ago(n, 1 + n / 10, str(20 + n % 2)) for n in range(40)]
    trades += [ago(100 + n, 8 + n / 10, str(-20 - n % 2)) for n in range(40)] + [ago(999, 15, "1000")]
    found = weekly_review(trades, LATER, 30)
    assert (found["whole"]["trades"], found["week_before"]["trades"]) == (40, 40)
    assert found["change_bps"]["interval"][0] > 0
    text = "\n".join(in_words(found))
    assert "a difference beyond luck" in text
    assert "! ETHUSDT: 40 trades" in text
    assert found["groups"]["symbol"]["ETHUSDT"]["stands_out"] is True
    assert all(row["stands_out"] is False for row in found["groups"]["hour"].values())


def test_a_week_without_trades_is_one_line() -> None:
    assert len(in_words(weekly_review([], LATER, 30))) == 1
