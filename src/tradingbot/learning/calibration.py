"""Did the ensemble mean what it said: predicted probability and move at the entry against what the trade saw. Pure.

The prediction is for its own horizon and the trade ends when its exits say so, so this judges the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tradingbot.learning.tally import Tally
from tradingbot.learning.trade_facts import TradeFacts

BINS: Final = 10
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Trades with a probability between `low` and `low` + 0.1: how many, the sum of what was said, how many came."""

    low: float
    count: Tally = 0
    said: float = 0.0
    came: Tally = 0


@dataclass(frozen=True, slots=True)
class CalibrationSums:
    """Of one direction. `came` counts prices that moved the predicted way between entry and exit, costs aside.

    `squared_errors` gives the Brier score, the move sums (bps) compare the expected move with the realised one.
    """

    count: Tally = 0
    came: Tally = 0
    said: float = 0.0
    squared_errors: float = 0.0
    moves: Tally = 0
    expected_bps: float = 0.0
    realised_bps: float = 0.0
    absolute_error_bps: float = 0.0
    bins: tuple[ReliabilityBin, ...] = tuple(ReliabilityBin(number / BINS) for number in range(BINS))

    @property
    def brier(self) -> float | None:
        """Mean squared error of the probability: 0 is perfect, 0.25 is what saying 0.5 always gives."""
        return self.squared_errors / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class Calibration:
    """`directions`: sums of ``long``, ``short`` and ``all``; `unpredicted` trades carried no prediction."""

    directions: Mapping[str, CalibrationSums] = field(default_factory=dict)
    unpredicted: int = 0


def calibrated(known: Calibration, facts: TradeFacts) -> Calibration:
    """The calibration with one more trade."""
    if facts.probability is None or not 0 <= facts.probability <= 1:
        return Calibration(known.directions, known.unpredicted + 1)
    directions = dict(known.directions)
    for name in (facts.trade.direction.value, ALL):
        directions[name] = _with_trade(directions.get(name, CalibrationSums()), facts, facts.probability)
    return Calibration(directions, known.unpredicted)


def _with_trade(sums: CalibrationSums, facts: TradeFacts, said: float) -> CalibrationSums:
    came = facts.return_bps > 0
    expected = facts.expected_bps
    return CalibrationSums(
        count=sums.count + 1,
        came=sums.came + came,
        said=sums.said + said,
        squared_errors=sums.squared_errors + (said - came) ** 2,
        moves=sums.moves + (expected is not None),
        expected_bps=sums.expected_bps + (expected or 0.0),
        realised_bps=sums.realised_bps + (facts.return_bps if expected is not None else 0.0),
        absolute_error_bps=sums.absolute_error_bps
        + (abs(facts.return_bps - expected) if expected is not None else 0.0),
        bins=_binned(sums.bins, said, came),
    )


def _binned(bins: tuple[ReliabilityBin, ...], said: float, came: bool) -> tuple[ReliabilityBin, ...]:
    row = min(BINS - 1, int(said * BINS))
    old = bins[row]
    return (*bins[:row], ReliabilityBin(old.low, old.count + 1, old.said + said, old.came + came), *bins[row + 1 :])
