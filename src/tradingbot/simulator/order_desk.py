"""Commands on orders: send, edit, cancel, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.checks import Refusal, refusal
from tradingbot.simulator.margin import affordable
from tradingbot.simulator.matching import fit_reduce_only, matchable, meets_own, sweep, trim_reduce_only
from tradingbot.simulator.records import TRIGGER_KINDS, EventKind, Order, OrderEvent
from tradingbot.simulator.rounding import ZERO, ceil_to, floor_to
from tradingbot.simulator.state import VenueState

MAX_CLIENT_ID = 100


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A sendorder request. Prices and sizes as sent."""

    symbol: str
    side: Side
    kind: str
    size: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    signal: str = "last"
    client_id: str | None = None
    reduce_only: bool = False
    deviation: Decimal | None = None
    deviation_unit: str = ""
    offset: Decimal | None = None
    offset_unit: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: the venue's status word, the order it concerns, the events of the answer."""

    status: str
    order: Order | None = None
    events: tuple[OrderEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """An editorder request; None keeps a value."""

    size: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    absolute: bool = False
    deviation: Decimal | None = None
    deviation_unit: str | None = None


def send(state: VenueState, request: NewOrder) -> Outcome:
    """Take, match and perhaps rest a new order."""
    bad_id = _client_id_problem(state, request.client_id)
    if bad_id:
        return Outcome(bad_id)
    order = _new_order(state, request)
    problem = _forced_refusal(state) or refusal(state, order)
    if problem:
        return _rejected(state, order, problem)
    if request.client_id:
        state.client_ids.add(request.client_id)
    fitted = fit_reduce_only(state, order)
    reduced = order.open - fitted.open or None
    if order.kind in TRIGGER_KINDS:
        return _rest_trigger(state, fitted, reduced)
    return enter(state, fitted, reduced)


def enter(state: VenueState, order: Order, reduced: Decimal | None = None) -> Outcome:
    """Match an order at once and rest what may rest."""
    order = _with_protection(state, order)
    problem = _unmatchable(state, order)
    if problem:
        return _rejected(state, order, problem)
    result = sweep(state, order)
    events, left = result.events, result.order
    if result.self_trade and left.filled == order.filled:
        return _rejected(state, left, Refusal("selfFill", "WOULD_EXECUTE_SELF"))
    if left.open > 0 and (result.self_trade or order.kind in {"ioc", "fok", "mkt"}):
        ended = "would_execute_self" if result.self_trade else "ioc_order_failed_because_it_would_not_be_executed"
        events.append(state.emit(EventKind.CANCEL, left, ended))
    elif left.open > 0:
        left = replace(left, queue=_queue_ahead(state, left))
        state.account.orders[left.uid] = left
        reason = "limit_order_from_stop" if order.from_trigger else "new_placed_order_by_user"
        events.append(state.emit(EventKind.PLACE, left, reason, reduced=reduced))
    trim_reduce_only(state, order.symbol)
    return Outcome("placed", left, tuple(events))


def edit(state: VenueState, uid: str, change: Change) -> Outcome:
    """Change a resting order or trigger in place."""
    old = state.account.orders.get(uid)
    if old is None:
        return Outcome("orderForEditNotFound")
    if change.stop_price is not None and not old.is_trigger:
        return Outcome("orderForEditNotAStop", old)
    if old.kind == "trailing_stop" and change.stop_price is not None:
        return Outcome("cannotEditTriggerPriceOfTrailingStop", old)
    if old.kind == "trailing_stop" and change.limit_price is not None:
        return Outcome("cannotEditLimitPriceOfTrailingStop", old)
    size = old.open if change.size is None else change.size - (old.filled if change.absolute else ZERO)
    new = replace(
        old,
        open=size,
        limit_price=old.limit_price if change.limit_price is None else change.limit_price,
        stop_price=old.stop_price if change.stop_price is None else change.stop_price,
        deviation=old.deviation if change.deviation is None else change.deviation,
        deviation_unit=old.deviation_unit if change.deviation_unit is None else change.deviation_unit,
        updated_ms=state.now_ms,
    )
    if new.kind == "trailing_stop" and change.deviation is not None:
        tick = state.instruments[new.symbol].tick
        mark = state.market(new.symbol).mark
        new = replace(new, stop_price=trailing_stop_price(mark, new.side, change.deviation, new.deviation_unit, tick))
    problem = refusal(state, new) or _unmatchable(state, new)
    if problem:
        refused = OrderEvent(state.account.new_uid("event"), state.now_ms, EventKind.REJECT, new, None, problem.reason)
        return Outcome(problem.status, old, (refused,))
    return _apply_edit(state, old, fit_reduce_only(state, new))


def _apply_edit(state: VenueState, old: Order, new: Order) -> Outcome:
    keeps_place = new.limit_price == old.limit_price and new.open <= old.open
    new = new if keeps_place else replace(new, queue=_queue_ahead(state, new))
    state.account.orders[new.uid] = new
    events = [state.emit(EventKind.EDIT, new, "edited_by_user", old=old)]
    if not new.is_trigger and matchable(state, new) > 0:
        del state.account.orders[new.uid]
        result = sweep(state, new, "takerAfterEdit")
        events += result.events
        new = result.order
        if new.open > 0:
            state.account.orders[new.uid] = new
        trim_reduce_only(state, new.symbol)
    return Outcome("edited", new, tuple(events))


def cancel(state: VenueState, uid: str, reason: str = "cancelled_by_user") -> Outcome:
    """Take an order or trigger off."""
    order = state.account.orders.pop(uid, None)
    if order is None:
        return Outcome("notFound")
    order = replace(order, updated_ms=state.now_ms)
    return Outcome("cancelled", order, (state.emit(EventKind.CANCEL, order, reason),))


def _new_order(state: VenueState, request: NewOrder) -> Order:
    trigger = request.kind in TRIGGER_KINDS
    stop = request.stop_price
    if request.kind == "trailing_stop":
        stop = trailing_stop_price(
            state.market(request.symbol).mark, request.side, request.deviation or ZERO, request.deviation_unit,
            state.instruments[request.symbol].tick,
        )  # fmt: skip
    return Order(
        uid=state.account.new_uid("order"),
        client_id=request.client_id or None,
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        open=request.size,
        filled=ZERO,
        limit_price=None if request.kind == "mkt" else request.limit_price,
        reduce_only=request.reduce_only,
        created_ms=state.now_ms,
        updated_ms=state.now_ms,
        stop_price=stop if trigger else None,
        signal=request.signal,
        above=(request.side is Side.BUY) == (request.kind != "take_profit"),
        deviation=request.deviation,
        deviation_unit=request.deviation_unit,
        offset=request.offset,
        offset_unit=request.offset_unit,
    )


def trailing_stop_price(reference: Decimal, side: Side, deviation: Decimal, unit: str, tick: Decimal) -> Decimal:
    """Where a trailing stop stands when the reference price is at its best."""
    distance = reference * deviation / 100 if unit.upper() == "PERCENT" else deviation
    if side is Side.BUY:
        return ceil_to(reference + distance, tick)
    return max(tick, floor_to(reference - distance, tick))


def _client_id_problem(state: VenueState, client_id: str | None) -> str | None:
    if not client_id:
        return None
    if len(client_id) > MAX_CLIENT_ID:
        return "clientOrderIdTooLong"
    return "clientOrderIdAlreadyExist" if client_id in state.client_ids else None


def _forced_refusal(state: VenueState) -> Refusal | None:
    fault = state.faults.hit("reject_orders", "sendorder", state.now_ms)
    return Refusal(fault.status, "INSUFFICIENT_MARGIN") if fault else None


def _with_protection(state: VenueState, order: Order) -> Order:
    """A market order is an immediate one whose limit is a little beyond the best price."""
    if order.limit_price is not None or order.kind not in {"mkt", "ioc"}:
        return order
    levels = state.market(order.symbol).available(order.side.opposite)
    best = levels[0][0] if levels else state.market(order.symbol).mark
    tick, room = state.instruments[order.symbol].tick, state.params.market_protection
    if order.side is Side.BUY:
        return replace(order, limit_price=ceil_to(best * (1 + room), tick))
    return replace(order, limit_price=max(tick, floor_to(best * (1 - room), tick)))


def _unmatchable(state: VenueState, order: Order) -> Refusal | None:
    if order.is_trigger:
        return None
    mark = state.market(order.symbol).mark
    price = order.limit_price or mark
    beyond = (price - mark) * order.side.sign
    if beyond > mark * state.params.price_collar:
        return Refusal("outsidePriceCollar", "PRICE_COLLAR")
    reachable = matchable(state, order)
    if order.kind == "post" and (reachable > 0 or meets_own(state, order)):
        return Refusal("postWouldExecute", "POST_WOULD_EXECUTE")
    needed = order.open if order.kind == "fok" else Decimal("1e-30")
    if order.kind in {"ioc", "fok", "mkt"} and reachable < needed and not meets_own(state, order):
        return Refusal("iocWouldNotExecute", "IOC_WOULD_NOT_EXECUTE")
    if not order.reduce_only and not affordable(state, order, price):
        return Refusal("insufficientAvailableFunds", "INSUFFICIENT_MARGIN")
    return None


def _queue_ahead(state: VenueState, order: Order) -> Decimal:
    levels = state.market(order.symbol).available(order.side)
    return sum((size for price, size in levels if price == order.limit_price), ZERO)


def _rest_trigger(state: VenueState, order: Order, reduced: Decimal | None) -> Outcome:
    state.account.orders[order.uid] = order
    return Outcome("placed", order, (state.emit(EventKind.PLACE, order, "new_placed_order_by_user", reduced=reduced),))


def _rejected(state: VenueState, order: Order, problem: Refusal) -> Outcome:
    return Outcome(problem.status, order, (state.emit(EventKind.REJECT, order, problem.reason),))
