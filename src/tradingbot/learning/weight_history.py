"""How the weights of the components came about, and what they would be by each horizon alone (SPEC 10.4, 14). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tradingbot.core.levers import NO_LEVERS, WEIGHTS, Levers
from tradingbot.learning.learners import Ground
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable
from tradingbot.learning.weight_learner import learn_weights

WHOLE_STEP: Final = 0.999
"""A clamp that hardly clamps: what the data want, not what one step may."""


def by_horizon(table: SignalTable, ground: Ground) -> dict[str, Any]:
    """By horizon in minutes: how many blocks, and per component skill, mean return, hit rate and the weight wanted."""
    found = {}
    for minutes in HORIZONS_MIN:
        own = replace_horizon(ground, minutes)
        made = learn_weights(
            table, ground.rules, NO_LEVERS, WHOLE_STEP, ground.params.meta.block_min, own.params.weights
        )
        wanted = {change.lever[len(WEIGHTS) + 1 :]: change.wanted for change in made.changes}
        found[str(minutes)] = {
            "verdict": made.verdict.value,
            "blocks": made.blocks,
            "components": {
                name: {**dict(row), "wanted": wanted.get(name, ground.rules.weights[name])}
                for name, row in made.evidence.items()
            },
        }
    return found


def replace_horizon(ground: Ground, minutes: int) -> Ground:
    """The ground with components judged by another horizon."""
    weights = ground.params.weights.model_copy(update={"horizon_min": minutes})
    return replace(ground, params=ground.params.model_copy(update={"weights": weights}))


def agreement(found: Mapping[str, Any]) -> dict[str, str]:
    """Per component: whether the horizons that can judge it agree on its sign; it is only believed when they do."""
    signs: dict[str, set[int]] = {}
    for row in found.values():
        for name, one in row["components"].items():
            skill = float(one["skill"])
            signs.setdefault(name, set()).update({1} if skill > 0 else {-1} if skill < 0 else set())
    words = {frozenset[int](): "no skill either way", frozenset({1}): "predicts", frozenset({-1}): "misleads"}
    return {name: words.get(frozenset(seen), "depends on the horizon") for name, seen in signs.items()}


def history_row(levers: Levers, settings: Mapping[str, float], at: str) -> dict[str, Any]:
    """The weights that held at a time."""
    return {"at": at, "generation": levers.number, "weights": {**settings, **levers.of(WEIGHTS)}}


def kept(history: Sequence[Mapping[str, Any]], row: Mapping[str, Any], most: int) -> list[Mapping[str, Any]]:
    """With one more row, the oldest ones gone; a row of the same time takes the place of the one before."""
    same = bool(history) and history[-1]["at"] == row["at"]
    return [*(history[:-1] if same else history), row][-most:]
