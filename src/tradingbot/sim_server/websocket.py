"""The door for WebSockets: the session protocol of v1."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import orjson
from aiohttp import web

from tradingbot.sim_server.auth import sign_text
from tradingbot.sim_server.connection import Connection
from tradingbot.sim_server.hub import PRIVATE_FEEDS, PRODUCT_FEEDS, PUBLIC_FEEDS, Hub
from tradingbot.sim_server.service import Service
from tradingbot.simulator.ids import derived_uuid

_INVALID_FEED = "Couldn't subscribe to invalid feed"
_NOT_AUTHENTICATED = "Failed to subscribe to authenticated feed"
_ALREADY = "Already subscribed to feed, re-requesting"
_NOT_SUBSCRIBED = "Not subscribed to feed"
_CREDENTIALS = ("api_key", "original_challenge", "signed_challenge")


class WebSocketGate:
    """Accepts connections and answers their requests in order."""

    def __init__(self, service: Service, hub: Hub) -> None:
        self._service = service
        self._hub = hub
        self._challenges = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from greeting to goodbye."""
        service, hub = self._service, self._hub
        service.clock.touch()
        if service.venue.state.faults.on("maintenance", service.now_ms()):
            return web.Response(status=503, text="<html>maintenance</html>", content_type="text/html")
        if len(hub.connections) >= service.params.ws_max_connections:
            return web.Response(status=429, text="too many connections")
        socket = web.WebSocketResponse(autoping=False, timeout=1.0, max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, service.clock, service.now_ms())
        hub.connections.add(connection)
        connection.push({"event": "info", "version": 1})
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.send_all())
                await self._listen(connection)
                connection.drop()
        finally:
            hub.connections.discard(connection)
            service.clock.touch()
        return socket

    async def _listen(self, connection: Connection) -> None:
        service = self._service
        while (text := await connection.next_text()) is not None:
            connection.heard_ms = service.now_ms()
            if not text:
                continue
            if connection.too_busy(service.now_ms(), service.params.ws_max_requests_per_s):
                connection.push({"event": "alert", "message": "Rate limit exceeded"})
                connection.drop()
                return
            self._answer(connection, text)

    def _answer(self, connection: Connection, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            connection.push({"event": "error", "message": "Json Error"})
            return
        event = message.get("event")
        if event == "ping":
            connection.push({"event": "pong"})
        elif event == "challenge":
            self._challenge(connection, message)
        elif event in {"subscribe", "unsubscribe"}:
            self._service.catch_up()
            self._subscription(connection, message, str(event))
        elif event != "pong":
            connection.push({"event": "error", "message": "Invalid event"})

    def _challenge(self, connection: Connection, message: dict[str, Any]) -> None:
        if not message.get("api_key"):
            connection.push({"event": "error", "message": "Missing api_key"})
            return
        self._challenges += 1
        service = self._service
        connection.challenge = derived_uuid("challenge", service.params.seed, service.now_ms(), self._challenges)
        connection.push({"event": "challenge", "message": connection.challenge})

    def _subscription(self, connection: Connection, message: dict[str, Any], event: str) -> None:
        feed = str(message.get("feed", ""))
        if feed not in PUBLIC_FEEDS | PRIVATE_FEEDS:
            connection.push({"event": "alert", "message": _INVALID_FEED})
            return
        if feed in PRIVATE_FEEDS and not self._authenticated(connection, message):
            connection.push({"event": "alert", "message": _NOT_AUTHENTICATED})
            return
        if feed not in PRODUCT_FEEDS:
            self._one(connection, message, event, feed, "")
            return
        products = message.get("product_ids")
        for product in products if isinstance(products, list) and products else [""]:
            self._one_product(connection, message, event, feed, str(product).upper())

    def _one_product(
        self, connection: Connection, message: dict[str, Any], event: str, feed: str, product: str
    ) -> None:
        if product in self._service.venue.instruments:
            self._one(connection, message, event, feed, product)
        else:
            connection.push({"event": "error", "message": "Invalid product id"})

    def _one(self, connection: Connection, message: dict[str, Any], event: str, feed: str, product: str) -> None:
        key = (feed, product)
        subscribed = key in connection.subscriptions
        ack: dict[str, Any] = {"event": f"{event}d", "feed": feed}
        if product:
            ack["product_ids"] = [product]
        if feed in PRIVATE_FEEDS:
            ack |= {name: message[name] for name in _CREDENTIALS}
        if event == "unsubscribe":
            connection.subscriptions.discard(key)
            connection.push(ack if subscribed else {"event": "alert", "message": _NOT_SUBSCRIBED})
            return
        connection.subscriptions.add(key)
        connection.push({"event": "alert", "message": _ALREADY} if subscribed else ack)
        self._hub.snapshot(connection, feed, product)

    def _authenticated(self, connection: Connection, message: dict[str, Any]) -> bool:
        credentials = self._service.credentials
        key, challenge, signed = (str(message.get(name, "")) for name in _CREDENTIALS)
        if connection.challenge is None or challenge != connection.challenge or key != credentials.api_key:
            return False
        return hmac.compare_digest(signed, sign_text(credentials.api_secret, challenge))
