"""What is applied was proven on data that it was not made from, is watched, and is taken back when it hurts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.builders_signals import ground, market, with_returns
from tradingbot.core.levers import NO_LEVERS, Levers
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.learning.learner_params import LearnerParams, MetaLearningParams
from tradingbot.learning.learners import Ground, Records, proposals
from tradingbot.learning.meta_learning import MetaState, Watch, gain_of, meet, parted, settings_of
from tradingbot.learning.signal_table import SignalTable
from tradingbot.learning.weight_learner import WEIGHT_LEARNER

GOOD, BAD = "btc_lead_lag", "whale_flow"
PLANTED = {GOOD: 0.8, BAD: -0.8}
DAYS = 10


@pytest.fixture(scope="module")
def planted() -> SignalTable:
    """Ten days in which one component knows and one misleads."""
    return market(DAYS, 11, PLANTED, symbols=10)


def _end(table: SignalTable) -> datetime:
    return utc_from_ms(int(table.time_ms[-1])) + timedelta(minutes=1)


def _ground(table: SignalTable, **meta: object) -> Ground:
    return ground(table, 0.2, LearnerParams(meta=MetaLearningParams.model_validate(meta)))


def _wrong(own: Ground) -> Levers:
    weights = {**own.rules.weights, GOOD: 0.01, BAD: 0.27}
    return Levers(4, {f"weights.{name}": value / sum(weights.values()) for name, value in weights.items()})


def test_a_proven_change_is_a_new_generation(planted: SignalTable) -> None:
    """One proposal is applied, the surest; it is numbered, watched, and counted with all others that were tried."""
    own, now = _ground(planted), _end(planted)
    state = MetaState(newest=6)
    made = meet(Records(planted), state, own, now)
    assert made.applied is not None
    assert made.applied.proposal.learner == WEIGHT_LEARNER
    assert made.applied.gain.t > made.applied.needed
    assert made.state.levers.number == made.state.newest == 7
    assert made.state.levers.values[f"weights.{GOOD}"] > own.rules.weights[GOOD]
    assert made.state.watch == Watch(WEIGHT_LEARNER, now, NO_LEVERS)
    assert made.state.trials == len(made.trials) >= 1
    assert made.applied.gain.t == max(one.gain.t for one in made.trials if one.accepted)
    again = meet(Records(planted), made.state, own, now + timedelta(hours=1))
    assert (again.trials, again.state.levers) == ((), made.state.levers)


def test_held_out_data_has_no_say_in_what_is_proposed(planted: SignalTable) -> None:
    """Changing every later outcome changes the proof and not one proposal; outcomes never reach over the embargo."""
    own, now = _ground(planted), _end(planted)
    older, newer = parted(Records(planted), now, own.params.meta)
    assert newer is not None
    gap_ms = int(newer.table.time_ms[0]) - int(older.table.time_ms[-1])
    assert gap_ms >= 60 * 60_000
    cut = int(newer.table.time_ms[0])
    turned = with_returns(
        planted, np.where((planted.time_ms >= cut)[:, None], -planted.returns_bps, planted.returns_bps)
    )
    there, _ = parted(Records(turned), now, own.params.meta)
    assert proposals(there, NO_LEVERS, own) == proposals(older, NO_LEVERS, own)
    refused = meet(Records(turned), MetaState(), own, now)
    assert refused.applied is None
    assert any(one.proposal.learner == WEIGHT_LEARNER and one.gain.t < 0 for one in refused.trials)
    assert all("needed" in one.why or "costs" in one.why for one in refused.trials if not one.accepted)


def test_what_hurts_is_taken_back_and_its_learner_waits(planted: SignalTable) -> None:
    """The generation before comes back, the learner is set aside, and the number is never given again."""
    own = _ground(planted)
    since = utc_from_ms(int(planted.time_ms[0]))
    before = Levers(3, {"targets.scale": 0.9})
    state = MetaState(_wrong(own), 4, Watch(WEIGHT_LEARNER, since, before), since)
    early = meet(Records(planted), state, own, since + timedelta(hours=5))
    assert early.reversal is None
    now = since + timedelta(days=5)
    made = meet(Records(planted), state, own, now)
    assert made.reversal is not None
    assert made.reversal.gain.t < -own.params.meta.harm
    assert made.reversal.total_bps < 0
    assert made.state.levers == before
    assert made.state.watch is None
    assert made.state.newest == 4
    assert made.state.quarantine[WEIGHT_LEARNER] == now + timedelta(days=7)
    later = meet(Records(planted), made.state, own, now + timedelta(days=2))
    assert WEIGHT_LEARNER not in [one.proposal.learner for one in later.trials]
    free = meet(Records(planted), made.state, own, now + timedelta(days=8))
    assert now + timedelta(days=8) > _end(planted) or WEIGHT_LEARNER in [one.proposal.learner for one in free.trials]


def test_what_helps_is_watched_for_its_time_and_kept(planted: SignalTable) -> None:
    """A change that does well stays, and after the watch nothing is watched."""
    own = _ground(planted, watch_days=4)
    since = utc_from_ms(int(planted.time_ms[0]))
    state = MetaState(NO_LEVERS, 1, Watch(WEIGHT_LEARNER, since, _wrong(own)), since)
    made = meet(Records(planted), state, own, since + timedelta(days=3))
    assert made.reversal is None
    assert made.watched is not None
    assert made.watched.t > 0
    done = meet(Records(planted), replace(state, met_at=since + timedelta(days=5)), own, since + timedelta(days=5))
    assert done.state.watch is None


def test_switched_off_it_proves_and_applies_nothing(planted: SignalTable) -> None:
    """Then proposals are judged and told all the same."""
    made = meet(Records(planted), MetaState(), _ground(planted, enabled=False), _end(planted))
    assert made.applied is None
    assert made.state.levers == NO_LEVERS
    assert any(one.accepted for one in made.trials)
    assert "switched off" in made.note


def test_the_more_are_tried_the_more_must_be_shown(planted: SignalTable) -> None:
    """Bonferroni: the level is shared among the proposals of a meeting."""
    made = meet(Records(planted), MetaState(), _ground(planted), _end(planted))
    needed = {1: 1.645, 2: 1.960, 3: 2.128, 4: 2.241, 5: 2.326, 6: 2.394, 7: 2.450}
    assert {round(one.needed, 3) for one in made.trials} == {needed[len(made.trials)]}


def test_going_back_to_the_settings_needs_no_proof() -> None:
    """Levers that nothing speaks for are undone, as far as that does not hurt."""
    table = market(DAYS, 12, symbols=3)
    own = _ground(table)
    state = MetaState(Levers(2, {"direction.S0USDT:long": 1.4, "direction.S1USDT:short": 0.6}), 2)
    made = meet(Records(table), state, own, _end(table))
    assert made.applied is not None
    assert made.applied.restores
    changed = {change.lever: (change.before, change.after) for change in made.applied.proposal.changes}
    assert changed["direction.S0USDT:long"] == pytest.approx((1.4, 1.12))
    assert changed["direction.S1USDT:short"] == pytest.approx((0.6, 0.72))


def test_trading_less_is_no_better_choice() -> None:
    """On a market that only costs, halving every size gains money and chooses nothing."""
    table = market(4, 13)
    own = _ground(table)
    half = Levers(1, {f"conviction.{name}": size / 2 for name, (_, _, size) in own.rules.levels.items()})
    assert gain_of(Records(table), NO_LEVERS, half, own).t > 2.5
    assert abs(gain_of(Records(table), NO_LEVERS, half, own, centred=True).t) < 2
    assert settings_of(own)["conviction.high"] == 1.5


def test_too_little_to_hold_out_proves_nothing() -> None:
    """A young home waits, and its first meeting is not used up."""
    table = market(2, 14, PLANTED)
    made = meet(Records(table), MetaState(), _ground(table), _end(table))
    assert (made.trials, made.applied, made.state.met_at) == ((), None, None)
    assert "too few" in made.note
    empty = table.between(0, 1)
    assert meet(Records(empty), MetaState(), _ground(table), _end(table)).applied is None
    assert epoch_ms(_end(table)) > 0
