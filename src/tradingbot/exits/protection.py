"""Exactly one reduce-only stop at the venue for every open position: what must be placed, amended or cancelled.

A pure comparison of our positions with the venue's open orders, repeated every cycle (SPEC 7.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.records import OpenOrder
from tradingbot.core.rounding import round_stop
from tradingbot.core.types import ClientOrderId, OrderKind, Side, Symbol
from tradingbot.market.contracts import ContractSpec
from tradingbot.portfolio.book import exit_side
from tradingbot.portfolio.position import Position


@dataclass(frozen=True, slots=True)
class PlaceStop:
    """The position has no stop: place one."""

    position_id: str
    symbol: Symbol
    side: Side
    size: Decimal
    stop_price: Decimal


@dataclass(frozen=True, slots=True)
class AmendStop:
    """The position's stop has the wrong size or price: change it in place."""

    position_id: str
    symbol: Symbol
    order: OpenOrder
    size: Decimal
    stop_price: Decimal


@dataclass(frozen=True, slots=True)
class CancelStop:
    """A stop of ours that protects nothing, or one too many."""

    symbol: Symbol
    order: OpenOrder
    why: str


StopAction = PlaceStop | AmendStop | CancelStop


def plan_protection(
    positions: Iterable[Position],
    open_orders: Sequence[OpenOrder],
    specs: Mapping[Symbol, ContractSpec],
    is_ours: Callable[[ClientOrderId | None], bool],
) -> tuple[StopAction, ...]:
    """Actions that leave exactly one stop per open position; orders that are not ours are never touched."""
    stops = [order for order in open_orders if order.kind is OrderKind.STOP and is_ours(order.client_order_id)]
    actions: list[StopAction] = []
    used: set[str] = set()
    for position in positions:
        if position.is_open:
            actions += _for_position(position, stops, specs[position.symbol], used)
    actions += [CancelStop(o.symbol, o, "no_position") for o in stops if o.venue_order_id not in used]
    return tuple(actions)


def _for_position(
    position: Position, stops: Sequence[OpenOrder], spec: ContractSpec, used: set[str]
) -> list[StopAction]:
    side = exit_side(position)
    wanted = round_stop(position.stop_price, side, spec.tick_size)
    mine = [o for o in stops if o.symbol == position.symbol and o.side is side and o.reduce_only]
    if not mine:
        return [PlaceStop(position.position_id, position.symbol, side, position.size, wanted)]
    keep = min(mine, key=lambda o: (o.venue_order_id != position.stop_order_id, o.size != position.size, o.created_at))
    used.update(order.venue_order_id for order in mine)
    actions: list[StopAction] = [CancelStop(o.symbol, o, "one_too_many") for o in mine if o is not keep]
    if keep.size != position.size or keep.stop_price != wanted:
        actions.append(AmendStop(position.position_id, position.symbol, keep, position.size, wanted))
    return actions
