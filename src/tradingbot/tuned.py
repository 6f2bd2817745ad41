"""Decision parameters under the levers of one generation: the settings, with what was proven in their place.

The result is validated as settings are, so a generation that contradicts them is refused and never decides. Limits,
stops, leverage and kill switches are no levers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from tradingbot.core.levers import COMPOSITE, CONVICTION, GATES, STRATEGY, TARGET_SCALE, WEIGHTS, Levers
from tradingbot.core.params import Params
from tradingbot.entering import DecisionParams

P = TypeVar("P", bound=Params)


def tuned(params: DecisionParams, levers: Levers) -> DecisionParams:
    """`params` (the settings) with these levers. Raises ValueError (pydantic.ValidationError) when they do not fit."""
    if not levers.values:
        return replace(params, levers=levers)
    levels = {name: {"size_multiplier": value} for name, value in levers.of(CONVICTION).items()}
    reading = _with(params.reading, {"signals": {"weights": levers.of(WEIGHTS), "conviction": levels}})
    gates = _with(params.gates, _nested(levers.of(GATES)))
    gates = _with(gates, {"conviction": {"weights": levers.of(COMPOSITE)}})
    exits = _with(params.exits, _targets(params, levers.values.get(TARGET_SCALE, 1.0)))
    risk = _with(params.risk, {"strategy_multipliers": levers.of(STRATEGY)})
    return replace(params, reading=reading, gates=gates, exits=exits, risk=risk, levers=levers)


def _targets(params: DecisionParams, scale: float) -> dict[str, Any]:
    if scale == 1.0:
        return {}
    exits = params.exits
    return {
        name: [{**one.model_dump(), "profit_pct": one.profit_pct * scale} for one in getattr(exits, name)]
        for name in ("profit_targets", "ladder")
    }


def _with(part: P, changes: Mapping[str, Any]) -> P:
    """The part with these values in place of its own, validated as a whole."""
    return type(part).model_validate(_merged(part.model_dump(), changes)) if _any(changes) else part


def _any(changes: Mapping[str, Any]) -> bool:
    return any(_any(one) if isinstance(one, Mapping) else True for one in changes.values())


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(values)
    for name, change in changes.items():
        if name not in made:
            raise ValueError(f"there is no setting {name!r} that a lever could move")
        made[name] = _merged(made[name], change) if isinstance(change, Mapping) else change
    return made


def _nested(values: Mapping[str, float]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in values.items():
        part, _, name = key.partition(".")
        made.setdefault(part, {})[name] = value
    return made
