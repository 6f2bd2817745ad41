"""SPEC 5.6: market intelligence for or against the side scales the size. It never blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.gates.gate import GateVerdict, passes
from tradingbot.gates.params import GateParams, IntelligenceGateParams

NAME: Final = "intelligence"


@dataclass(frozen=True, slots=True)
class IntelligenceView:
    """`side_score` is the score (-1..1) seen from the side, None without any; `coverage` 0..1 of its weights spoke."""

    side_score: float | None
    coverage: float


@by_identity(512)
def judge(view: IntelligenceView, params: GateParams) -> GateVerdict:
    """The size factor of the level that the score reaches."""
    level, multiplier = level_of(view.side_score, params.intelligence)
    score = "none" if view.side_score is None else view.side_score
    return passes(NAME, view, reason(level, side_score=score, coverage=view.coverage), multiplier=multiplier)


def level_of(side_score: float | None, params: IntelligenceGateParams) -> tuple[str, float]:
    """Name and size factor."""
    if side_score is None:
        return "no_intelligence", params.neutral_multiplier
    if side_score <= params.strong_conflict_below:
        return "strong_conflict", params.strong_conflict_multiplier
    if side_score <= params.moderate_conflict_below:
        return "moderate_conflict", params.moderate_conflict_multiplier
    if side_score <= params.weak_conflict_below:
        return "weak_conflict", params.weak_conflict_multiplier
    if side_score >= params.boost_above:
        return "aligned_boost", params.boost_multiplier
    if side_score >= params.aligned_above:
        return "aligned", params.aligned_multiplier
    return "neutral", params.neutral_multiplier
