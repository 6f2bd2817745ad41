"""The ladder: a winning position is left in parts (SPEC 8.7).

Which rung comes next follows from sizes alone: after rung k a known part of all that was ever opened must be left, and
whatever is open beyond it belongs to rungs up to k. Nothing is remembered, so a crash, a repeated cycle, a part filled
in part, a late fill of the entry or a close by hand can neither lose a contract nor sell one twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.rounding import round_size
from tradingbot.core.types import exact
from tradingbot.exits.case import Case
from tradingbot.exits.facts import ExitAdvice, ExitFacts
from tradingbot.exits.params import ExitParams, Rung
from tradingbot.exits.position_timing import TimingAdvice

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Part:
    """Contracts to close so that rung `rung` and all before it are taken."""

    rung: int
    size: Decimal


@by_identity(2048)
def rung_sizes(entry_size: Decimal, step: Decimal, min_size: Decimal, rungs: Sequence[Rung]) -> tuple[Decimal, ...]:
    """Contracts of each rung; they add up to `entry_size` exactly.

    All but the last are multiples of `step`; none lies between zero and `min_size` unless the whole does. A rung that
    is too small is merged into the next one (its own size is then 0); one that would leave less than `min_size` takes
    everything; the last takes the rest.
    """
    if not rungs:
        return ()
    ends, taken = [], ZERO
    for share in accumulate(exact(rung.share_pct) for rung in rungs[:-1]):
        end = round_size(min(entry_size, entry_size * share / 100), step)
        if end - taken >= min_size:
            taken = end if entry_size - end >= min_size else entry_size
        ends.append(taken)
    edges = [ZERO, *ends, entry_size]
    return tuple(after - before for before, after in pairwise(edges))


def open_parts(facts: ExitFacts, rungs: Sequence[Rung]) -> tuple[Part, ...]:
    """What each rung that is not taken yet would close, nearest first; the last one closes all.

    What is too small for an order, after a part was filled in part or a close by hand, waits for the next rung.
    """
    found = []
    sizes = rung_sizes(facts.entry_size, facts.size_step, facts.min_size, rungs)
    for index, (own, end) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
        beyond = facts.size - (facts.entry_size - end)
        if own <= 0 or beyond <= 0:
            continue
        part = facts.size if end == facts.entry_size else round_size(beyond, facts.size_step)
        if part == facts.size or part >= max(facts.min_size, facts.size_step):
            found.append(Part(index, part))
    return tuple(found)


def ladder(case: Case, params: ExitParams) -> ExitAdvice:
    """Every rung whose profit and age are reached, in one order; none while timing wants the position held longer."""
    facts, pace = case.facts, case.pace(params)
    parts = open_parts(facts, params.ladder)
    if not parts:
        return ExitAdvice("ladder", False, reason("no_ladder"))
    due = None
    for part in parts:
        if not _is_due(facts, params.ladder[part.rung], pace):
            break
        due = part
    shown = due or parts[0]
    rung = params.ladder[shown.rung]
    code = "suppressed" if due is not None and case.extended else "rung_due" if due is not None else "rung_waits"
    seen = reason(
        code,
        rung=shown.rung,
        part=str(shown.size),
        size=str(facts.size),
        entry_size=str(facts.entry_size),
        return_pct=facts.return_pct,
        target_pct=rung.profit_pct,
        held_s=facts.held_s,
        after_min=rung.after_min * pace,
    )
    if due is None or case.extended:
        return ExitAdvice("ladder", False, seen)
    return _taking("ladder", facts, due, seen)


def _is_due(facts: ExitFacts, rung: Rung, pace: float) -> bool:
    return facts.return_pct >= rung.profit_pct and facts.held_s >= rung.after_min * 60 * pace


def take_profit(case: Case, params: ExitParams) -> ExitAdvice:
    """Timing wants the profit taken: the next rung at once, whatever it asks for; all of it without a ladder."""
    facts = case.facts
    fired = case.timing.advice is TimingAdvice.TAKE_PROFIT
    numbers = {
        "return_pct": facts.return_pct,
        "peak_return_pct": facts.peak_return_pct,
        "limit_pct": params.timing.take_profit_pct,
        "momentum": case.timing.momentum.value,
    }
    if not fired:
        return ExitAdvice("take_profit", False, reason("no_take_profit", **numbers))
    parts = open_parts(facts, params.ladder)
    if not parts:
        return ExitAdvice("take_profit", True, reason("all", **numbers))
    seen = reason("next_rung", rung=parts[0].rung, part=str(parts[0].size), size=str(facts.size), **numbers)
    return _taking("take_profit", facts, parts[0], seen)


def _taking(rule: str, facts: ExitFacts, part: Part, why: Reason) -> ExitAdvice:
    return ExitAdvice(rule, True, why, part.size if part.size < facts.size else None, part.rung)
