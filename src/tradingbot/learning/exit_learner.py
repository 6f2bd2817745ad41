"""How long each symbol and side should be held, and how near profit targets should be (SPEC 10.3). Pure.

Hold: the mean move in a signal's direction at each horizon, against that at the longest one, signal by signal. Unlike
the holds of trades, which end early because they won or lost, horizons are the same for every signal, so the
difference is what the hold itself does. A shorter horizon is wanted only when it is better
beyond its error; without evidence holds go back to the settings.

Targets: a finished trade shows whether its price ever reached a nearer target at an age at which that target holds; it
would then have been closed there at the latest. What a farther target would have brought no finished trade can show,
so targets are only ever brought nearer than the settings, and back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.core.levers import HOLD, TARGET_SCALE, Levers
from tradingbot.learning.batch_means import BatchMean, Floats, batch_mean, blocks_of
from tradingbot.learning.flow_value import FlowRules, flow_of
from tradingbot.learning.learner_params import ExitLearnerParams
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.proposal import Change, Proposal, Verdict, silent
from tradingbot.learning.signal_table import SignalTable
from tradingbot.learning.trade_facts import TradeFacts

TIMING_LEARNER: Final = "timing"
TARGET_LEARNER: Final = "profit_targets"
LONGEST_MIN: Final = HORIZONS_MIN[-1]
SCALES: Final = tuple(round(0.5 + 0.05 * step, 2) for step in range(11))
"""Factors of the targets that are compared, the settings' last."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The settings' profit targets: (minutes since entry, profit in bps)."""

    rows: tuple[tuple[float, float], ...]

    def level_bps(self, age_min: float) -> float | None:
        """The nearest target that holds at an age; None when there is none."""
        held = [profit for after, profit in self.rows if after <= age_min]
        return min(held) if held else None


def learn_holds(
    table: SignalTable,
    rules: FlowRules,
    levers: Levers,
    block_min: float,
    settings_min: float,
    ready: frozenset[str],
    min_blocks: int,
    params: ExitLearnerParams,
) -> Proposal:
    """Optimal holds of symbols that are sample-ready, minutes; `settings_min` is what holds without one."""
    flow = flow_of(table, rules.with_levers(levers))
    blocks, traded = blocks_of(table.time_ms, block_min), flow.level >= 0
    longest = table.returns(LONGEST_MIN).astype(np.float64)
    current, changes, evidence, most = levers.of(HOLD), [], {}, 0
    gains: list[tuple[float, BatchMean]] = []
    for number, symbol in enumerate(table.symbols):
        for sign, side in ((1, "long"), (-1, "short")) if symbol in ready else ():
            rows = traded & (flow.direction == sign) & (table.symbol == number)
            found = {
                horizon: batch_mean(
                    (table.returns(horizon)[rows] - longest[rows]) * sign, np.ones(int(rows.sum())), blocks[rows]
                )
                for horizon in HORIZONS_MIN[:-1]
            }
            pair, most = f"{symbol}:{side}", max(most, *(one.blocks for one in found.values()))
            best, one = max(found.items(), key=lambda item: item[1].t)
            proven = one.blocks >= min_blocks and one.t > params.significance
            evidence[pair] = {"best_min": float(best), "gain_bps": one.mean, "t": one.t, "blocks": float(one.blocks)}
            wanted = max(params.min_hold_min, float(best)) if proven else settings_min
            before = min(current.get(pair, settings_min), settings_min)
            after = _nearer(before, min(wanted, settings_min))
            if abs(after - before) > 0.01 * before:
                changes.append(Change(f"{HOLD}.{pair}", before, wanted, after))
                gains.append((1.0 if proven else 0.0, one))
    samples = int(traded.sum())
    if most < min_blocks:
        return silent(TIMING_LEARNER, Verdict.NOT_ENOUGH_DATA, samples, most, evidence)
    if not changes:
        return silent(TIMING_LEARNER, Verdict.NOTHING_TO_CHANGE, samples, most, evidence)
    effect = sum(share * one.mean for share, one in gains) / len(gains)
    error = math.sqrt(sum(share * one.error**2 for share, one in gains)) / len(gains)
    bounds = (effect - 1.96 * error, effect + 1.96 * error)
    said = "one horizon at once"
    return Proposal(
        TIMING_LEARNER, Verdict.PROPOSED, tuple(changes), effect, bounds, samples, most, said, evidence
    )  # fmt: skip


def _nearer(before: float, wanted: float) -> float:
    """One horizon towards `wanted`: between two of them nothing was measured, so a smaller step proves nothing."""
    if wanted < before:
        below = [horizon for horizon in HORIZONS_MIN if horizon < min(before, float(LONGEST_MIN))]
        return max(wanted, float(below[-1])) if below else wanted
    above = [horizon for horizon in HORIZONS_MIN if horizon > before]
    return min(wanted, float(above[0])) if above else wanted


def hold_gain_bps(table: SignalTable, rules: FlowRules, before: Levers, after: Levers, settings_min: float) -> Floats:
    """Per signal: size times what the hold of `after` brings more than that of `before`; NaN where it is not known."""
    flow = flow_of(table, rules.with_levers(before))
    made = np.zeros(len(table))
    for number, symbol in enumerate(table.symbols):
        for sign, side in ((1, "long"), (-1, "short")):
            pair = f"{symbol}:{side}"
            held = [_horizon(levers.of(HOLD).get(pair, settings_min)) for levers in (before, after)]
            if held[0] == held[1]:
                continue
            rows = (flow.direction == sign) & (table.symbol == number)
            moved = table.returns(held[1])[rows].astype(np.float64) - table.returns(held[0])[rows]
            made[rows] = moved * sign * flow.size[rows]
    return made


def _horizon(hold_min: float) -> int:
    """The horizon nearest to a hold."""
    return min(HORIZONS_MIN, key=lambda horizon: abs(math.log(horizon / hold_min)))


def learn_targets(
    trades: Sequence[TradeFacts],
    levers: Levers,
    targets: Targets,
    clamp: float,
    block_min: float,
    params: ExitLearnerParams,
) -> Proposal:
    """The factor of profit targets and rungs."""
    known = [facts for facts in trades if facts.peak_bps is not None and facts.best_min is not None]
    before = levers.values.get(TARGET_SCALE, 1.0)
    if len(known) < params.min_trades:
        return silent(TARGET_LEARNER, Verdict.NOT_ENOUGH_DATA, len(known))
    found = {scale: target_gains(known, targets, scale, block_min) for scale in SCALES if scale < 1.0}
    evidence = {f"{scale:g}": {"gain_bps": one.mean, "t": one.t} for scale, one in found.items()}
    best, one = max(found.items(), key=lambda item: item[1].t)
    proven = one.t > params.significance
    shrunk = len(known) / (len(known) + params.prior_trades)
    wanted = max(params.min_target_scale, 1.0 - (1.0 - best) * shrunk) if proven else 1.0
    after = min(before * (1 + clamp), max(before * (1 - clamp), wanted))
    if abs(after - before) < 0.005:
        return silent(TARGET_LEARNER, Verdict.NOTHING_TO_CHANGE, len(known), one.blocks, evidence)
    gain = target_gains(known, targets, after, block_min)
    change = Change(TARGET_SCALE, before, wanted, after)
    said = f"{clamp * 100:g} % at once, never beyond the settings"
    interval = gain.interval() if math.isfinite(gain.error) else None
    return Proposal(
        TARGET_LEARNER, Verdict.PROPOSED, (change,), gain.mean, interval, len(known), one.blocks, said, evidence
    )  # fmt: skip


def target_gains(trades: Sequence[TradeFacts], targets: Targets, scale: float, block_min: float) -> BatchMean:
    """What targets at so much of the settings' profit would have brought more, per trade, bps."""
    rows = sorted(trades, key=lambda facts: facts.trade.exit_time)
    return _mean_of(rows, [_target_gain(facts, targets, scale) for facts in rows], block_min)


def mean_of_trades(trades: Sequence[TradeFacts], block_min: float) -> BatchMean:
    """The mean net result of finished trades, bps, and how sure it is."""
    rows = sorted(trades, key=lambda facts: facts.trade.exit_time)
    return _mean_of(rows, [facts.net_bps for facts in rows], block_min)


def _mean_of(rows: Sequence[TradeFacts], values: Sequence[float], block_min: float) -> BatchMean:
    times = np.array([int(facts.trade.exit_time.timestamp() * 1000) for facts in rows], dtype=np.int64)
    return batch_mean(np.array(values), np.ones(len(values)), blocks_of(times, block_min))


def _target_gain(facts: TradeFacts, targets: Targets, scale: float) -> float:
    if facts.peak_bps is None or facts.best_min is None:
        return math.nan
    level = targets.level_bps(facts.best_min)
    if level is None or facts.peak_bps < level * scale:
        return 0.0
    return level * scale - facts.return_bps
