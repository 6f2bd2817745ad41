"""What came of what each component said: hit rate and mean forward return with honest errors. Pure.

Nothing is fitted or chosen here. The forward price is that of a later line of the same market; costs are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from tradingbot.core.types import utc_from_ms
from tradingbot.market.candles import FloatArray, IntArray
from tradingbot.research.overlap import Estimate, chance_beyond, mean_over_blocks
from tradingbot.research.signal_table import ENSEMBLE, FLOW, INTELLIGENCE, STRATEGY, SignalTable, Voice
from tradingbot.signals.table import COMPONENTS
from tradingbot.strategies.params import StrategyParams
from tradingbot.strategies.table import strategies

HORIZONS_MIN: Final = (5, 15, 60)
LEAST_BLOCK_MIN: Final = 60
TOLERANCE_S: Final = 90.0
LIMIT_T: Final = 2.0
EVEN: Final = 0.5
ALWAYS_LONG: Final = "(always long)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a voice over one horizon.

    `returns_bps` is the mean of the price's return toward the direction, basis points; `hits` the share that went that
    way among those that moved at all. `missing` times there was no forward price; these are in neither.
    """

    horizon_min: int
    returns_bps: Estimate | None
    hits: Estimate | None
    missing: int

    @property
    def tests(self) -> tuple[tuple[float, int], ...]:
        """(t statistic, degrees of freedom) of each comparison with chance."""
        found = ((self.returns_bps, 0.0), (self.hits, EVEN))
        known = ((one.t(against), one.freedom) for one, against in found if one is not None)
        return tuple((t, freedom) for t, freedom in known if t is not None)


@dataclass(frozen=True, slots=True)
class VoiceReport:
    """One voice: in which share of the lines it could judge and had an opinion, and what came of the opinions."""

    name: str
    live_share: float
    spoke_share: float
    longs: int
    shorts: int
    mean_confidence: float | None
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class ComponentReport:
    """All voices, and how many comparisons were beyond |t| = 2 against how many would be by chance.

    `baseline` is what always saying long would have given: the drift of the market over the same lines.
    """

    lines: int
    markets: tuple[str, ...]
    homes: int
    first: datetime | None
    last: datetime | None
    unusable: int
    repeated: int
    voices: tuple[VoiceReport, ...]
    baseline: VoiceReport
    comparisons: int
    beyond: int
    expected_by_chance: float


def component_report(
    table: SignalTable, horizons_min: Sequence[int] = HORIZONS_MIN, tolerance_s: float = TOLERANCE_S
) -> ComponentReport:
    """The report of a table; every component and strategy has a row, also one that never spoke."""
    forward = {horizon: forward_returns(table, horizon * 60.0, tolerance_s) for horizon in horizons_min}
    names = _names(table)
    nobody, everybody = _constant(len(table), 0), _constant(len(table), 1)
    voices = tuple(_voice(name, table.voices.get(name, nobody), table, forward) for name in names)
    tests = [test for voice in voices for outcome in voice.outcomes for test in outcome.tests]
    moments = [utc_from_ms(1000 * float(at)) for at in (table.at_s.min(), table.at_s.max())] if len(table) else []
    return ComponentReport(
        lines=len(table),
        markets=tuple(sorted({symbol for _, symbol in table.markets})),
        homes=len({home for home, _ in table.markets}),
        first=moments[0] if moments else None,
        last=moments[1] if moments else None,
        unusable=table.unusable,
        repeated=table.repeated,
        voices=voices,
        baseline=_voice(ALWAYS_LONG, everybody, table, forward),
        comparisons=len(tests),
        beyond=sum(abs(t) > LIMIT_T for t, _ in tests),
        expected_by_chance=sum(chance_beyond(LIMIT_T, freedom) for _, freedom in tests),
    )


def _constant(lines: int, value: int) -> Voice:
    """A voice that always says the same: nothing, or long with full confidence."""
    return Voice(
        np.full(lines, value, np.int64), np.full(lines, value, np.float64), np.full(lines, bool(value), np.bool_)
    )


def _names(table: SignalTable) -> tuple[str, ...]:
    """Components in their order, what is made of them, strategies, then whatever else was said."""
    known = (STRATEGY + strategy.name for strategy in strategies(StrategyParams()))
    fixed = (*COMPONENTS, FLOW, INTELLIGENCE, ENSEMBLE, *known)
    return (*fixed, *sorted(name for name in table.voices if name not in fixed))


def _voice(name: str, voice: Voice, table: SignalTable, forward: dict[int, FloatArray]) -> VoiceReport:
    spoke, lines = voice.sign != 0, max(1, len(table))
    return VoiceReport(
        name=name,
        live_share=float(voice.live.sum()) / lines,
        spoke_share=float(spoke.sum()) / lines,
        longs=int((voice.sign > 0).sum()),
        shorts=int((voice.sign < 0).sum()),
        mean_confidence=float(voice.confidence[spoke].mean()) if spoke.any() else None,
        outcomes=tuple(_outcome(horizon, voice.sign, found, table.at_s) for horizon, found in forward.items()),
    )


def _outcome(horizon_min: int, sign: IntArray, forward: FloatArray, at_s: FloatArray) -> Outcome:
    spoke = sign != 0
    known = spoke & np.isfinite(forward)
    blocks = (at_s[known] // (60 * max(horizon_min, LEAST_BLOCK_MIN))).astype(np.int64)
    toward = sign[known] * forward[known]
    moved = toward != 0
    return Outcome(
        horizon_min=horizon_min,
        returns_bps=mean_over_blocks(toward * 10_000, blocks),
        hits=mean_over_blocks((toward[moved] > 0).astype(np.float64), blocks[moved]),
        missing=int(spoke.sum() - known.sum()),
    )


def forward_returns(table: SignalTable, horizon_s: float, tolerance_s: float) -> FloatArray:
    """Return of each line to the line of the same market nearest to `horizon_s` later; NaN without one that near.

    Lines without a price neither begin nor end a return.
    """
    found = np.full(len(table), np.nan)
    for number in range(len(table.markets)):
        rows = np.flatnonzero((table.market == number) & np.isfinite(table.price))
        if rows.size:
            found[rows] = _returns(table.at_s[rows], table.price[rows], horizon_s, tolerance_s)
    return found


def _returns(at_s: FloatArray, price: FloatArray, horizon_s: float, tolerance_s: float) -> FloatArray:
    due = at_s + horizon_s
    after = np.searchsorted(at_s, due)
    before = np.clip(after - 1, 0, None)
    after = np.clip(after, None, at_s.size - 1)
    nearest = np.where(np.abs(at_s[after] - due) < np.abs(at_s[before] - due), after, before)
    near = (np.abs(at_s[nearest] - due) <= tolerance_s) & (nearest > np.arange(at_s.size))
    return np.where(near, price[nearest] / price - 1, np.nan)
