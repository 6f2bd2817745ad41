"""Stops and take-profits: when they fire, and what they become."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.checks import refusal
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.matching import fit_reduce_only
from tradingbot.simulator.order_desk import enter, trailing_stop_price
from tradingbot.simulator.records import EventKind, Order
from tradingbot.simulator.rounding import ceil_to, floor_to
from tradingbot.simulator.state import VenueState
from tradingbot.simulator.tape import Print


def reached(order: Order, price: Decimal) -> bool:
    """Whether this price fires the trigger."""
    if order.stop_price is None:
        return False
    return price >= order.stop_price if order.above else price <= order.stop_price


def firing_time(state: VenueState, order: Order, after_ms: int, until_ms: int) -> int | None:
    """When a mark or index trigger fires within (after, until]; None for never, and for triggers on the last price."""
    if order.stop_price is None or order.signal == "last":
        return None
    market = state.market(order.symbol)
    return market.first_signal(after_ms, until_ms, order.stop_price, above=order.above, mark=order.signal == "mark")


def fired_by_print(state: VenueState, symbol: str, entry: Print) -> list[Order]:
    """Triggers on the last price that this trade fires."""
    return [
        order
        for order in state.orders_of(symbol)
        if order.is_trigger and order.signal == "last" and reached(order, entry.price)
    ]


def fired_now(state: VenueState, symbol: str) -> list[Order]:
    """Triggers whose condition holds at this very moment."""
    market = state.market(symbol)
    waiting = [order for order in state.orders_of(symbol) if order.is_trigger]
    return [order for order in waiting if _holds(market, order)]


def _holds(market: ContractMarket, order: Order) -> bool:
    if order.stop_price is None:
        return False
    if order.signal == "last":
        return market.last is not None and reached(order, market.last.price)
    on_mark = order.signal == "mark"
    # Most stops are far away: then the price need not even be found.
    if not market.may_reach(order.stop_price, above=order.above, mark=on_mark):
        return False
    return reached(order, market.mark if on_mark else market.index)


def fire(state: VenueState, uid: str) -> None:
    """Turn a trigger into its order, which keeps the id, and let it trade. While markets are post-only it waits."""
    if state.post_only():
        return
    trigger = state.account.orders.pop(uid, None)
    if trigger is None:
        return
    state.emit(EventKind.ACTIVATE, trigger, "stop_order_triggered")
    child = replace(
        trigger,
        stop_price=None,
        kind="mkt" if trigger.limit_price is None and trigger.offset is None else "lmt",
        limit_price=_limit_of(state, trigger),
        updated_ms=state.now_ms,
        from_trigger=True,
    )
    problem = refusal(state, child)
    if problem is None:
        enter(state, fit_reduce_only(state, child))
    else:
        state.emit(EventKind.REJECT, child, problem.reason)


def _limit_of(state: VenueState, trigger: Order) -> Decimal | None:
    if trigger.offset is None or trigger.stop_price is None:
        return trigger.limit_price
    tick, base = state.instruments[trigger.symbol].tick, trigger.stop_price
    distance = base * trigger.offset / 100 if trigger.offset_unit.upper() == "PERCENT" else trigger.offset
    if trigger.side is Side.BUY:
        return ceil_to(base + distance, tick)
    return max(tick, floor_to(base - distance, tick))


def move_trailing(state: VenueState, symbol: str) -> None:
    """Pull trailing stops after a price that went their way."""
    market = state.market(symbol)
    for order in state.orders_of(symbol):
        if order.kind != "trailing_stop" or order.stop_price is None or order.deviation is None:
            continue
        tick = state.instruments[symbol].tick
        wanted = trailing_stop_price(market.mark, order.side, order.deviation, order.deviation_unit, tick)
        better = wanted < order.stop_price if order.side is Side.BUY else wanted > order.stop_price
        if better:
            moved = replace(order, stop_price=wanted, updated_ms=state.now_ms)
            state.account.orders[order.uid] = moved
            state.emit(EventKind.EDIT, moved, "edited_by_user", old=order)
