"""Payloads of the documentation and of recordings, and the tables of words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import recorded
from tradingbot.core.errors import VenueProtocolError
from tradingbot.core.records import (
    LedgerKind,
    Liquidity,
    OrderAccepted,
    OrderRefused,
    OrderReport,
    OrderState,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.types import ClientOrderId, ContractKind, Direction, OrderKind, Side, Symbol, TriggerSignal
from tradingbot.net.http import loads_exact
from tradingbot.venues.kraken_futures import parse_account, parse_market, parse_orders
from tradingbot.venues.kraken_futures.answers import REFUSALS_BY_REASON

PAYLOADS = Path(__file__).resolve().parents[3] / "payloads" / "kraken_futures"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = ClientOrderId("x")
BTC, ETH, PEPE = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("PEPEUSDT")
WANTED = {"PI_XBTUSD": BTC, "PF_ETHUSD": ETH, "PF_PEPEUSD": PEPE}


def to_symbol(name: str) -> Symbol:
    return WANTED.get(name.upper(), Symbol(name.upper()))


def documented(name: str) -> Any:
    return loads_exact((PAYLOADS / name).read_bytes())


def tape(name: str) -> Any:
    return loads_exact(recorded(f"venues/kraken_futures/{name}").read_bytes())


# ---------------------------------------------------------------- documentation


def test_a_documented_refusal() -> None:
    """An IOC that finds nothing, with its REJECT event."""
    outcome = parse_orders.parse_send(documented("http_sendorder_reject_ioc.json"), ID)
    assert outcome == OrderRefused(ID, RefusalCode.NOTHING_TO_MATCH, "iocWouldNotExecute (IOC_WOULD_NOT_EXECUTE)")


def test_documented_streams() -> None:
    """Positions, balances, notices, a rejected post-only order."""
    (position,) = parse_account.parse_stream_positions(documented("ws_open_positions.json"), to_symbol)
    assert (position.symbol, position.direction, position.size) == ("PI_XRPUSD", Direction.LONG, Decimal(500))
    wallets = parse_account.parse_stream_wallets(documented("ws_balances_delta_futures.json"))
    assert wallets["fi_xbtusd"].currency == "BTC"
    assert wallets["fi_xbtusd"].equity == Decimal("0.1219368845")
    (notice,) = parse_market.parse_notices(documented("ws_notifications_auth.json")["notifications"])
    assert (notice.kind, notice.priority) == ("market", "low")
    assert notice.effective_at == datetime(2018, 3, 5, 22, 18, 20, tzinfo=UTC)
    order = documented("ws_open_orders_verbose_post_reject.json")["order"]
    parsed = parse_orders.parse_stream_order(order, to_symbol)
    assert (parsed.side, parsed.size, parsed.stop_price) == (Side.BUY, Decimal(102), None)


def test_a_documented_position_leg_is_no_cash() -> None:
    """The leg that books the signed position is left out of the ledger."""
    leg = documented("ws_account_log_delta.json")["new_entry"]
    entries, size, newest = parse_account.parse_ledger({"logs": [leg]}, WANTED)
    assert (entries, size, newest) == ([], 1, 1697)
    assert parse_account.wallet_name(leg["margin_account"]) == "fi_bchusd"


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(("status", "code"), parse_orders.REFUSALS.items())
def test_every_documented_status_is_a_refusal_of_its_kind(status: str, code: RefusalCode) -> None:
    """For sends and for edits."""
    assert parse_orders.parse_send({"sendStatus": {"status": status}}, ID) == OrderRefused(ID, code, status)
    assert parse_orders.parse_edit({"editStatus": {"status": status}}, ID) == OrderRefused(ID, code, status)


@pytest.mark.parametrize("status", sorted(parse_orders.ACCEPTED))
def test_every_documented_acceptance(status: str) -> None:
    """With the id in either spelling, or only inside an event."""
    for row in (
        {"order_id": "o"},
        {"orderId": "o"},
        {"orderEvents": [{"type": "PLACE", "orderTrigger": {"uid": "o"}}]},
    ):
        outcome = parse_orders.parse_send({"sendStatus": {"status": status, **row}}, ID)
        assert isinstance(outcome, OrderAccepted)
        assert outcome.venue_order_id == "o"


def test_an_edit_without_effect_is_told_as_such() -> None:
    """Whatever status carries it."""
    event = {"type": "REJECT", "reason": "EDIT_HAS_NO_EFFECT"}
    row = {"status": "invalidPrice", "orderEvents": [event]}
    outcome = parse_orders.parse_edit({"editStatus": row}, ID)
    assert isinstance(outcome, OrderRefused)
    assert outcome.code is RefusalCode.NO_EFFECT


def test_reject_reasons_cover_the_documented_list() -> None:
    """REJECTED_AFTER_EXECUTION is deliberately absent: something traded."""
    assert len(REFUSALS_BY_REASON) == 41
    assert "REJECTED_AFTER_EXECUTION" not in REFUSALS_BY_REASON


def test_batches_are_matched_by_tag() -> None:
    """What is missing in the answer is unknown."""
    rows = [{"order_tag": "1", "status": "placed", "order_id": "b"}, {"order_tag": "0", "status": "invalidSize"}]
    ids = [ClientOrderId("a"), ClientOrderId("b"), ClientOrderId("c")]
    first, second, third = parse_orders.parse_batch({"batchStatus": rows}, ids)
    assert isinstance(first, OrderRefused)
    assert isinstance(second, OrderAccepted)
    assert third == OrderUnknown(ids[2], "missing in the answer to the batch")


@pytest.mark.parametrize(("word", "state"), parse_orders.STATES.items())
def test_order_states(word: str, state: OrderState) -> None:
    """Every documented state of orders/status."""
    order = {"orderId": "o", "cliOrdId": None, "symbol": "PF_ETHUSD", "quantity": 2, "filled": 1}
    (report,) = parse_orders.parse_reports({"orders": [{"order": order, "status": word, "error": None}]}, to_symbol)
    assert report == OrderReport("o", None, ETH, state, Decimal(2), Decimal(1))  # type: ignore[arg-type]


def test_unknown_order_states_raise() -> None:
    """Never guessed."""
    order = {"orderId": "o", "symbol": "PF_ETHUSD", "quantity": 2, "filled": 1}
    with pytest.raises(VenueProtocolError, match="unknown state 'ASLEEP'"):
        parse_orders.parse_reports({"orders": [{"order": order, "status": "ASLEEP"}]}, to_symbol)


def test_an_untouched_trigger_may_lack_its_size() -> None:
    """The venue leaves unfilledSize out; the order is still there."""
    row = {
        "order_id": "o",
        "symbol": "PF_ETHUSD",
        "side": "sell",
        "orderType": "stop",
        "stopPrice": 10,
        "filledSize": 0,
        "reduceOnly": True,
        "triggerSignal": "spot",
        "receivedTime": "2026-01-01T00:00:00.000Z",
    }
    (order,) = parse_orders.parse_open_orders({"openOrders": [row]}, to_symbol)
    assert (order.kind, order.size, order.trigger_signal) == (OrderKind.STOP, 0, TriggerSignal.INDEX)


@pytest.mark.parametrize(
    ("symbol", "absolute", "index", "relative"),
    [
        ("PF_XBTUSD", "0.912482", "83764", 1.0893e-05),
        ("PI_XBTUSD", "-6.2604214e-11", "21984.54", -1.3763e-06),
        ("PF_XBTUSD", None, "83764", None),
        ("PF_XBTUSD", "1", "0", None),
    ],
)
def test_absolute_funding_becomes_a_fraction(
    symbol: str, absolute: str | None, index: str, relative: float | None
) -> None:
    """Divided by the index on linear contracts, multiplied on inverse ones."""
    kind = parse_market.contract_kind(symbol)
    got = parse_market.relative_funding(Decimal(absolute) if absolute else None, Decimal(index), kind)
    assert got == (None if relative is None else pytest.approx(relative, rel=1e-3))


@pytest.mark.parametrize("level", [["1", "nan-ish"], [1], 5])
def test_a_broken_book_raises(level: Any) -> None:
    """Levels are pairs of numbers."""
    payload = {"serverTime": "2026-01-01T00:00:00.000Z", "orderBook": {"bids": [level], "asks": []}}
    with pytest.raises(VenueProtocolError):
        parse_market.parse_orderbook(payload, ETH, NOW)


def test_an_ascending_book_is_sorted() -> None:
    """The order of levels is not trusted."""
    payload = {
        "serverTime": "2026-01-01T00:00:00.000Z",
        "orderBook": {"bids": [[1, 1], [3, 1], [2, 0]], "asks": [[9, 1], [8, 1]]},
    }
    book = parse_market.parse_orderbook(payload, ETH, NOW)
    assert (book.bids, book.asks) == (((3, 1), (1, 1)), ((8, 1), (9, 1)))


def test_impossible_candles_raise() -> None:
    """High and low hold open and close."""
    row = {"time": 1, "open": "5", "high": "4", "low": "3", "close": "4", "volume": 0}
    with pytest.raises(VenueProtocolError, match="candle"):
        parse_market.parse_candles({"candles": [row], "more_candles": False})


# ---------------------------------------------------------------- recordings


@pytest.mark.recorded
def test_recorded_instruments() -> None:
    """Inverse, linear, a negative precision, tiny ticks; then a whole answer of 2021."""
    specs = parse_market.parse_instruments(tape("nautilus/http_futures_instruments.json"), WANTED, NOW)
    assert specs[BTC].kind is ContractKind.INVERSE
    assert (specs[BTC].tick_size, specs[BTC].size_step, specs[BTC].wallet) == (Decimal("0.5"), 1, "fi_xbtusd")
    assert (specs[ETH].size_step, specs[ETH].max_leverage) == (Decimal("0.001"), 50)
    assert specs[PEPE].size_step == 1000
    assert specs[PEPE].tick_size == Decimal("1e-10")
    older = tape("cryptofeed/rest_instruments_2021-07-22_full.json")
    perpetuals = {
        row["symbol"].upper(): to_symbol(row["symbol"]) for row in older["instruments"] if "pi_" in row["symbol"]
    }
    assert len(parse_market.parse_instruments(older, perpetuals, NOW)) == 5
    modern = parse_market.parse_instruments(tape("ccxt/instruments_4_2023_24_era.json"), {"PF_XBTUSD": BTC}, NOW)
    assert len(modern[BTC].margin_levels) == 6


@pytest.mark.recorded
def test_recorded_market_answers() -> None:
    """Tickers, candles, funding, book."""
    tickers = parse_market.parse_tickers(tape("nautilus/http_futures_tickers.json"), WANTED, NOW)
    assert tickers[BTC].mark_price == Decimal("91506.6009839176")
    assert tickers[BTC].volume_24h_usd == 21118140.0
    assert tickers[BTC].funding_rate_relative == pytest.approx(-3.6549e-4, rel=1e-3)
    for tick in ("mark", "spot", "trade"):
        rows, more = parse_market.parse_candles(tape(f"nautilus/http_futures_candles_{tick}.json"))
        assert (len(rows), more) == (3, False)
    rates = parse_market.parse_funding(
        tape("nautilus/http_futures_historical_funding_rates.json"), ETH, NOW.replace(2025)
    )
    assert [rate.relative_rate for rate in rates] == [0.00015, -0.00005, 0.0001]
    book = parse_market.parse_orderbook(tape("nautilus/http_futures_orderbook.json"), BTC, NOW)
    assert (book.bids[0], book.asks[0]) == ((105900.0, 0.5), (105950.0, 0.3))


@pytest.mark.recorded
def test_recorded_account_answers() -> None:
    """Orders, positions, fills, ledger with its identity."""
    orders = parse_orders.parse_open_orders(tape("nautilus/http_futures_open_orders.json"), to_symbol)
    assert [order.kind for order in orders][:2] == [OrderKind.LIMIT, OrderKind.TAKE_PROFIT]
    positions = parse_account.parse_positions(tape("nautilus/http_futures_open_positions.json"), to_symbol)
    assert [(position.symbol, position.direction) for position in positions] == [(BTC, "short"), ("PI_ETHUSD", "long")]
    fills = parse_account.parse_fills(tape("nautilus/http_futures_fills.json"), to_symbol)
    assert fills[0].fill_id == "cad76f07-814e-4dc6-8478-7867407b6bff"
    entries, size, newest = parse_account.parse_ledger(tape("docs_examples/rest_account_log.json"), WANTED)
    assert (size, newest) == (5, 9)
    assert [entry.kind for entry in entries] == [
        LedgerKind.TRANSFER,
        LedgerKind.FUNDING,
        LedgerKind.CONVERSION,
        LedgerKind.TRADE,
    ]
    for entry in entries:
        if entry.kind in (LedgerKind.TRADE, LedgerKind.FUNDING):
            assert entry.change == entry.realised_pnl - entry.fee + entry.realised_funding


@pytest.mark.recorded
def test_recorded_order_answers() -> None:
    """Accepted, cancelled, and a trigger of unknown type that still has an id."""
    sent = parse_orders.parse_send(tape("nautilus/http_send_order_futures.json"), ID)
    assert isinstance(sent, OrderAccepted)
    trigger = parse_orders.parse_send(tape("nautilus/http_send_order_futures_unknown_trigger.json"), ID)
    assert isinstance(trigger, OrderAccepted)
    assert trigger.venue_order_id == "abc"
    cancelled = parse_orders.parse_cancel(tape("nautilus/http_cancel_order_futures.json"), ID, None)
    assert cancelled.status == "cancelled"


@pytest.mark.recorded
def test_recorded_streams() -> None:
    """Fills with fees and rebates, orders, tickers, trades, balances."""
    (fill,) = (
        parse_account.parse_stream_fill(row, to_symbol) for row in tape("nautilus/ws_futures_fills_delta.json")["fills"]
    )
    assert (fill.fee, fill.fee_currency, fill.liquidity) == (Decimal("0.001581"), "USD", Liquidity.TAKER)
    rows = tape("nautilus/ws_futures_fills_snapshot.json")["fills"]
    rebate = parse_account.parse_stream_fill(rows[0], to_symbol)
    assert rebate.fee is not None
    assert rebate.fee < 0
    production = parse_account.parse_stream_fill(tape("docs_examples/ws_fill_prod_2026_08.json"), to_symbol)
    assert (production.symbol, production.fee) == ("PF_XAUTUSD", None)
    order = tape("nautilus/ws_futures_open_orders_snapshot.json")["orders"][0]
    assert parse_orders.parse_stream_order(order, to_symbol).stop_price == 13789
    full = tape("nautilus/ws_futures_open_orders_delta_full_fill.json")["order"]
    assert parse_orders.parse_stream_order(full, to_symbol).size == 0
    ticker = parse_market.parse_stream_ticker(tape("nautilus/ws_futures_ticker.json"), BTC, NOW)
    assert ticker.funding_rate_relative == pytest.approx(-1.380384722222e-6)
    trade = parse_market.parse_trade(tape("nautilus/ws_futures_trade.json"), BTC)
    assert (trade.side, trade.size) == (Side.SELL, Decimal(15000))
    wallets = parse_account.parse_stream_wallets(tape("docs_examples/ws_balances_snapshot.json"))
    assert set(wallets) == {"fi_xbtusd", "flex"}


def test_the_exact_decoder_refuses_what_is_not_json() -> None:
    """NaN and infinities are no numbers; fractions keep every digit."""
    for text in (b"NaN", b"[Infinity]", b'{"x":-Infinity}'):
        with pytest.raises(ValueError, match="JSON is malformed"):
            loads_exact(text)
    assert loads_exact(b"0.10000000000000000001") == Decimal("0.10000000000000000001")
    assert json.loads("0.1") == 0.1


# ---------------------------------------------------------------- anything at all

_words = st.sampled_from(
    ["placed", "filled", "invalidPrice", "selfFill", "EXECUTION", "PLACE", "REJECT", "buy", "long", "o1", ""]
)
_leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False), _words, st.text(max_size=5))
_keys = st.sampled_from(
    ["status", "order_id", "orderEvents", "type", "amount", "price", "executionId", "order", "orderId", "reason", "x"]
)
_json = st.recursive(_leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner), max_leaves=12)
_event = st.dictionaries(_keys, _leaf | st.dictionaries(_keys, _leaf, max_size=3), max_size=5)
_status = st.fixed_dictionaries(
    {"status": _words}, optional={"order_id": _leaf, "orderEvents": st.lists(_event, max_size=3) | _json}
)


@given(_json | _status)
def test_no_answer_makes_the_parser_fail_otherwise_than_said(row: Any) -> None:
    """Whatever comes back: an outcome, or VenueProtocolError; acceptance and refusal only by documented words."""
    try:
        outcome = parse_orders.parse_send({"sendStatus": row}, ID)
    except VenueProtocolError:
        return
    if isinstance(outcome, OrderAccepted):
        assert outcome.executed_size > 0 or row["status"] in parse_orders.ACCEPTED
    if isinstance(outcome, OrderRefused):
        assert row["status"] in parse_orders.REFUSALS


@given(st.lists(st.dictionaries(st.sampled_from(["symbol", "side", "size", "price"]), _leaf, max_size=4), max_size=3))
def test_no_list_of_positions_makes_the_parser_fail_otherwise_than_said(rows: list[dict[str, Any]]) -> None:
    """Positions are read or refused as a whole."""
    try:
        positions = parse_account.parse_positions({"openPositions": rows}, to_symbol)
    except VenueProtocolError:
        return
    assert all(position.size > 0 for position in positions)


def test_public_trades_and_instrument_status() -> None:
    """REST prints oldest first; status by symbol."""
    rows = [
        {"time": f"2026-01-01T00:00:0{second}.000Z", "trade_id": second, "price": 5, "size": 1.5, "side": "sell"}
        for second in (2, 1)
    ]
    trades = parse_market.parse_trades({"history": rows}, ETH)
    assert [(trade.trade_id, trade.size) for trade in trades] == [("1", Decimal("1.5")), ("2", Decimal("1.5"))]
    status = {"tradeable": "PF_ETHUSD", "experiencingDislocation": True}
    assert parse_market.parse_status({"instrumentStatus": [status]}, to_symbol) == {ETH: status}
