"""The meeting at which proposals are proven, one is applied, and what was applied before is watched (SPEC 10.5). Pure.

Rules, in this order:

1. A change under watch that hurts beyond `harm` standard errors, on signals that came after it, is taken back: the
   levers become those of the generation before it, and its learner may not try for `quarantine_days`.
2. Proposals are made from the older part of the records and judged on the newer part, with an embargo in between.
3. Every lever has one owner, so two learners never ask for two values. They can still pull the same signals different
   ways; so only one proposal is applied at a meeting, the one with the surest gain, and the others are made anew
   on top of it at a later meeting.
4. A gain is proven when it lies beyond the standard errors that worthless proposals would pass with a chance of
   `proof_level`, all of one meeting taken together (Bonferroni).
5. Going back to what a person set needs no proof; it is refused only when it would hurt by the same measure.
6. Meetings are `settle_h` apart at least.

Every proposal that was judged counts as a trial, whatever came of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Final

import numpy as np

from tradingbot.core.levers import DIRECTION, NO_LEVERS, TARGET_SCALE, Levers
from tradingbot.core.types import utc_from_ms
from tradingbot.learning.batch_means import NOTHING, BatchMean, Floats, batch_mean, blocks_of
from tradingbot.learning.exit_learner import TARGET_LEARNER, hold_gain_bps, target_gains
from tradingbot.learning.factor_learner import STRATEGY_LEARNER, strategy_gain
from tradingbot.learning.flow_value import Flow, earned_bps, flow_of
from tradingbot.learning.gate_learner import GATE_LEARNER, GATE_LEVERS
from tradingbot.learning.learner_params import MetaLearningParams
from tradingbot.learning.learners import Ground, Records, proposals
from tradingbot.learning.proposal import Proposal, Verdict
from tradingbot.learning.weight_learner import GATE_WEIGHT_LEARNER, WEIGHT_LEARNER

NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Watch:
    """A change that is watched: whose it is, since when, and the levers that it replaced."""

    learner: str
    since: datetime
    before: Levers


@dataclass(frozen=True, slots=True)
class MetaState:
    """What is carried from meeting to meeting. `levers` hold now; `newest` is the highest number ever given."""

    levers: Levers = NO_LEVERS
    newest: int = 0
    watch: Watch | None = None
    met_at: datetime | None = None
    quarantine: Mapping[str, datetime] = field(default_factory=dict)
    trials: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal as it was judged: its gain on held-out data per signal, bps, and what that came to."""

    proposal: Proposal
    gain: BatchMean
    needed: float
    restores: bool
    accepted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Reversal:
    """A change that was taken back: what it did to the signals after it, per signal and altogether, bps."""

    learner: str
    number: int
    gain: BatchMean
    signals: int
    total_bps: float


@dataclass(frozen=True, slots=True)
class Meeting:
    """What one meeting came to. `state` is what holds after it; `applied` the trial that made a new generation.

    `proposals` are every learner's words, also of those who had nothing to say; `trials` those that were judged.
    """

    at: datetime
    state: MetaState
    proposals: tuple[Proposal, ...] = ()
    trials: tuple[Trial, ...] = ()
    applied: Trial | None = None
    reversal: Reversal | None = None
    watched: BatchMean | None = None
    note: str = ""


def meet(records: Records, state: MetaState, ground: Ground, now: datetime) -> Meeting:
    """One meeting. It changes nothing before it is due, but for taking back what hurts."""
    params = ground.params.meta
    if state.watch is not None:
        watched = gain_of(records.between(state.watch.since, now), state.watch.before, state.levers, ground)
        reversal = _reversal(state, state.watch, watched, params)
        if reversal is not None:
            return Meeting(now, _taken_back(state, reversal, now, params), reversal=reversal, watched=watched)
        if now - state.watch.since >= timedelta(days=params.watch_days):
            state = replace(state, watch=None)
    else:
        watched = None
    if state.met_at is not None and now - state.met_at < timedelta(hours=params.settle_h):
        return Meeting(now, state, watched=watched, note="the last meeting is too recent")
    older, newer = parted(records, now, params)
    if newer is None:
        return Meeting(now, state, watched=watched, note="there are too few signals to hold some out")
    words = tuple(proposals(older, state.levers, ground))
    made = [one for one in words if one.verdict is Verdict.PROPOSED]
    free = [one for one in made if state.quarantine.get(one.learner, now) <= now]
    needed = -NORMAL.inv_cdf(params.proof_level / max(1, len(free)))
    trials = tuple(_tried(one, newer, state.levers, ground, needed) for one in free)
    state = replace(state, met_at=now, trials=state.trials + len(trials))
    best = max((one for one in trials if one.accepted), key=_surest, default=None)
    if best is None or not params.enabled:
        note = "proven, but applying is switched off" if best is not None else ""
        return Meeting(now, state, words, trials, watched=watched, note=note)
    return Meeting(now, _applied(state, best, now), words, trials, best, watched=watched)


def parted(records: Records, now: datetime, params: MetaLearningParams) -> tuple[Records, Records | None]:
    """The older and the newer part of the window, with the embargo between; None when there is too little of it."""
    window = records.between(now - timedelta(days=params.window_days), now)
    times = window.table.time_ms
    if not len(times):
        return window, None
    first, last = int(times[0]), int(times[-1])
    cut = last - round((last - first) * params.held_out_share)
    blocks = len(np.unique(blocks_of(times[np.searchsorted(times, cut) :], params.block_min)))
    if blocks < params.min_held_out_blocks:
        return window, None
    until = utc_from_ms(cut) - timedelta(minutes=params.embargo_min)
    return window.between(utc_from_ms(first), until), window.between(utc_from_ms(cut), now)


def gain_of(records: Records, before: Levers, after: Levers, ground: Ground, centred: bool = False) -> BatchMean:
    """What `after` brings more than `before` per signal, bps times size.

    `centred`: an ordinary trade counts as 0, whatever it brings. Then nothing is gained by trading more or less
    altogether, which in a market that pays no costs would be the best of all changes, but only by choosing better.
    """
    table, own = records.table, ground.params
    if not len(table):
        return NOTHING
    horizon = own.factors.horizon_min
    flows = [flow_of(table, ground.rules.with_levers(one), one.of(DIRECTION)) for one in (before, after)]
    nets = [earned_bps(table, flow, horizon) for flow in flows]
    ordinary = _mean_trade(flows[0], nets[0]) if centred else 0.0
    old, new = (flow.size * (net - ordinary) for flow, net in zip(flows, nets, strict=True))
    gain = new - old + hold_gain_bps(table, ground.rules, before, after, ground.hold_min)
    return batch_mean(gain, np.ones(len(gain)), blocks_of(table.time_ms, own.meta.block_min))


def _mean_trade(flow: Flow, net: Floats) -> float:
    known = np.isfinite(net) & (flow.size > 0)
    mass = float(flow.size[known].sum())
    return float((flow.size[known] * net[known]).sum()) / mass if mass > 0 else 0.0


def _tried(one: Proposal, newer: Records, levers: Levers, ground: Ground, needed: float) -> Trial:
    gain, restores = _held_out_gain(one, newer, levers, ground), _restores(one, ground)
    whole = gain_of(newer, levers, one.on(levers), ground)
    proven = gain.t > needed
    if whole.t < -needed:
        accepted, why = False, f"chooses better or not, it costs: t {whole.t:.2f} altogether"
    elif proven or (restores and gain.t > -needed):
        accepted, why = True, "proven on held-out data" if proven else "goes back to the settings"
    else:
        accepted, why = False, f"t {gain.t:.2f} on held-out data, {needed:.2f} needed"
    return Trial(one, gain, needed, restores, accepted, why)


def _held_out_gain(one: Proposal, newer: Records, levers: Levers, ground: Ground) -> BatchMean:
    """What the proposal chooses better on data that it was not made from."""
    if one.learner == TARGET_LEARNER:
        after = one.on(levers).values[TARGET_SCALE]
        before = levers.values.get(TARGET_SCALE, 1.0)
        block = ground.params.meta.ledger_block_min
        new, old = (target_gains(newer.trades, ground.targets, scale, block) for scale in (after, before))
        return BatchMean(new.mean - old.mean, new.error, new.count, new.blocks)
    if one.learner == STRATEGY_LEARNER:
        block = ground.params.meta.ledger_block_min
        return strategy_gain(newer.trades, ground.strategies, levers, one.on(levers), block)
    if one.learner == GATE_LEARNER:
        return _gates_gain(one, newer, ground)
    if one.learner in (WEIGHT_LEARNER, GATE_WEIGHT_LEARNER):
        return _ranking_gain(newer, levers, one, ground)
    return gain_of(newer, levers, one.on(levers), ground, centred=True)


def _ranking_gain(newer: Records, levers: Levers, one: Proposal, ground: Ground) -> BatchMean:
    """How much better new weights tell good signals from bad: change of the confidence, or score, times the outcome.

    One step moves few signals over a threshold, so sizes would show a real improvement late; confidence shows it in
    every signal. Outcomes count from their mean: raising every confidence gains nothing.
    """
    table, meta = newer.table, ground.params.meta
    flows = [flow_of(table, ground.rules.with_levers(which)) for which in (levers, one.on(levers))]
    moved = table.returns(ground.params.weights.horizon_min).astype(np.float64) * flows[0].direction
    sided = np.isfinite(moved) & (flows[0].direction != 0)
    if not sided.any():
        return NOTHING
    heard = [flow.confidence if one.learner == WEIGHT_LEARNER else flow.score for flow in flows]
    gain = (heard[1] - heard[0]) * (moved - float(moved[sided].mean()))
    return batch_mean(gain, sided.astype(np.float64), blocks_of(table.time_ms, meta.block_min))


def _gates_gain(one: Proposal, newer: Records, ground: Ground) -> BatchMean:
    """The worst word on the gates that change: each must cost money in the held-out part too."""
    blocked = newer.ledger.by_gate(ground.params.meta.ledger_block_min)
    names = {change.lever.partition(".")[2] for change in one.changes}
    words = [blocked.get(lever.gate, NOTHING) for lever in GATE_LEVERS if lever.setting in names]
    return min(words, key=lambda word: word.t, default=NOTHING)


def _restores(one: Proposal, ground: Ground) -> bool:
    """Whether every change leads back towards what a person set."""
    settings = settings_of(ground)
    return all(
        abs(change.after - settings.get(change.lever, _ordinary(change.lever, ground)))
        <= abs(change.before - settings.get(change.lever, _ordinary(change.lever, ground))) + 1e-12
        for change in one.changes
    )


def settings_of(ground: Ground) -> dict[str, float]:
    """Every lever that the settings give a value."""
    rules = ground.rules
    return {
        **{f"weights.{name}": value for name, value in rules.weights.items()},
        **{f"composite.{name}": value for name, value in rules.composite.items()},
        **{f"conviction.{name}": size for name, (_, _, size) in rules.levels.items()},
        **{f"strategy.{key}": value for key, value in ground.strategies.values()},
        **{f"gates.{name}": value for name, value in ground.gates.items()},
        TARGET_SCALE: 1.0,
    }


def _ordinary(lever: str, ground: Ground) -> float:
    """What a lever of a symbol and side is without learning."""
    return ground.hold_min if lever.startswith("hold.") else 1.0


def _surest(one: Trial) -> float:
    return one.gain.t if math.isfinite(one.gain.t) else 0.0


def _reversal(state: MetaState, watch: Watch, gain: BatchMean, params: MetaLearningParams) -> Reversal | None:
    if gain.blocks < params.watch_blocks or gain.t > -params.harm:
        return None
    return Reversal(watch.learner, state.levers.number, gain, gain.count, gain.mean * gain.count)


def _taken_back(state: MetaState, reversal: Reversal, now: datetime, params: MetaLearningParams) -> MetaState:
    assert state.watch is not None
    until = now + timedelta(days=params.quarantine_days)
    quarantine = {**state.quarantine, reversal.learner: until}
    return replace(state, levers=state.watch.before, watch=None, met_at=now, quarantine=quarantine)


def _applied(state: MetaState, best: Trial, now: datetime) -> MetaState:
    number = state.newest + 1
    levers = Levers(number, best.proposal.on(state.levers).values)
    return replace(state, levers=levers, newest=number, watch=Watch(best.proposal.learner, now, state.levers))
