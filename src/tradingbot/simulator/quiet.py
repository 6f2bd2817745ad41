"""Whether the market can go to a moment in one stride: when nothing of ours can trade, fire or be closed before it.

What lies in between changes nothing then: prices and books follow from the minute's bar and the moment alone.
"""

from __future__ import annotations

from tradingbot.simulator.margin_bounds import covered_by_far
from tradingbot.simulator.records import Order
from tradingbot.simulator.state import VenueState


def is_quiet(state: VenueState, until_ms: int) -> bool:
    """True only when no step of the running minute up to `until_ms` can do anything to account, orders or tape."""
    account = state.account
    if state.has_tape or account.dead_man_ms is not None:
        return False
    if not account.orders and not account.positions:
        return True
    return all(_out_of_reach(state, order) for order in account.orders.values()) and _margin_holds(state, until_ms)


def _out_of_reach(state: VenueState, order: Order) -> bool:
    """A trigger that stands still, on a price that the running minute does not come to."""
    market = state.market(order.symbol)
    if not order.is_trigger or order.stop_price is None or order.signal == "last" or order.kind == "trailing_stop":
        return False
    return market.alive and not market.may_reach(order.stop_price, above=order.above, mark=order.signal == "mark")


def _margin_holds(state: VenueState, until_ms: int) -> bool:
    """No wallet in use comes near its limits; accrued funding, which grows with time, is taken as of the end."""
    used = {state.instruments[symbol].wallet for symbol in state.account.positions}
    used |= {state.instruments[order.symbol].wallet for order in state.account.orders.values()}
    return all(state.market(symbol).alive for symbol in state.account.positions) and all(
        covered_by_far(state, wallet, until_ms) for wallet in used
    )
