"""Which open positions are closed, wholly or in part, and why: every rule's word on every position (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.parameters import LearnedParameters
from tradingbot.exits.exit_engine import ExitAdvice, ExitVerdict, ExitView, judge
from tradingbot.exits.params import ExitParams
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.actions import ClosePosition
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import Position
from tradingbot.reading import MarketReading, ReadingParams, strategy_view
from tradingbot.strategies.strategy import Held
from tradingbot.strategies.table import overseer_exits, strategy_exit


@dataclass(frozen=True, slots=True)
class LeavingParams:
    """All parameters that leaving a position depends on."""

    reading: ReadingParams
    exits: ExitParams


def leave_positions(
    snapshot: MarketSnapshot,
    book: Book,
    params: LeavingParams,
    reading: MarketReading,
    learned: LearnedParameters,  # noqa: ARG001
) -> tuple[tuple[ExitVerdict, ...], tuple[ClosePosition, ...]]:
    """Every rule's word on every open position that has a price, and the closes that follow."""
    verdicts: list[ExitVerdict] = []
    closes: list[ClosePosition] = []
    for position in book.open_positions:
        view = _exit_view(snapshot, position, params, reading)
        if view is None:
            continue
        verdict = judge(view, params.exits)
        verdicts.append(verdict)
        if verdict.rule is not None:
            closes.append(_close(position, verdict, verdict.rule))
    return tuple(verdicts), tuple(closes)


def _exit_view(
    snapshot: MarketSnapshot, position: Position, params: LeavingParams, reading: MarketReading
) -> ExitView | None:
    part = snapshot.symbols.get(position.symbol)
    if part is None or part.mark_price is None:
        return None
    flow = reading.symbols[position.symbol].flow
    words = _strategy_words(snapshot, position, params.reading, reading)
    return ExitView(position, snapshot.as_of, part.mark_price, flow.direction, flow.conviction, flow.confidence, words)


def _strategy_words(
    snapshot: MarketSnapshot, position: Position, params: ReadingParams, reading: MarketReading
) -> tuple[ExitAdvice, ...]:
    """What the strategy that opened a position, and those that watch over all, say of it."""
    part, symbol = snapshot.symbols[position.symbol], position.symbol
    leader = params.signals.lead_lag.leader
    view = strategy_view(part, snapshot.as_of, reading.symbols[symbol].mtf, reading.regime, leader)
    if view is None or part.mark_price is None:
        return ()
    best = position.return_fraction(position.peak_price) if position.peak_price else Decimal(0)
    held = Held(
        direction=position.direction,
        entry_price=float(position.entry_price),
        entry_time=position.entry_time,
        return_fraction=float(position.return_fraction(part.mark_price)),
        peak_fraction=float(best),
    )
    own = strategy_exit(position.strategy, view, held, params.strategies)
    above = overseer_exits([one.name for one in reading.active], view, held, params.strategies)
    return tuple(ExitAdvice(idea.strategy, idea.exit_now, idea.why) for idea in (own, *above) if idea is not None)


def _close(position: Position, verdict: ExitVerdict, rule: str) -> ClosePosition:
    side = position.direction.entry_side.opposite
    advice = {
        item.rule: {"exit": item.exit_now, "code": item.why.code, **dict(item.why.numbers)} for item in verdict.advice
    }
    return ClosePosition(position.position_id, position.symbol, side, position.size, rule, {"advice": advice})
