"""Timing intelligence: hold, hold longer, leave sooner, leave now, take the profit, or leave at any price (SPEC 8.1).

An unknown number never advises anything by itself. Where two pieces of advice apply the more urgent one is given, in
this order: FORCE_EXIT, EXIT_NOW, TAKE_PROFIT, EXIT_SOONER, HOLD_EXTENDED, HOLD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from tradingbot.core.records import Reason, reason
from tradingbot.exits.facts import ExitFacts
from tradingbot.exits.params import TimingParams


class TimingAdvice(StrEnum):
    """What timing advises."""

    HOLD = "HOLD"
    HOLD_EXTENDED = "HOLD_EXTENDED"
    EXIT_SOONER = "EXIT_SOONER"
    EXIT_NOW = "EXIT_NOW"
    TAKE_PROFIT = "TAKE_PROFIT"
    FORCE_EXIT = "FORCE_EXIT"


class Momentum(StrEnum):
    """How the move that the position lives on goes on."""

    CONTINUING = "continuing"
    WEAKENING = "weakening"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TimingWord:
    """The advice, the momentum that was read, and why with all numbers that were seen."""

    advice: TimingAdvice
    momentum: Momentum
    why: Reason


def advise(facts: ExitFacts, params: TimingParams) -> TimingWord:
    """Timing's advice on one position. Grace is not its business: the engine holds back what may not act yet."""
    momentum = read_momentum(facts, params)
    limit_min = hold_limit_min(facts, params, momentum)
    advice, code = (
        _leave_at_once(facts, params)
        or _leave_now(facts, params, momentum)
        or _take_profit(facts, params, momentum)
        or _hold(facts, params, momentum, limit_min)
    )
    return TimingWord(advice, momentum, reason(code, **_numbers(facts, momentum, limit_min)))


def trend_of(facts: ExitFacts) -> float | None:
    """Mean trend of the 1 m and 5 m frames in our direction, of those that are known."""
    known = [trend for trend in (facts.trend_1m, facts.trend_5m) if trend is not None]
    return math.fsum(known) / len(known) if known else None


def read_momentum(facts: ExitFacts, params: TimingParams) -> Momentum:
    """Reversed by the trend; weakening by the trend or by what was given back of the best return; else continuing."""
    trend, back = trend_of(facts), gave_back(facts, params)
    if trend is None:
        return Momentum.WEAKENING if back else Momentum.UNKNOWN
    if trend <= -params.reversed_trend:
        return Momentum.REVERSED
    return Momentum.WEAKENING if back or trend < params.continuing_trend else Momentum.CONTINUING


def gave_back(facts: ExitFacts, params: TimingParams) -> bool:
    """A peak worth speaking of, and a share of it lost since."""
    peak_pct = facts.peak_return_pct
    kept_pct = round(peak_pct * (1 - params.give_back_share), 9)
    return peak_pct >= params.give_back_peak_pct and facts.return_pct <= kept_pct


def alignment_change(facts: ExitFacts) -> float | None:
    """Alignment now less that at entry; None when either is unknown. Rounded, so that 0.6 - 0.35 is 0.25."""
    if facts.alignment is None or facts.entry_alignment is None:
        return None
    return round(facts.alignment - facts.entry_alignment, 9)


def hold_limit_min(facts: ExitFacts, params: TimingParams, momentum: Momentum) -> float:
    """Minutes that the position may be held: the optimal hold, longer while the market runs with it."""
    optimal_min = params.default_hold_min if facts.optimal_hold_min is None else facts.optimal_hold_min
    return optimal_min * (params.hold_extension if _runs(facts, params, momentum) else 1.0)


def _runs(facts: ExitFacts, params: TimingParams, momentum: Momentum) -> bool:
    aligned = facts.alignment is not None and facts.alignment >= params.hold_alignment
    return aligned and momentum is Momentum.CONTINUING


def _settled(facts: ExitFacts, params: TimingParams) -> bool:
    return facts.held_s >= params.settle_min * 60


def _leave_at_once(facts: ExitFacts, params: TimingParams) -> tuple[TimingAdvice, str] | None:
    return (TimingAdvice.FORCE_EXIT, "loss") if facts.return_pct < -params.force_exit_loss_pct else None


def _leave_now(facts: ExitFacts, params: TimingParams, momentum: Momentum) -> tuple[TimingAdvice, str] | None:
    if fell_below(facts, params):
        return TimingAdvice.EXIT_NOW, "alignment_low"
    change = alignment_change(facts)
    if change is not None and change < -params.exit_alignment_drop:
        return TimingAdvice.EXIT_NOW, "alignment_dropped"
    # An entry against the trend was made because momentum was against it: only one with the trend can be reversed.
    with_trend = facts.entry_alignment is not None and facts.entry_alignment >= params.with_trend_alignment
    if momentum is Momentum.REVERSED and with_trend and _settled(facts, params):
        return TimingAdvice.EXIT_NOW, "momentum_reversed"
    return None


def fell_below(facts: ExitFacts, params: TimingParams) -> bool:
    """Alignment is below its limit now, was not at entry, and the fall is more than noise.

    A position that was opened against the trend has been below from the start; that is its idea, not news.
    """
    change = alignment_change(facts)
    if change is None or facts.alignment is None or facts.entry_alignment is None:
        return False
    crossed = facts.alignment < params.exit_alignment <= facts.entry_alignment
    return crossed and change <= -params.exit_alignment_noise


def _take_profit(facts: ExitFacts, params: TimingParams, momentum: Momentum) -> tuple[TimingAdvice, str] | None:
    fading = momentum in (Momentum.WEAKENING, Momentum.REVERSED)
    if facts.return_pct > params.take_profit_pct and fading and _settled(facts, params):
        return TimingAdvice.TAKE_PROFIT, "gain_and_" + momentum.value
    return None


def _hold(facts: ExitFacts, params: TimingParams, momentum: Momentum, limit_min: float) -> tuple[TimingAdvice, str]:
    if facts.held_s > limit_min * 60:
        return TimingAdvice.EXIT_SOONER, "held_beyond_optimum"
    if _runs(facts, params, momentum):
        return TimingAdvice.HOLD_EXTENDED, "aligned_and_continuing"
    return TimingAdvice.HOLD, "nothing_to_do"


def _numbers(facts: ExitFacts, momentum: Momentum, limit_min: float) -> dict[str, float | str]:
    seen: dict[str, float | None] = {
        "alignment": facts.alignment,
        "entry_alignment": facts.entry_alignment,
        "alignment_change": alignment_change(facts),
        "trend": trend_of(facts),
        "return_pct": facts.return_pct,
        "peak_return_pct": facts.peak_return_pct,
        "held_min": facts.held_s / 60,
        "hold_limit_min": limit_min,
        "learned_hold_min": facts.optimal_hold_min,
    }
    return {
        "momentum": momentum.value,
        **{name: "unknown" if value is None else value for name, value in seen.items()},
    }
