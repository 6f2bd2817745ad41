"""Profit targets by age, and time limits by profit (SPEC 8.3, 8.5)."""

from __future__ import annotations

from tradingbot.core.records import reason
from tradingbot.core.types import Conviction
from tradingbot.exits.case import Case
from tradingbot.exits.facts import ExitAdvice
from tradingbot.exits.params import ExitParams


def profit_target(case: Case, params: ExitParams) -> ExitAdvice:
    """A gain that suffices for the time held; below the top target it runs while the market is strong."""
    facts, pace = case.facts, case.pace(params)
    reachable = [one.profit_pct for one in params.profit_targets if facts.held_s >= one.after_min * 60 * pace]
    top_pct = max((target.profit_pct for target in params.profit_targets), default=0.0)
    reached = bool(reachable) and facts.return_pct >= min(reachable)
    let_run = reached and is_strong(case) and facts.return_pct < top_pct
    seen = reason(
        "gain",
        return_pct=facts.return_pct,
        target_pct=min(reachable) if reachable else "none",
        held_s=facts.held_s,
        pace=pace,
        let_run=str(let_run),
    )
    return ExitAdvice("profit_target", reached and not let_run, seen)


def is_strong(case: Case) -> bool:
    """The flow signal agrees with conviction, or timing wants the position held longer."""
    facts = case.facts
    agrees = facts.flow_direction is facts.direction
    return case.extended or (agrees and facts.flow_conviction in (Conviction.HIGH, Conviction.MEDIUM))


def time_exit(case: Case, params: ExitParams) -> ExitAdvice:
    """Too long for too little."""
    facts, patience = case.facts, case.patience(params)
    for limit in params.time_exits:
        after_min = limit.after_min * patience
        if facts.held_s >= after_min * 60 and facts.return_pct < limit.min_profit_pct:
            seen = reason(
                "held_too_long",
                held_s=facts.held_s,
                return_pct=facts.return_pct,
                need_pct=limit.min_profit_pct,
                limit_min=after_min,
                patience=patience,
            )
            return ExitAdvice("time_exit", True, seen)
    seen = reason("in_time", held_s=facts.held_s, return_pct=facts.return_pct, patience=patience)
    return ExitAdvice("time_exit", False, seen)
