"""REST answers have the venue's shapes, its lies included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders_sim import START_MS, SineFeed, running_venue

XBT = "PF_XBTUSD"
V3 = "/derivatives/api/v3/"


async def test_authentication_failure_is_http_200_except_on_history(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        bad = await run.rest.send("GET", V3 + "accounts", authent="AAAA")
        assert (run.rest.status, bad["result"], bad["error"]) == (200, "error", "authenticationError")
        missing = await run.rest.send("GET", V3 + "accounts", signed=False)
        assert missing["error"] == "authenticationError"
        history = await run.rest.send("GET", "/api/history/v3/executions", authent="AAAA")
        assert run.rest.status == 401
        assert history == {
            "status": "unauthorized",
            "reason": "You are not authorized to access this endpoint.",
        }


async def test_nonces_are_checked_and_may_be_left_out(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        path = V3 + "openorders"
        assert (await run.rest.send("GET", path, nonce=""))["result"] == "success"
        assert (await run.rest.send("GET", path, nonce="1700000000000"))["result"] == "success"
        assert (await run.rest.send("GET", path, nonce="1700000000000"))["error"] == "nonceDuplicate"
        assert (await run.rest.send("GET", path, nonce="1600000000000"))["error"] == "nonceBelowThreshold"


async def test_the_exact_encoding_is_what_was_signed(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        path = V3 + "fills"
        for query in ("lastFillTime=2026-01-01T00%3A00%3A00.000Z", "lastFillTime=2026-01-01T00:00:00.000Z&x=a+b%20c"):
            assert (await run.rest.send("GET", path, query))["result"] == "success"


async def test_arguments_may_come_as_query_or_as_form(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        query = "orderType=lmt&symbol=pf_xbtusd&side=buy"
        answer = await run.rest.send("POST", V3 + "sendorder", query, "size=0.01&limitPrice=59000")
        assert answer["sendStatus"]["status"] == "placed"
        assert answer["sendStatus"]["orderEvents"][0]["order"]["symbol"] == XBT


@pytest.mark.parametrize(
    ("method", "path", "status", "fragment"),
    [
        ("GET", V3 + "nosuch", 404, '"NOT_FOUND"'),
        ("GET", V3 + "orderbook", 200, "requiredArgumentMissing"),
        ("GET", V3 + "orderbook?symbol=PF_NOPE", 200, "invalidArgument: symbol"),
        ("GET", V3 + "tickers/PF_NOPE", 200, "contractNotFound"),
        ("GET", "/api/charts/v1/trade/PF_XBTUSD/7m", 400, "Invalid resolution"),
        ("GET", "/api/charts/v1/bid/PF_XBTUSD/1m", 400, "Invalid tick type"),
        ("GET", V3 + "historicalfundingrates-x", 404, "NOT_FOUND"),
    ],
)
async def test_bad_requests_have_their_documented_shape(
    tmp_path: Path, method: str, path: str, status: int, fragment: str
) -> None:
    async with running_venue(tmp_path) as run:
        name, _, query = path.partition("?")
        answer = await run.rest.send(method, name, query, signed=False)
        assert run.rest.status == status
        assert fragment.strip('"') in str(answer)


async def test_an_unknown_order_type_is_code_eleven(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        answer = await run.rest.post("sendorder", orderType="bracket", symbol=XBT, side="buy", size=1)
        assert run.rest.status == 400
        assert answer["errors"] == [{"code": 11, "message": "invalid order type"}]


async def test_the_budget_of_500_per_10_s_runs_out_and_refills(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        answers = [await run.rest.post("cancelallorders") for _ in range(21)]
        assert [a["result"] for a in answers[:20]] == ["success"] * 20
        assert answers[20]["error"] == "apiLimitExceeded"
        assert (await run.rest.get("tickers", symbol=XBT))["result"] == "success"
        await run.clock.advance(1)
        assert (await run.rest.post("cancelallorders"))["result"] == "success"


async def test_history_has_its_own_budget(tmp_path: Path) -> None:
    async with running_venue(tmp_path, history_budget=5) as run:
        path = "/api/history/v3/account-log"
        assert "logs" in await run.rest.send("GET", path)
        assert (await run.rest.send("GET", path))["error"] == "apiLimitExceeded"
        assert (await run.rest.get("accounts"))["result"] == "success"


async def test_a_rejection_is_a_success_with_another_status(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        answer = await run.rest.post("sendorder", orderType="post", symbol=XBT, side="buy", size=0.01, limitPrice=60500)
        status = answer["sendStatus"]
        assert (answer["result"], status["status"]) == ("success", "postWouldExecute")
        event = status["orderEvents"][0]
        assert (event["type"], event["reason"], event["uid"]) == ("REJECT", "POST_WOULD_EXECUTE", status["order_id"])


async def test_a_market_order_shows_as_ioc_with_one_percent_protection(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        best = min(price for price, _ in (await run.rest.get("orderbook", symbol=XBT))["orderBook"]["asks"])
        status = await run.rest.order("mkt", XBT, "buy", 0.01)
        prior = status["orderEvents"][0]["orderPriorExecution"]
        assert prior["type"] == "ioc"
        assert prior["limitPrice"] == pytest.approx(best * 1.01, abs=1)


async def test_finished_orders_vanish_from_open_orders_at_once_and_from_status_after_five_seconds(
    tmp_path: Path,
) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.order("mkt", XBT, "buy", 0.01, cliOrdId="gone")
        assert (await run.rest.get("openorders"))["openOrders"] == []
        status = (await run.rest.post("orders/status", cliOrdIds="gone"))["orders"]
        assert [row["status"] for row in status] == ["FULLY_EXECUTED"]
        cancel = (await run.rest.post("cancelorder", cliOrdId="gone"))["cancelStatus"]
        assert cancel["status"] == "filled"
        await run.clock.advance(6)
        assert (await run.rest.post("orders/status", cliOrdIds="gone"))["orders"] == []
        assert (await run.rest.post("cancelorder", cliOrdId="gone"))["cancelStatus"]["status"] == "notFound"


async def test_fills_page_backwards_and_carry_no_fee(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        for _ in range(3):
            await run.rest.order("mkt", "PF_ETHUSD", "buy", 0.01)
            await run.clock.advance(2)
        newest = (await run.rest.get("fills"))["fills"]
        assert [row["sequence_id"] for row in newest] == ["3", "2", "1"]
        older = (await run.rest.get("fills", lastFillTime=newest[0]["fillTime"]))["fills"]
        assert [row["sequence_id"] for row in older] == ["2", "1"]
        assert older[0]["realized_pnl"] is None
        assert not {"fee", "fee_paid"} & set(newest[0])


async def test_history_gives_strings_events_and_pages(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.order("mkt", XBT, "buy", 0.02, cliOrdId="a")
        await run.rest.order("stp", XBT, "sell", 0.02, stopPrice=58000, triggerSignal="mark", reduceOnly="true")
        await run.rest.order("mkt", XBT, "sell", 0.02)

        async def history(name: str, query: str = "") -> Any:
            return await run.rest.send("GET", f"/api/history/v3/{name}", query)

        executions = await history("executions", "count=1&sort=asc")
        assert executions["elements"][0]["event"]["execution"]["execution"]["quantity"] == "0.02"
        assert run.rest.headers["is-truncated"] == "true"
        token = executions["continuationToken"]
        rest = await history("executions", f"count=1&sort=asc&continuation_token={token}")
        assert "continuationToken" not in rest
        orders = (await history("orders", "sort=asc"))["elements"]
        assert orders[0]["event"]["OrderUpdated"]["newOrder"]["quantity"] == "0"
        assert orders[0]["event"]["OrderUpdated"]["reason"] == "full_fill"
        trigger = (await history("triggers"))["elements"][0]["event"]["OrderTriggerPlaced"]["order"]
        assert trigger["triggerOptions"] == {
            "triggerPrice": "58000",
            "triggerSignal": "MarkPrice",
            "triggerSide": "Below",
        }
        changes = [e["event"]["PositionUpdate"]["positionChange"] for e in (await history("positions"))["elements"]]
        assert changes == ["close", "open"]
        log = (await history("account-log", "from=2&sort=asc"))["logs"]
        assert [row["id"] for row in log] == list(range(2, log[-1]["id"] + 1))
        cash = [row for row in log if row["asset"] == "usd" and row["execution"]]
        assert all(
            row["new_balance"] - row["old_balance"]
            == pytest.approx(row["realized_pnl"] - row["fee"] + row["realized_funding"], abs=1e-9)
            for row in cash
        )


async def test_charts_page_and_agree_with_the_feed(tmp_path: Path) -> None:
    async with running_venue(tmp_path, history_days=3) as run:
        await run.clock.advance(180)
        path = "/api/charts/v1/spot/PF_ETHUSD/1m"
        since_s = START_MS // 1000 - 2100 * 60
        first = await run.rest.send("GET", path, f"from={since_s}", signed=False)
        assert (len(first["candles"]), first["more_candles"]) == (2000, True)
        rest = await run.rest.send("GET", path, f"from={first['candles'][-1]['time'] // 1000 + 60}", signed=False)
        assert rest["more_candles"] is False
        assert len(rest["candles"]) == 104
        bar = SineFeed()._bar("ETH", 1)
        played = next(c for c in rest["candles"] if c["time"] == bar.open_ms)
        assert float(played["high"]) == pytest.approx(bar.high)
        assert float(played["close"]) == pytest.approx(bar.close)
        assert rest["candles"][-1]["time"] == START_MS + 180_000


async def test_the_open_candle_does_not_know_the_future(tmp_path: Path) -> None:
    async with running_venue(tmp_path, feed=SineFeed(amplitude=0.2)) as run:
        await run.clock.advance(20)
        answer = await run.rest.send("GET", "/api/charts/v1/spot/PF_ETHUSD/5m", "", signed=False)
        running = answer["candles"][-1]
        market = run.server.venue.market("PF_ETHUSD")
        assert float(running["close"]) == pytest.approx(float(market.index), rel=1e-6)
        assert float(running["high"]) < market.bar.high or float(running["close"]) == pytest.approx(market.bar.high)


async def test_the_account_shows_margins_that_add_up(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.order("mkt", XBT, "buy", 0.02)
        await run.rest.order("lmt", XBT, "buy", 0.02, limitPrice=59000)
        accounts = (await run.rest.get("accounts"))["accounts"]
        flex = accounts["flex"]
        assert flex["initialMarginWithOrders"] > flex["initialMargin"] > flex["maintenanceMargin"] > 0
        assert flex["availableMargin"] == pytest.approx(flex["marginEquity"] - flex["initialMarginWithOrders"])
        assert flex["portfolioValue"] == pytest.approx(flex["balanceValue"] + flex["totalUnrealized"])
        assert accounts["fi_xbtusd"]["type"] == "marginAccount"
        assert accounts["fi_xbtusd"]["balances"]["xbt"] == accounts["fi_xbtusd"]["auxiliary"]["af"]


async def test_batches_answer_each_element_by_tag(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        batch = (
            '{"batchOrder":[{"order":"send","order_tag":"a","orderType":"lmt","symbol":"PF_XBTUSD","side":"buy",'
            '"size":0.01,"limitPrice":59000,"cliOrdId":"c1"},{"order":"send","order_tag":"b","orderType":"lmt",'
            '"symbol":"PF_XBTUSD","side":"buy","size":0.00001,"limitPrice":59000},{"order":"cancel","cliOrdId":"zz"}]}'
        )
        answer = await run.rest.post("batchorder", json=batch)
        statuses = [(row.get("order_tag"), row["status"]) for row in answer["batchStatus"]]
        assert statuses == [("a", "placed"), ("b", "invalidSize"), (None, "notFound")]
        assert (await run.rest.post("batchorder", json="{"))["error"] == "Json Parse Error"


async def test_the_dead_man_switch_is_armed_and_disarmed(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.order("lmt", XBT, "buy", 0.01, limitPrice=59000)
        armed = (await run.rest.post("cancelallordersafter", timeout=30))["status"]
        assert armed["triggerTime"] == "2026-01-01T00:00:30.000Z"
        assert (await run.rest.post("cancelallordersafter", timeout=0))["status"]["triggerTime"] == "0"
        await run.clock.advance(60)
        assert len((await run.rest.get("openorders"))["openOrders"]) == 1
        await run.rest.post("cancelallordersafter", timeout=30)
        await run.clock.advance(31)
        assert (await run.rest.get("openorders"))["openOrders"] == []


async def test_tickers_have_absolute_funding_and_no_relative_one(tmp_path: Path) -> None:
    async with running_venue(tmp_path, feed=SineFeed(premium=0.0008)) as run:
        ticker = (await run.rest.get(f"tickers/{XBT}"))["ticker"]
        assert ticker["fundingRate"] == pytest.approx(6.0, rel=1e-3)
        assert "relativeFundingRate" not in ticker
        inverse = (await run.rest.get("tickers/PI_XBTUSD"))["ticker"]
        assert inverse["fundingRate"] == pytest.approx(1e-4 / 60_000, rel=1e-3)
