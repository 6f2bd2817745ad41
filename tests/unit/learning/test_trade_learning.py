"""What each learning file makes of trades, with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_trades import a_trade
from tests.support import BTC, ETH, NOW
from tradingbot.core.types import Direction
from tradingbot.learning.allocation import Allocations, Readiness, allocated, multiplier
from tradingbot.learning.attribution import Attribution, attributed
from tradingbot.learning.calibration import Calibration, calibrated
from tradingbot.learning.counter_signal import CounterOutcomes, countered
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.exact_sums import split, total
from tradingbot.learning.expectancy import ExpectancyLedger, entered_in_ledger
from tradingbot.learning.handled import REMEMBERED, Handled
from tradingbot.learning.learned import learned_parameters, slippage_bps
from tradingbot.learning.meta_buckets import MetaBuckets, bucket_name, bucketed
from tradingbot.learning.params import AllocationLearningParams, LearningParams
from tradingbot.learning.reality_gap import RealityGap, measured
from tradingbot.learning.rollout import Rollout, rolled_out, simulated_pnl_usd
from tradingbot.learning.timing import TimingOutcomes, timed
from tradingbot.learning.trade_facts import decided_prices, facts_of

PARAMS = LearningParams(default_slippage_bps=5.0)
MONEY = st.decimals(min_value=-10_000, max_value=10_000, places=18, allow_nan=False)


def test_facts_are_in_bps_of_the_notional_at_entry() -> None:
    facts = facts_of(a_trade(net="8"))
    assert facts.net_bps == pytest.approx(40.0)  # 8 of 2000
    assert facts.return_bps == pytest.approx(50.0)
    assert facts.fee_bps == pytest.approx(10.0)
    assert facts.peak_bps == pytest.approx(50.0)
    assert facts.best_min == pytest.approx(20.0)
    assert facts.efficiency == pytest.approx(1.0)


def test_what_execution_took_is_the_difference_to_the_decided_prices() -> None:
    trade = a_trade(net="8", signal={"decision_mid": "1999"}, exit_context={"decision_mid": "2011"})
    facts = facts_of(trade)
    decided = (2011 / 1999 - 1) * 10_000
    assert facts.mid_return_bps == pytest.approx(decided)
    assert facts.edge_bps == pytest.approx(50.0 - decided)


def test_a_stop_is_decided_at_its_own_price() -> None:
    stopped = a_trade(net="-12", exit_context={"stop_price": "1991"})
    assert facts_of(stopped).mid_return_bps == pytest.approx(-45.0)
    assert facts_of(replace(stopped, exit_context={})).edge_bps is None


def a_rung(size: str, mid: str | None) -> dict[str, Any]:
    return {"size": size, "average_price": "2012", "decision_mid": mid, "time": "2026-01-05T12:01:02Z", "why": "ladder"}


def test_a_trade_closed_in_parts_is_decided_at_the_average_of_its_parts() -> None:
    """A quarter at 2020, a half at 2010, the rest by the stop at 1990; the same for every last order."""
    parted = a_trade(ladder_state={"0": a_rung("0.25", "2020"), "1": a_rung("0.5", "2010")})
    stopped = replace(parted, exit_context={"stop_price": "1990"})
    assert decided_prices(stopped) == (2000, Decimal("2007.5"))
    assert facts_of(stopped).mid_return_bps == pytest.approx(37.5)
    assert facts_of(stopped).edge_bps == pytest.approx(50 - 37.5)
    whole = replace(parted, ladder_state={**parted.ladder_state, "2": a_rung("0.25", "1990")})
    for context in ({"decision_mid": "1990", "rung": 2}, {}):
        assert decided_prices(replace(whole, exit_context=context))[1] == Decimal("2007.5")


def test_coins_are_averaged_as_coins() -> None:
    """Inverse contracts are worth so many dollars each: half of them at 2000, half at 4000 is 2666.67 a coin."""
    parted = a_trade(symbol=BTC, settlement_currency="XBT", size=Decimal(2), ladder_state={"0": a_rung("1", "2000")})
    decided = decided_prices(replace(parted, exit_context={"decision_mid": "4000"}))[1]
    assert float(decided or 0) == pytest.approx(8000 / 3)


@pytest.mark.parametrize(
    ("rung", "context"),
    [
        ({"size": "0.25", "average_price": "2012", "time": "", "why": "ladder"}, {"decision_mid": "1990"}),
        (a_rung("0.25", None), {"decision_mid": "1990"}),
        (a_rung("0.25", "2020"), {}),
        (a_rung("0.25", "2020"), {"decision_mid": "2020", "rung": 0}),
        ([0], {"decision_mid": "1990"}),
    ],
    ids=("older file", "order without a mid", "last without a mid", "last without a context", "another shape"),
)
def test_a_part_without_a_decided_price_leaves_the_whole_unknown(rung: Any, context: dict[str, Any]) -> None:
    assert decided_prices(a_trade(ladder_state={"0": rung}, exit_context=context))[1] is None


def test_a_short_s_probability_and_expected_move_are_seen_from_its_own_side() -> None:
    facts = facts_of(a_trade(direction=Direction.SHORT, signal={"probability": 0.3, "expected_move_bps": -40.0}))
    assert facts.probability == pytest.approx(0.7)
    assert facts.expected_bps == pytest.approx(40.0)
    assert facts.mid_return_bps == pytest.approx(50.0)


def test_a_coin_settled_trade_is_valued_at_its_own_rate() -> None:
    trade = a_trade(
        symbol=BTC,
        settlement_currency="XBT",
        size=Decimal(500),
        notional_usd=None,
        gross_pnl=Decimal("0.0002"),
        fees=Decimal("0.00001"),
        net_pnl=Decimal("0.00019"),
        net_pnl_usd=Decimal("9.5"),
    )
    facts = facts_of(trade)
    assert facts.net_bps == pytest.approx(9.5 / 500 * 10_000)
    assert facts.fee_bps == pytest.approx(0.5 / 500 * 10_000)


def test_components_share_a_result_by_weight_times_confidence() -> None:
    """0.2 x 0.5 against 0.3 x 1.0: a quarter and three quarters; who spoke against it gets nothing."""
    members = attributed(Attribution(), a_trade(net="8"), "venue").dimensions["component"]
    assert {name: share.net_usd for name, share in members.items()} == {"hurst": 2, "whale_flow": 6}
    alone = attributed(Attribution(), a_trade(signal={"components": {}}), "venue").dimensions["component"]
    assert alone["none"].net_usd == 8


@given(st.lists(st.tuples(MONEY, MONEY, st.sampled_from([ETH, BTC]), st.booleans()), max_size=8))
def test_every_dimension_adds_up_to_all_trades_to_the_last_digit(rows: list) -> None:
    trades = [
        a_trade(
            n,
            symbol=symbol,
            net_pnl=net,
            net_pnl_usd=usd * net,
            settlement_currency="USD" if symbol == ETH else "XBT",
            signal={} if known else {"components": None},
        )
        for n, (net, usd, symbol, known) in enumerate(rows)
    ]
    found = reduce(lambda known, trade: attributed(known, trade, "venue"), trades, Attribution())
    for dimension, members in found.dimensions.items():
        assert total([share.net_usd for share in members.values()]) == total([t.net_pnl_usd for t in trades])
        for currency in ("USD", "XBT"):
            ours = total([share.net.get(currency, Decimal(0)) for share in members.values()])
            assert ours == total([t.net_pnl for t in trades if t.settlement_currency == currency]), dimension


@given(MONEY, st.dictionaries(st.text(max_size=3), st.floats(1e-6, 10), min_size=1, max_size=6))
def test_a_split_amount_adds_up(amount: Decimal, shares: dict[str, float]) -> None:
    assert total(list(split(amount, shares).values())) == amount


def test_nothing_can_be_split_by_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to split by"):
        split(Decimal(1), {"a": 0.0})


def test_a_value_one_half_life_older_weighs_half_in_whatever_order_they_come() -> None:
    old, new = (10.0, NOW), (40.0, NOW + timedelta(days=30))
    for first, second in ((old, new), (new, old)):
        mean = DecayedMean().with_value(*first, 30.0).with_value(*second, 30.0)
        assert mean.mean == pytest.approx((0.5 * 10 + 40) / 1.5)
        assert mean.deviation == pytest.approx((0.5 * 1.0 / 2.25 * 900) ** 0.5)
    assert DecayedMean().mean is None


def test_the_ledger_knows_pairs_and_strategies() -> None:
    trades = [facts_of(a_trade(1, "8")), facts_of(a_trade(2, "-12", direction=Direction.SHORT))]
    ledger = reduce(lambda known, facts: entered_in_ledger(known, facts, 30.0), trades, ExpectancyLedger())
    assert ledger.pairs["ETHUSDT:long"].net_usd == 8
    assert ledger.pairs["ETHUSDT:short"].won.mean == 0.0
    strategy = ledger.strategies["predictive_flow"]
    assert (strategy.trades, strategy.wins, strategy.net_usd) == (2, 1, -4)
    assert strategy.efficiency.count == 2
    assert strategy.efficiency.mean == pytest.approx(0.5, abs=0.01)


def test_the_calibration_scores_each_direction() -> None:
    """0.6 that came and 0.7 that did not: Brier (0.16 + 0.49) / 2."""
    came = facts_of(a_trade(1, "8"))
    missed = facts_of(a_trade(2, "-12", direction=Direction.SHORT, signal={"probability": 0.3}))
    silent = facts_of(a_trade(3, signal={"probability": None}))
    found = reduce(calibrated, (came, missed, silent), Calibration())
    assert found.unpredicted == 1
    assert found.directions["all"].brier == pytest.approx(0.325)
    assert found.directions["short"].brier == pytest.approx(0.49)
    assert (found.directions["all"].bins[6].count, found.directions["all"].bins[7].came) == (1, 0)
    assert found.directions["long"].absolute_error_bps == pytest.approx(10.0)


def test_buckets_count_circumstances() -> None:
    facts = [facts_of(a_trade(1, "8")), facts_of(a_trade(2, "-12", signal={"spread_bps": None}))]
    found = reduce(lambda known, one: bucketed(known, one, PARAMS), facts, MetaBuckets()).circumstances
    assert found["hour"].keys() == {"12", "13"}  # entered half an hour before 13:00 and 14:00
    assert found["weekday"]["monday"].win_rate == 0.5
    assert found["volatility"]["5 to 10"].net_usd == -4
    assert found["spread"].keys() == {"1 to 2", "unknown"}


@pytest.mark.parametrize(
    ("value", "name"),
    [(4.9, "below 5"), (5.0, "5 to 10"), (19.9, "10 to 20"), (20.0, "from 20"), (None, "unknown")],
)
def test_an_edge_belongs_to_the_bucket_above(value: float | None, name: str) -> None:
    assert bucket_name(value, (5.0, 10.0, 20.0)) == name


def test_an_optimal_hold_needs_enough_peaks_that_were_worth_it() -> None:
    good = [facts_of(a_trade(n, "8")) for n in range(5)]
    poor = [facts_of(a_trade(9, "-12", peak_fraction=Decimal("0.0005"), peak_time=NOW))]
    pair = reduce(lambda known, one: timed(known, one, PARAMS), poor + good[:4], TimingOutcomes()).pairs["ETHUSDT:long"]
    assert pair.optimal_hold_min(PARAMS.hold_min_trades) is None
    found = reduce(lambda known, one: timed(known, one, PARAMS), poor + good, TimingOutcomes())
    assert found.pairs["ETHUSDT:long"].optimal_hold_min(5) == pytest.approx(20.0)
    assert [outcome.trade_id for outcome in found.newest] == ["t-9", "t-0", "t-1", "t-2", "t-3", "t-4"]


def test_the_inverse_pays_the_same_fees_and_the_other_funding() -> None:
    """Ours: -10 - 2 + 1 = -11. Inverse: +10 - 2 - 1 = 7."""
    lost = a_trade(net="-12", funding=Decimal(1), net_pnl=Decimal(-11), net_pnl_usd=Decimal(-11))
    sums = countered(CounterOutcomes(), lost).pairs["ETHUSDT:long"]
    assert (sums.won, sums.inverse_won, sums.net_usd, sums.inverse_net_usd) == (0, 1, -11, 7)


def test_a_symbol_is_ready_after_enough_trades_and_days() -> None:
    need = Readiness(trades=3, days=2.0)
    found = Allocations()
    for day, ready, pct in ((0, False, 0.0), (1, False, 50.0), (1, False, 50.0), (2, True, 100.0)):
        trade = facts_of(a_trade(closed=NOW + timedelta(days=day)))
        found = allocated(found, trade, need, PARAMS.allocation)
        assert found.symbols[ETH].ready is ready
        assert found.symbols[ETH].sample_readiness_pct == pytest.approx(pct)
        assert ready or found.symbols[ETH].allocation_multiplier == 1.0
    assert found.symbols[ETH].days_active == 2.0


def test_the_share_follows_the_shrunk_mean_in_standard_errors() -> None:
    """30 trades of +25 and -5 alternately: mean 10, shrunk 5, deviation 15.26, error 2.785, so 1 + 0.25 x 1.795."""
    params = AllocationLearningParams()
    up = multiplier(30, 300.0, 15 * (625.0 + 25.0), params)
    assert up == pytest.approx(1.4488, abs=1e-3)
    assert multiplier(30, -300.0, 15 * (625.0 + 25.0), params) == pytest.approx(2 - up)
    assert multiplier(30, 3000.0, 30 * 10_000.0, params) == params.max_multiplier
    assert multiplier(1, 50.0, 2500.0, params) == 1.0


def test_the_simulation_trades_at_decided_prices_with_modelled_costs() -> None:
    """2000 x (50 bps - 2 x (5 + 5) - 1.5 bps) = 5.7 USD, where 8 were made: reality was better by 11.5 bps."""
    facts = facts_of(a_trade(net="8"))
    assert simulated_pnl_usd(facts, PARAMS, 5.0) == Decimal("5.700000")
    found = rolled_out(Rollout(), facts, PARAMS, 5.0)
    assert found.gap_bps == pytest.approx(-11.5)
    assert found.legs_without_decision == 0
    by_hand = facts_of(a_trade(net="8", exit_context={}))
    assert rolled_out(found, by_hand, PARAMS, 5.0).legs_without_decision == 1


def test_learned_parameters_are_held_back_until_a_symbol_is_ready() -> None:
    facts = [facts_of(a_trade(n, "8", closed=NOW + timedelta(days=n))) for n in range(6)]

    def learned(trades: int):
        need = Readiness(trades, 1.0)
        ledger = reduce(lambda known, one: entered_in_ledger(known, one, 30.0), facts, ExpectancyLedger())
        timing = reduce(lambda known, one: timed(known, one, PARAMS), facts, TimingOutcomes())
        shares = reduce(lambda known, one: allocated(known, one, need, PARAMS.allocation), facts, Allocations())
        gap = measured(RealityGap(), ETH, "entry", {"slippage": 20.0}, 500)
        return learned_parameters(ledger, timing, shares, gap, PARAMS)

    early, late = learned(7), learned(6)
    assert early.record_of(ETH, Direction.LONG) is None
    record = late.record_of(ETH, Direction.LONG)
    assert record is not None
    assert record.mean_net_bps == pytest.approx(40.0)
    assert record.optimal_hold_min == pytest.approx(20.0)
    assert late.symbols[ETH].allocation_multiplier == 1.5
    assert late.slippage_bps[ETH] == pytest.approx((20 + 20 * 5) / 21)
    assert late.as_of == NOW + timedelta(days=5)
    assert late.strategy_volatility_bps["predictive_flow"] == pytest.approx(0.0, abs=1e-4)


def test_slippage_is_the_default_until_fills_say_otherwise_and_never_a_gift() -> None:
    assert slippage_bps(0, 0.0, PARAMS) == 5.0
    assert slippage_bps(20, 9.0, PARAMS) == pytest.approx(7.0)
    assert slippage_bps(1000, -30.0, PARAMS) == 0.0


def test_what_was_handled_is_never_forgotten_although_the_list_is_bounded() -> None:
    handled = Handled()
    for n in range(REMEMBERED + 5):
        handled = handled.with_one(f"t-{n}", NOW + timedelta(minutes=n))
    assert len(handled.newest) == REMEMBERED
    assert handled.count == REMEMBERED + 5
    assert handled.holds("t-0", NOW)
    assert handled.holds("t-7", NOW + timedelta(minutes=7))
    assert not handled.holds("new", NOW + timedelta(minutes=7))
