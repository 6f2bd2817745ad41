"""Which sides of symbols, levels of conviction and strategies deserve more or less size (SPEC 10.1, 10.3). Pure.

A group's result is the mean net return of the signals that would be traded, over blocks of time. What it lies above or
below the mean of all is held against its error; what is within counts as nothing, the rest is shrunk by `prior_blocks`
ordinary blocks, and each error beyond moves the factor by `step`. Nothing moves by more than the clamp at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.levers import CONVICTION, DIRECTION, STRATEGY, Levers
from tradingbot.core.types import epoch_ms
from tradingbot.learning.batch_means import NOTHING, BatchMean, Floats, Ints, batch_mean, blocks_of, soft
from tradingbot.learning.flow_value import Flow, FlowRules, earned_bps, flow_of
from tradingbot.learning.learner_params import FactorLearnerParams
from tradingbot.learning.proposal import Change, Proposal, Verdict, silent
from tradingbot.learning.signal_table import SignalTable
from tradingbot.learning.trade_facts import TradeFacts

DIRECTION_LEARNER: Final = "direction"
SIZING_LEARNER: Final = "sizing"
STRATEGY_LEARNER: Final = "strategies"
LEAST_CHANGE: Final = 0.005
SIDES: Final = ((1, "long"), (-1, "short"))


def learn_directions(
    table: SignalTable,
    rules: FlowRules,
    levers: Levers,
    clamp: float,
    block_min: float,
    ready: frozenset[str],
    params: FactorLearnerParams,
) -> Proposal:
    """Size factors of symbol and side, for symbols that are sample-ready (SPEC 10.7); the others keep 1."""
    flow, net, blocks = _judged(table, rules, levers, block_min, params)
    groups = {
        f"{symbol}:{side}": (flow.direction == sign) & (table.symbol == number)
        for number, symbol in enumerate(table.symbols)
        if symbol in ready
        for sign, side in SIDES
    }
    current = {name: levers.of(DIRECTION).get(name, 1.0) for name in groups}
    ordinary = dict.fromkeys(groups, 1.0)
    return _proposed(DIRECTION_LEARNER, DIRECTION, groups, ordinary, current, net, blocks, clamp, params)


def learn_sizes(
    table: SignalTable, rules: FlowRules, levers: Levers, clamp: float, block_min: float, params: FactorLearnerParams
) -> Proposal:
    """Size factors of the levels of conviction. A stronger level never has less than a weaker one."""
    flow, net, blocks = _judged(table, rules, levers, block_min, params)
    groups = {name: flow.level == number for number, name in enumerate(rules.levels)}
    settings = {name: size for name, (_, _, size) in rules.levels.items()}
    current = {**settings, **levers.of(CONVICTION)}
    made = _proposed(SIZING_LEARNER, CONVICTION, groups, settings, current, net, blocks, clamp, params)
    return made if _falls(made, list(rules.levels), current) else _silenced(made)


def learn_strategies(
    trades: Sequence[TradeFacts],
    multipliers: Mapping[str, tuple[str, float]],
    levers: Levers,
    clamp: float,
    block_min: float,
    params: FactorLearnerParams,
) -> Proposal:
    """Size factors of strategies by their finished trades. `multipliers`: by strategy, its setting's key and value."""
    net, names, blocks = strategy_columns(trades, block_min)
    groups = {multipliers[name][0]: names == name for name in sorted(set(names.tolist())) if name in multipliers}
    settings = {key: value for key, value in multipliers.values() if key in groups}
    current = {key: levers.of(STRATEGY).get(key, value) for key, value in settings.items()}
    return _proposed(STRATEGY_LEARNER, STRATEGY, groups, settings, current, net, blocks, clamp, params)


def strategy_columns(trades: Sequence[TradeFacts], block_min: float) -> tuple[Floats, NDArray[Any], Ints]:
    """Net results in bps, strategies, and blocks of time of finished trades, oldest first."""
    rows = sorted(trades, key=lambda facts: facts.trade.exit_time)
    times = np.array([epoch_ms(facts.trade.exit_time) for facts in rows], dtype=np.int64)
    net = np.array([facts.net_bps for facts in rows], dtype=np.float64)
    return net, np.array([facts.trade.strategy for facts in rows], dtype=object), blocks_of(times, block_min)


def strategy_gain(
    trades: Sequence[TradeFacts],
    multipliers: Mapping[str, tuple[str, float]],
    before: Levers,
    after: Levers,
    block_min: float,
) -> BatchMean:
    """Relative change of size times the result, per trade; an ordinary result counts as 0."""
    net, names, blocks = strategy_columns(trades, block_min)
    if not len(net):
        return NOTHING
    change = np.zeros(len(net))
    for name, (key, setting) in multipliers.items():
        old, new = (levers.of(STRATEGY).get(key, setting) for levers in (before, after))
        change[names == name] = new / old - 1 if old else 0.0
    return batch_mean(change * (net - net.mean()), np.ones(len(net)), blocks)


def _judged(
    table: SignalTable, rules: FlowRules, levers: Levers, block_min: float, params: FactorLearnerParams
) -> tuple[Flow, Floats, Ints]:
    """Signals that would be traded, what each earned with size 1, and their blocks."""
    flow = flow_of(table, rules.with_levers(levers))
    net = earned_bps(table, flow, params.horizon_min)
    net[flow.level < 0] = np.nan
    return flow, net, blocks_of(table.time_ms, block_min)


def _proposed(
    learner: str,
    kind: str,
    groups: Mapping[str, NDArray[Any]],
    settings: Mapping[str, float],
    current: Mapping[str, float],
    net: Floats,
    blocks: Ints,
    clamp: float,
    params: FactorLearnerParams,
) -> Proposal:
    ones = np.ones(len(net))
    every = batch_mean(net, ones, blocks)
    if every.blocks < params.min_blocks:
        return silent(learner, Verdict.NOT_ENOUGH_DATA, every.count, every.blocks)
    found = {name: batch_mean(net[rows], ones[rows], blocks[rows]) for name, rows in groups.items()}
    changes, evidence = [], {}
    for name, one in found.items():
        apart = _standard_errors(one, every, params)
        wanted = settings[name] * min(params.max_factor, max(params.min_factor, 1.0 + params.step * apart))
        after = min(current[name] * (1 + clamp), max(current[name] * (1 - clamp), wanted))
        evidence[name] = _evidence(one, apart)
        if abs(after - current[name]) > LEAST_CHANGE * current[name]:
            changes.append(Change(f"{kind}.{name}", current[name], wanted, after))
    if not changes:
        return silent(learner, Verdict.NOTHING_TO_CHANGE, every.count, every.blocks, evidence)
    effect, error = _effect(changes, found, kind)
    bounds = (effect - 1.96 * error, effect + 1.96 * error)
    clamped = f"{clamp * 100:g} % of each factor at once"
    made = tuple(changes)
    return Proposal(learner, Verdict.PROPOSED, made, effect, bounds, every.count, every.blocks, clamped, evidence)


def _standard_errors(one: BatchMean, every: BatchMean, params: FactorLearnerParams) -> float:
    """How far a group lies from the mean of all, in its own errors, beyond what counts as nothing; shrunk."""
    if one.blocks < params.min_blocks or not math.isfinite(one.error) or one.error <= 0:
        return 0.0
    beyond = soft((one.mean - every.mean) / one.error, params.significance)
    return beyond * one.blocks / (one.blocks + params.prior_blocks)


def _evidence(one: BatchMean, apart: float) -> dict[str, float]:
    error = one.error if math.isfinite(one.error) else 0.0
    return {
        "mean_bps": one.mean, "error_bps": error, "beyond_errors": apart, "samples": one.count, "blocks": one.blocks
    }  # fmt: skip


def _effect(changes: list[Change], found: Mapping[str, BatchMean], kind: str) -> tuple[float, float]:
    """What the change of size brings per signal of the groups that change, and its error."""
    total = sum(found[change.lever[len(kind) + 1 :]].count for change in changes)
    gain = variance = 0.0
    for change in changes:
        one = found[change.lever[len(kind) + 1 :]]
        part = (change.after - change.before) * one.count / total
        gain += part * one.mean
        variance += (part * one.error) ** 2 if math.isfinite(one.error) else 0.0
    return gain, math.sqrt(variance)


def _falls(made: Proposal, names: list[str], current: Mapping[str, float]) -> bool:
    """Whether sizes still fall from the strongest level to the weakest, as settings must."""
    values = {**current, **{change.lever[len(CONVICTION) + 1 :]: change.after for change in made.changes}}
    sizes = [values[name] for name in names]
    return all(one >= two for one, two in pairwise(sizes))


def _silenced(made: Proposal) -> Proposal:
    return silent(made.learner, Verdict.NOTHING_TO_CHANGE, made.samples, made.blocks, made.evidence)
