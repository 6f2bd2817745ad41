"""Learners find what is there, say nothing where nothing is, and never move further than they may."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_signals import GATE_SETTINGS, market, rules, with_returns
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.learning.batch_means import BatchMean
from tradingbot.learning.exit_learner import hold_gain_bps, learn_holds
from tradingbot.learning.factor_learner import learn_directions, learn_sizes
from tradingbot.learning.flow_value import flow_of
from tradingbot.learning.gate_learner import GATE_LEVERS, learn_gates
from tradingbot.learning.learner_params import (
    ExitLearnerParams,
    FactorLearnerParams,
    GateLearnerParams,
    WeightLearnerParams,
)
from tradingbot.learning.proposal import Proposal, Verdict
from tradingbot.learning.weight_learner import learn_gate_weights, learn_weights, scaled_to_one, within_clamp

GOOD, BAD = "btc_lead_lag", "whale_flow"
PLANTED = {GOOD: 0.6, BAD: -0.6}


def _after(made: Proposal) -> dict[str, float]:
    return {change.lever: change.after for change in made.changes}


def test_weights_follow_skill_within_the_clamp() -> None:
    """What predicts is heard more, what misleads less; together they stay 1 and none moves beyond the clamp."""
    table = market(8, 1, PLANTED)
    made = learn_weights(table, rules(), NO_LEVERS, 0.1, 60, WeightLearnerParams())
    assert made.verdict is Verdict.PROPOSED
    before, after = rules().weights, _after(made)
    assert after[f"weights.{GOOD}"] == pytest.approx(before[GOOD] * 1.1, rel=0.03)
    assert after[f"weights.{BAD}"] == pytest.approx(before[BAD] * 0.9, rel=0.03)
    assert math.fsum(after.values()) == pytest.approx(1.0)
    assert all(abs(change.after / change.before - 1) <= 0.1 + 1e-9 for change in made.changes)
    assert next(change for change in made.changes if change.lever == f"weights.{GOOD}").clamped
    assert made.evidence[GOOD]["mean_bps"] > 0 > made.evidence[BAD]["mean_bps"]
    assert made.evidence[GOOD]["hit_rate"] > 0.5 > made.evidence[BAD]["hit_rate"]
    assert made.interval_bps is not None
    assert made.interval_bps[0] < made.effect_bps < made.interval_bps[1]  # type: ignore[operator]


def test_without_evidence_weights_go_back_to_the_settings() -> None:
    """Learned weights on a market that knows nothing of them are undone step by step."""
    table, plain = market(8, 2), dict(rules().weights)
    moved = within_clamp(
        np.array(list(plain.values())), np.array([v * (3 if n == "hurst" else 1) for n, v in plain.items()]), 0.3, 0.01
    )
    levers = Levers(1, {f"weights.{name}": value for name, value in zip(plain, moved, strict=True)})
    careful = WeightLearnerParams(significance=5)
    made = learn_weights(table, rules(), levers, 0.1, 60, careful)
    assert _after(made)["weights.hurst"] < levers.values["weights.hurst"]
    assert learn_weights(table, rules(), NO_LEVERS, 0.1, 60, careful).verdict is Verdict.NOTHING_TO_CHANGE


def test_too_little_is_said_to_be_too_little() -> None:
    """Below the least number of blocks nobody proposes anything."""
    table = market(1, 3, PLANTED)
    ready = frozenset(table.symbols)
    factors = FactorLearnerParams()
    found = (
        learn_weights(table, rules(), NO_LEVERS, 0.1, 60, WeightLearnerParams()),
        learn_directions(table, rules(), NO_LEVERS, 0.1, 60, ready, factors),
        learn_sizes(table, rules(), NO_LEVERS, 0.1, 60, factors),
        learn_holds(table, rules(), NO_LEVERS, 60, 480.0, ready, 72, ExitLearnerParams()),
        learn_gates({}, GATE_SETTINGS, NO_LEVERS, GateLearnerParams()),
    )
    assert [made.verdict for made in found] == [Verdict.NOT_ENOUGH_DATA] * len(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.02, 0.5), min_size=2, max_size=10), st.data(), st.floats(0.01, 0.5))
def test_clamped_weights_add_up_to_one(raw: list[float], data: st.DataObject, clamp: float) -> None:
    """Whatever is wanted: sum 1, within the clamp, none below the floor."""
    before = np.array(raw) / math.fsum(raw)
    wanted = np.array(data.draw(st.lists(st.floats(0.0, 3.0), min_size=len(raw), max_size=len(raw))))
    after = within_clamp(before, wanted, clamp, 0.01)
    assert after.sum() == pytest.approx(1.0)
    assert (after <= before * (1 + clamp) + 1e-9).all()
    assert (after >= before * (1 - clamp) - 1e-9).all()
    with pytest.raises(ValueError, match="add up"):
        scaled_to_one(before, before * 2, before * 3)


def test_a_part_of_the_gate_that_tells_winners_is_heard_more() -> None:
    """Outcomes follow the part `alignment`: its weight rises, the others give way."""
    table = market(8, 4)
    direction = flow_of(table, rules()).direction
    returns = table.returns_bps + (direction * (table.composite[:, 2] - 0.5) * 40)[:, None]
    made = learn_gate_weights(with_returns(table, returns), rules(), NO_LEVERS, 0.2, 60, WeightLearnerParams())
    after = _after(made)
    assert after["composite.alignment"] == pytest.approx(0.15 * 1.2, rel=0.01)
    assert all(value < 0.42 for value in after.values())


def test_a_side_that_loses_gets_less() -> None:
    """Longs of one symbol do worse than all others: that side alone shrinks, and only when it is ready."""
    table = market(8, 5)
    direction = flow_of(table, rules()).direction
    worse = (direction > 0) & (table.symbol == 1)
    returns = table.returns_bps - (60.0 * worse)[:, None]
    judged, params = with_returns(table, returns), FactorLearnerParams()
    made = learn_directions(judged, rules(), NO_LEVERS, 0.1, 60, frozenset({"S0USDT", "S1USDT"}), params)
    assert _after(made)["direction.S1USDT:long"] == pytest.approx(0.9)
    unready = learn_directions(judged, rules(), NO_LEVERS, 0.1, 60, frozenset({"S0USDT"}), params)
    assert not any("S1USDT" in lever for lever in _after(unready))


def test_a_level_that_loses_is_sized_down_and_order_is_kept() -> None:
    """The strongest level does worse: its size falls, but never below the next level's."""
    table = market(10, 6, symbols=4)
    flow = flow_of(table, rules())
    returns = table.returns_bps - (flow.direction * 60.0 * (flow.level == 0))[:, None]
    judged, params = with_returns(table, returns), FactorLearnerParams(min_blocks=30)
    made = learn_sizes(judged, rules(), NO_LEVERS, 0.2, 60, params)
    assert _after(made)["conviction.high"] == pytest.approx(1.5 * 0.8)
    level = Levers(1, {"conviction.high": 1.05, "conviction.medium": 1.0})
    assert learn_sizes(judged, rules(), level, 0.2, 60, params).verdict is Verdict.NOTHING_TO_CHANGE


def test_a_move_that_turns_round_is_held_for_less() -> None:
    """Prices that come back after 15 minutes ask for a shorter hold, and the gain is what the hold itself brings."""
    table = market(10, 7)
    direction = flow_of(table, rules()).direction
    returns = table.returns_bps.copy()
    returns[:, 2] += direction * 25.0
    judged = with_returns(table, returns)
    made = learn_holds(
        judged, rules(), NO_LEVERS, 60, 480.0, frozenset({"S0USDT"}), 72, ExitLearnerParams()
    )  # fmt: skip
    after = _after(made)
    assert after == {"hold.S0USDT:long": 30.0, "hold.S0USDT:short": 30.0}
    further = Levers(1, {"hold.S0USDT:long": 30.0, "hold.S0USDT:short": 15.0})
    again = learn_holds(judged, rules(), further, 60, 480.0, frozenset({"S0USDT"}), 72, ExitLearnerParams())
    assert _after(again) == {"hold.S0USDT:long": 15.0}
    assert made.evidence["S0USDT:long"]["best_min"] == 15.0
    nearer = Levers(2, {"hold.S0USDT:long": 16.0})
    gain = hold_gain_bps(judged, rules(), NO_LEVERS, nearer, 480.0)
    rows = (direction > 0) & (judged.symbol == 0) & (flow_of(judged, rules()).size > 0)
    assert np.nanmean(gain[rows]) > 10
    assert not gain[judged.symbol == 1].any()


def test_gates_that_cost_money_are_loosened_and_others_kept() -> None:
    """One step towards the loosest value; a gate that saves, or protects, stays; without proof it comes back."""
    costs, saves = BatchMean(9.0, 2.0, 900, 80), BatchMean(-9.0, 2.0, 900, 80)
    params = GateLearnerParams()
    blocked = {"fee": costs, "intelligence": saves, "pre_entry": costs, "policy": costs}
    made = learn_gates(blocked, GATE_SETTINGS, NO_LEVERS, params)
    assert _after(made) == {"gates.fee.min_edge_bps": pytest.approx(2.7)}
    looser = Levers(1, {"gates.fee.min_edge_bps": 2.7})
    back = learn_gates({"fee": saves}, GATE_SETTINGS, looser, params)
    assert _after(back) == {"gates.fee.min_edge_bps": pytest.approx(3.0)}
    assert learn_gates({"fee": saves}, GATE_SETTINGS, NO_LEVERS, params).verdict is Verdict.NOTHING_TO_CHANGE
    assert not {lever.gate for lever in GATE_LEVERS} & {"policy", "pre_entry", "conviction"}
    own = {**GATE_SETTINGS, "fee.min_edge_bps": -5.0}
    assert learn_gates({"fee": costs}, own, NO_LEVERS, params).verdict is Verdict.NOTHING_TO_CHANGE
