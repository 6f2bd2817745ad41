"""What a learner proposes, with everything that a person needs to judge it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradingbot.core.levers import Levers


class Verdict(StrEnum):
    """Whether a learner has something to say."""

    PROPOSED = "proposed"
    NOTHING_TO_CHANGE = "nothing to change"
    NOT_ENOUGH_DATA = "not enough data"


@dataclass(frozen=True, slots=True)
class Change:
    """One lever: what it is, what the data alone would make it, what it becomes within the clamp."""

    lever: str
    before: float
    wanted: float
    after: float

    @property
    def clamped(self) -> bool:
        """Whether the data asked for more than was allowed at once."""
        return abs(self.wanted - self.after) > 1e-12


@dataclass(frozen=True, slots=True)
class Proposal:
    """A learner's word on the levers that it owns.

    `effect_bps` per signal that is traded, with its 95 % `interval_bps`, as measured on what was learned from: it
    flatters, the judgement is made on later data. `samples` values in `blocks` blocks of time that do not overlap.
    `evidence`: figures per lever, in words of the learner.
    """

    learner: str
    verdict: Verdict
    changes: tuple[Change, ...] = ()
    effect_bps: float | None = None
    interval_bps: tuple[float, float] | None = None
    samples: int = 0
    blocks: int = 0
    clamp: str = ""
    evidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def on(self, levers: Levers) -> Levers:
        """The levers with these changes; the number stays."""
        return Levers(levers.number, {**levers.values, **{change.lever: change.after for change in self.changes}})


def silent(
    learner: str,
    verdict: Verdict = Verdict.NOT_ENOUGH_DATA,
    samples: int = 0,
    blocks: int = 0,
    evidence: Mapping[str, Mapping[str, float]] | None = None,
) -> Proposal:
    """A proposal that changes nothing, and why."""
    return Proposal(learner, verdict, samples=samples, blocks=blocks, evidence=evidence or {})
