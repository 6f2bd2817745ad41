"""The kill switches as one pure state machine: facts in, next state and changes out; no lift without a change (6.3).

Every way to lift is in this file: `_due` for those that lift by themselves, `resume` for a person. A lift always
forgets exactly what tripped the switch, so that the same past never trips it twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from tradingbot.core.records import OrderOutcome, reason
from tradingbot.guards.switch_rules import RULES, Finding, counted, is_refusal
from tradingbot.guards.switch_state import Change, Facts, SwitchName, SwitchParams, SwitchState, Tripped

Step = tuple[SwitchState, tuple[Change, ...]]

BY_THE_CLOCK = (SwitchName.CONSECUTIVE_LOSSES, SwitchName.DAILY_LOSS, SwitchName.REJECT_RATE)
"""These lift when their `lifts_at` has come."""


def watch(state: SwitchState, facts: Facts, params: SwitchParams) -> Step:
    """The state after one look at the facts: measured, lifted what is due, tripped what has reached its limit."""
    state = _measured(state, facts)
    state, lifted = _lift_due(state, facts, params)
    changes = list(lifted)
    for name, rule in RULES.items():
        finding = rule(state, facts, params)
        if finding is not None:
            state, change = _found(state, name, finding, facts.now)
            changes += change
    return state, tuple(changes)


def _measured(state: SwitchState, facts: Facts) -> SwitchState:
    """Peak and the day's first equity. A clock that is set back does not begin a day again."""
    equity, today = facts.equity_usd, facts.now.date()
    if equity is None:
        return state
    if state.day is None or today > state.day:
        state = replace(state, day=today, day_equity_usd=equity)
    elif state.day_equity_usd is None:
        state = replace(state, day_equity_usd=equity)
    if state.peak_equity_usd is None or equity > state.peak_equity_usd:
        state = replace(state, peak_equity_usd=equity)
    return state


def _lift_due(state: SwitchState, facts: Facts, params: SwitchParams) -> Step:
    changes = []
    state = _counted_beats(state, facts, params)
    for switch in state.tripped:
        why = _due(state, switch, facts, params)
        if why:
            state = _without(state, switch.name, facts)
            changes.append(Change(facts.now, "lift", switch, why=why))
    return state, tuple(changes)


def _counted_beats(state: SwitchState, facts: Facts, params: SwitchParams) -> SwitchState:
    if state.find(SwitchName.STALE_HEARTBEAT) is None:
        return state
    silent = RULES[SwitchName.STALE_HEARTBEAT](state, facts, params) is not None
    return replace(state, clear_cycles=0 if silent else state.clear_cycles + 1)


def _due(state: SwitchState, switch: Tripped, facts: Facts, params: SwitchParams) -> str:
    """Why the switch lifts by itself now; empty when it does not."""
    now = facts.now
    if switch.name is SwitchName.HEALING:
        few = RULES[SwitchName.HEALING](state, facts, params) is None
        return "repairs of every category have become few again" if few else ""
    if switch.name is SwitchName.STALE_HEARTBEAT:
        alive = state.clear_cycles >= params.heartbeat_clear_cycles
        return f"every subsystem was alive for {state.clear_cycles} cycles" if alive else ""
    if switch.name not in BY_THE_CLOCK or switch.lifts_at is None or now < switch.lifts_at:
        return ""
    if switch.name is SwitchName.DAILY_LOSS:
        return "a new UTC day has begun"
    return "its pause is over" if switch.name is SwitchName.CONSECUTIVE_LOSSES else "no order was refused for long"


def _without(state: SwitchState, name: SwitchName, facts: Facts) -> SwitchState:
    """The state after a lift: the switch is gone, and so is what tripped it."""
    state = replace(state, tripped=tuple(one for one in state.tripped if one.name is not name))
    newest = max([facts.now, *(trade.exit_time for trade in counted(facts, None)[:1])])
    match name:
        case SwitchName.CONSECUTIVE_LOSSES:
            return replace(state, losses_from=newest)
        case SwitchName.WIN_RATE:
            return replace(state, win_rate_from=newest)
        case SwitchName.REJECT_RATE:
            return replace(state, refused=())
        case SwitchName.STALE_HEARTBEAT:
            return replace(state, clear_cycles=0)
        case SwitchName.HEALING:
            return replace(state, heals_from=facts.now)
    return state


def _found(state: SwitchState, name: SwitchName, finding: Finding, now: datetime) -> tuple[SwitchState, list[Change]]:
    """Trip the switch; one that is tripped already is told of again when it got clearly worse."""
    known = state.find(name)
    if known is None:
        switch = Tripped(name, now, finding.reason, finding.level, finding.lifts_at)
        return replace(state, tripped=(*state.tripped, switch)), [Change(now, "trip", switch)]
    if finding.level < known.level + finding.step:
        return state, []
    worse = replace(known, reason=finding.reason, level=finding.level)
    return _replaced(state, worse), [Change(now, "worsened", worse)]


def _replaced(state: SwitchState, switch: Tripped) -> SwitchState:
    return replace(state, tripped=tuple(switch if one.name is switch.name else one for one in state.tripped))


# ---------------------------------------------------------------- orders


def noted(state: SwitchState, outcome: OrderOutcome, now: datetime, params: SwitchParams) -> SwitchState:
    """The state after one order's outcome. A refusal puts off the lift of `reject_rate`."""
    refused = is_refusal(outcome)
    if refused is None:
        return state
    state = replace(state, refused=(*state.refused, refused)[-params.reject_window_orders :])
    switch = state.find(SwitchName.REJECT_RATE)
    if not refused or switch is None or switch.lifts_at is None:
        return state
    later = max(switch.lifts_at, now + timedelta(hours=params.reject_cooldown_h))
    return _replaced(state, replace(switch, lifts_at=later))


# ---------------------------------------------------------------- by hand


def pause(state: SwitchState, now: datetime, text: str, by: str) -> Step:
    """Trip `operator_pause`; a second time changes nothing."""
    return _by_hand(state, SwitchName.OPERATOR_PAUSE, now, "paused_by_hand", text, by)


def review(state: SwitchState, now: datetime, text: str) -> Step:
    """Trip `operator_review`: what was tripped before cannot be read."""
    return _by_hand(state, SwitchName.OPERATOR_REVIEW, now, "state_lost", text, "rule")


def _by_hand(state: SwitchState, name: SwitchName, now: datetime, code: str, text: str, by: str) -> Step:
    if state.find(name) is not None:
        return state, ()
    switch = Tripped(name, now, reason(code, text=text, by=by))
    return replace(state, tripped=(*state.tripped, switch)), (Change(now, "trip", switch, by, text),)


def resume(state: SwitchState, facts: Facts, names: Collection[SwitchName], text: str, by: str) -> Step:
    """Lift these switches, as far as they are tripped, and begin what they measure anew."""
    changes = []
    for switch in state.tripped:
        if switch.name in names:
            state = _begun_anew(_without(state, switch.name, facts), switch.name)
            changes.append(Change(facts.now, "lift", switch, by, _told(switch.name, text)))
    return state, tuple(changes)


def _begun_anew(state: SwitchState, name: SwitchName) -> SwitchState:
    if name is SwitchName.DRAWDOWN:
        return replace(state, peak_equity_usd=None)
    if name is SwitchName.DAILY_LOSS:
        return replace(state, day_equity_usd=None)
    return state


def _told(name: SwitchName, text: str) -> str:
    anew = {
        SwitchName.DRAWDOWN: "the next known equity is the new peak",
        SwitchName.DAILY_LOSS: "the day is measured from the next known equity",
        SwitchName.WIN_RATE: "the window of trades begins anew",
        SwitchName.REJECT_RATE: "the window of orders begins anew",
        SwitchName.CONSECUTIVE_LOSSES: "losses are counted anew",
        SwitchName.HEALING: "repairs are counted anew",
    }.get(name, "")
    return "; ".join(part for part in (text, anew) if part)
