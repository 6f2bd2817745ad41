"""Signal reversal: the flow signal against the position closes it, an EMA cross against it makes haste (SPEC 8.6)."""

from __future__ import annotations

from dataclasses import dataclass

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.case import Case
from tradingbot.exits.facts import ExitAdvice
from tradingbot.exits.params import ExitParams, ReversalParams
from tradingbot.market.candles import Candles

WARM_UP_SPANS = 4
"""Spans of the slow EMA that are looked at before the entry: by then its first value weighs less than a thousandth."""


@dataclass(frozen=True, slots=True)
class EmaGaps:
    """Fast over slow EMA in per cent of the slow one, signed for the position: now, and the best since entry."""

    now_pct: float
    best_pct: float


def ema_gaps(
    candles: Candles, entry_ms: int, now_ms: int, direction: Direction, params: ReversalParams, max_age_bars: float
) -> EmaGaps | None:
    """The gaps of a position entered at `entry_ms`; its first one is that of the last bar closed before the entry.

    None with fewer bars than the slow EMA spans, or when the newest close is older than `max_age_bars`.
    """
    seen = candles.until(now_ms)
    last_ms, bar_ms = seen.last_close_ms, seen.timeframe.ms
    if last_ms is None or now_ms - last_ms > max_age_bars * bar_ms or len(seen) < params.slow_ema_bars:
        return None
    held = len(seen) - int(seen.open_ms.searchsorted(entry_ms - bar_ms, side="right"))
    return _since(seen, params, held, direction)


@by_identity(512, by_value=2)
def _since(seen: Candles, params: ReversalParams, held: int, direction: Direction) -> EmaGaps:
    """The same until another bar has closed, and for all that have been held for the same number of bars."""
    window = seen.tail(held + 1 + WARM_UP_SPANS * params.slow_ema_bars)
    gaps = _gaps(window.close.tolist(), params)
    warm = gaps[min(len(gaps) - 1, params.slow_ema_bars - 1) :]
    signed = [gap * direction.sign for gap in warm[-(held + 1) :]]
    return EmaGaps(signed[-1], max(signed))


def _gaps(closes: list[float], params: ReversalParams) -> list[float]:
    """The usual recursion, alpha = 2 / (span + 1), seeded with the first close."""
    fast = slow = closes[0]
    quick, calm = 2 / (params.fast_ema_bars + 1), 2 / (params.slow_ema_bars + 1)
    found = []
    for close in closes:
        fast += quick * (close - fast)
        slow += calm * (close - slow)
        found.append((fast / slow - 1) * 100)
    return found


def signal_reversal(case: Case, params: ExitParams) -> ExitAdvice:
    """The flow signal now points against the position with conviction."""
    facts = case.facts
    against = facts.flow_direction is facts.direction.opposite and facts.flow_conviction is not Conviction.NONE
    fired = against and facts.flow_confidence >= params.reversal.min_flow_confidence
    seen = reason(
        "flow",
        direction=facts.flow_direction.value,
        conviction=facts.flow_conviction.value,
        confidence=facts.flow_confidence,
        ema_gap_pct="unknown" if facts.ema_gap_pct is None else facts.ema_gap_pct,
        ema_crossed="unknown" if case.crossed is None else str(case.crossed),
    )
    return ExitAdvice("signal_reversal", fired, seen)
