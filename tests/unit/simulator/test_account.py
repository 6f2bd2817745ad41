"""The books always balance: log, fills, positions and wallets tell one story, through funding and liquidation too."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_sim import MINUTE_MS, START_MS, SineFeed, make_venue
from tradingbot.core.types import Side
from tradingbot.simulator.account import Account, Rows
from tradingbot.simulator.codec import pack, unpack
from tradingbot.simulator.margin import wallet_margin
from tradingbot.simulator.order_desk import NewOrder
from tradingbot.simulator.records import Fill, LogRow, OrderEvent
from tradingbot.simulator.venue import SimulatedVenue

XBT, INVERSE, PEPE = "PF_XBTUSD", "PI_XBTUSD", "PF_PEPEUSD"
SIZES = {XBT: "0.01", INVERSE: "500", PEPE: "5000000", "PF_ETHUSD": "0.3"}

ACTIONS = st.tuples(
    st.sampled_from(sorted(SIZES)),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["mkt", "lmt", "post", "stp", "take_profit"]),
    st.integers(1, 4),
    st.integers(-80, 80),
    st.booleans(),
    st.integers(0, 900),
)


def act(venue: SimulatedVenue, action: tuple[Any, ...]) -> None:
    symbol, side, kind, times, offset_bps, reduce_only, wait_s = action
    market = venue.market(symbol)
    tick = market.instrument.tick
    price = (market.mark * (1 + D(offset_bps) / 10_000) / tick).to_integral_value() * tick
    trigger = kind in {"stp", "take_profit"}
    venue.send(
        NewOrder(
            symbol=symbol,
            side=Side(side),
            kind=kind,
            size=D(SIZES[symbol]) * times,
            limit_price=price if kind in {"lmt", "post"} else None,
            stop_price=price if trigger else None,
            signal="mark",
            reduce_only=reduce_only,
        )
    )
    venue.advance(venue.now_ms + wait_s * 1000)


def check_books(venue: SimulatedVenue, rows: Rows) -> None:
    balances: dict[tuple[str, str], D] = defaultdict(D)
    sizes: dict[str, D] = defaultdict(D)
    for row in rows.log:
        change = row.new_balance - row.old_balance
        if row.contract is not None and row.asset == row.contract:
            assert row.old_balance == sizes[row.asset]
            sizes[row.asset] = row.new_balance
            continue
        key = (row.wallet, row.asset.upper())
        assert row.old_balance == balances[key]
        balances[key] = row.new_balance
        if row.contract is not None:
            assert change == (row.realized_pnl or 0) - (row.fee or 0) + (row.realized_funding or 0)
        assert D(repr(float(row.new_balance))) == row.new_balance
    assert {key: value for key, value in balances.items() if value} == {
        key: value for key, value in venue.account.balances.items() if value
    }
    traded: dict[str, D] = defaultdict(D)
    for fill in rows.fills:
        traded[fill.symbol] += fill.size * fill.side.sign
    for symbol, total in traded.items():
        assert total == venue.account.size(symbol) == sizes[symbol.lower()]
    assert [row.id for row in rows.log] == list(range(1, len(rows.log) + 1))
    assert [row.time_ms for row in rows.log] == sorted(row.time_ms for row in rows.log)
    paid = {row.execution: row.fee for row in rows.log if row.execution and row.fee is not None}
    assert paid == {fill.fill_id: fill.fee for fill in rows.fills}


@given(st.lists(ACTIONS, min_size=1, max_size=14), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_any_flow_of_orders_keeps_the_books_balanced(actions: list[tuple[Any, ...]], seed: int) -> None:
    venue = make_venue(SineFeed(amplitude=0.02), seed=seed)
    for action in actions:
        act(venue, action)
    check_books(venue, venue.state.fresh)
    for symbol in venue.instruments:
        resting = [order for order in venue.state.orders_of(symbol) if not order.is_trigger]
        assert all(order.open > 0 for order in resting)


@given(st.lists(ACTIONS, min_size=1, max_size=8))
@settings(max_examples=10, deadline=None)
def test_the_same_commands_at_the_same_times_give_the_same_results(actions: list[tuple[Any, ...]]) -> None:
    def played() -> tuple[Any, ...]:
        venue = make_venue()
        for action in actions:
            act(venue, action)
        rows = venue.state.fresh
        return rows.fills, rows.log, rows.events, venue.account.to_json()

    assert played() == played()


@given(st.lists(ACTIONS, min_size=3, max_size=8))
@settings(max_examples=10, deadline=None)
def test_account_and_rows_survive_json(actions: list[tuple[Any, ...]]) -> None:
    venue = make_venue()
    for action in actions:
        act(venue, action)
    stored = orjson.loads(orjson.dumps(venue.account.to_json()))
    assert Account.from_json(stored).to_json() == venue.account.to_json()
    assert Account.from_json(stored) == venue.account
    for kind, rows in ((Fill, venue.state.fresh.fills), (LogRow, venue.state.fresh.log),
                       (OrderEvent, venue.state.fresh.events)):  # fmt: skip
        for row in rows:
            assert unpack(kind, orjson.loads(orjson.dumps(pack(row)))) == row


def test_starting_equity_is_spread_over_the_traded_wallets() -> None:
    venue = make_venue(traded_contracts=(INVERSE, "PF_ETHUSD"))
    assert venue.account.balance("flex", "USD") == D(5000)
    coin = venue.account.balance("fi_xbtusd", "XBT")
    assert float(coin * venue.market(INVERSE).index) == pytest.approx(5000, abs=1e-6)
    assert venue.account.balance("fi_ethusd", "ETH") == 0


def test_funding_is_settled_on_the_hour_and_on_every_change_of_the_position() -> None:
    venue = make_venue(SineFeed(premium=0.0008, amplitude=0.0))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.05")))
    rate = venue.market(XBT).funding.rate
    assert float(rate) == pytest.approx(0.0001 * 60_000)
    venue.advance(START_MS + 30 * MINUTE_MS)
    assert float(venue.state.unrealized_funding(XBT)) == pytest.approx(-0.05 * float(rate) / 2)
    venue.advance(START_MS + 60 * MINUTE_MS)
    settled = [row for row in venue.state.fresh.log if row.info == "funding rate change"]
    assert [float(row.realized_funding or 0) for row in settled] == [pytest.approx(-0.05 * float(rate))]
    assert settled[0].time_ms == START_MS + 60 * MINUTE_MS
    assert venue.state.unrealized_funding(XBT) == 0
    venue.advance(START_MS + 75 * MINUTE_MS)
    venue.send(NewOrder(XBT, Side.SELL, "mkt", D("0.05")))
    cash = [row for row in venue.state.fresh.log if row.asset == "usd"][-1]
    assert float(cash.realized_funding or 0) == pytest.approx(-0.05 * float(rate) / 4, rel=1e-3)
    check_books(venue, venue.state.fresh)


def test_inverse_positions_settle_in_coin() -> None:
    venue = make_venue(SineFeed(moves={3: 1.05}), traded_contracts=(INVERSE,))
    before = venue.account.balance("fi_xbtusd", "XBT")
    venue.send(NewOrder(INVERSE, Side.BUY, "mkt", D(5000)))
    entry = venue.account.positions[INVERSE].entry
    venue.advance(START_MS + 6 * MINUTE_MS)
    venue.send(NewOrder(INVERSE, Side.SELL, "mkt", D(5000)))
    fill = venue.state.fresh.fills[-1]
    assert fill.fee_currency == "XBT"
    assert float(fill.realized_pnl) == pytest.approx(5000 * (1 / float(entry) - 1 / float(fill.price)), rel=1e-9)
    assert venue.account.balance("fi_xbtusd", "XBT") > before
    check_books(venue, venue.state.fresh)


def test_a_linear_position_is_liquidated_in_parts_until_the_margin_holds() -> None:
    venue = make_venue(SineFeed(moves={5: 0.985}), starting_equity_usd=1000, traded_contracts=(XBT,))
    assert venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.9"))).status == "placed"
    venue.advance(START_MS + 8 * MINUTE_MS)
    kinds = [fill.fill_type for fill in venue.state.fresh.fills[1:]]
    assert "partialLiquidation" in kinds
    margin = wallet_margin(venue.state, "flex")
    assert margin.equity >= margin.maintenance
    assert venue.account.size(XBT) < D("0.9")
    check_books(venue, venue.state.fresh)


def test_an_inverse_position_is_liquidated_whole_and_never_owes_more_than_the_wallet() -> None:
    venue = make_venue(SineFeed(moves={5: 0.9, 6: 0.9}), starting_equity_usd=500, traded_contracts=(INVERSE,))
    assert venue.send(NewOrder(INVERSE, Side.BUY, "mkt", D(20_000))).status == "placed"
    venue.advance(START_MS + 9 * MINUTE_MS)
    assert INVERSE not in venue.account.positions
    assert venue.account.balance("fi_xbtusd", "XBT") >= 0
    assert {row.info for row in venue.state.fresh.log} & {"futures liquidation", "futures assignor"}
    check_books(venue, venue.state.fresh)


def test_orders_that_add_risk_go_before_anything_is_liquidated() -> None:
    venue = make_venue(SineFeed(moves={5: 0.99}), starting_equity_usd=1000, traded_contracts=(XBT,))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.7")))
    placed = venue.send(NewOrder(XBT, Side.BUY, "lmt", D("0.5"), limit_price=D(55_000)))
    assert placed.status == "placed"
    venue.advance(START_MS + 7 * MINUTE_MS)
    assert not venue.account.orders
    reasons = [event.reason for event in venue.state.fresh.events]
    assert "not_enough_margin" in reasons
    assert not any("iquidation" in fill.fill_type for fill in venue.state.fresh.fills)


def test_money_moves_between_wallets_only_when_it_is_there() -> None:
    venue = make_venue()
    assert not venue.transfer("flex", "cash", "USD", D(1_000_000))
    assert venue.transfer("flex", "cash", "USD", D(100))
    assert venue.account.balance("cash", "USD") == D(100)
    check_books(venue, venue.state.fresh)


def test_the_market_stands_still_once_the_feed_has_ended() -> None:
    venue = make_venue(SineFeed(minutes=3))
    venue.advance(START_MS + 10 * MINUTE_MS)
    assert venue.ended
    assert venue.now_ms == START_MS + 3 * MINUTE_MS
