"""The official Python SDK's futures clients, unchanged but for the address, work against the simulated venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kraken.base_api import FuturesAsyncClient
from kraken.exceptions import KrakenAuthenticationError
from kraken.futures import FuturesWSClient, Market, Trade, User

from tests.builders_sim import START_MS, SineFeed
from tradingbot.clock import ScaledClock, SystemClock
from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.params import SimulatorParams

V3 = "/derivatives/api/v3/"


@asynccontextmanager
async def running(home: Path, speed: float = 60.0, **settings: Any) -> AsyncIterator[tuple[SimServer, SimEndpoints]]:
    params = SimulatorParams.model_validate({"tick_interval_s": 10, "latency_max_ms": 100, **settings})
    clock = ScaledClock(utc_from_ms(START_MS), speed)
    server = SimServer(params=params, feed=SineFeed(), clock=clock, home=home)
    endpoints = await server.start()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.run())
        try:
            yield server, endpoints
        finally:
            task.cancel()
            await server.stop()


@asynccontextmanager
async def rest(endpoints: SimEndpoints) -> AsyncIterator[FuturesAsyncClient]:
    url = endpoints.rest_url.removesuffix("/derivatives")
    async with FuturesAsyncClient(key=endpoints.api_key, secret=endpoints.api_secret, url=url) as client:
        yield client


async def test_markets_candles_and_book_can_be_read(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, endpoints), rest(endpoints) as client:
        listed = await client.request("GET", V3 + "instruments", auth=False)
        tickers = await client.request("GET", V3 + "tickers", auth=False)
        book = await client.request("GET", V3 + "orderbook", query_params={"symbol": "PF_XBTUSD"}, auth=False)
        candles = await client.request(
            "GET", "/api/charts/v1/trade/PF_XBTUSD/1h", query_params={"from": START_MS // 1000 - 86400}, auth=False
        )
        funding = await client.request(
            "GET", "/derivatives/api/v4/historicalfundingrates", query_params={"symbol": "PF_XBTUSD"}, auth=False
        )
    symbols = {row["symbol"]: row for row in listed["instruments"]}
    assert symbols["PF_PEPEUSD"]["contractValueTradePrecision"] == -3
    assert {row["symbol"] for row in tickers["tickers"]} >= set(symbols)
    bids, asks = book["orderBook"]["bids"], book["orderBook"]["asks"]
    assert max(price for price, _ in bids) < min(price for price, _ in asks)
    assert len(candles["candles"]) == 25
    assert candles["more_candles"] is False
    assert len(funding["rates"]) > 24


async def test_orders_of_every_kind_go_through(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, endpoints), rest(endpoints) as client:

        async def post(name: str, **params: Any) -> Any:
            return await client.request("POST", V3 + name, post_params=params)

        async def get(name: str, **params: Any) -> Any:
            return await client.request("GET", V3 + name, query_params=params or None)

        await client.request("PUT", V3 + "leveragepreferences", post_params={"symbol": "PF_XBTUSD", "maxLeverage": 5})
        assert (await get("leveragepreferences"))["leveragePreferences"] == [
            {"symbol": "PF_XBTUSD", "maxLeverage": 5.0}
        ]

        resting = await post("sendorder", orderType="lmt", symbol="PF_XBTUSD", side="buy", size=0.01,
                             limitPrice=58000, cliOrdId="rest-1")  # fmt: skip
        assert resting["sendStatus"]["status"] == "placed"
        edited = await post("editorder", orderId=resting["sendStatus"]["order_id"], limitPrice=58100, size=0.02)
        assert edited["editStatus"]["status"] == "edited"
        market = await post("sendorder", orderType="mkt", symbol="PF_XBTUSD", side="buy", size=0.02, cliOrdId="mkt-1")
        executed = [e for e in market["sendStatus"]["orderEvents"] if e["type"] == "EXECUTION"]
        assert sum(e["amount"] for e in executed) == 0.02
        stop = await post("sendorder", orderType="stp", symbol="PF_XBTUSD", side="sell", size=0.02, stopPrice=57000,
                          triggerSignal="mark", reduceOnly="true", cliOrdId="stop-1")  # fmt: skip
        assert stop["sendStatus"]["orderEvents"][0]["orderTrigger"]["triggerSide"] == "trigger_below"

        orders = (await get("openorders"))["openOrders"]
        assert {row["orderType"] for row in orders} == {"lmt", "stop"}
        positions = (await get("openpositions"))["openPositions"]
        assert [(row["symbol"], row["side"], row["size"]) for row in positions] == [("PF_XBTUSD", "long", 0.02)]
        fills = (await get("fills"))["fills"]
        assert {row["fill_id"] for row in fills} == {e["executionId"] for e in executed}
        assert "fee_paid" not in fills[0]
        flex = (await get("accounts"))["accounts"]["flex"]
        assert flex["initialMargin"] == pytest.approx(0.02 * executed[0]["price"] / 5, rel=0.01)

        status = await post("orders/status", cliOrdIds=["rest-1", "stop-1"])
        assert {row["status"] for row in status["orders"]} == {"ENTERED_BOOK", "TRIGGER_PLACED"}
        cancelled = await post("cancelorder", cliOrdId="rest-1")
        assert cancelled["cancelStatus"]["status"] == "cancelled"
        batch = await client.request(
            "POST",
            V3 + "batchorder",
            post_params={
                "json": '{"batchOrder":[{"order":"send","order_tag":"1","orderType":"post","symbol":"PF_ETHUSD",'
                '"side":"buy","size":0.1,"limitPrice":2900},{"order":"cancel","cliOrdId":"stop-1"}]}'
            },
        )
        assert [row["status"] for row in batch["batchStatus"]] == ["placed", "cancelled"]
        await post("cancelallorders")
        assert (await get("openorders"))["openOrders"] == []
        log = await client.request("GET", "/api/history/v2/account-log", query_params={"count": 5, "sort": "asc"})
        assert [row["id"] for row in log["logs"]] == [1, 2, 3, 4, 5]


async def test_a_wrong_secret_is_an_error_with_http_200(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, endpoints):
        url = endpoints.rest_url.removesuffix("/derivatives")
        async with FuturesAsyncClient(key=endpoints.api_key, secret="AAECAwQF", url=url) as client:
            with pytest.raises(KrakenAuthenticationError):
                await client.request("GET", V3 + "accounts")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await SystemClock().sleep(0.02)


async def test_public_and_private_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kraken.futures.websocket as sdk

    genuine = sdk.connect
    monkeypatch.setattr(sdk, "connect", lambda uri, **kw: genuine(uri.replace("wss://", "ws://"), **kw))
    messages: list[dict[str, Any]] = []

    async def note(message: dict[str, Any]) -> None:
        if "event" not in message:
            messages.append(message)

    def feeds() -> set[str]:
        return {message.get("feed", "") for message in messages}

    async with running(tmp_path) as (_, endpoints), rest(endpoints) as client:
        stream = FuturesWSClient(
            key=endpoints.api_key,
            secret=endpoints.api_secret,
            url=endpoints.ws_url.removeprefix("ws://"),
            callback=note,
        )
        await stream.start()
        for feed in ("ticker", "book", "trade"):
            await stream.subscribe(feed=feed, products=["PF_XBTUSD", "PF_ETHUSD"])
        for feed in ("fills", "open_orders", "open_positions", "balances"):
            await stream.subscribe(feed=feed)
        await _until(lambda: {"balances_snapshot", "open_positions", "fills_snapshot", "book_snapshot"} <= feeds())
        await client.request(
            "POST",
            V3 + "sendorder",
            post_params={"orderType": "lmt", "symbol": "PF_XBTUSD", "side": "sell", "size": 0.01, "limitPrice": 61000},
        )
        await client.request(
            "POST",
            V3 + "sendorder",
            post_params={"orderType": "mkt", "symbol": "PF_XBTUSD", "side": "buy", "size": 0.01, "cliOrdId": "x1"},
        )
        await _until(lambda: {"fills", "open_orders", "balances", "book", "ticker", "trade"} <= feeds())
        await stream.close()

    fill = next(m for m in messages if m.get("feed") == "fills")["fills"][0]
    assert fill["cli_ord_id"] == "x1"
    assert fill["fee_paid"] > 0
    placed = next(m for m in messages if m.get("feed") == "open_orders")
    assert placed["reason"] == "new_placed_order_by_user"
    assert placed["order"]["qty"] == 0.01
    for symbol in ("PF_XBTUSD", "PF_ETHUSD"):
        numbers = [m["seq"] for m in messages if m.get("feed", "").startswith("book") and m["product_id"] == symbol]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _market_calls(url: str) -> dict[str, Any]:
    with Market(url=url) as market:
        return {
            "ohlc": market.get_ohlc(tick_type="mark", symbol="PF_ETHUSD", resolution="1m"),
            "types": market.get_tick_types(),
            "products": market.get_tradeable_products(tick_type="trade"),
            "resolutions": market.get_resolutions(tick_type="trade", tradeable="PF_ETHUSD"),
            "fees": market.get_fee_schedules(),
            "book": market.get_orderbook(symbol="PF_PEPEUSD"),
            "tickers": market.get_tickers(),
            "instruments": market.get_instruments(),
            "status": market.get_instruments_status(instrument="PF_XBTUSD"),
            "statuses": market.get_instruments_status(),
            "history": market.get_trade_history(symbol="PF_XBTUSD"),
            "funding": market.get_historical_funding_rates(symbol="PI_XBTUSD"),
            "executions": market.get_public_execution_events(tradeable="PF_XBTUSD"),
        }


@pytest.mark.filterwarnings("ignore:The 'get_fee_schedules' function is deprecated")
async def test_the_sdks_market_client_reads_everything(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, endpoints):
        seen = await asyncio.to_thread(_market_calls, endpoints.rest_url.removesuffix("/derivatives"))
    assert len(seen["ohlc"]["candles"]) > 100
    assert sorted(seen["types"]) == ["mark", "spot", "trade"]
    assert "PF_PEPEUSD" in seen["products"]
    assert "4h" in seen["resolutions"]
    assert seen["fees"]["feeSchedules"][0]["tiers"][0]["takerFee"] == 0.05
    assert all(size % 1000 == 0 for _, size in seen["book"]["orderBook"]["bids"])
    assert seen["status"]["tradeable"] == "PF_XBTUSD"
    assert len(seen["statuses"]["instrumentStatus"]) == len(seen["instruments"]["instruments"])
    assert seen["funding"]["rates"]
    assert "history" in seen["history"]
    assert "elements" in seen["executions"]


def _trading_calls(url: str, key: str, secret: str) -> dict[str, Any]:
    with Trade(key=key, secret=secret, url=url) as trade, User(key=key, secret=secret, url=url) as user:
        seen: dict[str, Any] = {}
        seen["limit"] = trade.create_order(
            orderType="lmt", size=100, symbol="PI_XBTUSD", side="buy", limitPrice=58000, cliOrdId="l"
        )
        seen["market"] = trade.create_order(orderType="mkt", size=500, symbol="PI_XBTUSD", side="buy")
        seen["stop"] = trade.create_order(
            orderType="stp", size=500, symbol="PI_XBTUSD", side="sell", stopPrice=57000, triggerSignal="mark",
            reduceOnly=True,
        )  # fmt: skip
        seen["trailing"] = trade.create_order(
            orderType="trailing_stop", size=500, symbol="PI_XBTUSD", side="sell", trailingStopDeviationUnit="PERCENT",
            trailingStopMaxDeviation=10, triggerSignal="mark", reduceOnly=True,
        )  # fmt: skip
        seen["edit"] = trade.edit_order(orderId=seen["limit"]["sendStatus"]["order_id"], limitPrice=58500)
        seen["status"] = trade.get_orders_status(cliOrdIds=["l"])
        seen["open"] = user.get_open_orders()
        seen["positions"] = user.get_open_positions()
        seen["wallets"] = user.get_wallets()
        seen["fills"] = trade.get_fills()
        seen["switch"] = trade.dead_mans_switch(timeout=60)
        seen["off"] = trade.dead_mans_switch(timeout=0)
        seen["batch"] = trade.create_batch_order(
            batchorder_list=[
                {"order": "send", "order_tag": "1", "orderType": "lmt", "symbol": "PI_ETHUSD", "side": "buy",
                 "size": 10, "limitPrice": 2900.05, "cliOrdId": "b"},
                {"order": "cancel", "cliOrdId": "l"},
            ]
        )  # fmt: skip
        seen["cancel"] = trade.cancel_order(cliOrdId="b")
        seen["all"] = trade.cancel_all_orders(symbol="PI_XBTUSD")
        seen["executions"] = user.get_execution_events()
        seen["orders"] = user.get_order_events(sort="asc")
        seen["triggers"] = user.get_trigger_events()
        seen["log"] = user.get_account_log(count=10)
        seen["csv"] = user.get_account_log_csv()
        seen["notices"] = user.get_notifications()
        seen["queue"] = user.get_unwind_queue()
        seen["subaccounts"] = user.get_subaccounts()
        return seen


async def test_the_sdks_trading_and_user_clients_do_everything(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, endpoints):
        url = endpoints.rest_url.removesuffix("/derivatives")
        seen = await asyncio.to_thread(_trading_calls, url, endpoints.api_key, endpoints.api_secret)
    assert {seen[name]["sendStatus"]["status"] for name in ("limit", "market", "stop", "trailing")} == {"placed"}
    assert seen["edit"]["editStatus"]["status"] == "edited"
    assert seen["status"]["orders"][0]["order"]["limitPrice"] == 58500
    kinds = sorted(row["orderType"] for row in seen["open"]["openOrders"])
    assert kinds == ["lmt", "stop", "trailing_stop"]
    assert seen["positions"]["openPositions"][0]["size"] == 500
    assert seen["wallets"]["accounts"]["fi_xbtusd"]["marginRequirements"]["im"] > 0
    assert sum(row["size"] for row in seen["fills"]["fills"]) == 500
    assert seen["switch"]["status"]["triggerTime"] > seen["switch"]["status"]["currentTime"]
    assert seen["off"]["status"]["triggerTime"] == "0"
    assert [row["status"] for row in seen["batch"]["batchStatus"]] == ["placed", "cancelled"]
    assert seen["cancel"]["cancelStatus"]["status"] == "cancelled"
    assert len(seen["all"]["cancelStatus"]["cancelledOrders"]) == 2
    execution = seen["executions"]["elements"][-1]["event"]["execution"]["execution"]
    assert execution["takerOrder"]["tradeable"] == "PI_XBTUSD"
    assert "OrderPlaced" in seen["orders"]["elements"][0]["event"]
    assert len(seen["triggers"]["elements"]) >= 2
    assert len(seen["log"]["logs"]) >= 3
    assert seen["notices"]["notifications"] == []
    assert seen["queue"]["queue"][0]["symbol"] == "PI_XBTUSD"
    assert seen["subaccounts"]["subaccounts"] == []
