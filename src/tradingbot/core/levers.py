"""What learning may change about decisions: numbers by name, together one generation (SPEC 10.2-10.5).

A lever is never a limit: nothing in here can raise a cap, a loss limit or leverage. Names::

    weights.hurst                  share of a component in the flow signal's confidence, all together 1
    composite.flow                 share of a part in the conviction gate's score, all together 1
    conviction.high                size factor of a level of the raw signal
    direction.BTCUSDT:long         size factor of a symbol and side
    hold.BTCUSDT:long              optimal hold of a symbol and side, minutes
    targets.scale                  factor of profit targets and rungs
    strategy.trend_follower        size factor of a strategy
    gates.fee.min_edge_bps         a gate's setting, by its dotted key
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

WEIGHTS: Final = "weights"
COMPOSITE: Final = "composite"
CONVICTION: Final = "conviction"
DIRECTION: Final = "direction"
HOLD: Final = "hold"
TARGETS: Final = "targets"
STRATEGY: Final = "strategy"
GATES: Final = "gates"
KINDS: Final = (WEIGHTS, COMPOSITE, CONVICTION, DIRECTION, HOLD, TARGETS, STRATEGY, GATES)
TARGET_SCALE: Final = "targets.scale"


@dataclass(frozen=True, slots=True)
class Levers:
    """One generation: `number` 0 is the settings as a person wrote them; a lever without a value stands as they say."""

    number: int = 0
    values: Mapping[str, float] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, float]:
        """The levers of one kind by what follows the kind in their names."""
        begin = f"{kind}."
        return {name[len(begin) :]: value for name, value in self.values.items() if name.startswith(begin)}


NO_LEVERS: Final = Levers()
