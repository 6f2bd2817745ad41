"""What a decision asks the shell to do: open, close, or close a part. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradingbot.core.types import Side, Symbol
from tradingbot.portfolio.book import EntryPlan


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """Open `size` contracts. `adjusted_usd` is their notional; `plan` is what the position will be.

    `mid_price` is the middle of the book that the decision saw, `reference_price` its touch on our side.
    """

    symbol: Symbol
    side: Side
    size: Decimal
    adjusted_usd: Decimal
    reference_price: Decimal
    mid_price: Decimal
    wallet: str
    tick_size: Decimal
    plan: EntryPlan


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close `size` contracts of a position, because `rule` fired: all of it, or its part `rung` of the ladder.

    `rung` counts from 0; None closes the whole that is left, be it the last rung. `mid_price` is the middle of the book
    that was seen, None without one.
    """

    position_id: str
    symbol: Symbol
    side: Side
    size: Decimal
    rule: str
    context: Mapping[str, Any]
    rung: int | None = None
    mid_price: Decimal | None = None


Action = OpenPosition | ClosePosition
