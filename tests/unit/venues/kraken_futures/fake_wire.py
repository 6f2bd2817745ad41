"""A scripted venue on loopback: REST answers by path, and a websocket whose other end is a script."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from websockets import ConnectionClosed
from websockets.asyncio.server import ServerConnection, serve

from tradingbot.clock import SystemClock
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.net.nonce import MemoryNonceStore
from tradingbot.ports import Clock
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
CREDENTIALS = Credentials("key", SECRET)
SERVER_TIME = "2026-09-25T17:46:54.822Z"


@dataclass
class Request:
    """What arrived, as raw as it was sent."""

    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]


Answer = Callable[[Request], Awaitable[web.StreamResponse]]


def ok(**content: Any) -> dict[str, Any]:
    """A success envelope."""
    return {"result": "success", "serverTime": SERVER_TIME, **content}


@dataclass
class FakeRest:
    """Answers from a script: per path a list, its last entry repeated for ever."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    script: dict[str, list[Any]] = field(default_factory=dict)

    def on(self, path: str, *answers: Any) -> None:
        """Answers of one path: a dict (JSON 200), an aiohttp response factory, or a callable taking the request."""
        self.script[path] = list(answers)

    def sent(self, path: str) -> list[Request]:
        """Requests to one path."""
        return [request for request in self.requests if request.path.endswith(path)]

    async def handle(self, raw: web.Request) -> web.StreamResponse:
        body = (await raw.read()).decode()
        request = Request(raw.method, raw.path, raw.raw_path.partition("?")[2], body, dict(raw.headers))
        self.requests.append(request)
        path = next((path for path in self.script if raw.path.endswith(path)), None)
        if path is None:
            return web.json_response({"result": "error", "errors": [{"code": 0, "message": "404"}]}, status=404)
        answers = self.script[path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
        return web.json_response(answer) if isinstance(answer, dict) else answer


@asynccontextmanager
async def rest_server() -> AsyncIterator[FakeRest]:
    """A running `FakeRest`."""
    fake = FakeRest()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    fake.url = f"http://{host}:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()


class WsPeer:
    """The venue's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.heard: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        await self._connection.send(json.dumps(message))

    async def send_text(self, text: str) -> None:
        await self._connection.send(text)

    async def next_request(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self._connection.recv())
        self.heard.append(message)
        return message

    async def acknowledge(self, request: dict[str, Any]) -> None:
        """One message per product, as the venue does."""
        event = f"{request['event']}d"
        for product in request.get("product_ids", [None]):
            ack = {"event": event, "feed": request["feed"]}
            await self.send(ack | ({"product_ids": [product.upper()]} if product else {}))

    async def close(self) -> None:
        await self._connection.close()

    async def idle(self) -> None:
        """Say nothing more until the other end leaves."""
        await self._connection.wait_closed()


Script = Callable[[WsPeer], Awaitable[None]]


@asynccontextmanager
async def ws_server(*scripts: Script) -> AsyncIterator[str]:
    """A websocket server whose n-th connection follows the n-th script, and the last one ever after."""
    queue = list(scripts)

    async def serve_one(connection: ServerConnection) -> None:
        script = queue.pop(0) if len(queue) > 1 else queue[0]
        peer = WsPeer(connection)
        with contextlib.suppress(ConnectionClosed):
            await peer.send({"event": "info", "version": 1})
            await script(peer)

    async with serve(serve_one, "127.0.0.1", 0, close_timeout=0.1, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ws/v1"


def universe(*assets: str) -> Universe:
    """The canonical universe, or a part of it."""
    params = UniverseParams()
    if assets:
        params = UniverseParams(assets=tuple(entry for entry in params.assets if entry.asset in assets))
    return Universe(params)


def venue(
    rest_url: str = "http://127.0.0.1:1",
    ws_url: str = "ws://127.0.0.1:1/ws/v1",
    clock: Clock | None = None,
    credentials: Credentials | None = CREDENTIALS,
    assets: tuple[str, ...] = (),
    **settings: Any,
) -> KrakenFuturesVenue:
    """An adapter with fast retries."""
    quick = {"rest": {"retry_delay_s": 0.01, "longest_retry_delay_s": 0.02, "rate_limit_pause_s": 0.01}}
    quick["stream"] = {"first_delay_s": 0.01, "longest_delay_s": 0.05}
    quick["feed"] = {"resync_pause_s": 0.0}
    quick["http"] = {}
    for part, values in settings.items():
        quick[part] = {**quick[part], **values} if isinstance(quick.get(part), dict) else values
    quick["limits"] = {"lane_stagger_s": 0.0, "rates": [{"limit": 10000, "period_s": 1}]}
    params = KrakenFuturesParams.model_validate({"rest_url": f"{rest_url}/derivatives", "ws_url": ws_url, **quick})
    return KrakenFuturesVenue(params, universe(*assets), clock or SystemClock(), credentials, MemoryNonceStore())


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Return once the condition holds; fails after a generous limit."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.002)  # noqa: TID251 - polling a real socket in a test
