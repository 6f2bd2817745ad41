"""Parts of a position through the real engine against a fake exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support import ETH
from tests.unit.engine.test_engine import Rig, rig  # noqa: F401 - the fixture
from tradingbot.core.types import Side
from tradingbot.engine.execute import Done
from tradingbot.portfolio.actions import ClosePosition

D = Decimal


async def take(rig: Rig, cycle: str, size: str, rung: int | None, index: int | None = None) -> Done:  # noqa: F811
    """Close so much of the position as this rung; `index` is the last rung, which closes the whole."""
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    number = rung if index is None else index
    context = {"rung": number, "precedence": "ladder"}
    action = ClosePosition(position.position_id, ETH, Side.SELL, D(size), "ladder", context, rung)
    return await rig.executor.close(cycle, action)


async def opened(rig: Rig) -> None:  # noqa: F811
    await rig.open()
    rig.settlement.absorb_stream()
    await rig.protect()


def stop_sizes(rig: Rig) -> list[Decimal]:  # noqa: F811
    return [order.size for order in rig.venue.orders.values()]


async def test_parts_have_ids_of_their_own(rig: Rig) -> None:  # noqa: F811
    """One per cycle, symbol and rung: a repetition within the cycle is refused by the venue as a double."""
    await opened(rig)
    first = await take(rig, "c2", "0.25", 0)
    rig.settlement.absorb_stream()
    again = await take(rig, "c2", "0.25", 0)
    whole = await take(rig, "c2", "0.75", None, 2)
    ids = [one.client_order_id for one in (first, again, whole)]
    assert ids == ["tb-aa-c2-ETHUSDT-rung0", "tb-aa-c2-ETHUSDT-rung0", "tb-aa-c2-ETHUSDT-exit"]
    assert [one.status for one in (first, again, whole)] == ["accepted", "unknown", "accepted"]
    assert rig.venue.held[ETH][0] == 0


async def test_the_stop_follows_each_part_and_a_restart_forgets_none(rig: Rig) -> None:  # noqa: F811
    """Amended in place, the rungs are in the file, and the trade tells them all."""
    await opened(rig)
    for cycle, (size, left) in enumerate((("0.25", "0.75"), ("0.5", "0.25"))):
        await take(rig, f"c{cycle + 2}", size, cycle)
        rig.settlement.absorb_stream()
        await rig.protect(f"c{cycle + 2}")
        assert stop_sizes(rig) == [D(left)]
        await rig.keeper.save()
        rig.restart()
        position = rig.keeper.book.open_for(ETH)
        assert position is not None
        assert (position.size, set(position.ladder_state)) == (D(left), {str(n) for n in range(cycle + 1)})
    await take(rig, "c4", "0.25", None, 2)
    (trade,) = await rig.settle()
    await rig.protect("c4")
    taken = trade.ladder_state
    assert {rung: row["size"] for rung, row in taken.items()} == {"0": "0.25", "1": "0.5", "2": "0.25"}
    assert (trade.size, trade.exit_rule, stop_sizes(rig)) == (D(1), "ladder", [])


async def test_fills_of_a_part_that_the_stream_lost_come_by_rest(rig: Rig) -> None:  # noqa: F811
    await opened(rig)
    rig.venue.silent_stream = True
    await take(rig, "c2", "0.25", 0)
    rig.settlement.absorb_stream()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert position.size == 1
    await rig.protect("c2")
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert (position.size, position.ladder_state["0"]["size"]) == (D("0.75"), "0.25")
    assert stop_sizes(rig) == [D("0.75")]


async def test_the_stop_fires_while_a_rung_is_under_way(rig: Rig) -> None:  # noqa: F811
    """The part finds nothing left; nothing is sold short, and no stop stays behind."""
    await opened(rig)
    rig.venue.fire_stop(ETH)
    done = await take(rig, "c2", "0.25", 0)
    (trade,) = await rig.settle()
    await rig.protect("c2")
    assert done.status in ("refused", "accepted")
    assert rig.venue.held[ETH][0] == 0
    assert (trade.exit_rule, trade.size, stop_sizes(rig)) == ("protective_stop", D(1), [])


@pytest.mark.parametrize("sizes", [("0.1", "0.15"), ("0.25",)])
async def test_a_rung_filled_in_several_orders_is_one_rung(rig: Rig, sizes: tuple[str, ...]) -> None:  # noqa: F811
    await opened(rig)
    for number, size in enumerate(sizes):
        await take(rig, f"c{number + 2}", size, 0)
        rig.settlement.absorb_stream()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert position.ladder_state["0"]["size"] == "0.25"
    assert position.ladder_state["0"]["decision_mid"] is None  # these orders do not say what they were decided on


async def test_a_rung_is_decided_at_the_average_of_its_orders(rig: Rig) -> None:  # noqa: F811
    """By contracts, as its fills are; unknown as soon as one order does not say."""
    await opened(rig)
    held = rig.keeper.book.open_for(ETH)
    assert held is not None
    seen = []
    for number, (size, mid) in enumerate((("0.1", "2000"), ("0.3", "2004"), ("0.1", None))):
        action = ClosePosition(held.position_id, ETH, Side.SELL, D(size), "ladder", {"rung": 0}, 0)
        await rig.executor.close(f"c{number + 2}", replace(action, mid_price=None if mid is None else D(mid)))
        rig.settlement.absorb_stream()
        position = rig.keeper.book.open_for(ETH)
        assert position is not None
        seen.append(position.ladder_state["0"]["decision_mid"])
    assert (D(seen[0]), D(seen[1]), seen[2]) == (D(2000), D(2003), None)


async def test_a_late_fill_of_an_older_position_takes_no_rung_of_the_next(rig: Rig) -> None:  # noqa: F811
    """It reduces what is held, as the venue nets, but neither ladder nor stop of the new position know of it."""
    await opened(rig)
    old = rig.keeper.book.open_for(ETH)
    assert old is not None
    context = {"rung": 0, "tighten_stop_to": "1999"}
    rig.venue.silent_stream = True
    await rig.executor.close("c2", ClosePosition(old.position_id, ETH, Side.SELL, D("0.25"), "ladder", context, 0))
    newer = replace(old, position_id="t-newer")
    rig.keeper.set_book(replace(rig.keeper.book, positions=(newer,)))
    await rig.settlement.absorb_rest()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert (position.size, position.ladder_state, position.stop_price) == (D("0.75"), {}, old.stop_price)


async def test_a_rung_may_bring_the_stop_nearer(rig: Rig) -> None:  # noqa: F811
    """Asked for by the order, done by its fill: the same stop, amended in size and price."""
    await opened(rig)
    old = rig.keeper.book.open_for(ETH)
    assert old is not None
    context = {"rung": 0, "tighten_stop_to": str(old.entry_price)}
    done = await rig.executor.close(
        "c2", ClosePosition(old.position_id, ETH, Side.SELL, D("0.25"), "ladder", context, 0)
    )
    assert done.what == "close_part"
    rig.settlement.absorb_stream()
    await rig.protect("c2")
    (stop,) = rig.venue.orders.values()
    assert (stop.size, stop.stop_price, stop.client_order_id) == (D("0.75"), D(2000), old.stop_client_order_id)
