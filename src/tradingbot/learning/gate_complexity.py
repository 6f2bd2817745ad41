"""What each gate is good for: how often it was asked, blocked, blocked alone, resized; which never speak. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

LEAST_BLOCKS: Final = 20
"""Below so many blocks nothing is called redundant."""
LEAST_ASKED: Final = 200
"""Below so many questions nothing is called silent."""
NO_CONVICTION: Final = "signal"
"""Stage of a signal whose own conviction was too low: no gate could have changed anything."""


@dataclass(slots=True)
class _Sums:
    """Of one gate. `decisive_*` count signals with a conviction of their own only: there a gate decides."""

    asked: int = 0
    blocked: int = 0
    decisive_asked: int = 0
    decisive_blocked: int = 0
    blocked_alone: int = 0
    blocked_first: int = 0
    resized: int = 0
    capped: int = 0
    log_multipliers: float = 0.0
    multipliers: float = 0.0
    passed: int = 0
    with_others: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def gate_complexity(lines: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """What lines of `logs/signal_universe.jsonl` say of each gate of `names`, those that never spoke included."""
    sums = {name: _Sums() for name in names}
    stages: Counter[str] = Counter()
    reviewed = signals = 0
    for line in lines:
        signals += 1
        stages[str(line.get("stage"))] += 1
        gates = line.get("gates")
        if gates:
            reviewed += 1
            _count(sums, gates, decisive=line.get("stage") != NO_CONVICTION)
    rows = {name: _row(name, found) for name, found in sums.items()}
    return {
        "signals": signals,
        "reviewed": reviewed,
        "ended_at": dict(stages.most_common()),
        "gates": rows,
        "never_firing": [name for name, row in rows.items() if row["verdict"] == "never_fires"],
        "redundant": [name for name, row in rows.items() if row["verdict"] == "redundant"],
    }


def _count(sums: dict[str, _Sums], gates: Iterable[Mapping[str, Any]], decisive: bool) -> None:
    verdicts = list(gates)
    blockers = [str(one["gate"]) for one in verdicts if not one["passed"]]
    for one in verdicts:
        found = sums.setdefault(str(one["gate"]), _Sums())
        found.asked += 1
        found.decisive_asked += decisive
        if one["passed"]:
            _count_pass(found, float(one["multiplier"]), one.get("cap_usd") is not None)
        else:
            _count_block(found, str(one["gate"]), one, blockers, decisive)


def _count_pass(found: _Sums, multiplier: float, capped: bool) -> None:
    found.passed += 1
    found.capped += capped
    found.resized += multiplier != 1.0
    found.multipliers += multiplier
    found.log_multipliers += math.log(multiplier) if multiplier > 0 else 0.0


def _count_block(found: _Sums, gate: str, verdict: Mapping[str, Any], blockers: Sequence[str], decisive: bool) -> None:
    found.blocked += 1
    found.reasons[str(next((why["code"] for why in verdict.get("reasons", ())), "unknown"))] += 1
    if decisive:
        found.decisive_blocked += 1
        found.blocked_alone += len(blockers) == 1
        found.blocked_first += blockers[0] == gate
        found.with_others.update(name for name in blockers if name != gate)


def _row(name: str, found: _Sums) -> dict[str, Any]:
    covered = found.with_others.most_common(1)
    return {
        "gate": name,
        "asked": found.asked,
        "blocked": found.blocked,
        "with_conviction": {
            "asked": found.decisive_asked,
            "blocked": found.decisive_blocked,
            "blocked_alone": found.blocked_alone,
            "blocked_first": found.blocked_first,
        },
        "resized": found.resized,
        "capped": found.capped,
        "mean_multiplier": found.multipliers / found.passed if found.passed else None,
        "geometric_multiplier": math.exp(found.log_multipliers / found.passed) if found.passed else None,
        "reasons": dict(found.reasons.most_common(5)),
        "blocks_most_often_with": None if not covered else {"gate": covered[0][0], "times": covered[0][1]},
        "verdict": _verdict(found),
    }


def _verdict(found: _Sums) -> str:
    """``never_fires``: neither blocks, resizes nor caps; ``redundant``: every block had another gate's beside it."""
    if found.asked < LEAST_ASKED:
        return "too_few_signals"
    if not (found.blocked or found.resized or found.capped):
        return "never_fires"
    idle = not (found.resized or found.capped)
    if idle and found.decisive_blocked >= LEAST_BLOCKS and not found.blocked_alone:
        return "redundant"
    return "works"
