"""What each gate saves or costs, out of what the signals that it spoke on would have made (SPEC 10.4). Pure.

A gate that multiplies the size of a signal by m changes its result of r bps of the unchanged size by ``(m - 1) x r``;
to block is m = 0. What is above 0 was saved, what is below was given away. Signals of one stretch of time hang
together, so the bounds of a mean come from drawing whole blocks of time, all symbols together (`core.resampling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np

from tradingbot.core.resampling import Floats, drawn_means, interval
from tradingbot.core.types import parse_utc
from tradingbot.learning.counterfactual_params import CounterfactualParams

BPS: Final = 10_000
SEED: Final = 1
ENTERED: Final = "entered"
WEAK: Final = "signal"
"""The stage of a signal that had a side and no conviction."""
SIZING: Final = "sizing"
STAGE_OF: Final = {"contract_size": SIZING}
"""Stages that are told under the name of another one."""

BLOCKS: Final = "blocks"
"""Signals that ended at the gate: each blocked signal counts once."""
ALONE: Final = "alone"
"""Those of them that nothing else spoke against: without the gate they would have been traded."""
RESIZES: Final = "resizes"
"""Signals that the gate let through smaller or larger."""
TAKEN: Final = "taken"

TOO_LITTLE: Final = "not enough data"
SAVES: Final = "saves money"
COSTS: Final = "costs money"


@dataclass(frozen=True, slots=True)
class SignalOutcome:
    """What came of one signal, as the ledger tells it (`counterfactual.Origin`). bps are of the notional at entry."""

    as_of: datetime
    symbol: str
    direction: str
    stage: str
    blockers: tuple[str, ...]
    multipliers: Mapping[str, float]
    weak: bool
    taken: bool
    notional_usd: float
    net_bps: float


def outcome_of(line: Mapping[str, Any]) -> SignalOutcome:
    """Out of a line of `logs/counterfactual.jsonl`. Raises KeyError, TypeError, ValueError for another shape."""
    as_of = line["as_of"]
    return SignalOutcome(
        as_of=as_of if isinstance(as_of, datetime) else parse_utc(as_of),
        symbol=str(line["symbol"]),
        direction=str(line["direction"]),
        stage=str(line["stage"]),
        blockers=tuple(line["blockers"]),
        multipliers=dict(line["multipliers"]),
        weak=bool(line["weak"]),
        taken=bool(line["taken"]),
        notional_usd=float(line["notional_usd"]),
        net_bps=float(line["net_bps"]),
    )


@dataclass(slots=True)
class _Block:
    """Sums over one block of time."""

    signals: int = 0
    net_bps: float = 0.0
    effect_bps: float = 0.0
    multiplied: float = 0.0


NO_BLOCK: Final = _Block()


@dataclass(slots=True)
class _Tally:
    """Sums over what one gate did in one way."""

    blocks: dict[int, _Block] = field(default_factory=dict)
    episodes: set[tuple[str, str, int]] = field(default_factory=set)
    saved_bps: float = 0.0
    cost_bps: float = 0.0
    saved_usd: float = 0.0
    cost_usd: float = 0.0
    multiplied: float = 0.0

    def add(self, one: SignalOutcome, block: int, multiplier: float, unchanged_usd: float) -> None:
        effect = (multiplier - 1) * one.net_bps
        usd = effect * unchanged_usd / BPS
        sums = self.blocks.setdefault(block, _Block())
        sums.signals += 1
        sums.net_bps += one.net_bps
        sums.effect_bps += effect
        sums.multiplied += multiplier
        self.episodes.add((one.symbol, one.direction, block))
        self.multiplied += multiplier
        if effect >= 0:
            self.saved_bps += effect
            self.saved_usd += usd
        else:
            self.cost_bps -= effect
            self.cost_usd -= usd


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and the bounds that hold 95 % of what the bootstrap drew; bounds None with fewer than two blocks."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class GateRow:
    """What one gate did in one way (`BLOCKS`, `ALONE`, `RESIZES`; `TAKEN` of what was traded).

    `net_bps` is what the signals made, or would have made, on average, `effect_bps` what the gate changed of that:
    above 0 it saved. `choice_bps` is what it chose well, whatever all signals made on average: for blocked ones how
    much more the traded ones made, for resized ones the mean of ``(m - mean m) x r``; None where there is nothing to
    compare with. `saved_*` and `cost_*` are sums over all signals. `episodes` counts blocks of time of one symbol
    and side, `blocks` blocks of time. USD of a signal that was never sized are of the nominal size; `RESIZES` has USD
    of taken signals only.
    """

    gate: str
    way: str
    signals: int
    episodes: int
    blocks: int
    mean_multiplier: float
    net_bps: Estimate
    effect_bps: Estimate
    choice_bps: Estimate | None
    saved_bps: float
    cost_bps: float
    saved_usd: float
    cost_usd: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all signals with a side that were carried to their end: how many, taken, blocked, and their mean results."""

    signals: int
    taken: int
    blocked: int
    taken_net_bps: float | None
    blocked_net_bps: float | None


@dataclass(frozen=True, slots=True)
class GateTable:
    """The rows in the order of the review, and the totals; `since` and `until` are of the signals."""

    rows: tuple[GateRow, ...]
    totals: Totals
    since: datetime | None
    until: datetime | None


class GateFeedback:
    """Takes outcomes in any order, one at a time; holds sums, never the outcomes."""

    def __init__(self, params: CounterfactualParams) -> None:
        self._params = params
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._count = {True: 0, False: 0}
        self._net = {True: 0.0, False: 0.0}
        self._since: datetime | None = None
        self._until: datetime | None = None

    def add(self, one: SignalOutcome) -> None:
        """Count one signal."""
        block = int(one.as_of.timestamp() // (self._params.block_h * 3600))
        self._since = one.as_of if self._since is None else min(self._since, one.as_of)
        self._until = one.as_of if self._until is None else max(self._until, one.as_of)
        self._count[one.taken] += 1
        self._net[one.taken] += one.net_bps
        if one.taken:
            self._tally(ENTERED, TAKEN).add(one, block, 1.0, one.notional_usd)
        else:
            stage = STAGE_OF.get(one.stage, one.stage)
            self._tally(stage, BLOCKS).add(one, block, 0.0, one.notional_usd)
            if obstacles(one) <= {stage}:
                self._tally(stage, ALONE).add(one, block, 0.0, one.notional_usd)
        for gate, multiplier in one.multipliers.items():
            unchanged_usd = one.notional_usd / multiplier if one.taken and multiplier > 0 else 0.0
            self._tally(gate, RESIZES).add(one, block, multiplier, unchanged_usd)

    def add_all(self, outcomes: Iterable[SignalOutcome]) -> None:
        """Count several."""
        for one in outcomes:
            self.add(one)

    def table(self, order: Iterable[str]) -> GateTable:
        """Every gate that did something; `order` names gates as they come in the review."""
        places = {gate: place for place, gate in enumerate(order)}
        keys = sorted(self._tallies, key=lambda key: (places.get(key[0], len(places)), WAYS.index(key[1])))
        taken, blocked = self._count[True], self._count[False]
        totals = Totals(
            signals=taken + blocked,
            taken=taken,
            blocked=blocked,
            taken_net_bps=self._net[True] / taken if taken else None,
            blocked_net_bps=self._net[False] / blocked if blocked else None,
        )
        traded = self._tallies.get((ENTERED, TAKEN))
        rows = tuple(_row(gate, way, self._tallies[gate, way], traded, self._params) for gate, way in keys)
        return GateTable(rows, totals, self._since, self._until)

    def _tally(self, gate: str, way: str) -> _Tally:
        return self._tallies.setdefault((gate, way), _Tally())


WAYS: Final = (BLOCKS, ALONE, RESIZES, TAKEN)


def obstacles(one: SignalOutcome) -> set[str]:
    """Everything that spoke against a signal."""
    found = set(one.blockers)
    if one.weak:
        found.add(WEAK)
    return found


def _row(gate: str, way: str, tally: _Tally, traded: _Tally | None, params: CounterfactualParams) -> GateRow:
    blocks = sorted(tally.blocks)
    sums = _Sums.of(tally, blocks)
    effect = _estimate(sums.mean("effect"), sums.draws("effect"))
    enough = len(tally.episodes) >= params.min_episodes and len(blocks) >= params.min_blocks
    return GateRow(
        gate=gate,
        way=way,
        signals=int(sums.counts.sum()),
        episodes=len(tally.episodes),
        blocks=len(blocks),
        mean_multiplier=sums.mean("multiplied"),
        net_bps=_estimate(sums.mean("net"), sums.draws("net")),
        effect_bps=effect,
        choice_bps=_choice(way, tally, sums, traded),
        saved_bps=tally.saved_bps,
        cost_bps=tally.cost_bps,
        saved_usd=tally.saved_usd,
        cost_usd=tally.cost_usd,
        verdict="" if way == TAKEN else _verdict(effect, enough),
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """A tally by block of time, as columns."""

    counts: Floats
    columns: Mapping[str, Floats]

    @classmethod
    def of(cls, tally: _Tally, blocks: Iterable[int]) -> _Sums:
        """Of these blocks; those that the tally lacks are 0."""
        found = [tally.blocks.get(block, NO_BLOCK) for block in blocks]
        columns = {
            "net": np.array([one.net_bps for one in found]),
            "effect": np.array([one.effect_bps for one in found]),
            "multiplied": np.array([one.multiplied for one in found]),
        }
        return cls(np.array([one.signals for one in found], dtype=np.float64), columns)

    def mean(self, name: str) -> float:
        """Of all signals."""
        return float(self.columns[name].sum() / self.counts.sum())

    def draws(self, name: str) -> Floats:
        """Means of the draws; none with fewer than two blocks."""
        return drawn_means(self.columns[name], self.counts, SEED) if len(self.counts) > 1 else np.empty(0)


def _choice(way: str, tally: _Tally, sums: _Sums, traded: _Tally | None) -> Estimate | None:
    if way == RESIZES:
        evenly = (sums.mean("multiplied") - 1) * sums.mean("net")
        drawn = sums.draws("effect") - (sums.draws("multiplied") - 1) * sums.draws("net")
        return _estimate(sums.mean("effect") - evenly, drawn)
    if way == TAKEN or traded is None:
        return None
    every = sorted({*tally.blocks, *traded.blocks})
    ours, theirs = _Sums.of(tally, every), _Sums.of(traded, every)
    return _estimate(theirs.mean("net") - ours.mean("net"), theirs.draws("net") - ours.draws("net"))


def _estimate(mean: float, drawn: Floats) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    return Estimate(mean, *interval(known)) if len(known) else Estimate(mean, None, None)


def _verdict(effect: Estimate, enough: bool) -> str:
    if not enough or effect.low is None or effect.high is None:
        return TOO_LITTLE
    if effect.low > 0:
        return SAVES
    return COSTS if effect.high < 0 else TOO_LITTLE
