"""The reality gap: what an order was expected to cost against what it did cost, and where the difference arose. Pure.

All costs are in bps of the price that was decided on, positive when they hurt::

    delay   middle of the book when the order was sent - middle of the book that was decided on
    spread  half the spread when the order was sent
    impact  average fill - touch when the order was sent
    slip    average fill - price of the stop (stops only)
    fees    fees paid

``delay + spread + impact == average fill - decided middle``, digit for digit: each is a decimal of a millionth of a bp.
A part whose prices are not known is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tradingbot.core.types import Side

BPS: Final = Decimal(10_000)
_STEP: Final = Decimal("0.000001")
PARTS: Final = ("delay", "spread", "impact", "slippage", "slip", "fees", "total", "gap")
QUANTILES: Final = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask."""

    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        """Their middle."""
        return (self.bid + self.ask) / 2

    def touch(self, side: Side) -> Decimal:
        """What an order of that side takes."""
        return self.ask if side is Side.BUY else self.bid


@dataclass(frozen=True, slots=True)
class ExecutedOrder:
    """An order that has traded. `stop_price` is set for stops alone; `fees_usd` is None while a fee is not known."""

    side: Side
    average_price: Decimal
    notional_usd: Decimal
    decided_mid: Decimal | None = None
    sent: Quote | None = None
    stop_price: Decimal | None = None
    fees_usd: Decimal | None = None
    expected_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ExecutionCosts:
    """Costs of one order in bps; `total` is without fees, `expected` what was assumed, `gap` total - expected."""

    delay: Decimal | None
    spread: Decimal | None
    impact: Decimal | None
    slip: Decimal | None
    fees: Decimal | None
    total: Decimal | None
    expected: Decimal
    gap: Decimal | None

    def parts(self) -> dict[str, Decimal]:
        """Every part that is known, by name; ``slippage`` is delay + impact."""
        slippage = None if self.delay is None or self.impact is None else self.delay + self.impact
        named = {name: slippage if name == "slippage" else getattr(self, name) for name in PARTS}
        return {name: value for name, value in named.items() if value is not None}


def execution_costs(order: ExecutedOrder, slippage_bps: float) -> ExecutionCosts:
    """The costs of one order. Without an expectation of the decision: half the spread when sent, and `slippage_bps`."""
    base = order.stop_price or order.decided_mid or (order.sent.mid if order.sent is not None else order.average_price)
    sign = order.side.sign

    def bps(distance: Decimal) -> Decimal:
        return (distance * sign / base * BPS).quantize(_STEP) + 0  # never a negative zero

    reference = order.stop_price or order.decided_mid
    total = None if reference is None else bps(order.average_price - reference)
    slip = total if order.stop_price is not None else None
    delay = spread = impact = None
    if order.stop_price is None and order.sent is not None:
        spread = bps(order.sent.touch(order.side) - order.sent.mid)
        if order.decided_mid is not None and total is not None:
            delay = bps(order.sent.mid - order.decided_mid)
            impact = total - delay - spread
        else:
            impact = bps(order.average_price - order.sent.touch(order.side))
    fees = None if order.fees_usd is None else (order.fees_usd / order.notional_usd * BPS).quantize(_STEP)
    assumed = (spread or Decimal(0)) + Decimal(repr(slippage_bps))
    expected = order.expected_bps if order.expected_bps is not None else assumed
    return ExecutionCosts(
        delay, spread, impact, slip, fees, total, expected, None if total is None else total - expected
    )


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of one part: `count`, `mean` and the sum behind the deviation are over everything ever seen, in bps.

    `newest` holds the newest values, oldest first; the quantiles are of these `len(newest)` alone.
    """

    count: int = 0
    mean: float = 0.0
    square_sum: float = 0.0
    deviation: float = 0.0
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None
    newest: tuple[float, ...] = ()

    def with_value(self, value: float, keep: int) -> Distribution:
        """With one more value; quantiles over the newest `keep`."""
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        square_sum = self.square_sum + (value - self.mean) * (value - mean)
        newest = (*self.newest, value)[-keep:]
        ordered = sorted(newest)
        at = {name: quantile(ordered, share) for name, share in QUANTILES.items()}
        deviation = math.sqrt(square_sum / (count - 1)) if count > 1 else 0.0
        return Distribution(count, mean, square_sum, deviation, at["p10"], at["p50"], at["p90"], newest)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered values lie, interpolated. Raises IndexError without any."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True, slots=True)
class SymbolGap:
    """One symbol's orders: distributions by purpose (``entry``, ``exit``, ``rung``, ``stop``) and part."""

    orders: int = 0
    purposes: Mapping[str, Mapping[str, Distribution]] = field(default_factory=dict)

    def slippage(self) -> tuple[int, float]:
        """Of how many orders delay + impact is known, and its mean in bps, one way; stops have none."""
        known = [parts["slippage"] for parts in self.purposes.values() if "slippage" in parts]
        count = sum(one.count for one in known)
        return count, sum(one.count * one.mean for one in known) / count if count else 0.0

    def fee(self, newest: int) -> float | None:
        """Mean fee of one fill over the `newest` orders of each purpose, in bps; None before one is known.

        Not over all: a fee is a fact that changes from one day to the next with the volume of the account.
        """
        known = [parts["fees"] for parts in self.purposes.values() if "fees" in parts]
        fees = [value for one in known for value in one.newest[-newest:]]
        return math.fsum(fees) / len(fees) if fees else None


@dataclass(frozen=True, slots=True)
class RealityGap:
    """By symbol."""

    symbols: Mapping[str, SymbolGap] = field(default_factory=dict)


def measured(known: RealityGap, symbol: str, purpose: str, parts: Mapping[str, float], keep: int) -> RealityGap:
    """The gap with one more order."""
    old = known.symbols.get(symbol, SymbolGap())
    ours = dict(old.purposes.get(purpose, {}))
    for name, value in parts.items():
        ours[name] = ours.get(name, Distribution()).with_value(value, keep)
    return RealityGap({**known.symbols, symbol: SymbolGap(old.orders + 1, {**old.purposes, purpose: ours})})
