"""Which open positions are closed, wholly or in part, and why: every rule's word on every position (SPEC 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradingbot.core.levers import HOLD, NO_LEVERS, Levers
from tradingbot.core.parameters import LearnedParameters, record_key
from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Timeframe, epoch_ms
from tradingbot.exits.exit_engine import ExitVerdict, judge
from tradingbot.exits.facts import ExitAdvice, ExitFacts, facts_record
from tradingbot.exits.params import ExitParams
from tradingbot.exits.reversal import EmaGaps, ema_gaps
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.portfolio.actions import ClosePosition
from tradingbot.portfolio.book import Book, exit_side
from tradingbot.portfolio.position import Position
from tradingbot.reading import MarketReading, ReadingParams, strategy_view
from tradingbot.strategies.strategy import ExitIdea, Held
from tradingbot.strategies.table import overseer_exits, strategy_exit


@dataclass(frozen=True, slots=True)
class LeavingParams:
    """All parameters that leaving a position depends on."""

    reading: ReadingParams
    exits: ExitParams
    levers: Levers = NO_LEVERS


def leave_positions(
    snapshot: MarketSnapshot,
    book: Book,
    params: LeavingParams,
    reading: MarketReading,
    learned: LearnedParameters,
) -> tuple[tuple[ExitVerdict, ...], tuple[ClosePosition, ...]]:
    """Every rule's word on every open position that has a price, and the closes that follow."""
    verdicts: list[ExitVerdict] = []
    closes: list[ClosePosition] = []
    for position in book.open_positions:
        facts = exit_facts(snapshot, position, params, reading, learned)
        if facts is None:
            continue
        verdict = judge(facts, params.exits)
        verdicts.append(verdict)
        if verdict.rule is not None:
            closes.append(_close(snapshot.symbols[position.symbol], position, verdict, verdict.rule, params.exits))
    return tuple(verdicts), tuple(closes)


def exit_facts(
    snapshot: MarketSnapshot,
    position: Position,
    params: LeavingParams,
    reading: MarketReading,
    learned: LearnedParameters,
) -> ExitFacts | None:
    """What the exit rules know of a position; None while its symbol has no price."""
    part = snapshot.symbols.get(position.symbol)
    if part is None or part.mark_price is None:
        return None
    one, direction = reading.symbols[position.symbol], position.direction
    gain, peak = position.return_fraction(part.mark_price), _peak_fraction(position)
    record = learned.record_of(position.symbol, direction)
    measured = record.optimal_hold_min if record is not None else None
    gaps = _ema_gaps(snapshot, part, position, params)
    return ExitFacts(
        position_id=position.position_id,
        symbol=position.symbol,
        direction=direction,
        in_grace=snapshot.as_of < position.grace_until,
        held_s=(snapshot.as_of - position.entry_time).total_seconds(),
        return_pct=_pct(gain),
        peak_return_pct=_pct(peak),
        entry_size=position.entry_size,
        size=position.size,
        size_step=part.spec.size_step,
        min_size=part.spec.min_size,
        alignment=one.mtf.score(direction),
        entry_alignment=position.mtf_alignment,
        trend_1m=_toward(direction, one.mtf.trends.get(Timeframe.M1)),
        trend_5m=_toward(direction, one.mtf.trends.get(Timeframe.M5)),
        optimal_hold_min=params.levers.values.get(f"{HOLD}.{record_key(position.symbol, direction)}", measured),
        ema_gap_pct=gaps.now_pct if gaps is not None else None,
        ema_best_gap_pct=gaps.best_pct if gaps is not None else None,
        flow_direction=one.flow.direction,
        flow_conviction=one.flow.conviction,
        flow_confidence=float(one.flow.confidence),
        strategy_words=_strategy_words(snapshot, position, (gain, peak), params.reading, reading),
    )


def _pct(fraction: Decimal) -> float:
    return float(fraction * 100)


def _peak_fraction(position: Position) -> Decimal:
    return position.return_fraction(position.peak_price) if position.peak_price else Decimal(0)


def _toward(direction: Direction, trend: float | None) -> float | None:
    return None if trend is None else float(trend) * direction.sign


def _ema_gaps(
    snapshot: MarketSnapshot, part: SymbolSnapshot, position: Position, params: LeavingParams
) -> EmaGaps | None:
    bars = part.higher.get(Timeframe.M5)
    if bars is None or part.candle_problems:
        return None
    return ema_gaps(
        bars,
        epoch_ms(position.entry_time),
        epoch_ms(snapshot.as_of),
        position.direction,
        params.exits.reversal,
        params.reading.mtf.max_age_bars,
    )


def _strategy_words(
    snapshot: MarketSnapshot,
    position: Position,
    returns: tuple[Decimal, Decimal],
    params: ReadingParams,
    reading: MarketReading,
) -> tuple[ExitAdvice, ...]:
    """What the strategy that opened a position, and those that watch over all, say of it."""
    part, symbol = snapshot.symbols[position.symbol], position.symbol
    leader = params.signals.lead_lag.leader
    view = strategy_view(part, snapshot.as_of, reading.symbols[symbol].mtf, reading.regime, leader)
    if view is None or part.mark_price is None:
        return ()
    held = Held(
        direction=position.direction,
        entry_price=float(position.entry_price),
        entry_time=position.entry_time,
        return_fraction=float(returns[0]),
        peak_fraction=float(returns[1]),
    )
    own = strategy_exit(position.strategy, view, held, params.strategies)
    above = overseer_exits([one.name for one in reading.active], view, held, params.strategies)
    return tuple(_word(idea) for idea in (own, *above) if idea is not None)


def _word(idea: ExitIdea) -> ExitAdvice:
    """A strategy's idea with numbers that JSON can hold: what is not finite becomes text."""
    numbers = tuple([(name, _plain(value)) for name, value in idea.why.numbers])
    return ExitAdvice(idea.strategy, bool(idea.exit_now), Reason(idea.why.code, numbers))


def _plain(value: float | str) -> float | str:
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else str(value)


def _close(
    part: SymbolSnapshot, position: Position, verdict: ExitVerdict, rule: str, params: ExitParams
) -> ClosePosition:
    return ClosePosition(
        position_id=position.position_id,
        symbol=position.symbol,
        side=exit_side(position),
        size=position.size if verdict.part is None else verdict.part,
        rule=rule,
        context=_context(position, verdict, rule, params),
        rung=None if verdict.part is None else verdict.rung,
        mid_price=Decimal(repr(part.book.mid)) if part.book is not None else None,
    )


def _context(position: Position, verdict: ExitVerdict, rule: str, params: ExitParams) -> dict[str, Any]:
    """What is recorded of a close: the winner, every rule's word, timing's word, and the facts to judge it anew."""
    timing = verdict.timing
    context: dict[str, Any] = {
        "precedence": rule,
        "advice": {
            item.rule: {"exit": item.exit_now, "code": item.why.code, **dict(item.why.numbers)}
            for item in verdict.advice
        },
        "timing": {"advice": timing.advice.value, "code": timing.why.code, **dict(timing.why.numbers)},
        "facts": facts_record(verdict.facts),
    }
    if verdict.rung is not None:
        context["rung"] = verdict.rung
        if verdict.part is not None and 0 < params.break_even_after_rungs <= verdict.rung + 1:
            context["tighten_stop_to"] = str(position.entry_price)
    return context
