"""What was taken of a position rung by rung, as its fills tell (SPEC 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradingbot.core.records import Fill
from tradingbot.core.types import ContractKind, Direction, iso_utc
from tradingbot.portfolio.position import Position, average_price


def with_rung(position: Position, fill: Fill, size: Decimal, rule: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The position's ladder state after `size` contracts of a fill; unchanged when its order took no rung.

    Per rung: contracts taken, their average price, the average middle of the book that its orders were decided on (None
    once one of them does not say), time of the newest fill, the rule that took it; all as text, so that it is the same
    before and after a restart. The rung is named by the order's context (``rung``).
    """
    state = dict(position.ladder_state)
    if context.get("rung") is None or size <= 0:
        return state
    name = str(context["rung"])
    before: Mapping[str, Any] = state.get(name, {})
    taken, kind = Decimal(before.get("size", 0)), position.kind
    state[name] = {
        "size": str(taken + size),
        "average_price": _averaged(kind, taken, before.get("average_price"), size, fill.price),
        "decision_mid": _averaged(kind, taken, before.get("decision_mid"), size, context.get("decision_mid")),
        "time": iso_utc(fill.time),
        "why": rule,
    }
    return state


def _averaged(kind: ContractKind, taken: Decimal, before: Any, size: Decimal, price: Any) -> str | None:
    """The average of what was known of the contracts taken before and of these; None when either is not known."""
    if price is None or (taken and before is None):
        return None
    if not taken or Decimal(before) == Decimal(price):
        return str(price)
    return str(average_price(kind, ((size, Decimal(price)), (taken, Decimal(before)))))


def tightened_stop(position: Position, context: Mapping[str, Any]) -> Decimal:
    """The stop after a fill whose order asks for a nearer one (``tighten_stop_to``); it never moves away."""
    wanted = context.get("tighten_stop_to")
    if wanted is None:
        return position.stop_price
    nearer = max if position.direction is Direction.LONG else min
    return nearer(position.stop_price, Decimal(str(wanted)))


def without_part(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context of an order as it concerns any other position: it took no rung of that one and moves no stop."""
    return {key: value for key, value in context.items() if key not in ("rung", "tighten_stop_to")}
