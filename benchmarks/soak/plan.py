"""Which troubles come when: each named fault of exchange and market data several times, for minutes, by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from tradingbot.simulator.coinglass_faults import COINGLASS_FAULTS
from tradingbot.simulator.faults import FAULTS

QUIET_CYCLES: Final = 30
"""Without faults: at the start, at the end, and between two of them."""
CLOCK_SKEW_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One trouble: at which cycle, of whom (``venue`` or ``intelligence``), what, for how many market minutes."""

    cycle: int
    desk: str
    name: str
    minutes: int

    def body(self) -> dict[str, Any]:
        """What the control desk is told. The skew of a clock has no end of its own: it is switched off."""
        if self.name == "clock_skew":
            return {"name": self.name, "seconds": CLOCK_SKEW_S}
        shared = {"name": self.name, "seconds": self.minutes * 60.0}
        return {**shared, "ms": 1500.0} if self.name == "slow" else shared


def fault_plan(cycles: int, repeats: int, seed: int) -> list[PlannedFault]:
    """Faults in the order of their cycles, evenly spread; a short run has room for some only, each another one."""
    rng = random.Random(f"soak:{seed}")
    kinds = [("venue", name) for name in FAULTS] + [("intelligence", name) for name in COINGLASS_FAULTS]
    wanted: list[tuple[str, str]] = []
    for _ in range(repeats):
        rng.shuffle(kinds)
        wanted += kinds
    room = max(0, cycles - 2 * QUIET_CYCLES)
    wanted = wanted[: room // (QUIET_CYCLES + 6)]
    if not wanted:
        return []
    step = room / len(wanted)
    return [
        PlannedFault(QUIET_CYCLES + round(number * step), desk, name, rng.randint(2, 6))
        for number, (desk, name) in enumerate(wanted)
    ]
