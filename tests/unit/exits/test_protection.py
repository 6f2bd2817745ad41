"""Exactly one protective stop per open position, nothing of others touched."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ETH, a_fill, a_plan, a_spec, a_stop_order
from tradingbot.core.records import OpenOrder
from tradingbot.core.rounding import round_stop
from tradingbot.core.types import ClientOrderId, OrderKind, Side
from tradingbot.exits.protection import AmendStop, CancelStop, PlaceStop, StopAction, plan_protection
from tradingbot.portfolio.book import Book, apply_fill

POSITION = apply_fill(Book(), a_fill(), a_plan())[0].open_positions[0]
SPECS = {ETH: a_spec()}


def ours(order_id: ClientOrderId | None) -> bool:
    return order_id is not None and order_id.startswith("tb-aa-")


def plan(*orders: OpenOrder, positions: tuple[object, ...] = (POSITION,)) -> tuple[StopAction, ...]:
    return plan_protection(positions, orders, SPECS, ours)  # type: ignore[arg-type]


def test_an_unprotected_position_gets_a_stop() -> None:
    """Size and side close it whole."""
    assert plan() == (PlaceStop(POSITION.position_id, ETH, Side.SELL, Decimal(1), Decimal("1950.0")),)


def test_a_right_stop_is_left_alone() -> None:
    """Nothing to do."""
    assert plan(a_stop_order()) == ()


def test_a_wrong_size_is_amended_in_place() -> None:
    """Never cancelled and placed anew: that would leave a gap."""
    actions = plan(a_stop_order(size=Decimal(2)))
    assert [type(action) for action in actions] == [AmendStop]


def test_the_second_stop_is_cancelled() -> None:
    """One protects, the other goes."""
    actions = plan(a_stop_order("s1"), a_stop_order("s2"))
    assert [(type(a), a.order.venue_order_id) for a in actions if not isinstance(a, PlaceStop)] == [(CancelStop, "s2")]


def test_a_stop_without_a_position_is_cancelled() -> None:
    """It could open a position later if it were not reduce-only."""
    actions = plan(a_stop_order(), positions=())
    assert [a.why for a in actions if isinstance(a, CancelStop)] == ["no_position"]


def test_orders_of_others_are_never_touched() -> None:
    """A stop placed by hand is neither used nor cancelled."""
    by_hand = a_stop_order(client_order_id=ClientOrderId("my-own-stop"))
    assert [type(action) for action in plan(by_hand)] == [PlaceStop]


def test_a_stop_that_is_not_reduce_only_does_not_protect() -> None:
    """It could open the opposite position, so it goes and a true one comes."""
    actions = plan(a_stop_order(reduce_only=False))
    assert {type(action) for action in actions} == {PlaceStop, CancelStop}


@pytest.mark.parametrize(("side", "expected"), [(Side.SELL, "1950.5"), (Side.BUY, "1950.0")])
def test_rounding_never_widens_the_loss(side: Side, expected: str) -> None:
    """A long's stop rounds up, a short's down."""
    assert round_stop(Decimal("1950.2"), side, Decimal("0.5")) == Decimal(expected)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([1940, 1950]), st.booleans(), st.booleans()),
        max_size=5,
    )
)
def test_following_the_plan_leaves_exactly_one_right_stop(kinds: list[tuple[int, int, bool, bool]]) -> None:
    """Whatever rests at the venue, carrying out the plan ends with one stop of the right size and price."""
    orders = [
        a_stop_order(
            f"s{n}",
            size=Decimal(size),
            stop_price=Decimal(price),
            reduce_only=reduce_only,
            kind=OrderKind.STOP if stop else OrderKind.LIMIT,
        )
        for n, (size, price, reduce_only, stop) in enumerate(kinds)
    ]
    resting = {order.venue_order_id: order for order in orders}
    for action in plan(*orders):
        if isinstance(action, PlaceStop):
            placed = a_stop_order("new", size=action.size, stop_price=action.stop_price)
            resting[placed.venue_order_id] = placed
        elif isinstance(action, CancelStop):
            del resting[action.order.venue_order_id]
        else:
            resting[action.order.venue_order_id] = replace(action.order, size=action.size, stop_price=action.stop_price)
    stops = [order for order in resting.values() if order.kind is OrderKind.STOP]
    assert [(o.size, o.stop_price, o.reduce_only) for o in stops] == [(Decimal(1), Decimal(1950), True)]
    assert plan(*resting.values()) == ()
