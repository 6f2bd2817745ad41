"""Matching: takers sweep levels and our own resting orders; the tape fills resting orders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.account import Trade, book_trade
from tradingbot.simulator.arithmetic import fee
from tradingbot.simulator.records import EventKind, Fill, Order, OrderEvent
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.state import VenueState
from tradingbot.simulator.tape import Print

_LOG_INFO = {
    "liquidation": "futures liquidation",
    "partialLiquidation": "futures partial liquidation",
    "assignor": "futures assignor",
}
_PLAIN_KINDS = {"mkt": "market", "lmt": "limit", "stp": "stp", "fok": "fillOrKill"}


@dataclass(slots=True)
class Sweep:
    """What is left of a taker and what happened on the way. `self_trade` is set when it met an order of ours."""

    order: Order
    events: list[OrderEvent] = field(default_factory=list)
    self_trade: bool = False


def crosses(order_side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Whether a taker of this side with this limit trades at `price`."""
    return limit is None or (price <= limit if order_side is Side.BUY else price >= limit)


def matchable(state: VenueState, order: Order) -> Decimal:
    """How many contracts rest within the order's limit, our own orders left out."""
    levels = state.market(order.symbol).available(order.side.opposite)
    return sum((size for price, size in levels if crosses(order.side, order.limit_price, price)), ZERO)


def meets_own(state: VenueState, order: Order) -> list[Order]:
    """Our resting orders within the taker's limit, best price first, then oldest."""
    own = [
        other
        for other in state.orders_of(order.symbol)
        if other.side is not order.side and other.limit_price is not None and not other.is_trigger
    ]
    hit = [other for other in own if crosses(order.side, order.limit_price, other.limit_price or ZERO)]
    return sorted(hit, key=lambda other: (other.limit_price or ZERO) * order.side.sign)


def sweep(state: VenueState, order: Order, fill_type: str = "taker") -> Sweep:
    """Trade a taker against what rests, best price first, until it is done, its limit ends it, or it meets itself."""
    result = Sweep(order)
    own = meets_own(state, order)
    for price, size in state.market(order.symbol).available(order.side.opposite):
        if result.order.open <= 0 or not crosses(order.side, order.limit_price, price):
            break
        if not _clear_way(state, result, own, price):
            return result
        traded = min(size, result.order.open)
        state.market(order.symbol).take(order.side.opposite, traded)
        _print_own(state, result.order, price, traded, fill_type)
        result.order = execute(state, result.order, price, traded, fill_type, result.events)
    if result.order.open > 0:
        _clear_way(state, result, own, None)
    return result


def _clear_way(state: VenueState, result: Sweep, own: list[Order], price: Decimal | None) -> bool:
    """False when the taker meets an order of ours that is priced at or better than `price` and must stop."""
    while own and (price is None or crosses(result.order.side, price, own[0].limit_price or ZERO)):
        if state.account.self_trade == "REJECT_TAKER":
            result.self_trade = True
            return False
        maker = own.pop(0)
        state.account.orders.pop(maker.uid, None)
        result.events.append(state.emit(EventKind.CANCEL, maker, "would_execute_self"))
    return True


def execute(
    state: VenueState,
    order: Order,
    price: Decimal,
    size: Decimal,
    fill_type: str,
    events: list[OrderEvent],
    extra_fee: Decimal = ZERO,
) -> Order:
    """Book one execution of an order; returns the order after it. A resting order is kept up to date."""
    market, account = state.market(order.symbol), state.account
    maker = fill_type == "maker"
    rate = state.params.maker_fee if maker else state.params.taker_fee
    charged = fee(market.instrument, size, price, rate) + extra_fee
    after = replace(order, open=order.open - size, filled=order.filled + size, updated_ms=state.now_ms)
    fill_id = account.new_uid("fill")
    trade = Trade(
        instrument=market.instrument,
        size=size * order.side.sign,
        price=price,
        time_ms=state.now_ms,
        fee=charged,
        funding=state.unrealized_funding(order.symbol),
        funding_rate=market.funding.rate,
        mark=market.mark,
        fill_id=fill_id,
        fill_type=fill_type,
        info=_LOG_INFO.get(fill_type, "futures trade"),
    )
    realized = book_trade(account, state.fresh, trade)
    fill = Fill(
        fill_id=fill_id,
        uid=order.uid,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        size=size,
        price=price,
        time_ms=state.now_ms,
        fill_type=fill_type,
        fee=charged,
        fee_currency=market.instrument.currency,
        order_kind=_PLAIN_KINDS.get(order.kind, order.kind),
        remaining=after.open,
        realized_pnl=realized,
        seq=account.number("fill_seq"),
        mark_price=market.mark,
    )
    state.fresh.fills.append(fill)
    if order.uid in account.orders:
        if after.open > 0:
            account.orders[order.uid] = after
        else:
            del account.orders[order.uid]
    reason = "full_fill" if after.open == 0 else "partial_fill"
    events.append(state.emit(EventKind.EXECUTION, after, reason, old=order, fill=fill))
    return after


def fill_resting(state: VenueState, symbol: str, entry: Print) -> None:
    """Let one public trade fill our resting orders that it reached: those behind their queue, best price first."""
    makers = [
        order
        for order in state.orders_of(symbol)
        if not order.is_trigger
        and order.side is entry.side.opposite
        and order.created_ms <= entry.time_ms
        and order.limit_price is not None
        and crosses(entry.side, entry.price, order.limit_price)
    ]
    left = entry.size
    for order in sorted(makers, key=lambda one: (one.limit_price or ZERO) * -one.side.sign):
        left = _fill_one(state, order, entry, left)
        if left <= 0:
            break
    if makers:
        trim_reduce_only(state, symbol)


def _fill_one(state: VenueState, order: Order, entry: Print, left: Decimal) -> Decimal:
    price = order.limit_price or ZERO
    if price == entry.price and order.queue > 0:
        ahead = min(order.queue, left)
        order = replace(order, queue=order.queue - ahead)
        state.account.orders[order.uid] = order
        left -= ahead
    order = fit_reduce_only(state, order)
    traded = min(order.open, left)
    if traded > 0:
        execute(state, order, price, traded, "maker", [])
    return left - traded


def fit_reduce_only(state: VenueState, order: Order) -> Order:
    """A reduce-only order no larger than the position it reduces; it may come back with nothing open."""
    if not order.reduce_only:
        return order
    size = state.account.size(order.symbol)
    limit = abs(size) if size * order.side.sign < 0 else ZERO
    return order if order.open <= limit else replace(order, open=limit)


def trim_reduce_only(state: VenueState, symbol: str) -> None:
    """Cancel resting reduce-only orders (not triggers) that have nothing left to reduce."""
    for order in state.orders_of(symbol):
        if order.reduce_only and not order.is_trigger and fit_reduce_only(state, order).open == 0:
            del state.account.orders[order.uid]
            state.emit(EventKind.CANCEL, order, "would_not_reduce_position")


def _print_own(state: VenueState, order: Order, price: Decimal, size: Decimal, fill_type: str) -> None:
    kind = {"liquidation": "liquidation", "partialLiquidation": "partialLiquidation"}.get(fill_type, "fill")
    market = state.market(order.symbol)
    entry = market.record_print(Print(state.now_ms, order.side, price, size, kind=kind))
    state.prints.append((order.symbol, entry))
