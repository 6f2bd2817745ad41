"""The stream speaks the session protocol and numbers its messages without gaps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.builders_sim import Running, SineFeed, running_venue
from tradingbot.sim_server.auth import sign_text

XBT = "PF_XBTUSD"


class Stream:
    """A client that keeps what it reads."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, run: Running) -> None:
        self.socket = socket
        self.run = run
        self.seen: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(orjson.dumps(message).decode())

    async def read(self) -> dict[str, Any]:
        message = orjson.loads((await self.socket.receive_str(timeout=5)).encode())
        self.seen.append(message)
        return dict(message)

    async def until(self, **wanted: Any) -> dict[str, Any]:
        while True:
            message = await self.read()
            if "event" in message and "event" not in wanted:
                continue
            if all(message.get(name) == value for name, value in wanted.items()):
                return message

    async def credentials(self) -> dict[str, str]:
        await self.say(event="challenge", api_key=self.run.endpoints.api_key)
        challenge = (await self.until(event="challenge"))["message"]
        return {
            "api_key": self.run.endpoints.api_key,
            "original_challenge": challenge,
            "signed_challenge": sign_text(self.run.endpoints.api_secret, challenge),
        }


@asynccontextmanager
async def stream(run: Running) -> AsyncIterator[Stream]:
    async with run.session.ws_connect(run.endpoints.ws_url, autoping=False) as socket:
        client = Stream(socket, run)
        assert await client.read() == {"event": "info", "version": 1}
        yield client


async def test_one_acknowledgement_per_product_in_upper_case(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await client.say(event="subscribe", feed="ticker", product_ids=["pf_xbtusd", "PF_ETHUSD", "PF_NOPE"])
        first = await client.until(event="subscribed")
        second = await client.until(event="subscribed")
        assert [first["product_ids"], second["product_ids"]] == [["PF_XBTUSD"], ["PF_ETHUSD"]]
        assert await client.until(event="error") == {"event": "error", "message": "Invalid product id"}


async def test_alerts_have_the_exact_texts(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        for feed in ("liquidations", "fills"):
            await client.say(event="subscribe", feed=feed)
        assert (await client.until(event="alert"))["message"] == "Couldn't subscribe to invalid feed"
        assert (await client.until(event="alert"))["message"] == "Failed to subscribe to authenticated feed"
        await client.say(event="unsubscribe", feed="trade", product_ids=[XBT])
        assert (await client.until(event="alert"))["message"] == "Not subscribed to feed"
        await client.say(event="subscribe", feed="book", product_ids=[XBT])
        await client.until(feed="book_snapshot")
        await client.say(event="subscribe", feed="book", product_ids=[XBT])
        assert (await client.until(event="alert"))["message"] == "Already subscribed to feed, re-requesting"
        assert (await client.read())["feed"] == "book_snapshot"
        await client.socket.send_str("{nonsense")
        assert (await client.until(event="error"))["message"] == "Json Error"


async def test_a_challenge_is_bound_to_its_connection(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        async with stream(run) as client:
            signed = await client.credentials()
            await client.say(event="subscribe", feed="fills", **signed)
            ack = await client.until(event="subscribed")
            assert {name: ack[name] for name in signed} == signed
            assert (await client.read())["feed"] == "fills_snapshot"
        async with stream(run) as other:
            await other.say(event="subscribe", feed="fills", **signed)
            assert (await other.until(event="alert"))["message"] == "Failed to subscribe to authenticated feed"


async def test_both_kinds_of_ping_are_answered(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await client.say(event="ping")
        assert await client.read() == {"event": "pong"}
        await client.socket.ping(b"x")
        assert (await client.socket.receive(timeout=5)).type is aiohttp.WSMsgType.PONG


async def test_book_deltas_rebuild_the_rest_book_with_unbroken_numbers(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await client.say(event="subscribe", feed="book", product_ids=[XBT])
        snapshot = await client.until(feed="book_snapshot")
        sides = {
            "buy": {level["price"]: level["qty"] for level in snapshot["bids"]},
            "sell": {level["price"]: level["qty"] for level in snapshot["asks"]},
        }
        await run.clock.advance(35)
        await run.rest.order("lmt", XBT, "buy", 0.01, limitPrice=59123)
        await client.say(event="ping")
        await client.until(event="pong")
        expected = snapshot["seq"]
        for delta in (m for m in client.seen if m.get("feed") == "book" and "seq" in m):
            expected += 1
            assert delta["seq"] == expected
            if delta["qty"] == 0:
                sides[delta["side"]].pop(delta["price"], None)
            else:
                sides[delta["side"]][delta["price"]] = delta["qty"]
        book = (await run.rest.get("orderbook", symbol=XBT))["orderBook"]
        assert sides == {"buy": dict(map(tuple, book["bids"])), "sell": dict(map(tuple, book["asks"]))}
        assert sides["buy"][59123.0] == 0.01


async def test_trades_are_numbered_and_the_snapshot_is_newest_first(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await run.clock.advance(50)
        await client.say(event="subscribe", feed="trade", product_ids=[XBT])
        snapshot = (await client.until(feed="trade_snapshot"))["trades"]
        numbers = [trade["seq"] for trade in snapshot]
        assert numbers == sorted(numbers, reverse=True)
        await run.rest.order("mkt", XBT, "sell", 0.02)
        trade = await client.until(feed="trade")
        assert (trade["seq"], trade["side"], trade["qty"]) == (numbers[0] + 1, "sell", 0.02)


async def test_tickers_come_on_ticks_and_leave_out_zero_funding(tmp_path: Path) -> None:
    async with running_venue(tmp_path, feed=SineFeed(premium=0.0)) as run, stream(run) as client:
        await client.say(event="subscribe", feed="ticker", product_ids=[XBT])
        first = await client.until(feed="ticker")
        await run.clock.advance(10)
        second = await client.until(feed="ticker")
        assert second["time"] - first["time"] == 10_000
        assert "funding_rate" not in first
        assert first["next_funding_rate_time"] % 3_600_000 == 0
        assert first["leverage"] == "100x"


async def test_private_feeds_tell_the_life_of_an_order(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        signed = await client.credentials()
        for feed in ("open_orders", "fills", "open_positions", "balances", "account_log", "open_orders_verbose"):
            await client.say(event="subscribe", feed=feed, **signed)
        await client.until(feed="open_orders_verbose_snapshot")
        placed = await run.rest.order("lmt", XBT, "buy", 0.02, limitPrice=59000, cliOrdId="one")
        delta = await client.until(feed="open_orders")
        assert (delta["order"]["qty"], delta["reason"], delta["is_cancel"]) == (0.02, "new_placed_order_by_user", False)
        await run.rest.post("editorder", orderId=placed["order_id"], size=0.01)
        assert (await client.until(feed="open_orders"))["reason"] == "edited_by_user"
        await run.rest.post("cancelorder", order_id=placed["order_id"])
        gone = await client.until(feed="open_orders")
        assert gone == {
            "feed": "open_orders",
            "order_id": placed["order_id"],
            "cli_ord_id": "one",
            "is_cancel": True,
            "reason": "cancelled_by_user",
        }
        await run.rest.order("mkt", XBT, "buy", 0.02, cliOrdId="two")
        fill = (await client.until(feed="fills"))["fills"][0]
        assert fill["fee_paid"] == pytest.approx(0.02 * fill["price"] * 0.0005)
        assert (fill["qty"], fill["remaining_order_qty"], fill["order_type"]) == (0.02, 0.0, "market")
        entry = (await client.until(feed="account_log"))["new_entry"]
        assert entry["execution"] == fill["fill_id"]
        positions = await client.until(feed="open_positions")
        assert positions["positions"][0]["balance"] == 0.02
        await client.until(feed="balances")
        await run.rest.order("post", XBT, "buy", 0.01, limitPrice=60500)
        rejected = await client.until(feed="open_orders_verbose", is_cancel=True)
        while rejected["reason"] == "cancelled_by_user":
            rejected = await client.until(feed="open_orders_verbose", is_cancel=True)
        assert rejected["reason"] == "post_order_failed_because_it_would_be_filled"
        numbers = [m["seq"] for m in client.seen if m.get("feed", "").startswith("balances") and "seq" in m]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_resting_order_that_fills_leaves_with_nothing_open(tmp_path: Path) -> None:
    async with running_venue(tmp_path, feed=SineFeed(amplitude=0.02)) as run, stream(run) as client:
        await client.say(event="subscribe", feed="open_orders", **await client.credentials())
        await run.rest.order("post", XBT, "sell", 0.01, limitPrice=60100)
        await client.until(feed="open_orders")
        for _ in range(12):
            await client.say(event="ping")
            await client.until(event="pong")
            await run.clock.advance(50)
        done = next(m for m in client.seen if m.get("reason") == "full_fill")
        assert (done["order"]["qty"], done["order"]["filled"], done["is_cancel"]) == (0.0, 0.01, True)


async def test_a_silent_client_is_dropped_after_a_minute(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run, stream(run) as client:
        await run.clock.advance(80)
        closed = await client.socket.receive(timeout=5)
        assert closed.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}


async def test_a_talkative_client_is_dropped(tmp_path: Path) -> None:
    async with running_venue(tmp_path, ws_max_requests_per_s=5) as run, stream(run) as client:
        for _ in range(6):
            await client.say(event="ping")
        assert (await client.until(event="alert"))["message"] == "Rate limit exceeded"
