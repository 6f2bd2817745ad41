"""Every fault does what its name says, where and as often as it was told to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.builders_sim import Running, running_venue
from tests.unit.sim_server.test_websocket_protocol import stream
from tradingbot.simulator.faults import FAULTS, FaultPlan, FaultSpec

XBT = "PF_XBTUSD"


@pytest.mark.parametrize(
    ("fault", "status", "fragment"),
    [
        ("http_500", 500, "INTERNAL_SERVER_ERROR"),
        ("http_502_html", 502, "<html>"),
        ("http_429", 429, "apiLimitExceeded"),
        ("api_limit_exceeded", 200, "apiLimitExceeded"),
        ("html_page", 200, "<html>"),
        ("redirect", 301, ""),
        ("unavailable", 200, "Unavailable"),
        ("auth_error", 200, "authenticationError"),
        ("nonce_error", 200, "nonceBelowThreshold"),
        ("maintenance", 503, "maintenance"),
    ],
)
async def test_answers_that_process_nothing(tmp_path: Path, fault: str, status: int, fragment: str) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault(fault, count=1, path="sendorder")
        assert "openOrders" in await run.rest.get("openorders")
        answer = await run.rest.post("sendorder", orderType="lmt", symbol=XBT, side="buy", size=0.01, limitPrice=59000)
        assert run.rest.status == status
        assert fragment in str(answer)
        assert not run.server.venue.account.orders
        assert (await run.rest.get("openorders"))["openOrders"] == []


@pytest.mark.parametrize("fault", ["truncated_json", "wrong_content_type", "malformed_json"])
async def test_spoilt_answers_to_orders_that_were_taken(tmp_path: Path, fault: str) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault(fault, count=1)
        try:
            answer: Any = await run.rest.get("accounts")
        except orjson.JSONDecodeError:
            answer = "spoilt"
        assert isinstance(answer, str)
        assert isinstance(await run.rest.get("accounts"), dict)


@pytest.mark.parametrize(("fault", "taken"), [("timeout_before", False), ("timeout_after", True)])
async def test_lost_requests_and_lost_answers(tmp_path: Path, fault: str, taken: bool) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault(fault, count=1, path="sendorder")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await run.rest.order("lmt", XBT, "buy", 0.01, limitPrice=59000, cliOrdId="lost")
        known = (await run.rest.post("orders/status", cliOrdIds="lost"))["orders"]
        assert bool(known) is taken


async def order_status(run: Running) -> str:
    return str((await run.rest.order("lmt", XBT, "buy", 0.01, limitPrice=59000))["status"])


async def test_faults_of_single_orders(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault("reject_orders", count=1, status="marketSuspended")
        assert await order_status(run) == "marketSuspended"
        await run.rest.fault("price_collar", count=1)
        assert await order_status(run) == "outsidePriceCollar"
        await run.rest.fault("unknown_status", count=1)
        assert await order_status(run) not in {"placed", "outsidePriceCollar"}
        await run.rest.fault("post_only", seconds=30)
        assert await order_status(run) == "marketIsPostOnly"
        assert (await run.rest.get("tickers", symbol=XBT))["tickers"][0]["postOnly"] is True
        await run.clock.advance(31)
        assert await order_status(run) == "placed"


async def test_faults_of_market_data(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault("empty_instruments", count=1)
        assert (await run.rest.get("instruments"))["instruments"] == []
        assert (await run.rest.get("instruments"))["instruments"] != []
        await run.rest.fault("missing_bid_ask")
        assert not {"bid", "ask", "last"} & set((await run.rest.get(f"tickers/{XBT}"))["ticker"])
        async with run.session.delete(run.endpoints.rest_url.replace("derivatives", "control/faults")) as answer:
            assert answer.status == 200
        assert "bid" in (await run.rest.get(f"tickers/{XBT}"))["ticker"]
        await run.rest.fault("stale_ticker")
        before = (await run.rest.get(f"tickers/{XBT}"))["ticker"]
        await run.clock.advance(40)
        assert (await run.rest.get(f"tickers/{XBT}"))["ticker"] == before
        await run.rest.fault("extreme_spreads")
        book = (await run.rest.get("orderbook", symbol=XBT))["orderBook"]
        assert max(price for price, _ in book["bids"]) < 0.5 * min(price for price, _ in book["asks"])


async def test_the_clock_can_be_skewed_and_answers_slowed(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.fault("clock_skew", seconds=-90)
        assert (await run.rest.get("tickers", symbol=XBT))["serverTime"] == "2025-12-31T23:58:30.000Z"
        await run.rest.fault("slow", ms=2000, count=1)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(run.rest.get("tickers", symbol=XBT))
            while not run.clock._sleepers or len(run.clock._sleepers) < 2:
                async with run.session.get(run.endpoints.rest_url.replace("derivatives", "control/state")):
                    pass
            assert not waiting.done()
            await run.clock.advance(2.1)
        assert waiting.result()["result"] == "success"


async def test_sockets_can_be_closed_muted_and_robbed_of_a_message(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        async with stream(run) as client:
            await client.say(event="subscribe", feed="book", product_ids=[XBT])
            snapshot = await client.until(feed="book_snapshot")
            await run.rest.fault("sequence_gap", count=1)
            await run.clock.advance(40)
            await client.say(event="ping")
            await client.until(event="pong")
            numbers = [m["seq"] for m in client.seen if m.get("feed") == "book" and "seq" in m]
            missing = set(range(snapshot["seq"] + 1, numbers[-1] + 1)) - set(numbers)
            assert len(missing) == 1
            await run.rest.fault("silent_socket", seconds=20)
            await client.say(event="ping")
            with pytest.raises(TimeoutError):
                await client.socket.receive(timeout=0.2)
        async with stream(run) as client:
            await run.rest.fault("close_sockets", count=1)
            assert (await client.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_maintenance_is_announced_and_closes_the_streams(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await run.rest.fault("maintenance", seconds=120, path="sendorder")
        notice = (await run.rest.get("notifications"))["notifications"][0]
        assert (notice["type"], notice["priority"], notice["expectedDowntimeMinutes"]) == ("maintenance", "high", 2)
        assert (await client.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_the_control_desk_lists_counts_and_disconnects(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        root = run.endpoints.rest_url.replace("derivatives", "control")
        await run.rest.fault("slow", ms=1, path="nothing")
        await run.rest.get("openorders")
        async with run.session.get(f"{root}/faults") as answer:
            listing = await answer.json()
        assert [row["name"] for row in listing["active"]] == ["slow"]
        assert set(listing["known"]) == set(FAULTS)
        async with run.session.get(f"{root}/state") as answer:
            state = await answer.json()
        assert (state["requests"]["openorders"], state["connections"]) == (1, 1)
        async with run.session.post(f"{root}/faults", data=b'{"name":"gremlins"}') as answer:
            assert answer.status == 400
        async with run.session.post(f"{root}/disconnect") as answer:
            assert (await answer.json())["disconnected"] == 1
        assert (await client.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


def test_a_fault_ends_by_count_or_by_time_and_strikes_by_chance_the_same_way_each_time() -> None:
    plan = FaultPlan((FaultSpec(name="slow", count=2), FaultSpec(name="http_500", seconds=5)))
    assert [plan.hit("slow", "x", 0) is not None for _ in range(3)] == [True, True, False]
    assert plan.hit("http_500", "x", 4_999) is not None
    assert plan.hit("http_500", "x", 5_000) is None

    def strikes() -> list[bool]:
        chancy = FaultPlan((FaultSpec(name="slow", probability=0.5),), seed=3)
        return [chancy.hit("slow", "x", 0) is not None for _ in range(50)]

    assert strikes() == strikes()
    assert 10 < sum(strikes()) < 40


async def test_markets_reopen_post_only_after_maintenance(tmp_path: Path) -> None:
    async with running_venue(tmp_path, reopen_post_only_s=30) as run:
        await run.rest.fault("maintenance", seconds=20)
        await run.rest.get("openorders")
        assert run.rest.status == 503
        await run.clock.advance(31)
        assert await order_status(run) == "marketIsPostOnly"
        await run.clock.advance(40)
        assert await order_status(run) == "placed"
