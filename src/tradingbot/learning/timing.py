"""When trades were at their best, and how long such trades should be held. Pure.

A peak after the exit is not seen, so an estimate from trades that were all left early is itself early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradingbot.core.parameters import record_key
from tradingbot.learning.decay import DecayedMean
from tradingbot.learning.params import LearningParams
from tradingbot.learning.trade_facts import TradeFacts


@dataclass(frozen=True, slots=True)
class TimingOutcome:
    """One trade: how long it was held, when it was best, and how good that was. None: its peak is not known."""

    trade_id: str
    timing_id: str
    pair: str
    exit_time: datetime
    exit_rule: str
    held_min: float
    best_min: float | None
    best_bps: float | None
    realised_bps: float


@dataclass(frozen=True, slots=True)
class TimingPair:
    """Of one symbol and direction: decay-weighted means of the hold, and of the best moment of trades worth having."""

    trades: int = 0
    held_min: DecayedMean = field(default_factory=DecayedMean)
    best_min: DecayedMean = field(default_factory=DecayedMean)
    left_bps: DecayedMean = field(default_factory=DecayedMean)

    def optimal_hold_min(self, min_trades: int) -> float | None:
        """When such trades were best on average, minutes; None below `min_trades` with a peak above their fees."""
        return self.best_min.mean if self.best_min.count >= min_trades else None


@dataclass(frozen=True, slots=True)
class TimingOutcomes:
    """`pairs` by ``SYMBOL:direction``; `newest` lists the newest trades one by one, oldest first."""

    pairs: Mapping[str, TimingPair] = field(default_factory=dict)
    newest: tuple[TimingOutcome, ...] = ()


def timed(known: TimingOutcomes, facts: TradeFacts, params: LearningParams) -> TimingOutcomes:
    """The outcomes with one more trade."""
    outcome = timing_outcome(facts)
    pair = known.pairs.get(outcome.pair, TimingPair())
    at, half_life = facts.trade.exit_time, params.half_life_days
    best, left = pair.best_min, pair.left_bps
    if outcome.best_bps is not None:
        left = left.with_value(max(0.0, outcome.best_bps - outcome.realised_bps), at, half_life)
        if outcome.best_min is not None and outcome.best_bps > facts.fee_bps:
            best = best.with_value(outcome.best_min, at, half_life)
    made = TimingPair(pair.trades + 1, pair.held_min.with_value(facts.held_min, at, half_life), best, left)
    return TimingOutcomes({**known.pairs, outcome.pair: made}, (*known.newest, outcome)[-params.newest_trades :])


def timing_outcome(facts: TradeFacts) -> TimingOutcome:
    """Held, best moment and result of one trade."""
    trade = facts.trade
    return TimingOutcome(
        trade_id=trade.trade_id,
        timing_id=trade.timing_id,
        pair=record_key(trade.symbol, trade.direction),
        exit_time=trade.exit_time,
        exit_rule=trade.exit_rule,
        held_min=facts.held_min,
        best_min=facts.best_min,
        best_bps=facts.peak_bps,
        realised_bps=facts.return_bps,
    )
