"""Runs side by side, the same trades at other fees, and the first trade that a longer warm-up changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from tests.builders_backtest import SINCE, a_result, made_up, run_facts
from tests.builders_trades import a_trade
from tradingbot.research.backtest.compare import compare, matrix_of, warm_up_of, with_fees

LAST = SINCE + timedelta(days=10)


def test_runs_stand_beside_each_other_in_their_order() -> None:
    up, down = a_result([10_000.0, 11_000], 1_440), a_result([10_000.0, 9_000], 1_440, trades=[a_trade(1, net="-5")])
    found = compare({"up": up, "down": down})
    assert [(one.name, one.trades) for one in found] == [("up", 0), ("down", 1)]
    assert [one.total_return for one in found] == pytest.approx([0.1, -0.1])
    assert [one.max_drawdown for one in found] == pytest.approx([0.0, -0.1])
    assert (found[1].net_usd, found[1].fees_usd, found[1].win_rate) == (-5.0, 2.0, 0.0)


def test_the_same_trades_at_their_own_fees_are_the_same() -> None:
    result = made_up(5, step_min=30)
    same = with_fees(result, 1.0)
    assert np.array_equal(same.equity.equity_usd, result.equity.equity_usd)
    assert [one.net_pnl for one in same.trades] == [one.net_pnl for one in result.trades]


def test_double_fees_cost_each_trade_its_fees_once_more_when_it_ends() -> None:
    first = a_trade(1, net="8", closed=SINCE + timedelta(minutes=90))
    coin = a_trade(
        2, closed=SINCE + timedelta(minutes=150), settlement_currency="ETH", gross_pnl=Decimal("0.01"),
        fees=Decimal("0.001"), net_pnl=Decimal("0.009"), net_pnl_usd=Decimal(27),
    )  # fmt: skip
    found = with_fees(a_result([10_000.0] * 4, trades=[coin, first]), 2.0)
    assert list(found.equity.equity_usd) == pytest.approx([10_000, 10_000, 9_998, 9_995])
    assert [float(one.net_pnl_usd) for one in found.trades] == pytest.approx([24, 6])
    assert found.trades[1].fees == 4
    assert "2 times their fees" in found.warnings[-1]
    assert found.facts.name == "a run, fees x 2"
    at_once = a_trade(3, closed=SINCE + timedelta(hours=1, seconds=2))
    assert list(with_fees(a_result([10_000.0] * 3, trades=[at_once]), 2.0).equity.equity_usd) == [10_000, 9_998, 9_998]
    end = a_trade(3, closed=SINCE + timedelta(hours=9))
    assert with_fees(a_result([10_000.0] * 2, trades=[end]), 3.0).equity.equity_usd[-1] == 9_996


def test_variants_become_a_matrix_of_their_days() -> None:
    one, other = a_result([10_000.0, 11_000, 11_000], 1_440), a_result([10_000.0, 10_000, 9_000], 1_440)
    assert matrix_of([one, other]) == pytest.approx(np.array([[0, 0], [0.1, 0], [0, -0.1]]))
    with pytest.raises(ValueError, match="these have 3, 1"):
        matrix_of([one, a_result([10_000.0])])


def trades_at(*hours: int, **changes: object) -> list:  # type: ignore[type-arg]
    return [a_trade(hour, closed=SINCE + timedelta(hours=hour), **changes) for hour in hours]


def test_the_first_trade_that_a_longer_warm_up_changes_is_named() -> None:
    facts = run_facts(until=LAST)
    short, same = (a_result(facts=facts, trades=trades_at(1, 2, 3)) for _ in range(2))
    assert warm_up_of(short, same).equal
    assert warm_up_of(short, same).compared == 3
    other = a_result(facts=facts, trades=[*trades_at(1), *trades_at(2, size=Decimal(3)), *trades_at(3)])
    found = warm_up_of(short, other)
    assert not found.equal
    assert found.first_difference == "trade 2: long ETHUSDT of 2026-01-01 01:30: size 1 against 3"
    fewer = warm_up_of(short, a_result(facts=facts, trades=trades_at(1, 2)))
    assert fewer.first_difference == "trade 3: long ETHUSDT of 2026-01-01 02:30 is there only with the shorter warm-up"
    more = warm_up_of(a_result(facts=facts, trades=trades_at(1, 2)), short)
    assert "only with the longer warm-up" in more.first_difference


def test_only_the_time_that_both_traded_in_is_compared() -> None:
    early = a_result(facts=run_facts(until=LAST), trades=trades_at(1, 30, 31))
    later = replace(early, facts=run_facts(since=SINCE + timedelta(days=1), until=LAST), trades=trades_at(30, 31))
    assert warm_up_of(early, later).equal
    begun = replace(early, facts=run_facts(since=SINCE + timedelta(hours=29, minutes=30), until=LAST), trades=())
    assert warm_up_of(early, begun).compared == 2
    cut = replace(early, facts=run_facts(until=SINCE + timedelta(hours=30, minutes=30)), trades=trades_at(1, 30))
    assert warm_up_of(early, cut).equal
