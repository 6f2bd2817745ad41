"""Analyses of trades: faults, groups, fees, inverse, and what is advised."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.builders_trades import a_trade
from tests.support import BTC
from tradingbot.learning.samples import sample
from tradingbot.learning.strategic_advice import strategic_advice
from tradingbot.learning.trade_facts import facts_of
from tradingbot.learning.trade_review import (
    Fault,
    by_duration,
    by_exit_rule,
    by_symbol,
    fault_of,
    faults_counted,
    fee_impact,
    grouped,
    inverse_of,
    losing_trades,
)

LOW_PEAK = Decimal("0.0005")


def test_a_wrong_direction_is_a_signal_fault() -> None:
    assert fault_of(facts_of(a_trade(net="-12", peak_fraction=LOW_PEAK))) is Fault.SIGNAL


def test_right_at_the_decided_prices_and_lost_is_an_execution_fault() -> None:
    """+5 bps at the decided middles, but filled flat and 10 bps of fees."""
    trade = a_trade(net="-2", exit_context={"decision_mid": "2001"})
    assert fault_of(facts_of(trade)) is Fault.EXECUTION


def test_up_by_more_than_costs_and_given_back_is_an_exit_fault() -> None:
    assert fault_of(facts_of(a_trade(net="-12", peak_fraction=Decimal("0.0040")))) is Fault.EXIT


def test_a_peak_below_the_costs_could_not_have_been_taken() -> None:
    """Fees 10 bps and 20 bps lost to execution: a peak of 25 bps was never a profit."""
    trade = a_trade(net="-12", peak_fraction=Decimal("0.0025"), exit_context={"decision_mid": "1994"})
    assert fault_of(facts_of(trade)) is Fault.SIGNAL


def test_a_winner_has_no_fault() -> None:
    assert fault_of(facts_of(a_trade())) is None


def test_faults_are_counted_with_what_they_cost() -> None:
    trades = [facts_of(a_trade(1, "-12", peak_fraction=LOW_PEAK)), facts_of(a_trade(2, "-22")), facts_of(a_trade(3))]
    losing = losing_trades(trades)
    assert [one.trade_id for one in losing] == ["t-2", "t-1"]
    counted = faults_counted(losing)
    assert counted["signal"] == {"trades": 1, "net_usd": -12.0}
    assert counted["exit"] == {"trades": 1, "net_usd": -22.0}
    assert counted["execution"] == {"trades": 0, "net_usd": 0}


def test_a_small_sample_is_said_to_be_small() -> None:
    found = sample([1.0, 2.0, 3.0, None], 4)
    assert (found.count, found.mean, found.small) == (3, 2.0, True)
    assert found.standard_error == pytest.approx(1 / 3**0.5)
    assert sample([], 30).mean is None
    assert sample([1.0], 1).standard_error is None
    assert not sample([1.0], 1).small


def test_groups_show_what_was_left_on_the_table() -> None:
    trades = [
        facts_of(a_trade(1, "8", peak_fraction=Decimal("0.01"))),  # 50 of 100 bps
        facts_of(a_trade(2, "-12")),  # -50 of 40 bps
        facts_of(a_trade(3, symbol=BTC, exit_rule="profit_target")),
    ]
    by_rule = grouped(trades, by_exit_rule, 30)
    assert [(group.name, group.trades, group.net_usd) for group in by_rule] == [
        ("time_exit", 2, -4),
        ("profit_target", 1, 8),
    ]
    assert by_rule[0].left_bps.mean == pytest.approx((50 + 90) / 2)
    assert by_rule[0].efficiency.mean == pytest.approx(0.25)
    assert {group.name for group in grouped(trades, by_symbol, 30)} == {"ETHUSDT", "BTCUSDT"}


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(0, "1: 0 to 5 min"), (5, "2: 5 to 15 min"), (239, "4: 60 to 240 min"), (240, "5: from 240 min")],
)
def test_durations_fall_into_steps(minutes: float, name: str) -> None:
    assert by_duration(facts_of(a_trade(duration_s=minutes * 60))) == name


def test_fees_are_a_share_of_what_winning_prices_gave() -> None:
    """Gross 10, -10 and 1, fees 2 each: 6 of 11; the last one was right and still lost."""
    found = fee_impact([facts_of(a_trade(n, net)) for n, net in enumerate(("8", "-12", "-1"))], 30)
    assert (found.gross_usd, found.fees_usd, found.net_usd) == (1, 6, -5)
    assert found.share_of_gross == pytest.approx(6 / 11)
    assert found.lost_to_fees == 1
    assert found.break_even_bps.mean == pytest.approx(10.0)


def test_the_inverse_of_a_loss_wins_only_beyond_its_fees() -> None:
    found = inverse_of([facts_of(a_trade(n, net)) for n, net in enumerate(("8", "-12", "-3"))], 30)
    assert (found.won, found.inverse_won) == (1, 1)  # -12: +10 - 2; -3: +1 - 2
    assert (found.net_usd, found.inverse_net_usd) == (-7, -12 + 8 - 1)


def test_no_advice_from_few_trades() -> None:
    advice = strategic_advice([facts_of(a_trade(n, "-12")) for n in range(29)], 30)
    assert [why.code for why in advice.advice] == ["sample_too_small"]
    assert strategic_advice([], 30).gap_bps is None


def test_the_gap_is_taken_apart_without_rest() -> None:
    trades = [
        facts_of(a_trade(n, net, exit_context={"decision_mid": "2004"})) for n, net in enumerate(["-1", "-2"] * 20)
    ]
    found = strategic_advice(trades, 30)
    assert found.gap_bps == pytest.approx(7.5)
    assert found.signal_bps == pytest.approx(20.0)
    assert found.execution_bps == pytest.approx(-17.5)
    assert found.net_bps.mean == pytest.approx(
        found.signal_bps + found.execution_bps - found.fee_bps + found.funding_bps
    )
    assert [why.code for why in found.advice] == ["exits_leave_profit", "execution_costs", "fees_exceed_edge"]


def test_a_wrong_signal_is_named_first_when_it_costs_most() -> None:
    found = strategic_advice([facts_of(a_trade(n, "-22", peak_fraction=LOW_PEAK)) for n in range(30)], 30)
    assert found.advice[0].code == "signal_without_edge"


def test_a_clear_profit_needs_no_change() -> None:
    found = strategic_advice([facts_of(a_trade(n, net)) for n, net in enumerate(["8", "9"] * 15)], 30)
    assert [why.code for why in found.advice] == ["profitable"]
    assert found.gap_bps == 0.0
