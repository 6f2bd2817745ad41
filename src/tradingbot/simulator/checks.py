"""Is an order one that the venue takes? Each check says the venue's own status and reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.records import TRIGGER_KINDS, Order
from tradingbot.simulator.rounding import on_step
from tradingbot.simulator.state import VenueState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: `status` as in sendStatus, `reason` as in a REJECT event."""

    status: str
    reason: str


Check = Callable[[VenueState, Order], Refusal | None]


def refusal(state: VenueState, order: Order) -> Refusal | None:
    """The first objection against a new or edited order, before matching; None when there is none."""
    for check in _CHECKS:
        found = check(state, order)
        if found is not None:
            return found
    return None


def _market_open(state: VenueState, order: Order) -> Refusal | None:
    market = state.market(order.symbol)
    if not market.alive:
        return Refusal("marketSuspended", "MARKET_SUSPENDED")
    if (state.post_only() or market.post_only) and order.kind != "post" and not order.is_trigger:
        return Refusal("marketIsPostOnly", "MARKET_IS_POST_ONLY")
    return None


def _size(state: VenueState, order: Order) -> Refusal | None:
    step = state.instruments[order.symbol].step
    return None if order.open > 0 and on_step(order.open, step) else Refusal("invalidSize", "INVALID_QUANTITY")


def _prices(state: VenueState, order: Order) -> Refusal | None:
    tick = state.instruments[order.symbol].tick
    prices = [order.limit_price] if order.kind == "trailing_stop" else [order.limit_price, order.stop_price]
    for price in prices:
        if price is not None and (price <= 0 or not on_step(price, tick)):
            return Refusal("invalidPrice", "INVALID_PRICE")
    return None


def _trailing(state: VenueState, order: Order) -> Refusal | None:
    if order.kind != "trailing_stop" or order.deviation is None:
        return None
    percent = order.deviation_unit.upper() == "PERCENT"
    if percent and order.deviation < Decimal("0.1"):
        return Refusal("invalidPrice", "TRAILING_STOP_MAX_DEVIATION_TOO_SMALL")
    if percent and order.deviation > 50:
        return Refusal("invalidPrice", "TRAILING_STOP_MAX_DEVIATION_TOO_LARGE")
    if not percent and (order.deviation <= 0 or not on_step(order.deviation, state.instruments[order.symbol].tick)):
        return Refusal("invalidPrice", "TRAILING_STOP_QUOTE_DEVIATION_NOT_MULTIPLE_OF_TICK_SIZE")
    return None


def _collar(state: VenueState, order: Order) -> Refusal | None:
    if state.faults.hit("price_collar", "sendorder", state.now_ms):
        return Refusal("outsidePriceCollar", "PRICE_COLLAR")
    if order.limit_price is None or order.is_trigger:
        return None
    mark, collar = state.market(order.symbol).mark, state.params.price_collar
    beyond = order.limit_price - mark if order.side is Side.BUY else mark - order.limit_price
    return Refusal("outsidePriceCollar", "PRICE_COLLAR") if beyond > mark * collar else None


def _counts(state: VenueState, order: Order) -> Refusal | None:
    if order.kind in {"ioc", "fok", "mkt"}:
        return None
    others = [other for other in state.orders_of(order.symbol) if other.uid != order.uid]
    if len(others) >= state.params.max_open_orders:
        return Refusal("tooManyOrders", "ORDER_LIMIT_EXCEEDED")
    if not _small(state, order):
        return None
    if sum(_small(state, other) for other in others) >= state.params.max_small_orders:
        return Refusal("tooManySmallOrders", "SMALL_ORDER_LIMIT_EXCEEDED")
    return None


def _small(state: VenueState, order: Order) -> bool:
    notional = state.instruments[order.symbol].notional_usd(order.open, state.market(order.symbol).mark)
    return notional < state.params.small_order_usd


def _reduces(state: VenueState, order: Order) -> Refusal | None:
    if not order.reduce_only or state.account.size(order.symbol) * order.side.sign < 0:
        return None
    return Refusal("wouldNotReducePosition", "WOULD_NOT_REDUCE_POSITION")


def _position_limit(state: VenueState, order: Order) -> Refusal | None:
    if order.reduce_only:
        return None
    after = state.account.size(order.symbol) + order.open * order.side.sign
    limit = state.instruments[order.symbol].max_position
    return Refusal("maxPositionViolation", "MAX_POSITION_EXCEEDED") if abs(after) > limit else None


def _leverage(state: VenueState, order: Order) -> Refusal | None:
    wanted = state.account.leverage.get(order.symbol)
    if wanted is None or order.reduce_only:
        return None
    instrument = state.instruments[order.symbol]
    after = state.account.size(order.symbol) + order.open * order.side.sign
    step = instrument.margin_at(instrument.notional_usd(after, state.market(order.symbol).mark))
    return Refusal("fixedLeverageTooHigh", "FIXED_LEVERAGE_TOO_HIGH") if wanted * step.initial > 1 else None


_CHECKS: tuple[Check, ...] = (
    _market_open, _size, _prices, _trailing, _collar, _counts, _reduces, _position_limit, _leverage,
)  # fmt: skip

ORDER_KINDS = frozenset({"lmt", "post", "ioc", "fok", "mkt"}) | TRIGGER_KINDS
"""Every orderType that is understood."""
