"""What is wrong with a series of candles: bars that are missing, empty or out of all proportion. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.simulator.recorded_track import RecordedColumns

SHOWN: Final = 10
JUMP_SIGMAS: Final = 30.0
"""Returns beyond so many robust standard deviations are named; a crash reaches about twenty."""
JUMP_LEAST: Final = 0.03
_MAD_TO_SIGMA: Final = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution (Rousseeuw and Croux 1993)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars that are missing: the open of the first of them, and how many."""

    from_ms: int
    bars: int


@dataclass(frozen=True, slots=True)
class Jump:
    """A close that is far from the one before. `returned`: the next one came back, so it may be no price at all."""

    at_ms: int
    change: float
    returned: bool


@dataclass(frozen=True, slots=True)
class DataReport:
    """One asset's candles. `gaps` and `jumps` are the largest ones; the counts are of all."""

    asset: str
    bars: int
    first_ms: int
    last_ms: int
    step_ms: int
    missing: int
    gap_count: int
    gaps: tuple[Gap, ...]
    empty: int
    longest_empty: int
    jump_count: int
    spike_count: int
    jumps: tuple[Jump, ...]

    @property
    def clean(self) -> bool:
        """Nothing is missing and nothing jumps there and back; bars without trades and news are told only."""
        return not self.missing and not self.spike_count


def check_candles(asset: str, columns: RecordedColumns) -> DataReport:
    """Look at every bar."""
    steps = np.diff(columns.open_ms) // columns.step_ms
    places = np.flatnonzero(steps > 1)
    gaps = [Gap(int(columns.open_ms[at]) + columns.step_ms, int(steps[at]) - 1) for at in places]
    jumps = _jumps(columns)
    return DataReport(
        asset=asset,
        bars=len(columns.open_ms),
        first_ms=int(columns.open_ms[0]),
        last_ms=int(columns.open_ms[-1]),
        step_ms=columns.step_ms,
        missing=sum(gap.bars for gap in gaps),
        gap_count=len(gaps),
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.bars)[:SHOWN]),
        empty=int((columns.volume == 0).sum()),
        longest_empty=_longest(columns.volume == 0),
        jump_count=len(jumps),
        spike_count=sum(jump.returned for jump in jumps),
        jumps=tuple(sorted(jumps, key=lambda jump: -abs(jump.change))[:SHOWN]),
    )


def _longest(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _jumps(columns: RecordedColumns) -> list[Jump]:
    changes = np.diff(np.log(columns.close))
    if not len(changes):
        return []
    sigma = _MAD_TO_SIGMA * float(np.median(np.abs(changes - np.median(changes))))
    next_changes = np.append(changes[1:], 0.0)
    returned = (changes * next_changes < 0) & (np.abs(next_changes) > np.abs(changes) / 2)
    return [
        Jump(int(columns.open_ms[at + 1]), float(np.expm1(changes[at])), bool(returned[at]))
        for at in np.flatnonzero(np.abs(changes) > max(JUMP_LEAST, JUMP_SIGMAS * sigma))
    ]
