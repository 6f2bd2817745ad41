"""What each gate is good for, counted out of the log of all signals."""

from __future__ import annotations

from typing import Any

import pytest

from tradingbot.learning.gate_complexity import gate_complexity

NAMES = ("policy", "fee", "micro")


def line(stage: str, **gates: Any) -> dict[str, Any]:
    """A gate is given as its multiplier, or as the reason for which it blocked."""
    verdicts = [
        {
            "gate": name,
            "passed": not isinstance(said, str),
            "multiplier": 0.0 if isinstance(said, str) else said,
            "cap_usd": None,
            "reasons": [{"code": said}] if isinstance(said, str) else [],
        }
        for name, said in gates.items()
    ]
    return {"stage": stage, "gates": verdicts}


def test_blocks_are_counted_alone_first_and_together() -> None:
    """Only signals with a conviction of their own are decided by a gate."""
    lines = [
        line("fee", policy=1.0, fee="edge_too_small", micro=0.5),
        line("fee", policy=1.0, fee="edge_too_small", micro="thin"),
        line("signal", policy=1.0, fee="edge_too_small", micro="thin"),
        line("entered", policy=1.0, fee=1.0, micro=0.8),
        {"stage": "signal", "gates": []},
    ]
    found = gate_complexity(lines, NAMES)
    assert (found["signals"], found["reviewed"]) == (5, 4)
    assert found["ended_at"] == {"fee": 2, "signal": 2, "entered": 1}
    fee, micro = found["gates"]["fee"], found["gates"]["micro"]
    assert (fee["asked"], fee["blocked"]) == (4, 3)
    assert fee["with_conviction"] == {"asked": 3, "blocked": 2, "blocked_alone": 1, "blocked_first": 2}
    assert fee["reasons"] == {"edge_too_small": 3}
    assert fee["blocks_most_often_with"] == {"gate": "micro", "times": 1}
    assert micro["with_conviction"] == {"asked": 3, "blocked": 1, "blocked_alone": 0, "blocked_first": 0}
    assert (micro["resized"], micro["mean_multiplier"]) == (2, pytest.approx(0.65))
    assert micro["geometric_multiplier"] == pytest.approx((0.5 * 0.8) ** 0.5)


def test_silent_and_redundant_gates_are_named() -> None:
    """Never blocks nor resizes; or never blocks what no other gate would have blocked."""
    lines = [line("fee", policy=1.0, fee="edge_too_small", micro="thin")] * 150
    lines += [line("fee", policy=1.0, fee="edge_too_small", micro=1.0)] * 100
    found = gate_complexity(lines, (*NAMES, "new"))
    assert found["never_firing"] == ["policy"]
    assert found["redundant"] == ["micro"]
    assert found["gates"]["fee"]["verdict"] == "works"
    assert found["gates"]["new"]["verdict"] == "too_few_signals"


def test_a_gate_that_resizes_is_not_redundant() -> None:
    lines = [line("fee", fee="edge_too_small", micro="thin")] * 250 + [line("entered", fee=1.0, micro=0.5)]
    assert "micro" not in gate_complexity(lines, ("fee", "micro"))["redundant"]
