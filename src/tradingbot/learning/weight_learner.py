"""How much each component, and each part of the conviction gate's score, deserves to be heard (SPEC 10.2). Pure.

A component's skill is the mean return in its direction, each opinion weighed by its confidence, over the scatter of
blocks of time (`batch_means`): an information ratio per block. What is within its error counts as nothing (soft
thresholding), the rest is shrunk by `prior_blocks` blocks without skill. The wanted weight is the configured one times
exp(tilt x skill), an exponentiated gradient step from the settings (Kivinen and Warmuth 1997): without evidence weights
go back to what a person set. No weight falls below the floor, and none moves by more than the clamp at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.levers import COMPOSITE, WEIGHTS, Levers
from tradingbot.learning.batch_means import NOTHING, BatchMean, Floats, Ints, batch_mean, blocks_of, soft
from tradingbot.learning.flow_value import FlowRules, flow_of
from tradingbot.learning.learner_params import WeightLearnerParams
from tradingbot.learning.proposal import Change, Proposal, Verdict, silent
from tradingbot.learning.signal_table import SignalTable

WEIGHT_LEARNER: Final = "weights"
GATE_WEIGHT_LEARNER: Final = "gate_weights"
LEAST_RAW: Final = 1e-9


def learn_weights(
    table: SignalTable, rules: FlowRules, levers: Levers, clamp: float, block_min: float, params: WeightLearnerParams
) -> Proposal:
    """Weights of the components. `clamp`: largest relative change, 0..1; `rules` are the settings."""
    blocks = blocks_of(table.time_ms, block_min)
    moved = table.returns(params.horizon_min).astype(np.float64)
    said = table.said.astype(np.float64)
    found = {name: _heard(said[:, column], moved, blocks) for column, name in enumerate(table.components)}
    return _proposed(WEIGHT_LEARNER, WEIGHTS, found, rules.weights, levers, clamp, params)


def learn_gate_weights(
    table: SignalTable,
    rules: FlowRules,
    levers: Levers,
    clamp: float,
    block_min: float,
    params: WeightLearnerParams,
) -> Proposal:
    """Weights of the parts of the conviction gate's score: does a signal go better when the part is above its mean?"""
    direction = flow_of(table, rules.with_levers(levers)).direction
    blocks = blocks_of(table.time_ms, block_min)
    moved = table.returns(params.horizon_min).astype(np.float64) * direction
    found = {}
    for column, name in enumerate(table.parts):
        part = table.composite[:, column].astype(np.float64)
        known = np.isfinite(part) & (direction != 0)
        middle = float(part[known].mean()) if known.any() else 0.0
        found[name] = _heard(np.where(known, part - middle, 0.0), moved, blocks)
    return _proposed(GATE_WEIGHT_LEARNER, COMPOSITE, found, rules.composite, levers, clamp, params)


def _heard(said: Floats, moved: Floats, blocks: Ints) -> tuple[BatchMean, float]:
    """The mean return in the direction of what was said, weighed by how strongly; the share that came true, 0..1."""
    spoke = (said != 0) & np.isfinite(moved)
    if not spoke.any():
        return NOTHING, 0.5
    toward = np.sign(said[spoke]) * moved[spoke]
    hits = float((toward > 0).sum()) / max(1, int((toward != 0).sum()))
    return batch_mean(toward, np.abs(said[spoke]), blocks[spoke]), hits


def skill_of(one: BatchMean, params: WeightLearnerParams) -> float:
    """Shrunk information ratio per block; 0 below `min_blocks` and within the error."""
    if one.blocks < params.min_blocks:
        return 0.0
    beyond = soft(one.t, params.significance) / math.sqrt(one.blocks)
    return beyond * one.blocks / (one.blocks + params.prior_blocks)


def _proposed(
    learner: str,
    kind: str,
    found: Mapping[str, tuple[BatchMean, float]],
    settings: Mapping[str, float],
    levers: Levers,
    clamp: float,
    params: WeightLearnerParams,
) -> Proposal:
    names = list(found)
    skills = {name: skill_of(found[name][0], params) for name in names}
    evidence = {
        name: {
            "mean_bps": one.mean,
            "error_bps": one.error if math.isfinite(one.error) else 0.0,
            "hit_rate": hits,
            "skill": skills[name],
            "samples": one.count,
            "blocks": one.blocks,
        }
        for name, (one, hits) in found.items()
    }
    samples = max((one.count for one, _ in found.values()), default=0)
    blocks = max((one.blocks for one, _ in found.values()), default=0)
    if blocks < params.min_blocks:
        return silent(learner, Verdict.NOT_ENOUGH_DATA, samples, blocks, evidence)
    current = {**settings, **levers.of(kind)}
    before = np.array([current[name] for name in names])
    wanted = _tilted(names, settings, skills, params)
    after = within_clamp(before, wanted, clamp, params.floor)
    changes = _changes(kind, names, before, wanted, after)
    if not changes:
        return silent(learner, Verdict.NOTHING_TO_CHANGE, samples, blocks, evidence)
    effect, error = _effect(names, found, before, after)
    return Proposal(
        learner,
        Verdict.PROPOSED,
        changes,
        effect,
        (effect - 1.96 * error, effect + 1.96 * error),
        samples,
        blocks,
        f"{clamp * 100:g} % of each weight at once, none below {params.floor:g}",
        evidence,
    )


def _tilted(
    names: Sequence[str], settings: Mapping[str, float], skills: Mapping[str, float], params: WeightLearnerParams
) -> Floats:
    raw = np.array([settings[name] * math.exp(params.tilt * skills[name]) for name in names])
    least = np.minimum(params.floor, np.array([settings[name] for name in names]))
    return scaled_to_one(raw, least, np.ones(len(names)))


def within_clamp(before: Floats, wanted: Floats, clamp: float, floor: float) -> Floats:
    """The nearest weights to `wanted` (up to one common factor) that sum to 1 and move by no more than the clamp."""
    low = np.maximum(before * (1 - clamp), np.minimum(before, floor))
    return scaled_to_one(wanted, low, np.minimum(1.0, before * (1 + clamp)))


def scaled_to_one(raw: Floats, low: Floats, high: Floats) -> Floats:
    """`raw` times one factor, kept within `low` and `high`, so that the sum is 1; found by bisection.

    There is one whenever sum(low) <= 1 <= sum(high). Raises ValueError otherwise.
    """
    if low.sum() > 1 + 1e-9 or high.sum() < 1 - 1e-9:
        raise ValueError("no weights within these bounds add up to 1")
    raw = np.maximum(raw, LEAST_RAW)  # what is wanted at nothing may still have to be something
    bottom, top = 0.0, 1.0
    while np.clip(raw * top, low, high).sum() < 1 and top < 1e12:
        top *= 2
    for _ in range(200):
        middle = (bottom + top) / 2
        if np.clip(raw * middle, low, high).sum() < 1:
            bottom = middle
        else:
            top = middle
    clipped = np.clip(raw * top, low, high)
    made: Floats = clipped / clipped.sum()
    return made


def _changes(kind: str, names: Sequence[str], before: Floats, wanted: Floats, after: Floats) -> tuple[Change, ...]:
    """Every weight when one of them moves by more than a thousandth of itself, as they are valid together only."""
    if not (np.abs(after - before) > 0.001 * before).any():
        return ()
    rows = zip(names, before.tolist(), wanted.tolist(), after.tolist(), strict=True)
    return tuple(Change(f"{kind}.{name}", one, two, three) for name, one, two, three in rows)


def _effect(names: Sequence[str], found: Mapping[str, Any], before: Floats, after: Floats) -> tuple[float, float]:
    """How much more the weighted mean of what was said comes to, bps, and its error as if all were independent."""
    means = np.array([found[name][0].mean for name in names])
    errors = np.array([found[name][0].error if math.isfinite(found[name][0].error) else 0.0 for name in names])
    moved: NDArray[Any] = after - before
    return float(moved @ means), float(np.sqrt((moved**2) @ (errors**2)))
