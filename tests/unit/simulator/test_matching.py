"""Orders match, rest, fire and are refused as on the real venue."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.builders_sim import START_MS, SineFeed, make_venue
from tradingbot.core.types import Side
from tradingbot.simulator.order_desk import Change, NewOrder, Outcome
from tradingbot.simulator.records import EventKind
from tradingbot.simulator.venue import SimulatedVenue

XBT = "PF_XBTUSD"


def send(venue: SimulatedVenue, kind: str, side: str, size: str, symbol: str = XBT, **extra: Any) -> Outcome:
    return venue.send(NewOrder(symbol, Side(side), kind, D(size), **extra))


def kinds(outcome: Outcome) -> list[str]:
    return [event.kind.value for event in outcome.events]


def test_a_filled_market_order_is_still_called_placed() -> None:
    outcome = send(make_venue(), "mkt", "buy", "0.06")
    assert outcome.status == "placed"
    assert set(kinds(outcome)) == {"EXECUTION"}
    assert sum(event.fill.size for event in outcome.events if event.fill) == D("0.06")


def test_a_big_taker_pays_the_next_levels_and_leaves_the_book_thinner() -> None:
    venue = make_venue(starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    asks = venue.market(XBT).available(Side.SELL)
    size = asks[0][1] + asks[1][1]
    outcome = send(venue, "mkt", "buy", str(size))
    assert [(e.fill.price, e.fill.size) for e in outcome.events if e.fill] == asks[:2]
    assert venue.market(XBT).available(Side.SELL)[0] == asks[2]
    venue.advance(START_MS + 10_000)
    assert len(venue.market(XBT).available(Side.SELL)) == len(asks)


@pytest.mark.parametrize(
    ("kind", "extra", "status"),
    [
        ("lmt", {"limit_price": D("60000.5")}, "invalidPrice"),
        ("post", {"limit_price": D(61000)}, "postWouldExecute"),
        ("ioc", {"limit_price": D(59000)}, "iocWouldNotExecute"),
        ("fok", {"limit_price": D(59000)}, "iocWouldNotExecute"),
        ("lmt", {"limit_price": D(70000)}, "outsidePriceCollar"),
        ("lmt", {"limit_price": D(59000), "reduce_only": True}, "wouldNotReducePosition"),
        ("stp", {"stop_price": D(58000), "reduce_only": True}, "wouldNotReducePosition"),
    ],
)
def test_refusals_name_the_venues_status(kind: str, extra: dict[str, Any], status: str) -> None:
    venue = make_venue()
    outcome = send(venue, kind, "buy", "0.01", **extra)
    assert outcome.status == status
    assert kinds(outcome) == ["REJECT"]
    assert not venue.account.orders


@pytest.mark.parametrize("size", ["0", "-1", "0.00001"])
def test_sizes_off_step_are_refused(size: str) -> None:
    assert send(make_venue(), "mkt", "buy", size).status == "invalidSize"


def test_negative_precision_means_multiples_of_a_thousand() -> None:
    venue = make_venue()
    assert send(venue, "mkt", "buy", "1500", symbol="PF_PEPEUSD").status == "invalidSize"
    assert send(venue, "mkt", "buy", "2000", symbol="PF_PEPEUSD").status == "placed"


def test_what_margin_cannot_carry_is_refused() -> None:
    assert send(make_venue(), "mkt", "buy", "10").status == "insufficientAvailableFunds"


def test_leverage_preference_raises_the_margin_needed() -> None:
    venue = make_venue()
    assert venue.set_leverage(XBT, D(1))
    assert send(venue, "mkt", "buy", "0.1").status == "insufficientAvailableFunds"
    assert venue.set_leverage(XBT, None)
    assert send(venue, "mkt", "buy", "0.1").status == "placed"
    assert not venue.set_leverage(XBT, D(101))


def test_a_client_id_is_used_once_even_after_the_order_is_gone() -> None:
    venue = make_venue()
    first = send(venue, "lmt", "buy", "0.01", limit_price=D(59000), client_id="a")
    assert first.order is not None
    venue.cancel(first.order.uid)
    assert send(venue, "mkt", "buy", "0.01", client_id="a").status == "clientOrderIdAlreadyExist"
    assert send(venue, "mkt", "buy", "0.01", client_id="x" * 101).status == "clientOrderIdTooLong"


def test_a_partly_matched_limit_rests_with_the_remainder() -> None:
    venue = make_venue(starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    price, available = venue.market(XBT).available(Side.SELL)[0]
    outcome = send(venue, "lmt", "buy", str(available + 1), limit_price=price)
    assert kinds(outcome) == ["EXECUTION", "PLACE"]
    assert outcome.order is not None
    assert (outcome.order.open, outcome.order.filled) == (D(1), available)
    assert outcome.order.uid in venue.account.orders


def test_a_fill_or_kill_is_all_or_nothing() -> None:
    venue = make_venue(starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    price, available = venue.market(XBT).available(Side.SELL)[0]
    assert send(venue, "fok", "buy", str(available + 1), limit_price=price).status == "iocWouldNotExecute"
    assert send(venue, "fok", "buy", str(available), limit_price=price).status == "placed"


def test_a_resting_order_fills_as_maker_when_the_market_comes() -> None:
    venue = make_venue(SineFeed(amplitude=0.02))
    outcome = send(venue, "post", "sell", "0.02", limit_price=D(60300))
    assert kinds(outcome) == ["PLACE"]
    venue.advance(START_MS + 30 * 60_000)
    fills = venue.state.fresh.fills
    assert sum(fill.size for fill in fills) == D("0.02")
    assert {(fill.fill_type, fill.price) for fill in fills} == {("maker", D(60300))}
    assert sum(fill.fee for fill in fills) == pytest.approx(D("0.02") * 60300 * D("0.0002"), abs=D("1e-7"))


def test_a_large_resting_order_fills_in_parts() -> None:
    venue = make_venue(SineFeed(amplitude=0.02), starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    send(venue, "post", "sell", "3", limit_price=D(60100))
    venue.advance(START_MS + 30 * 60_000)
    assert len(venue.state.fresh.fills) > 1
    remaining = [fill.remaining for fill in venue.state.fresh.fills]
    assert remaining == sorted(remaining, reverse=True)


def test_a_stop_fires_on_the_mark_and_keeps_its_id() -> None:
    venue = make_venue(SineFeed(moves={4: 0.98}))
    send(venue, "mkt", "buy", "0.05")
    stop = send(venue, "stp", "sell", "0.05", stop_price=D(59500), signal="mark", reduce_only=True)
    assert stop.order is not None
    venue.advance(START_MS + 4 * 60_000)
    assert stop.order.uid in venue.account.orders
    venue.advance(START_MS + 7 * 60_000)
    mine = [event for event in venue.state.fresh.events if event.order.uid == stop.order.uid]
    assert [event.kind for event in mine[:3]] == [EventKind.PLACE, EventKind.ACTIVATE, EventKind.EXECUTION]
    assert XBT not in venue.account.positions
    last = venue.state.fresh.fills[-1]
    assert last.uid == stop.order.uid
    assert abs(last.price / D(59500) - 1) < D("0.002")


def test_a_take_profit_fires_on_the_other_side() -> None:
    venue = make_venue(SineFeed(amplitude=0.02))
    send(venue, "mkt", "buy", "0.05")
    send(venue, "take_profit", "sell", "0.05", stop_price=D(60300), signal="mark", reduce_only=True)
    venue.advance(START_MS + 20 * 60_000)
    assert XBT not in venue.account.positions
    assert venue.state.fresh.fills[-1].realized_pnl > 0


def test_a_trailing_stop_follows_and_fires_after_the_turn() -> None:
    venue = make_venue(SineFeed(amplitude=0.02))
    send(venue, "mkt", "buy", "0.05")
    placed = send(venue, "trailing_stop", "sell", "0.05", deviation=D("0.5"), deviation_unit="PERCENT", signal="mark",
                  reduce_only=True)  # fmt: skip
    assert placed.order is not None
    first = placed.order.stop_price or D(0)
    venue.advance(START_MS + 50 * 60_000)
    moved = venue.account.orders[placed.order.uid].stop_price or D(0)
    assert moved > first
    venue.advance(START_MS + 120 * 60_000)
    assert XBT not in venue.account.positions


def test_reduce_only_is_trimmed_to_the_position() -> None:
    venue = make_venue()
    send(venue, "mkt", "buy", "0.02")
    outcome = send(venue, "mkt", "sell", "0.05", reduce_only=True)
    assert sum(event.fill.size for event in outcome.events if event.fill) == D("0.02")
    assert XBT not in venue.account.positions


def test_resting_reduce_only_orders_go_when_the_position_is_gone() -> None:
    venue = make_venue()
    send(venue, "mkt", "buy", "0.02")
    send(venue, "lmt", "sell", "0.02", limit_price=D(61000), reduce_only=True)
    send(venue, "mkt", "sell", "0.02")
    assert not venue.account.orders
    assert venue.state.fresh.events[-1].reason == "would_not_reduce_position"


@pytest.mark.parametrize(("strategy", "status"), [("REJECT_TAKER", "selfFill"), ("CANCEL_MAKER_SELF", "placed")])
def test_we_do_not_trade_with_ourselves(strategy: str, status: str) -> None:
    venue = make_venue()
    venue.account.self_trade = strategy
    best = venue.market(XBT).available(Side.SELL)[0][0]
    maker = send(venue, "post", "sell", "0.01", limit_price=best - 1)
    assert maker.status == "placed"
    assert send(venue, "mkt", "buy", "0.01").status == status
    assert bool(venue.account.orders) is (strategy == "REJECT_TAKER")


def test_an_edit_keeps_the_id_and_may_trade_at_once() -> None:
    venue = make_venue()
    placed = send(venue, "lmt", "buy", "0.01", limit_price=D(59000))
    assert placed.order is not None
    moved = venue.edit(placed.order.uid, Change(size=D("0.02"), limit_price=D(59100)))
    assert (moved.status, kinds(moved)) == ("edited", ["EDIT"])
    traded = venue.edit(placed.order.uid, Change(limit_price=D(60100)))
    assert kinds(traded) == ["EDIT", "EXECUTION"]
    assert traded.events[-1].fill is not None
    assert traded.events[-1].fill.fill_type == "takerAfterEdit"
    assert venue.edit(placed.order.uid, Change(size=D(1))).status == "orderForEditNotFound"


def test_a_stop_price_can_be_edited_but_not_on_a_plain_order() -> None:
    venue = make_venue()
    send(venue, "mkt", "buy", "0.02")
    stop = send(venue, "stp", "sell", "0.02", stop_price=D(58000), signal="mark", reduce_only=True)
    plain = send(venue, "lmt", "buy", "0.01", limit_price=D(59000))
    assert stop.order is not None
    assert plain.order is not None
    assert venue.edit(stop.order.uid, Change(stop_price=D(58500))).status == "edited"
    assert venue.account.orders[stop.order.uid].stop_price == D(58500)
    assert venue.edit(plain.order.uid, Change(stop_price=D(58500))).status == "orderForEditNotAStop"


def test_the_dead_man_switch_cancels_everything_at_its_time() -> None:
    venue = make_venue()
    send(venue, "mkt", "buy", "0.02")
    send(venue, "lmt", "buy", "0.01", limit_price=D(59000))
    send(venue, "stp", "sell", "0.02", stop_price=D(58000), reduce_only=True)
    venue.arm_dead_man(60)
    venue.advance(START_MS + 59_000)
    assert len(venue.account.orders) == 2
    venue.arm_dead_man(60)
    venue.advance(START_MS + 118_000)
    assert len(venue.account.orders) == 2
    venue.advance(START_MS + 119_000)
    assert not venue.account.orders
    last = venue.state.fresh.events[-1]
    assert (last.reason, last.time_ms) == ("dead_man_switch", START_MS + 119_000)


def test_too_many_orders_are_refused() -> None:
    venue = make_venue(max_open_orders=2)
    for _ in range(2):
        assert send(venue, "lmt", "buy", "0.01", limit_price=D(59000)).status == "placed"
    assert send(venue, "lmt", "buy", "0.01", limit_price=D(59000)).status == "tooManyOrders"


def test_extreme_books_make_market_orders_fail() -> None:
    assert send(make_venue(testnet_spreads=True), "mkt", "buy", "0.01").status == "outsidePriceCollar"
