"""A short hash of what each stage of a decision came to, so that a replay can name the first one that differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tradingbot.decision import Decision
from tradingbot.engine.cycle_record import digest_of
from tradingbot.entering import SignalVerdict

DIGITS: Final = 12
"""Hexadecimal digits of a stage's hash."""


def _verdicts(decision: Decision) -> list[SignalVerdict]:
    """By symbol: their order in the decision follows from what they say."""
    return sorted(decision.signals, key=lambda verdict: verdict.signal.symbol)


def _each(of: Callable[[SignalVerdict], Any]) -> Callable[[Decision], Any]:
    return lambda decision: [of(verdict) for verdict in _verdicts(decision)]


STAGES: Final[Mapping[str, Callable[[Decision], Any]]] = {
    "regime": lambda decision: decision.regime,
    "strategies": lambda decision: decision.active,
    "components": _each(lambda verdict: verdict.signal.components),
    "signal": _each(lambda verdict: verdict.signal),
    "alignment": _each(lambda verdict: verdict.reading.mtf),
    "ideas": _each(lambda verdict: verdict.reading.ideas),
    "ensemble": _each(lambda verdict: verdict.reading.prediction),
    "intelligence": _each(lambda verdict: [verdict.reading.intelligence, verdict.reading.microstructure]),
    "exits": lambda decision: decision.exits,
    "gates": _each(lambda verdict: [verdict.trail, verdict.stage, verdict.reasons]),
    "size": _each(lambda verdict: [verdict.request, verdict.exposure, verdict.size, verdict.order]),
    "actions": lambda decision: decision.actions,
}
"""What each stage came to, in the order in which `decide` goes through them: exits before entries."""


def stage_digests(decision: Decision) -> dict[str, str]:
    """The hash of every stage."""
    return {name: digest_of(of(decision))[:DIGITS] for name, of in STAGES.items()}
