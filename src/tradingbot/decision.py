"""One cycle's thinking: (snapshot, book, parameters, permission) -> Decision; the one file that orders the stages."""

from __future__ import annotations

from dataclasses import dataclass

from tradingbot.core.parameters import NOTHING_LEARNED, LearnedParameters
from tradingbot.entering import DecisionParams, SignalVerdict, consider_entry, exposure_with
from tradingbot.exits.exit_engine import ExitVerdict
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.leaving import LeavingParams, leave_positions
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.actions import Action, ClosePosition, OpenPosition
from tradingbot.portfolio.book import Book
from tradingbot.reading import read_market
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
    """Exits first, then entries, each entry seeing the exposure that the earlier ones would add."""
    reading = read_market(snapshot, params.reading)
    leaving = LeavingParams(params.reading, params.exits)
    verdicts, closes = leave_positions(snapshot, book, leaving, reading, learned)
    left = {action.symbol for action in closes}
    exposure = exposure_of(snapshot, book)
    signals: list[SignalVerdict] = []
    opens: list[OpenPosition] = []
    strongest_first = sorted(reading.symbols.values(), key=lambda one: (-one.flow.confidence, one.symbol))
    for one in strongest_first:
        verdict, action = consider_entry(snapshot.symbols[one.symbol], one, book, left, exposure, params, permission)
        signals.append(verdict)
        if action is not None:
            opens.append(action)
            exposure = exposure_with(exposure, action)
    actions: tuple[Action, ...] = (*closes, *opens)
    return Decision(snapshot.cycle_id, reading.regime, reading.active, actions, tuple(signals), verdicts)
