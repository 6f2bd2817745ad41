"""Gates that cost money are loosened, step by step; gates that save money are kept (SPEC 10.4). Pure.

What a gate blocked is known from the counterfactual ledger. Only settings that shape the yield are levers; a gate that
protects (policy, pre-entry, every risk limit) is reported and never loosened. Without proof a lever goes back to the
settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradingbot.core.levers import GATES, Levers
from tradingbot.learning.batch_means import BatchMean
from tradingbot.learning.learner_params import GateLearnerParams
from tradingbot.learning.proposal import Change, Proposal, Verdict, silent

GATE_LEARNER: Final = "gate_feedback"
PROOF: Final = 1.96


@dataclass(frozen=True, slots=True)
class GateLever:
    """One setting of a gate: `loosest` is as far as it may go, seen from the settings."""

    gate: str
    setting: str
    loosest: float


GATE_LEVERS: Final = (
    GateLever("fee", "fee.min_edge_bps", 0.0),
    GateLever("ensemble", "ensemble.min_side_probability", 0.40),
    GateLever("correlation", "correlation.throttle_from_share", 0.67),
    GateLever("intelligence", "intelligence.strong_conflict_multiplier", 0.7),
    GateLever("intelligence", "intelligence.moderate_conflict_multiplier", 0.8),
    GateLever("intelligence", "intelligence.weak_conflict_multiplier", 0.95),
    GateLever("microstructure", "microstructure.spread_full_bps", 16.0),
)


def learn_gates(
    blocked: Mapping[str, BatchMean], settings: Mapping[str, float], levers: Levers, params: GateLearnerParams
) -> Proposal:
    """`blocked`: by gate, the mean net result of what it stopped or shrank, bps, over independent episodes.

    `settings`: each of `GATE_LEVERS` as a person set it, by its dotted key.
    """
    samples = sum(one.count for one in blocked.values())
    most = max((one.blocks for one in blocked.values()), default=0)
    evidence = {
        gate: {"mean_bps": one.mean, "t": one.t, "samples": float(one.count), "episodes": float(one.blocks)}
        for gate, one in blocked.items()
    }
    if most < params.min_episodes:
        return silent(GATE_LEARNER, Verdict.NOT_ENOUGH_DATA, samples, most, evidence)
    changes = [
        change for lever in GATE_LEVERS if (change := _change(lever, blocked, settings, levers, params)) is not None
    ]
    if not changes:
        return silent(GATE_LEARNER, Verdict.NOTHING_TO_CHANGE, samples, most, evidence)
    clamp = f"{params.step_share * 100:g} % of the way to the loosest value at once"
    gates = _moved(changes)
    effect = sum(blocked[gate].mean for gate in gates if gate in blocked) / max(1, len(gates))
    return Proposal(GATE_LEARNER, Verdict.PROPOSED, tuple(changes), effect, None, samples, most, clamp, evidence)


def _change(
    lever: GateLever,
    blocked: Mapping[str, BatchMean],
    settings: Mapping[str, float],
    levers: Levers,
    params: GateLearnerParams,
) -> Change | None:
    setting = settings[lever.setting]
    span = lever.loosest - setting
    before = levers.of(GATES).get(lever.setting, setting)
    one = blocked.get(lever.gate)
    costs = one is not None and one.blocks >= params.min_episodes and one.t > PROOF
    # a setting that is looser than our loosest already is a person's own choice
    wanted = lever.loosest if costs and _is_looser(lever, setting) else setting
    step = abs(span) * params.step_share
    after = min(before + step, wanted) if wanted > before else max(before - step, wanted)
    return None if abs(after - before) < 1e-9 else Change(f"{GATES}.{lever.setting}", before, wanted, after)


def _is_looser(lever: GateLever, setting: float) -> bool:
    """Whether the lever's loosest value is looser than the setting: lower thresholds for what must be reached."""
    falls = lever.setting in ("fee.min_edge_bps", "ensemble.min_side_probability")
    return lever.loosest < setting if falls else lever.loosest > setting


def _moved(changes: Sequence[Change]) -> set[str]:
    names = {change.lever[len(GATES) + 1 :] for change in changes}
    return {lever.gate for lever in GATE_LEVERS if lever.setting in names}
