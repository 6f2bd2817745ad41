"""What a gate is: a pure function of its own view and its own settings; and the fold of all into one trail (SPEC 5).

A view is a frozen dataclass of plain numbers and words. It is written to `logs/signal_universe.jsonl` as it is, so that
every verdict can be computed again from the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.core.records import Reason


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What one gate said. `multiplier` scales the size; `cap_usd` is the most it allows, None without a cap."""

    gate: str
    passed: bool
    multiplier: float
    reasons: tuple[Reason, ...]
    saw: object
    cap_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """One row of the table: its name, the type of its view, and its judgement of (view, settings of all gates)."""

    name: str
    view: type[Any]
    judge: Callable[[Any, Any], GateVerdict]


@dataclass(frozen=True, slots=True)
class GateTrail:
    """All verdicts of one candidate, in order. All gates speak, also after one has blocked: what they said is kept."""

    verdicts: tuple[GateVerdict, ...] = ()

    @property
    def blocker(self) -> GateVerdict | None:
        """The first gate that blocked, None when all passed."""
        for verdict in self.verdicts:
            if not verdict.passed:
                return verdict
        return None

    @property
    def multiplier(self) -> float:
        """All multipliers together."""
        return math.prod(verdict.multiplier for verdict in self.verdicts)

    @property
    def cap_usd(self) -> float | None:
        """The smallest cap, None when no gate has one."""
        return min((verdict.cap_usd for verdict in self.verdicts if verdict.cap_usd is not None), default=None)

    def of(self, gate: str) -> GateVerdict:
        """One gate's verdict. Raises KeyError for a gate that did not speak."""
        for verdict in self.verdicts:
            if verdict.gate == gate:
                return verdict
        raise KeyError(gate)


NO_TRAIL: Final = GateTrail()
"""Of a signal without a side: there is nothing to review."""


def fold(gates: tuple[Gate, ...], views: Mapping[str, object], params: object) -> GateTrail:
    """Every gate's verdict on its view, in the order of the table. Raises KeyError for a missing view."""
    return GateTrail(tuple([gate.judge(views[gate.name], params) for gate in gates]))


def passes(gate: str, saw: object, *why: Reason, multiplier: float = 1.0, cap_usd: float | None = None) -> GateVerdict:
    """A verdict that lets the signal through, scaled."""
    return GateVerdict(gate, True, multiplier, why, saw, cap_usd)


def blocks(gate: str, saw: object, *why: Reason) -> GateVerdict:
    """A verdict that stops the signal."""
    return GateVerdict(gate, False, 0.0, why, saw)
