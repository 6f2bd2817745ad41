"""SPEC 5.1: trading is switched on, the symbol is enabled and not suppressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import reason
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import GateParams

NAME: Final = "policy"


@dataclass(frozen=True, slots=True)
class PolicyView:
    """`against` names everything in settings and validation that stands against the symbol."""

    against: tuple[str, ...]


def judge(view: PolicyView, params: GateParams) -> GateVerdict:  # noqa: ARG001 - the shape of a gate
    """Blocks for any reason of policy."""
    if view.against:
        return blocks(NAME, view, *(reason(code) for code in view.against))
    return passes(NAME, view)
