"""Facts of a calm position, a test names only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.support import ETH
from tradingbot.core.records import reason
from tradingbot.core.types import Conviction, Direction
from tradingbot.exits.exit_engine import ExitVerdict, judge
from tradingbot.exits.facts import ExitAdvice, ExitFacts
from tradingbot.exits.params import ExitParams

STRONG: dict[str, Any] = {
    "flow_direction": Direction.LONG,
    "flow_conviction": Conviction.MEDIUM,
    "flow_confidence": 0.5,
}
AGAINST: dict[str, Any] = {
    "flow_direction": Direction.SHORT,
    "flow_conviction": Conviction.LOW,
    "flow_confidence": 0.35,
}
RUNNING: dict[str, Any] = {"alignment": 0.8, "entry_alignment": 0.8, "trend_1m": 0.5, "trend_5m": 0.5}
"""Alignment and momentum that hold a position longer."""
LEAVE: dict[str, Any] = {"strategy_words": (ExitAdvice("MeanReversion", True, reason("mean_reached", zscore=0.1)),)}
"""The strategy that opened it wants to leave."""


def facts(held_min: float = 10, return_pct: float = 0.0, **changes: Any) -> ExitFacts:
    """A long position of one contract, steps of a thousandth, neither aligned nor against."""
    calm = ExitFacts(
        position_id="t-1",
        symbol=ETH,
        direction=Direction.LONG,
        in_grace=held_min < 2,
        held_s=held_min * 60,
        return_pct=return_pct,
        peak_return_pct=max(0.0, return_pct),
        entry_size=Decimal(1),
        size=Decimal(1),
        size_step=Decimal("0.001"),
        min_size=Decimal("0.001"),
        alignment=0.6,
        entry_alignment=0.6,
        trend_1m=0.2,
        trend_5m=0.2,
        ema_gap_pct=0.1,
        ema_best_gap_pct=0.2,
    )
    return replace(calm, **changes)


def verdict(
    held_min: float = 10, return_pct: float = 0.0, params: ExitParams | None = None, **changes: Any
) -> ExitVerdict:
    """The verdict on such a position."""
    return judge(facts(held_min, return_pct, **changes), params or ExitParams())


def rule(held_min: float = 10, return_pct: float = 0.0, params: ExitParams | None = None, **changes: Any) -> str | None:
    """The rule that decides it."""
    return verdict(held_min, return_pct, params, **changes).rule
