"""Owner of the kill switches: a trip is on disk before anything that follows from it, and in the journal for ever."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.records import OrderOutcome
from tradingbot.engine.portfolio_keeper import StateDocument
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.guards.healing_escalation import Heal
from tradingbot.guards.kill_switch import Step, noted, pause, resume, review, watch
from tradingbot.guards.switch_state import Change, Facts, SwitchName, SwitchParams, SwitchState, TradeResult, Tripped
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock, Journal

log = structlog.get_logger(__name__)

JOURNAL_LINES: Final = 2000
"""Lines of the journal that are read back when the newest copy of the state is lost."""


class KillSwitches:
    """The only writer of `state/kill_switches.json` and `logs/kill_switches.jsonl`."""

    def __init__(
        self,
        state: SwitchState,
        document: StateDocument[KillSwitchesState],
        journal: Journal,
        clock: Clock,
        params: SwitchParams,
    ) -> None:
        self._state = state
        self._document = document
        self._journal = journal
        self._clock = clock
        self._params = params
        self._trades: tuple[TradeResult, ...] = ()
        self._judged: tuple[ClosedTrade, ...] = ()
        """Those that `_trades` are the results of: most cycles there is no new one."""

    @property
    def state(self) -> SwitchState:
        """The current state, frozen."""
        return self._state

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tripped switches."""
        return self._state.names

    async def watch(
        self,
        equity_usd: Decimal | None,
        trades: Sequence[ClosedTrade],
        silent_s: Mapping[str, float],
        heals: tuple[Heal, ...] = (),
        heals_limit: int = 3,
    ) -> None:
        """Look at what is known now; what trips here holds from the next decision on, and is on disk when it returns.

        `equity_usd` None: unknown. `trades` are the newest finished ones, oldest first, `looked_at` of them or more.
        """
        self._trades = self._results(trades)
        facts = Facts(self._clock.now(), equity_usd, self._trades, silent_s, heals, heals_limit)
        await self._take(watch(self._state, facts, self._params))

    async def pause(self, text: str, by: str) -> Tripped:
        """Hold entries until a person resumes; the switch, which may have been tripped before."""
        await self._take(pause(self._state, self._clock.now(), text, by))
        switch = self._state.find(SwitchName.OPERATOR_PAUSE)
        assert switch is not None
        return switch

    async def resume(self, names: Collection[SwitchName], text: str, by: str) -> tuple[Tripped, ...]:
        """Lift these switches; those of them that were tripped."""
        facts = Facts(self._clock.now(), None, self._trades)
        step = resume(self._state, facts, names, text, by)
        await self._take(step)
        return tuple(change.switch for change in step[1])

    def note(self, outcome: OrderOutcome) -> None:
        """One proven outcome of an order, for the rate of refusals; judged with the next `watch`."""
        changed = noted(self._state, outcome, self._clock.now(), self._params)
        if changed != self._state:
            self._state = changed
            self._document.put(KillSwitchesState.of(changed))

    def _results(self, trades: Sequence[ClosedTrade]) -> tuple[TradeResult, ...]:
        """Enough of the newest trades for every rule."""
        newest = tuple(trades[-looked_at(self._params) :])
        if len(newest) != len(self._judged) or not all(map(operator.is_, newest, self._judged)):
            self._judged = newest
            return tuple(TradeResult(trade.exit_time, trade.net_pnl_usd) for trade in newest)
        return self._trades

    async def _take(self, step: Step) -> None:
        """The next state: journal first, so that no change of the state is without its line; then the state, durably.

        A disk that refuses undoes nothing: the switch is tripped all the same, and the writer tries again.
        """
        state, changes = step
        if state == self._state:
            return
        self._state = state
        content = KillSwitchesState.of(state)
        if not changes:
            self._document.put(content)
            return
        for change in changes:
            self._journal.append(change_record(change))
            _say(change)
        try:
            await self._document.commit(content)
        except StorageUnavailableError as error:
            log.error("kill_switches.not_durable", error=str(error))


def looked_at(params: SwitchParams) -> int:
    """How many of the newest trades the rules may look at."""
    return 2 * max(params.win_rate_window_trades, params.max_consecutive_losses)


def change_record(change: Change) -> dict[str, Any]:
    """One line of `logs/kill_switches.jsonl`."""
    return {"at": change.at, "event": change.event, "by": change.by, "why": change.why, **switch_record(change.switch)}


def switch_record(switch: Tripped) -> dict[str, Any]:
    """A tripped switch as files and people read it."""
    return {
        "switch": switch.name.value,
        "since": switch.since,
        "reason": switch.reason.code,
        "numbers": dict(switch.reason.numbers),
        "lifts": switch.lifts,
        "lifts_at": switch.lifts_at,
    }


def _say(change: Change) -> None:
    say = log.info if change.event == "lift" else log.error
    numbers = dict(change.switch.reason.numbers)
    say(
        f"kill_switch.{change.event}",
        switch=change.switch.name.value,
        by=change.by,
        why=change.why or change.switch.reason.code,
        numbers=numbers,
        lifts=change.switch.lifts,
    )


# ---------------------------------------------------------------- after a start


@dataclass(frozen=True, slots=True)
class Restored:
    """The state that a life begins with; `changes` are to be journalled when it is not what a file said."""

    state: SwitchState
    changes: tuple[Change, ...] = ()


def restored(
    known: KillSwitchesState | None, is_newest: bool, journalled: Iterable[Mapping[str, Any]], clock: Clock
) -> Restored:
    """What a start makes of the file and its journal; what may have been forgotten trips `operator_review`.

    `is_newest`: the newest copy was readable, or there has never been one. An older copy is believed as far as the
    journal agrees with it; without any copy, a journal that has lines proves that there was one.
    """
    state = known.state if known is not None else SwitchState()
    if known is not None and is_newest:
        return Restored(state)
    told = tripped_by_journal(journalled)
    if known is None and is_newest and told is None:
        return Restored(state)
    forgotten = sorted((told or set()) - set(state.names))
    if known is not None and not forgotten:
        return Restored(state)
    names = ", ".join(forgotten)
    text = f"the journal says tripped: {names}" if forgotten else "no readable copy of state/kill_switches.json"
    return Restored(*review(state, clock.now(), text))


def tripped_by_journal(rows: Iterable[Mapping[str, Any]]) -> set[str] | None:
    """Names of the switches whose newest line is no lift; None for a journal without lines."""
    newest: dict[str, str] = {}
    for row in rows:
        if "switch" in row and "event" in row:
            newest[str(row["switch"])] = str(row["event"])
    return {name for name, event in newest.items() if event != "lift"} if newest else None
