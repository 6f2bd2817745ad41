"""The adapter over REST against a scripted venue: what is sent, and what every answer becomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.unit.venues.kraken_futures.fake_wire import (
    CREDENTIALS,
    FakeRest,
    Request,
    ok,
    rest_server,
    universe,
    venue,
)
from tradingbot.clock import SystemClock
from tradingbot.core.errors import (
    StorageUnavailableError,
    VenueAuthError,
    VenueNonceError,
    VenueProtocolError,
    VenueRejectedError,
    VenueUnavailableError,
)
from tradingbot.core.records import (
    AmendRequest,
    CancelStatus,
    OrderAccepted,
    OrderDenied,
    OrderRefused,
    OrderRequest,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.types import ClientOrderId, OrderKind, Side, Symbol, Timeframe, TriggerSignal, VenueOrderId
from tradingbot.net.nonce import MemoryNonceStore
from tradingbot.net.rate_limiter import Lane
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Signer
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams

ETH, BTC = Symbol("ETHUSDT"), Symbol("BTCUSDT")
ID = ClientOrderId("tb-1")
MARKET = OrderRequest(ID, ETH, Side.BUY, OrderKind.MARKET, Decimal("0.5"))
EXECUTIONS = [
    {"type": "EXECUTION", "executionId": "f1", "price": 100, "amount": 0.2, "orderPriorExecution": {"orderId": "o1"}},
    {"type": "EXECUTION", "executionId": "f2", "price": 103, "amount": 0.1, "orderPriorExecution": {"orderId": "o1"}},
]


@pytest.fixture
async def rest() -> AsyncIterator[FakeRest]:
    async with rest_server() as server:
        yield server


def sent(**status: Any) -> dict[str, Any]:
    return ok(sendStatus=status)


async def place(server: FakeRest, order: OrderRequest = MARKET, **settings: Any) -> object:
    adapter = venue(server.url, **settings)
    try:
        return await adapter.place(order)
    finally:
        await adapter.close()


# ---------------------------------------------------------------- what is sent


async def test_the_sent_bytes_are_the_signed_bytes(rest: FakeRest) -> None:
    """Body, nonce and path, exactly as they arrived, verify against the signature; one POST, form encoded."""
    rest.on("/sendorder", sent(status="placed", order_id="o1"))
    stop = OrderRequest(
        ID, BTC, Side.SELL, OrderKind.STOP, Decimal("1E+3"), None, Decimal("50000.5"), TriggerSignal.MARK, True
    )
    assert isinstance(await place(rest, stop), OrderAccepted)
    (request,) = rest.requests
    assert dict(parse_qsl(request.body)) == {
        "orderType": "stp",
        "symbol": "PI_XBTUSD",
        "side": "sell",
        "size": "1000",
        "stopPrice": "50000.5",
        "triggerSignal": "mark",
        "cliOrdId": "tb-1",
        "reduceOnly": "true",
    }
    signer = Signer(CREDENTIALS)
    nonce = request.headers["Nonce"]
    assert request.headers["Authent"] == signer.authent("/derivatives/api/v3/sendorder", request.body, nonce)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_query_arguments_travel_encoded_as_they_were_signed(rest: FakeRest) -> None:
    """A colon in a time is %3A on the wire and in the signature."""
    row = {
        "fill_id": "f",
        "symbol": "PF_ETHUSD",
        "side": "buy",
        "order_id": "o",
        "fillTime": "2026-01-02T00:00:00.000Z",
        "size": 1,
        "price": 2,
        "fillType": "taker",
    }
    rest.on("/fills", ok(fills=[row]), ok(fills=[]))
    adapter = venue(rest.url, fills_page=1)
    fills = await adapter.fills(datetime(2026, 1, 1, tzinfo=UTC))
    await adapter.close()
    assert [fill.fee for fill in fills] == [None]
    second = rest.requests[1]
    assert second.query == "lastFillTime=2026-01-02T00%3A00%3A00.001Z"
    expected = Signer(CREDENTIALS).authent("/derivatives/api/v3/fills", second.query, second.headers["Nonce"])
    assert second.headers["Authent"] == expected


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (OrderRequest(ID, ETH, Side.BUY, OrderKind.LIMIT, Decimal(1)), "a limit order needs a limit price"),
        (OrderRequest(ID, ETH, Side.BUY, OrderKind.STOP, Decimal(1)), "a stop order needs a stop price"),
        (OrderRequest(ID, ETH, Side.BUY, OrderKind.MARKET, Decimal(0)), "size must be above zero, got 0"),
        (OrderRequest(ClientOrderId("x" * 101), ETH, Side.BUY, OrderKind.MARKET, Decimal(1)), "1 to 100 characters"),
        (OrderRequest(ID, Symbol("NOPEUSDT"), Side.BUY, OrderKind.MARKET, Decimal(1)), "unknown symbol 'NOPEUSDT'"),
        (
            OrderRequest(ID, ETH, Side.BUY, OrderKind.LIMIT, Decimal(1), Decimal(-1)),
            "prices must be above zero",
        ),
    ],
)
async def test_an_impossible_order_never_leaves(rest: FakeRest, order: OrderRequest, why: str) -> None:
    """Denied locally, with the reason."""
    outcome = await place(rest, order)
    assert isinstance(outcome, OrderDenied)
    assert why in outcome.detail
    assert rest.requests == []


async def test_without_a_key_orders_are_denied_and_private_reads_raise(rest: FakeRest) -> None:
    """A public instance never sends anything unsigned to a private endpoint."""
    adapter = venue(rest.url, credentials=None)
    assert isinstance(await adapter.place(MARKET), OrderDenied)
    with pytest.raises(VenueAuthError, match="needs an API key"):
        await adapter.positions()
    assert not adapter.capabilities.private_stream
    await adapter.close()
    assert rest.requests == []


# ---------------------------------------------------------------- outcomes of an order


async def test_several_executions_are_one_average(rest: FakeRest) -> None:
    """Amounts sum, the price is their volume-weighted mean; "placed" is the status of a filled market order."""
    rest.on("/sendorder", sent(status="placed", order_id="o1", orderEvents=EXECUTIONS))
    average = (Decimal("0.2") * 100 + Decimal("0.1") * 103) / Decimal("0.3")
    assert await place(rest) == OrderAccepted(ID, VenueOrderId("o1"), Decimal("0.3"), average, ("f1", "f2"))  # type: ignore[arg-type]


async def test_a_success_envelope_is_not_acceptance(rest: FakeRest) -> None:
    """The status inside decides."""
    rest.on("/sendorder", sent(status="insufficientAvailableFunds", orderEvents=[]))
    assert await place(rest) == OrderRefused(ID, RefusalCode.INSUFFICIENT_FUNDS, "insufficientAvailableFunds")


async def test_a_refusal_after_executions_is_an_acceptance_of_these(rest: FakeRest) -> None:
    """What traded has traded."""
    rest.on("/sendorder", sent(status="selfFill", order_id="o1", orderEvents=EXECUTIONS))
    outcome = await place(rest)
    assert isinstance(outcome, OrderAccepted)
    assert outcome.executed_size == Decimal("0.3")


def text(body: str, status: int = 200, kind: str = "text/html") -> Any:
    return lambda _request: web.Response(text=body, status=status, content_type=kind)


def json_error(status: int, *messages: str) -> Any:
    errors = [{"code": 92, "message": message} for message in messages]
    return lambda _request: web.json_response({"result": "error", "errors": errors}, status=status)


def named(error: str, status: int = 200) -> Any:
    return lambda _request: web.json_response({"result": "error", "error": error}, status=status)


async def _slow(_request: Request) -> web.Response:
    await asyncio.sleep(5)  # noqa: TID251 - the venue's end of a real socket
    return web.json_response({})


def _cut(_request: Request) -> web.Response:
    """A body shorter than announced: the connection closes in the middle."""
    response = web.Response(text='{"result":"success"', content_type="application/json", headers={"X": "1"})
    response.headers["Content-Length"] = "500"
    response.force_close()
    return response


BROKEN: list[tuple[str, Any, type, str]] = [
    ("HTML with 200", text("<html>app</html>"), OrderUnknown, "HTTP 200, text/html: '<html>app</html>'"),
    ("HTML with 503", text("<html>down</html>", 503), OrderUnknown, "HTTP 503, text/html"),
    ("Cloudflare 520", text("error 520", 520, "text/plain"), OrderUnknown, "HTTP 520"),
    ("redirect", lambda _r: web.Response(status=301, headers={"Location": "https://x/"}), OrderUnknown, "redirects to"),
    ("truncated JSON", text('{"result":"succ', 200, "application/json"), OrderUnknown, "HTTP 200, application/json"),
    ("empty body", text("", 200, "application/json"), OrderUnknown, "HTTP 200, application/json: ''"),
    ("a list", text("[]", 200, "application/json"), OrderUnknown, "application/json: '[]'"),
    ("a NaN", text('{"result":"success","x":NaN}', 200, "application/json"), OrderUnknown, "NaN"),
    ("cut connection", _cut, OrderUnknown, "connection lost"),
    ("no sendStatus", ok(), OrderUnknown, "without the object 'sendStatus'"),
    ("sendStatus is text", ok(sendStatus="placed"), OrderUnknown, "without the object 'sendStatus'"),
    ("no status", sent(order_id="o"), OrderUnknown, "field 'status' must be text"),
    ("unknown status", sent(status="perhapsPlaced", order_id="o"), OrderUnknown, "'perhapsPlaced' proves nothing"),
    ("cancelled on send", sent(status="cancelled", order_id="o"), OrderUnknown, "'cancelled' proves nothing"),
    ("placed without id", sent(status="placed"), OrderUnknown, "contradictory"),
    (
        "placed and rejected",
        sent(status="placed", order_id="o", orderEvents=[{"type": "REJECT", "reason": "PRICE_COLLAR"}]),
        OrderUnknown,
        "contradictory",
    ),
    (
        "refused and placed",
        sent(status="invalidPrice", orderEvents=[{"type": "PLACE", "order": {"orderId": "o"}}]),
        OrderUnknown,
        "'invalidPrice' proves nothing",
    ),
    (
        "amount is text",
        sent(status="placed", orderEvents=[{"type": "EXECUTION", "amount": "x", "price": 1, "executionId": "f"}]),
        OrderUnknown,
        "field 'amount'",
    ),
    (
        "amount is negative",
        sent(status="placed", orderEvents=[{"type": "EXECUTION", "amount": -1, "price": 1, "executionId": "f"}]),
        OrderUnknown,
        "must be above zero",
    ),
    ("events are no list", sent(status="placed", order_id="o", orderEvents={}), OrderUnknown, "list 'orderEvents'"),
    ("undocumented error", named("somethingNew"), OrderUnknown, "undocumented error 'somethingNew'"),
    ("Unavailable", named("Unavailable"), OrderUnknown, "Unavailable"),
    ("Server Error", named("Server Error"), OrderUnknown, "Server Error"),
    ("500 without words", json_error(500, "boom"), OrderUnknown, "HTTP 500: boom"),
    ("500 with margin refusal", json_error(500, "INSUFFICIENT_MARGIN"), OrderRefused, "INSUFFICIENT_MARGIN"),
    ("400 invalid order type", json_error(400, "invalid order type"), OrderRefused, "invalid order type"),
    ("authenticationError", named("authenticationError"), OrderRefused, "authenticationError"),
    ("apiLimitExceeded", named("apiLimitExceeded"), OrderRefused, "apiLimitExceeded"),
    ("HTTP 429", text("slow down", 429, "text/plain"), OrderRefused, "HTTP 429"),
    ("invalidArgument with suffix", named("invalidArgument: symbol"), OrderRefused, "invalidArgument: symbol"),
    (
        "HTTP 401",
        lambda _r: web.json_response({"status": "unauthorized", "reason": "not yours"}, status=401),
        OrderRefused,
        "not yours",
    ),
]


@pytest.mark.parametrize(("answer", "outcome", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_broken_answers_to_an_order(rest: FakeRest, answer: Any, outcome: type, said: str) -> None:
    """Only proof is a refusal; everything doubtful is unknown; the order is sent exactly once."""
    rest.on("/sendorder", answer)
    result = await place(rest)
    assert type(result) is outcome
    assert said in (result.detail if isinstance(result, OrderUnknown) else result.venue_text)  # type: ignore[attr-defined]
    assert len(rest.requests) == 1


async def test_no_answer_in_time_is_unknown(rest: FakeRest) -> None:
    """Sent, silent: unknown, and not sent again."""
    rest.on("/sendorder", _slow)
    outcome = await place(rest, rest={"order_timeout_s": 0.5})
    assert isinstance(outcome, OrderUnknown)
    assert "no answer within 0.5 s" in outcome.detail
    assert len(rest.requests) == 1


async def test_no_connection_is_a_local_denial() -> None:
    """Nothing left the machine."""
    adapter = venue("http://127.0.0.1:9")
    outcome = await adapter.place(MARKET)
    await adapter.close()
    assert isinstance(outcome, OrderDenied)
    assert "cannot connect" in outcome.detail


async def test_no_room_in_the_limiter_is_a_local_denial(rest: FakeRest) -> None:
    """An order that would wait too long for tokens is not sent late."""
    rest.on("/sendorder", sent(status="placed", order_id="o"))
    adapter = venue(rest.url, rest={"order_wait_s": 0.02})
    outcomes = [await adapter.place(MARKET) for _ in range(41)]
    await adapter.close()
    assert [type(outcome) for outcome in outcomes] == [OrderAccepted] * 40 + [OrderDenied]
    assert len(rest.requests) == 40


async def test_a_refused_nonce_is_replaced_by_a_much_larger_one_once(rest: FakeRest) -> None:
    """The refusal proves that nothing came of the request, so it is signed anew and sent again."""
    rest.on("/sendorder", named("nonceBelowThreshold"), sent(status="placed", order_id="o"))
    assert isinstance(await place(rest), OrderAccepted)
    first, second = (int(request.headers["Nonce"]) for request in rest.requests)
    assert second - first >= 10_000_000


async def test_a_nonce_refused_twice_is_a_refusal(rest: FakeRest) -> None:
    """Not more than two attempts."""
    rest.on("/sendorder", named("nonceDuplicate"))
    outcome = await place(rest)
    assert isinstance(outcome, OrderRefused)
    assert outcome.code is RefusalCode.NOT_PERMITTED
    assert len(rest.requests) == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ok(cancelStatus={"status": "cancelled", "order_id": "o"}), CancelStatus.CANCELLED),
        (ok(cancelStatus={"status": "filled", "order_id": "o"}), CancelStatus.FILLED),
        (ok(cancelStatus={"status": "notFound"}), CancelStatus.NOT_FOUND),
        (ok(cancelStatus={"status": "maybe"}), CancelStatus.UNKNOWN),
        (named("notFound"), CancelStatus.NOT_FOUND),
        (named("invalidArgument: cliOrdId"), CancelStatus.UNKNOWN),
        (text("<html>", 502), CancelStatus.UNKNOWN),
    ],
)
async def test_cancel_outcomes(rest: FakeRest, answer: Any, status: CancelStatus) -> None:
    """Only the venue's own words are taken as an outcome."""
    rest.on("/cancelorder", answer)
    adapter = venue(rest.url)
    assert (await adapter.cancel(ETH, ID, None)).status is status
    await adapter.close()
    assert rest.requests[0].body == "cliOrdId=tb-1"


async def test_amending_a_stop_sends_only_what_changes(rest: FakeRest) -> None:
    """EDIT events carry the order id."""
    rest.on("/editorder", ok(editStatus={"status": "edited", "orderId": "o9", "orderEvents": []}))
    adapter = venue(rest.url)
    outcome = await adapter.amend(AmendRequest(ID, ETH, stop_price=Decimal("99.50")))
    nothing = await adapter.amend(AmendRequest(ID, ETH))
    await adapter.close()
    assert outcome == OrderAccepted(ID, VenueOrderId("o9"))
    assert isinstance(nothing, OrderDenied)
    assert [request.body for request in rest.requests] == ["cliOrdId=tb-1&stopPrice=99.5"]


# ---------------------------------------------------------------- reads


async def test_a_read_is_asked_again_after_an_outage(rest: FakeRest) -> None:
    """Reads are safe to repeat; the failures show in health and are forgotten after a success."""
    rest.on("/openpositions", text("<html>", 503), named("Unavailable"), ok(openPositions=[]))
    adapter = venue(rest.url)
    assert await adapter.positions() == []
    assert adapter.health().consecutive_failures == 0
    await adapter.close()
    assert len(rest.requests) == 3


async def test_a_read_gives_up_after_its_attempts(rest: FakeRest) -> None:
    """The last error is raised and counted."""
    rest.on("/openpositions", named("Unavailable"))
    adapter = venue(rest.url)
    with pytest.raises(VenueUnavailableError, match="Unavailable"):
        await adapter.positions()
    assert adapter.health().consecutive_failures == 3
    assert "Unavailable" in adapter.health().last_error
    await adapter.close()


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (ok(), VenueProtocolError, "without the list 'openPositions'"),
        (ok(openPositions=None), VenueProtocolError, "without the list 'openPositions'"),
        (ok(openPositions=["x"]), VenueProtocolError, "something else than objects"),
        (
            ok(openPositions=[{"side": "long", "symbol": "PF_ETHUSD", "price": 1}]),
            VenueProtocolError,
            "'size' is missing",
        ),
        (
            ok(openPositions=[{"side": "flat", "symbol": "PF_ETHUSD", "price": 1, "size": 1}]),
            VenueProtocolError,
            "must be long or short",
        ),
        (named("authenticationError"), VenueAuthError, "authenticationError"),
        (named("nonceDuplicate"), VenueNonceError, "nonceDuplicate"),
        (text("Invalid resolution", 400, "text/plain"), VenueRejectedError, "Invalid resolution"),
    ],
)
async def test_broken_positions_are_never_read_as_flat(rest: FakeRest, answer: Any, error: type, said: str) -> None:
    """Each broken answer raises its own kind of error."""
    rest.on("/openpositions", answer)
    adapter = venue(rest.url)
    with pytest.raises(error, match=said):
        await adapter.positions()
    await adapter.close()


async def test_foreign_positions_are_reported_by_the_venues_own_name(rest: FakeRest) -> None:
    """A contract outside the universe does not crash the reading of the account."""
    foreign = {"side": "long", "symbol": "pf_xbtusd", "price": 1, "size": 2}
    rest.on("/openpositions", ok(openPositions=[foreign]))
    adapter = venue(rest.url)
    assert [position.symbol for position in await adapter.positions()] == ["PF_XBTUSD"]
    await adapter.close()


async def test_fills_page_backwards_over_a_shared_millisecond(rest: FakeRest) -> None:
    """A page border inside one millisecond loses nothing and counts nothing twice."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(milliseconds=ms) for ms in (1, 5, 5, 5, 9, 12)]
    everything = [
        {
            "fill_id": f"f{number}",
            "symbol": "PF_ETHUSD",
            "side": "buy",
            "order_id": "o",
            "fillTime": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "size": 1,
            "price": 2,
            "fillType": "taker",
        }
        for number, time in enumerate(times)
    ]

    def page(request: Request) -> web.Response:
        bound = dict(parse_qsl(request.query)).get("lastFillTime", "9999")
        older = [row for row in reversed(everything) if str(row["fillTime"]) < bound]
        return web.json_response(ok(fills=older[:4]))

    rest.on("/fills", page)
    adapter = venue(rest.url, fills_page=4)
    assert [fill.fill_id for fill in await adapter.fills(start)] == [f"f{number}" for number in range(6)]
    assert [fill.fill_id for fill in await adapter.fills(times[4])] == ["f4", "f5"]
    await adapter.close()


async def test_candles_are_closed_and_paged(rest: FakeRest) -> None:
    """Pages follow one another without holes; the still-open bar and bars outside the range are left out."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251
    first = now - timedelta(minutes=10)

    def page(request: Request) -> web.Response:
        asked = {key: int(value) for key, value in parse_qsl(request.query)}
        opened = range(asked["from"] // 60 * 60, asked["to"] + 1, 60)
        rows = [{"time": at * 1000, "open": "1", "high": "2", "low": "1", "close": "2", "volume": 1} for at in opened]
        return web.json_response({"candles": rows[:3], "more_candles": len(rows) > 3})

    rest.on("/api/charts/v1/trade/PF_ETHUSD/1m", page)
    adapter = venue(rest.url, candles_page=5)
    candles = await adapter.candles(ETH, Timeframe.M1, first, now + timedelta(hours=1))
    await adapter.close()
    expected = [int((first + timedelta(minutes=minute)).timestamp() * 1000) for minute in range(10)]
    assert candles.open_ms.tolist() == expected


async def test_the_ledger_has_cash_legs_only_and_follows_pages(rest: FakeRest) -> None:
    """Position legs are skipped, but count for paging."""

    def row(number: int, asset: str) -> dict[str, Any]:
        return {
            "id": number,
            "asset": asset,
            "contract": "pf_ethusd",
            "date": "2026-08-11T19:55:24.251Z",
            "info": "futures trade",
            "margin_account": "flex",
            "old_balance": "10",
            "new_balance": 9.5,
            "fee": "0.5",
            "realized_pnl": None,
            "realized_funding": "",
            "execution": "f1",
        }

    rest.on("/account-log", ok(logs=[row(4, "pf_ethusd"), row(3, "usd")]), ok(logs=[row(5, "usd")]))
    adapter = venue(rest.url, ledger_page=2)
    entries = await adapter.ledger(2)
    await adapter.close()
    assert [(entry.entry_id, entry.symbol, entry.fee, entry.change) for entry in entries] == [
        (3, ETH, Decimal("0.5"), Decimal("-0.5")),
        (5, ETH, Decimal("0.5"), Decimal("-0.5")),
    ]
    assert [request.query for request in rest.requests] == ["from=3&sort=asc&count=2", "from=5&sort=asc&count=2"]


async def test_a_test_venue_without_balances_is_noted_once(rest: FakeRest) -> None:
    """No error, no wallets, one note."""
    adapter = venue(rest.url, testnet=True)
    for _ in range(2):
        assert (await adapter.account()).wallets == ()
    assert adapter.health().notes == ("balance endpoint unsupported on testnet; skipping",)
    await adapter.close()
    real = venue(rest.url)
    with pytest.raises(VenueRejectedError):
        await real.account()
    await real.close()


async def test_an_empty_list_of_instruments_is_an_outage(rest: FakeRest) -> None:
    """The built-in specifications stay known."""
    rest.on("/instruments", ok(instruments=[]))
    adapter = venue(rest.url)
    with pytest.raises(VenueProtocolError, match="outage, not a delisting"):
        await adapter.contract_specs()
    assert {spec.source for spec in adapter.known_specs().values()} == {"built-in"}
    await adapter.close()


async def test_leverage_and_dead_man_switch(rest: FakeRest) -> None:
    """PUT with a signed query; whole seconds."""
    rest.on("/leveragepreferences", ok())
    rest.on("/cancelallordersafter", ok(status={}))
    adapter = venue(rest.url)
    await adapter.set_leverage(ETH, Decimal("3.0"))
    await adapter.arm_dead_man_switch(59.2)
    await adapter.close()
    put, post = rest.requests
    assert (put.method, put.query) == ("PUT", "maxLeverage=3&symbol=PF_ETHUSD")
    assert post.body == "timeout=60"


async def test_a_batch_is_one_form_field_and_is_never_repeated(rest: FakeRest) -> None:
    """The elements are JSON text in the field `json`."""
    rest.on("/batchorder", named("Unavailable"))
    adapter = venue(rest.url)
    element = {"order": "cancel", "cliOrdId": "a b"}
    with pytest.raises(VenueUnavailableError):
        await adapter.rest.batchorder([element], Lane.CANCELS)
    await adapter.close()
    (request,) = rest.requests
    assert dict(parse_qsl(request.body)) == {"json": '{"batchOrder":[{"order":"cancel","cliOrdId":"a b"}]}'}
    assert "+" not in request.body


async def test_orders_wait_for_nobody_but_exits_come_first(rest: FakeRest) -> None:
    """With the tokens of orders used up, an order that reduces a position still goes out."""
    rest.on("/sendorder", sent(status="placed", order_id="o"))
    adapter = venue(rest.url, rest={"order_wait_s": 0.02})
    for _ in range(40):
        await adapter.place(MARKET)
    leaving = OrderRequest(ID, ETH, Side.SELL, OrderKind.MARKET, Decimal("0.5"), reduce_only=True)
    assert isinstance(await adapter.place(MARKET), OrderDenied)
    assert isinstance(await adapter.place(leaving), OrderAccepted)
    await adapter.close()


async def test_a_full_disk_does_not_hold_an_order_back(rest: FakeRest) -> None:
    """Exits must go out on a full disk too: a nonce that cannot be remembered is used all the same."""

    class FullDisk(MemoryNonceStore):
        def save(self, floor: int) -> None:
            raise StorageUnavailableError("disk full")

    rest.on("/sendorder", sent(status="placed", order_id="o"))
    params = KrakenFuturesParams(rest_url=f"{rest.url}/derivatives")
    adapter = KrakenFuturesVenue(params, universe(), SystemClock(), CREDENTIALS, FullDisk())
    outcome = await adapter.place(MARKET)
    await adapter.close()
    assert isinstance(outcome, OrderAccepted)
    assert len(rest.requests) == 1


@pytest.mark.parametrize("url", ["futures.kraken.com/derivatives", "https://x/other", "ftp://x/derivatives"])
def test_a_wrong_address_is_refused_with_the_right_form(url: str) -> None:
    """Says how it must look."""
    with pytest.raises(ValidationError, match="must look like https://host/derivatives"):
        KrakenFuturesParams(rest_url=url)
