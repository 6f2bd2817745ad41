"""Everything the exit rules know of one position, as plain numbers that survive a journal (SPEC 8.8).

`judge(facts, params)` depends on nothing else, so a recorded close can be judged again and must end the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter

from tradingbot.core.records import Reason
from tradingbot.core.types import Conviction, Direction, Symbol


@dataclass(frozen=True, slots=True)
class ExitAdvice:
    """One rule's word on one position: leave or not, and why.

    `part` is how many contracts it would close when that is less than all, `rung` the part of the ladder it takes.
    """

    rule: str
    exit_now: bool
    why: Reason
    part: Decimal | None = None
    rung: int | None = None


@dataclass(frozen=True, slots=True)
class ExitFacts:
    """One open position as the exit rules see it; everything with a sign is positive when it is good for us.

    Returns are unrealised, on notional, in per cent; sizes are contracts; `held_s` is seconds since entry.
    `alignment` is that of the timeframes with our direction in 0..1, now and at entry. `trend_1m` and `trend_5m` are
    the trends of these frames in -1..1. `ema_gap_pct` is the fast EMA of 5-minute closes over the slow one, in per cent
    of the slow one, `ema_best_gap_pct` the best it was since entry. None is unknown.
    `strategy_words` is what the strategy that opened the position, and any that watches over all, says of it.
    """

    position_id: str
    symbol: Symbol
    direction: Direction
    in_grace: bool
    held_s: float
    return_pct: float
    peak_return_pct: float
    entry_size: Decimal
    size: Decimal
    size_step: Decimal
    min_size: Decimal
    alignment: float | None = None
    entry_alignment: float | None = None
    trend_1m: float | None = None
    trend_5m: float | None = None
    optimal_hold_min: float | None = None
    ema_gap_pct: float | None = None
    ema_best_gap_pct: float | None = None
    flow_direction: Direction = Direction.NEUTRAL
    flow_conviction: Conviction = Conviction.NONE
    flow_confidence: float = 0.0
    strategy_words: tuple[ExitAdvice, ...] = ()


_FACTS: Final[TypeAdapter[ExitFacts]] = TypeAdapter(ExitFacts)


def facts_record(facts: ExitFacts) -> dict[str, Any]:
    """The facts as JSON has them: decimals and enums as text, tuples as lists."""
    record: dict[str, Any] = _FACTS.dump_python(facts, mode="json")
    return record


def facts_from(record: Mapping[str, Any]) -> ExitFacts:
    """The facts that `facts_record` wrote down. Raises pydantic's ValidationError for anything else."""
    return _FACTS.validate_python(record)
