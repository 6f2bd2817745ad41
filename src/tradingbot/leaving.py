"""Which open positions are closed, wholly or in part, and why: every rule's word on every position (SPEC 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradingbot.core.levers import HOLD, NO_LEVERS, Levers
from tradingbot.core.parameters import LearnedParameters, record_key
from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Symbol, Timeframe, epoch_ms
from tradingbot.exits.exit_engine import ExitVerdict, judge
from tradingbot.exits.facts import ExitAdvice, ExitFacts, facts_record
from tradingbot.exits.params import ExitParams
from tradingbot.exits.reversal import EmaGaps, ema_gaps
from tradingbot.market.candles import Candles
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.portfolio.actions import ClosePosition
from tradingbot.portfolio.book import Book, exit_side
from tradingbot.portfolio.position import Position
from tradingbot.reading import MarketReading, ReadingParams, SymbolReading, strategy_view
from tradingbot.strategies.strategy import ExitIdea, Held, StrategyView
from tradingbot.strategies.table import overseer_exits, strategy_exit


@dataclass(frozen=True, slots=True)
class LeavingParams:
    """All parameters that leaving a position depends on."""

    reading: ReadingParams
    exits: ExitParams
    levers: Levers = NO_LEVERS


@dataclass(frozen=True, slots=True)
class Scene:
    """What every position of one symbol is judged by in one cycle, made once for all of them. `mark` is in USD."""

    as_of: datetime
    part: SymbolSnapshot
    mark: Decimal
    one: SymbolReading
    view: StrategyView | None
    bars: Candles | None
    overseers: tuple[str, ...]


def scene_of(snapshot: MarketSnapshot, symbol: Symbol, params: LeavingParams, reading: MarketReading) -> Scene | None:
    """The scene of a symbol; None while it has no price."""
    part = snapshot.symbols.get(symbol)
    if part is None or part.mark_price is None:
        return None
    one, leader = reading.symbols[symbol], params.reading.signals.lead_lag.leader
    return Scene(
        as_of=snapshot.as_of,
        part=part,
        mark=part.mark_price,
        one=one,
        view=strategy_view(part, snapshot.as_of, one.mtf, reading.regime, leader),
        bars=None if part.candle_problems else part.higher.get(Timeframe.M5),
        overseers=tuple(active.name for active in reading.active),
    )


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
        scene = scene_of(snapshot, position.symbol, params, reading)
        if scene is None:
            continue
        verdict, close = leave(scene, position, params, learned)
        verdicts.append(verdict)
        if close is not None:
            closes.append(close)
    return tuple(verdicts), tuple(closes)


def leave(
    scene: Scene, position: Position, params: LeavingParams, learned: LearnedParameters
) -> tuple[ExitVerdict, ClosePosition | None]:
    """Every rule's word on one position, real or virtual, and the close that follows."""
    verdict = judge(facts_at(scene, position, params, learned), params.exits)
    if verdict.rule is None:
        return verdict, None
    return verdict, _close(scene.part, position, verdict, verdict.rule, params.exits)


def exit_facts(
    snapshot: MarketSnapshot,
    position: Position,
    params: LeavingParams,
    reading: MarketReading,
    learned: LearnedParameters,
) -> ExitFacts | None:
    """What the exit rules know of a position; None while its symbol has no price."""
    scene = scene_of(snapshot, position.symbol, params, reading)
    return None if scene is None else facts_at(scene, position, params, learned)


def facts_at(scene: Scene, position: Position, params: LeavingParams, learned: LearnedParameters) -> ExitFacts:
    """What the exit rules know of a position of the scene's symbol."""
    one, direction = scene.one, position.direction
    gain, peak = position.return_fraction(scene.mark), _peak_fraction(position)
    record = learned.record_of(position.symbol, direction)
    measured = record.optimal_hold_min if record is not None else None
    gaps = _ema_gaps(scene, position, params)
    return ExitFacts(
        position_id=position.position_id,
        symbol=position.symbol,
        direction=direction,
        in_grace=scene.as_of < position.grace_until,
        held_s=(scene.as_of - position.entry_time).total_seconds(),
        return_pct=_pct(gain),
        peak_return_pct=_pct(peak),
        entry_size=position.entry_size,
        size=position.size,
        size_step=scene.part.spec.size_step,
        min_size=scene.part.spec.min_size,
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
        strategy_words=_strategy_words(scene, position, (gain, peak), params.reading),
    )


def _pct(fraction: Decimal) -> float:
    return float(fraction * 100)


def _peak_fraction(position: Position) -> Decimal:
    return position.return_fraction(position.peak_price) if position.peak_price else Decimal(0)


def _toward(direction: Direction, trend: float | None) -> float | None:
    return None if trend is None else float(trend) * direction.sign


def _ema_gaps(scene: Scene, position: Position, params: LeavingParams) -> EmaGaps | None:
    if scene.bars is None:
        return None
    return ema_gaps(
        scene.bars,
        epoch_ms(position.entry_time),
        epoch_ms(scene.as_of),
        position.direction,
        params.exits.reversal,
        params.reading.mtf.max_age_bars,
    )


def _strategy_words(
    scene: Scene, position: Position, returns: tuple[Decimal, Decimal], params: ReadingParams
) -> tuple[ExitAdvice, ...]:
    """What the strategy that opened a position, and those that watch over all, say of it."""
    view = scene.view
    if view is None:
        return ()
    held = Held(
        direction=position.direction,
        entry_price=float(position.entry_price),
        entry_time=position.entry_time,
        return_fraction=float(returns[0]),
        peak_fraction=float(returns[1]),
    )
    own = strategy_exit(position.strategy, view, held, params.strategies)
    above = overseer_exits(scene.overseers, view, held, params.strategies)
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
