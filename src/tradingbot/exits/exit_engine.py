"""Exit rules in one order of precedence; the first that fires decides, what the others advised is kept (SPEC 8.8).

Precedence: hard stop, profit target, time exit, strategy, signal reversal. Only the hard stop ignores the grace window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.params import ExitParams
from tradingbot.portfolio.position import Position


@dataclass(frozen=True, slots=True)
class ExitAdvice:
    """One rule's word on one position."""

    rule: str
    exit_now: bool
    why: Reason


@dataclass(frozen=True, slots=True)
class ExitView:
    """What the exit rules may see of one position: price, moment, the flow signal's direction and conviction.

    `strategy_words` is what the strategy that opened it, and any that watches over all, says of it.
    """

    position: Position
    now: datetime
    mark_price: Decimal
    flow_direction: Direction = Direction.NEUTRAL
    flow_conviction: Conviction = Conviction.NONE
    flow_confidence: float = 0.0
    strategy_words: tuple[ExitAdvice, ...] = ()

    @property
    def return_pct(self) -> float:
        """Unrealised return on notional in percent."""
        return float(self.position.return_fraction(self.mark_price)) * 100

    @property
    def held_s(self) -> float:
        """Seconds since entry."""
        return (self.now - self.position.entry_time).total_seconds()

    @property
    def in_grace(self) -> bool:
        """Within the grace window after entry."""
        return self.now < self.position.grace_until


@dataclass(frozen=True, slots=True)
class ExitVerdict:
    """The rule that decides (None: hold), and what every rule advised."""

    position_id: str
    rule: str | None
    advice: tuple[ExitAdvice, ...]


ExitRule = Callable[[ExitView, ExitParams], ExitAdvice]


def hard_stop(view: ExitView, params: ExitParams) -> ExitAdvice:
    """SPEC 8.4: the loss limit, also when the venue's stop did not fire."""
    fired = view.return_pct <= -params.stop_loss_pct
    return ExitAdvice("hard_stop", fired, reason("return", return_pct=view.return_pct, limit_pct=-params.stop_loss_pct))


def profit_target(view: ExitView, params: ExitParams) -> ExitAdvice:
    """SPEC 8.3: a gain that suffices for the time held; below the top target it runs while the flow still agrees."""
    goal_pct = min(
        (target.profit_pct for target in params.profit_targets if view.held_s >= target.after_min * 60),
        default=math.inf,
    )
    top_pct = max((target.profit_pct for target in params.profit_targets), default=math.inf)
    reached = view.return_pct >= goal_pct
    strong = view.flow_direction is view.position.direction and view.flow_conviction in (
        Conviction.HIGH,
        Conviction.MEDIUM,
    )
    let_run = reached and strong and view.return_pct < top_pct
    seen = reason("gain", return_pct=view.return_pct, target_pct=goal_pct, held_s=view.held_s, let_run=str(let_run))
    return ExitAdvice("profit_target", reached and not let_run, seen)


def time_exit(view: ExitView, params: ExitParams) -> ExitAdvice:
    """SPEC 8.5: too long for too little."""
    for limit in params.time_exits:
        if view.held_s >= limit.after_min * 60 and view.return_pct < limit.min_profit_pct:
            gain_pct = limit.min_profit_pct
            seen = reason("held_too_long", held_s=view.held_s, return_pct=view.return_pct, need_pct=gain_pct)
            return ExitAdvice("time_exit", True, seen)
    return ExitAdvice("time_exit", False, reason("in_time", held_s=view.held_s, return_pct=view.return_pct))


def signal_reversal(view: ExitView, params: ExitParams) -> ExitAdvice:
    """The flow signal now points against the position with conviction."""
    against = view.flow_direction is view.position.direction.opposite and view.flow_conviction is not Conviction.NONE
    fired = against and view.flow_confidence >= params.reversal.min_flow_confidence
    seen = reason("flow", direction=view.flow_direction.value, confidence=view.flow_confidence)
    return ExitAdvice("signal_reversal", fired, seen)


def strategy_exit(view: ExitView, params: ExitParams) -> ExitAdvice:  # noqa: ARG001 - the shape of a rule
    """SPEC 11.2: the idea behind the position has ended, or a strategy that watches over all wants it closed."""
    if not view.strategy_words:
        return ExitAdvice("strategy", False, reason("no_strategy"))
    word = next((word for word in view.strategy_words if word.exit_now), view.strategy_words[0])
    seen = Reason(word.why.code, (("strategy", word.rule), *word.why.numbers))
    return ExitAdvice("strategy", word.exit_now, seen)


RULES: tuple[ExitRule, ...] = (hard_stop, profit_target, time_exit, strategy_exit, signal_reversal)


def judge(view: ExitView, params: ExitParams) -> ExitVerdict:
    """All rules' advice and the one that decides."""
    advice = tuple(rule(view, params) for rule in RULES)
    fired = [item.rule for item in advice if item.exit_now]
    if view.in_grace:
        fired = [rule for rule in fired if rule == "hard_stop"]
    return ExitVerdict(view.position.position_id, fired[0] if fired else None, advice)
