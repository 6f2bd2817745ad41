"""Websockets against a scripted venue: acknowledgements, gaps, silence, reconnects, log-in."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.venues.kraken_futures.fake_wire import SECRET, Script, WsPeer, until, venue, ws_server
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import VenueUnavailableError
from tradingbot.core.types import FillId, Symbol
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials, Signer

ETH = Symbol("ETHUSDT")
BTC = Symbol("BTCUSDT")
P = "PF_ETHUSD"
CHALLENGE = "c100b894-1729-464d-ace1-52dbce11db42"


def snapshot(seq: int, bid: float = 100.0, ask: float = 101.0, product: str = P) -> dict[str, Any]:
    return {
        "feed": "book_snapshot",
        "product_id": product,
        "timestamp": 1_612_269_825_817,
        "seq": seq,
        "tickSize": None,
        "bids": [{"price": bid, "qty": 5}, {"price": bid - 1, "qty": 7}],
        "asks": [{"price": ask, "qty": 6}],
    }


def delta(seq: int, side: str, price: float, qty: float, product: str = P) -> dict[str, Any]:
    return {
        "feed": "book",
        "product_id": product,
        "side": side,
        "seq": seq,
        "price": price,
        "qty": qty,
        "timestamp": 1_612_269_953_629,
    }


async def accept_public(peer: WsPeer, seq: int = 10) -> None:
    """Acknowledge the four subscriptions of the public conversation, with a book snapshot for each product."""
    for _ in range(4):
        request = await peer.next_request()
        await peer.acknowledge(request)
        if request["feed"] == "book":
            for product in request["product_ids"]:
                await peer.send(snapshot(seq, product=product))


async def forever(peer: WsPeer) -> None:
    await peer.idle()


@asynccontextmanager
async def running(adapter: KrakenFuturesVenue) -> AsyncIterator[KrakenFuturesVenue]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(adapter.run())
        try:
            yield adapter
        finally:
            task.cancel()
            await adapter.close()


def top(adapter: KrakenFuturesVenue, symbol: Symbol = ETH) -> tuple[float, float] | None:
    book = adapter.live_book(symbol)
    return None if book is None else (book.bids[0][0], book.asks[0][0])


async def test_one_subscribe_names_all_products_and_waits_for_one_ack_each() -> None:
    """Readiness needs an acknowledgement of every product."""
    released = asyncio.Event()
    seen: list[dict[str, Any]] = []

    async def script(peer: WsPeer) -> None:
        heartbeat = await peer.next_request()
        await peer.acknowledge(heartbeat)
        book = await peer.next_request()
        seen.append(book)
        await peer.send({"event": "subscribed", "feed": "book", "product_ids": ["PI_XBTUSD"]})
        await released.wait()
        await peer.send({"event": "subscribed", "feed": "book", "product_ids": ["PF_ETHUSD"]})
        for _ in range(2):
            await peer.acknowledge(await peer.next_request())
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("BTC", "ETH"))) as adapter:
        with pytest.raises(VenueUnavailableError, match="streams are not ready"):
            await adapter.wait_ready(0.1)
        released.set()
        await adapter.wait_ready(5)
    assert seen == [{"event": "subscribe", "feed": "book", "product_ids": ["PI_XBTUSD", "PF_ETHUSD"]}]


async def test_the_live_book_follows_snapshot_and_deltas() -> None:
    """Snapshot, insert, update, delete."""

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        for message in (
            delta(11, "buy", 100.5, 3),
            delta(12, "sell", 101, 0),
            delta(13, "sell", 100.75, 2),
            delta(14, "buy", 55, 0),
        ):
            await peer.send(message)
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter:
        await until(lambda: (book := adapter.live_book(ETH)) is not None and book.seq == 14)
        book = adapter.live_book(ETH)
        assert book is not None
        assert book.bids == ((100.5, 3.0), (100.0, 5.0), (99.0, 7.0))
        assert book.asks == ((100.75, 2.0),)


@pytest.mark.parametrize(
    "breaking",
    [delta(12, "buy", 99.5, 1), delta(10, "buy", 99.5, 1), delta(11, "buy", 200, 1)],
    ids=["gap", "regress", "crossed"],
)
async def test_a_book_out_of_step_is_withheld_and_asked_for_anew(breaking: dict[str, Any]) -> None:
    """Gap, regress and crossed book lead to unsubscribe and subscribe of that product; deltas before it are ignored."""
    broken = asyncio.Event()
    requests: list[tuple[str, str, list[str]]] = []

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        await broken.wait()
        await peer.send(breaking)
        for _ in range(2):
            request = await peer.next_request()
            requests.append((request["event"], request["feed"], request["product_ids"]))
            await peer.send(delta(13, "buy", 99.75, 1))
            await peer.acknowledge(request)
        await asyncio.sleep(0.05)  # noqa: TID251 - a real socket: let the client see the withheld book
        await peer.send(snapshot(50, 102, 103))
        await peer.send(delta(51, "buy", 102.5, 1))
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter:
        await until(lambda: top(adapter) == (100.0, 101.0))
        broken.set()
        await until(lambda: adapter.live_book(ETH) is None)
        await until(lambda: top(adapter) == (102.5, 103.0))
        assert requests == [("unsubscribe", "book", [P]), ("subscribe", "book", [P])]
        assert adapter.health().streams[0].gaps == 1


async def test_benign_alerts_answer_a_resubscription() -> None:
    """ "Not subscribed" and "Already subscribed" are as good as an acknowledgement."""

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        await peer.send(delta(99, "buy", 1, 1))
        await peer.next_request()
        await peer.send({"event": "alert", "message": "Not subscribed to feed"})
        await peer.next_request()
        await peer.send({"event": "alert", "message": "Already subscribed to feed, re-requesting"})
        await peer.send(snapshot(200, 110, 111))
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter:
        await until(lambda: top(adapter) == (110.0, 111.0))


async def test_a_refused_product_does_not_silence_the_others() -> None:
    """After a refusal products are asked for one by one; the refused one is named in health."""

    async def script(peer: WsPeer) -> None:
        while True:
            request = await peer.next_request()
            if "PI_XBTUSD" in request.get("product_ids", []):
                await peer.send({"event": "error", "message": "Invalid product id"})
                continue
            await peer.acknowledge(request)
            if request["feed"] == "book":
                await peer.send(snapshot(1))

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("BTC", "ETH"))) as adapter:
        await adapter.wait_ready(5)
        await until(lambda: top(adapter) == (100.0, 101.0))
        assert adapter.live_book(BTC) is None
        assert adapter.health().notes == ("stream refuses PI_XBTUSD: subscribe trade: Invalid product id",)


async def test_a_lost_connection_withholds_the_book_until_the_next_snapshot() -> None:
    """Reconnect, resubscribe, take the snapshot as the truth."""
    close, go_on = asyncio.Event(), asyncio.Event()

    async def first(peer: WsPeer) -> None:
        await accept_public(peer)
        await close.wait()

    async def second(peer: WsPeer) -> None:
        await go_on.wait()
        await accept_public(peer, seq=3)
        await forever(peer)

    async with (
        ws_server(first, second) as url,
        running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter,
    ):
        await until(lambda: top(adapter) is not None)
        close.set()
        await until(lambda: adapter.live_book(ETH) is None)
        go_on.set()
        await until(lambda: (book := adapter.live_book(ETH)) is not None and book.seq == 3)
        assert adapter.health().streams[0].reconnects >= 1


async def test_a_silent_socket_is_given_up() -> None:
    """Without any message for the silence limit the connection is replaced; nobody waits for real time here."""
    connections: list[int] = []

    async def script(peer: WsPeer) -> None:
        connections.append(1)
        await accept_public(peer)
        await forever(peer)

    clock = SteppedClock(datetime(2026, 1, 1, tzinfo=UTC), settle_rounds=64)
    async with (
        ws_server(script) as url,
        running(venue(ws_url=url, clock=clock, credentials=None, assets=("ETH",))) as adapter,
    ):
        await until(lambda: len(connections) >= 3)
        assert adapter.health().streams[0].reconnects >= 2


async def test_a_cancellation_in_the_moment_of_a_failure_is_not_lost() -> None:
    """The silence limit strikes again and again, and the end may come at any turn of the loop."""

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        await forever(peer)

    chance = random.Random(3)
    for _ in range(40):
        clock = SteppedClock(datetime(2026, 1, 1, tzinfo=UTC), settle_rounds=64)
        async with ws_server(script) as url:
            adapter = venue(ws_url=url, clock=clock, credentials=None, assets=("ETH",))
            task = asyncio.create_task(adapter.run())  # noqa: TID251 - cancelled by hand
            await asyncio.sleep(0.3 * chance.random())  # noqa: TID251 - any moment of a real socket's life
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done, "it lives on"
            await adapter.close()


@pytest.mark.parametrize("text", ["{", "[1]", '{"feed":"book","product_id":"PF_ETHUSD"}', '{"feed":"ticker"}', "null"])
async def test_garbage_ends_the_connection_not_the_stream(text: str) -> None:
    """What is not the documented JSON is never acted on: reconnect."""

    async def first(peer: WsPeer) -> None:
        await accept_public(peer)
        await peer.send_text(text)
        await forever(peer)

    async def second(peer: WsPeer) -> None:
        await accept_public(peer, seq=77)
        await forever(peer)

    async with (
        ws_server(first, second) as url,
        running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter,
    ):
        await until(lambda: (book := adapter.live_book(ETH)) is not None and book.seq == 77)


async def test_a_trade_gap_asks_for_the_trades_anew() -> None:
    """The tape is checked like the book; a snapshot fills in what was missed, each trade once."""

    def trade(seq: int) -> dict[str, Any]:
        return {
            "feed": "trade",
            "product_id": P,
            "uid": f"t{seq}",
            "side": "buy",
            "type": "fill",
            "seq": seq,
            "time": 1_700_000_000_000 + seq,
            "qty": 1,
            "price": 100,
        }

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        await peer.send({"feed": "trade_snapshot", "product_id": P, "trades": [trade(2), trade(1)]})
        await peer.send(trade(3))
        await peer.send(trade(5))
        for _ in range(2):
            await peer.acknowledge(await peer.next_request())
        await peer.send({"feed": "trade_snapshot", "product_id": P, "trades": [trade(6), trade(5), trade(4), trade(3)]})
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter:
        await until(lambda: len(adapter.live_trades(ETH)) == 6)
        assert {trade.trade_id for trade in adapter.live_trades(ETH)} == {"t1", "t2", "t3", "t4", "t5", "t6"}


async def test_a_ticker_without_funding_fields_means_zero_funding() -> None:
    """The venue leaves zero rates out."""

    async def script(peer: WsPeer) -> None:
        await accept_public(peer)
        await peer.send(
            {"feed": "ticker", "product_id": P, "time": 1_676_393_235_406, "bid": 1.5, "ask": 1.6, "markPrice": 1.55}
        )
        await forever(peer)

    async with ws_server(script) as url, running(venue(ws_url=url, credentials=None, assets=("ETH",))) as adapter:
        await until(lambda: adapter.live_ticker(ETH) is not None)
        ticker = adapter.live_ticker(ETH)
        assert ticker is not None
        assert (ticker.mark_price, ticker.funding_rate_relative) == (Decimal("1.55"), 0.0)


# ---------------------------------------------------------------- private


def fill(fill_id: str, at: int = 1) -> dict[str, Any]:
    return {
        "instrument": P,
        "time": 1_700_000_000_000 + at,
        "price": 3162.0,
        "seq": at,
        "buy": True,
        "qty": 0.001,
        "remaining_order_qty": 0.0,
        "order_id": f"o-{fill_id}",
        "cli_ord_id": "mine",
        "fill_id": fill_id,
        "fill_type": "taker",
        "fee_paid": 0.001581,
        "fee_currency": "USD",
        "order_type": "market",
    }


def both(private: Script) -> Script:
    """One server for both streams: the second request tells which one it is."""

    async def script(peer: WsPeer) -> None:
        await peer.acknowledge(await peer.next_request())
        second = await peer.next_request()
        if second["event"] == "challenge":
            await peer.send({"event": "challenge", "message": CHALLENGE})
            await private(peer)
            return
        while True:
            await peer.acknowledge(second)
            second = await peer.next_request()

    return script


async def accept_private(peer: WsPeer, *fills: dict[str, Any]) -> None:
    for _ in range(5):
        request = await peer.next_request()
        await peer.send({key: request[key] for key in request if key != "event"} | {"event": "subscribed"})
        if request["feed"] == "fills":
            await peer.send({"feed": "fills_snapshot", "account": "a", "fills": list(fills)})


async def test_log_in_answers_the_challenge_of_this_connection() -> None:
    """Every private subscription carries the key, the challenge and its signature."""
    heard: list[dict[str, Any]] = []

    async def private(peer: WsPeer) -> None:
        await accept_private(peer)
        heard.extend(peer.heard)
        await forever(peer)

    async with ws_server(both(private)) as url, running(venue(ws_url=url, assets=("ETH",))) as adapter:
        await adapter.wait_ready(5)
    signed = Signer(Credentials("key", SECRET)).challenge(CHALLENGE)
    assert signed == "Z/2B9JBJvBEo7IpcdELQv1DD5CEeJ4COiBQpC0qwpHYDoCj45hz66VsEjvT7cS4IPFhsdAtjmi+YfgoLaF2HrQ=="
    private_requests = [request for request in heard if request["event"] == "subscribe" and "api_key" in request]
    assert [request["feed"] for request in private_requests] == [
        "fills",
        "open_orders",
        "open_positions",
        "balances",
        "notifications_auth",
    ]
    assert {request["signed_challenge"] for request in private_requests} == {signed}


async def test_fills_arrive_once_over_snapshots_and_reconnects() -> None:
    """The snapshot after a reconnect fills the hole; what was seen before is not brought again."""
    lost = asyncio.Event()

    async def first(peer: WsPeer) -> None:
        await accept_private(peer, fill("a", 1))
        await peer.send({"feed": "fills", "username": "u", "fills": [fill("b", 2)]})
        await lost.wait()
        await peer.close()

    async def second(peer: WsPeer) -> None:
        await accept_private(peer, fill("c", 3), fill("b", 2), fill("a", 1))
        await forever(peer)

    scripts = iter([first, second])
    async with (
        ws_server(both(lambda peer: next(scripts)(peer))) as url,
        running(venue(ws_url=url, assets=("ETH",))) as adapter,
    ):
        assert await adapter.wait_for_fills([FillId("a"), FillId("b")], 5)
        taken = adapter.take_fills()
        assert [(item.fill_id, item.fee, item.fee_currency) for item in taken] == [
            ("a", Decimal("0.001581"), "USD"),
            ("b", Decimal("0.001581"), "USD"),
        ]
        assert adapter.take_fills() == []
        lost.set()
        assert await adapter.wait_for_fills([FillId("c")], 5)
        assert [item.fill_id for item in adapter.take_fills()] == ["c"]


async def test_waiting_for_a_fill_that_does_not_come_gives_up() -> None:
    """False after the timeout, in the clock's time."""
    adapter = venue(clock=SteppedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    assert not await adapter.wait_for_fills([FillId("never")], 3600)


async def test_a_refused_key_is_told_in_health_and_tried_again() -> None:
    """An alert on a private subscription is an authentication failure of that stream only."""
    attempts: list[int] = []

    async def private(peer: WsPeer) -> None:
        attempts.append(1)
        await peer.next_request()
        await peer.send({"event": "alert", "message": "Failed to subscribe to authenticated feed"})
        await forever(peer)

    async with ws_server(both(private)) as url, running(venue(ws_url=url, assets=("ETH",))) as adapter:
        await until(lambda: len(attempts) >= 2)
        await until(lambda: "Failed to subscribe" in adapter.health().streams[1].detail)
        await until(lambda: adapter.health().streams[0].connected)


async def test_the_account_feeds_keep_what_the_venue_tells() -> None:
    """Positions are full lists, orders are snapshot and changes, balances are partial changes in sequence."""

    def balances(seq: int, feed: str, available: float) -> dict[str, Any]:
        wallet = {
            "balance_value": 100.0,
            "portfolio_value": 101.0,
            "available_margin": available,
            "initial_margin": 1.0,
            "maintenance_margin": 0.5,
            "total_unrealized": 1.0,
        }
        return {"feed": feed, "flex_futures": wallet, "timestamp": 1, "seq": seq}

    order = {
        "instrument": P,
        "time": 1,
        "last_update_time": 1,
        "qty": 3.0,
        "filled": 0.0,
        "limit_price": 10.0,
        "stop_price": 0.0,
        "type": "limit",
        "order_id": "o1",
        "direction": 1,
        "reduce_only": True,
    }
    gap, resynced = asyncio.Event(), asyncio.Event()

    async def private(peer: WsPeer) -> None:
        await accept_private(peer)
        await peer.send({"feed": "open_orders_snapshot", "account": "a", "orders": []})
        await peer.send({"feed": "open_orders", "order": order, "is_cancel": False, "reason": "x"})
        position = {"instrument": P, "balance": -2.0, "entry_price": 10.0, "pnl": 1.0}
        await peer.send({"feed": "open_positions", "account": "a", "positions": [position], "seq": 1, "timestamp": 1})
        await peer.send(balances(0, "balances_snapshot", 50.0))
        await peer.send(balances(1, "balances", 60.0))
        await gap.wait()
        await peer.send(balances(3, "balances", 70.0))
        await peer.send({"feed": "open_orders", "order_id": "o1", "is_cancel": True, "reason": "cancelled_by_user"})
        for _ in range(2):
            request = await peer.next_request()
            assert request["feed"] == "balances"
            await peer.acknowledge(request)
        await resynced.wait()
        await peer.send(balances(7, "balances_snapshot", 80.0))
        await forever(peer)

    def available(adapter: KrakenFuturesVenue) -> Decimal | None:
        wallets = adapter.live_wallets()
        return None if not wallets else wallets["flex"].available

    async with ws_server(both(private)) as url, running(venue(ws_url=url, assets=("ETH",))) as adapter:
        await until(lambda: available(adapter) == 60)
        orders, positions = adapter.live_orders(), adapter.live_positions()
        assert orders is not None
        assert [(item.venue_order_id, item.side, item.size) for item in orders] == [("o1", "sell", 3)]
        assert positions is not None
        assert [(item.symbol, item.direction, item.size) for item in positions] == [(ETH, "short", 2)]
        gap.set()
        await until(lambda: adapter.live_wallets() is None and adapter.live_orders() == ())
        resynced.set()
        await until(lambda: available(adapter) == 80)
