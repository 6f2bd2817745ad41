"""What a part that judges a symbol hands to the ensemble: a direction, a probability, an expected move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.records import Reason
from tradingbot.core.types import Direction


@dataclass(frozen=True, slots=True)
class Opinion:
    """One voice.

    `probability` in 0..1 that the price is higher after `horizon_min` minutes; 0.5 has no opinion.
    `expected_move_bps` is the signed expected move over that horizon. `weight` is its share among its kind, 0..1.
    """

    source: str
    direction: Direction
    probability: float
    expected_move_bps: float
    horizon_min: float
    weight: float
    as_of: datetime | None
    reasons: tuple[Reason, ...]
