"""Exit rules in one order of precedence; the first that fires decides, what the others advised is kept (SPEC 8.8).

`RULES` is that order, one line per rule. A rule is a pure function of the case and the settings; a new one is a
function and its place here. Within the grace window after an entry only `GRACELESS` rules act (SPEC 7.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradingbot.core.records import Reason, reason
from tradingbot.exits.case import Case, ExitRule, case_of
from tradingbot.exits.facts import ExitAdvice, ExitFacts
from tradingbot.exits.ladder import ladder, take_profit
from tradingbot.exits.params import ExitParams
from tradingbot.exits.position_timing import TimingAdvice, TimingWord
from tradingbot.exits.profit_discipline import profit_target, time_exit
from tradingbot.exits.reversal import signal_reversal


@dataclass(frozen=True, slots=True)
class ExitVerdict:
    """The rule that decides (None: hold), what every rule and timing advised, and the facts that all of it rests on.

    `part` is how many contracts are closed when that is less than all; `rung` is the part of the ladder that is taken.
    """

    position_id: str
    rule: str | None
    advice: tuple[ExitAdvice, ...]
    timing: TimingWord
    facts: ExitFacts
    part: Decimal | None = None
    rung: int | None = None


def hard_stop(case: Case, params: ExitParams) -> ExitAdvice:
    """SPEC 8.4: the loss limit, also when the venue's stop did not fire."""
    return_pct, limit_pct = case.facts.return_pct, -params.stop_loss_pct
    return ExitAdvice(
        "hard_stop", return_pct <= limit_pct, reason("return", return_pct=return_pct, limit_pct=limit_pct)
    )


def force_exit(case: Case, params: ExitParams) -> ExitAdvice:
    """SPEC 8.1: timing closes at any price."""
    limit_pct = -params.timing.force_exit_loss_pct
    seen = reason("loss", return_pct=case.facts.return_pct, limit_pct=limit_pct)
    return ExitAdvice("force_exit", case.timing.advice is TimingAdvice.FORCE_EXIT, seen)


def exit_now(case: Case, params: ExitParams) -> ExitAdvice:  # noqa: ARG001 - the shape of a rule
    """SPEC 8.1: the alignment or the momentum that carried the position is gone."""
    fired = case.timing.advice is TimingAdvice.EXIT_NOW
    return ExitAdvice("exit_now", fired, reason(case.timing.why.code, advice=case.timing.advice.value))


def strategy_exit(case: Case, params: ExitParams) -> ExitAdvice:  # noqa: ARG001 - the shape of a rule
    """SPEC 11.2: the idea behind the position has ended, or a strategy that watches over all wants it closed."""
    words = case.facts.strategy_words
    if not words:
        return ExitAdvice("strategy", False, reason("no_strategy"))
    word = next((word for word in words if word.exit_now), words[0])
    seen = Reason(word.why.code, (("strategy", word.rule), *word.why.numbers))
    return ExitAdvice("strategy", word.exit_now, seen)


RULES: Final[tuple[ExitRule, ...]] = (
    hard_stop,
    force_exit,
    exit_now,
    profit_target,
    time_exit,
    strategy_exit,
    signal_reversal,
    take_profit,
    ladder,
)
"""The precedence: the first of these that fires decides."""

GRACELESS: Final = frozenset({"hard_stop", "force_exit"})
"""Rules that act within the grace window too."""


def judge(facts: ExitFacts, params: ExitParams) -> ExitVerdict:
    """All rules' advice and the one that decides. Depends on its two arguments alone."""
    case = case_of(facts, params)
    advice = tuple(rule(case, params) for rule in RULES)
    acting = (item for item in advice if item.exit_now and (item.rule in GRACELESS or not facts.in_grace))
    winner = next(acting, None)
    if winner is None:
        return ExitVerdict(facts.position_id, None, advice, case.timing, facts)
    return ExitVerdict(facts.position_id, winner.rule, advice, case.timing, facts, winner.part, winner.rung)
