"""One cycle's thinking: (snapshot, book, parameters, permission, learned) -> Decision; it alone orders the stages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tradingbot.core.parameters import NOTHING_LEARNED, LearnedParameters
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.entering import DecisionParams, SignalVerdict, consider_entry, has_side, held_risk
from tradingbot.exits.exit_engine import ExitVerdict
from tradingbot.gate_views import Candidate
from tradingbot.gates.params import CorrelationGateParams
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.leaving import LeavingParams, leave_positions
from tradingbot.market.candles import Candles
from tradingbot.market.comovement import NO_CORRELATIONS, Correlations, correlations
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.actions import Action, ClosePosition, OpenPosition
from tradingbot.portfolio.book import Book
from tradingbot.reading import MarketReading, read_market
from tradingbot.risk.exposure import exposure_of
from tradingbot.strategies.strategy import ActiveStrategy

__all__ = ["Action", "ClosePosition", "Decision", "DecisionParams", "OpenPosition", "SignalVerdict", "decide"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything one cycle decided and why, blocked signals too. Actions are in the order they are carried out."""

    cycle_id: str
    regime: RegimeReading
    active: tuple[ActiveStrategy, ...]
    actions: tuple[Action, ...]
    signals: tuple[SignalVerdict, ...]
    exits: tuple[ExitVerdict, ...]


def decide(
    snapshot: MarketSnapshot,
    book: Book,
    params: DecisionParams,
    permission: EntryPermission,
    learned: LearnedParameters = NOTHING_LEARNED,
) -> Decision:
    """Exits first, then entries."""
    reading = read_market(snapshot, params.reading)
    leaving = LeavingParams(params.reading, params.exits, params.levers)
    verdicts, closes = leave_positions(snapshot, book, leaving, reading, learned)
    left = {action.symbol for action in closes}
    signals, opens = _entries(snapshot, book, left, reading, params, permission, learned)
    actions: tuple[Action, ...] = (*closes, *opens)
    return Decision(snapshot.cycle_id, reading.regime, reading.active, actions, signals, verdicts)


def _entries(
    snapshot: MarketSnapshot,
    book: Book,
    left: Collection[Symbol],
    reading: MarketReading,
    params: DecisionParams,
    permission: EntryPermission,
    learned: LearnedParameters,
) -> tuple[tuple[SignalVerdict, ...], tuple[OpenPosition, ...]]:
    """The strongest signal first; each sees the exposure, and the entries left today, that those before it leave."""
    exposure, entries_left = exposure_of(snapshot, book), permission.entries_left_today
    moved = _correlations(snapshot, reading, params.gates.correlation)
    active = tuple(one.name for one in reading.active)
    signals: list[SignalVerdict] = []
    opens: list[OpenPosition] = []
    for one in sorted(reading.symbols.values(), key=lambda one: (-one.flow.confidence, one.symbol)):
        candidate = Candidate(
            cycle_id=snapshot.cycle_id,
            part=snapshot.symbols[one.symbol],
            reading=one,
            regime=reading.regime,
            held=book.open_for(one.symbol),
            leaving=one.symbol in left,
            exposure=exposure,
            correlations=moved,
            permission=permission,
            entries_left=entries_left,
            learned=learned,
        )
        verdict, action = consider_entry(candidate, active, params)
        signals.append(verdict)
        if action is not None:
            opens.append(action)
            margin_usd = action.adjusted_usd / action.plan.leverage
            exposure = exposure.with_entry(held_risk(action), action.wallet, margin_usd)
            entries_left = None if entries_left is None else entries_left - 1
    return tuple(signals), tuple(opens)


def _correlations(snapshot: MarketSnapshot, reading: MarketReading, params: CorrelationGateParams) -> Correlations:
    """Of every pair by their hours; not asked for while no signal has a side."""
    if not any(has_side(one.flow) for one in reading.symbols.values()):
        return NO_CORRELATIONS
    return correlations(hours_of(snapshot), params.window_h, params.min_h)


def hours_of(snapshot: MarketSnapshot) -> dict[Symbol, Candles]:
    """The hourly candles of every symbol that has them."""
    return {
        symbol: part.higher[Timeframe.H1] for symbol, part in snapshot.symbols.items() if Timeframe.H1 in part.higher
    }
