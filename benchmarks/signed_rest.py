"""Signed GET: our client against bare aiohttp doing the same HMAC, on loopback, the server in a process of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import multiprocessing
import random
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from statistics import median

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from benchmarks.harness import Result
from tradingbot.clock import SystemClock
from tradingbot.net.http import HttpClient, HttpParams
from tradingbot.net.nonce import MemoryNonceStore, NonceSource
from tradingbot.net.rate_limiter import LimiterParams, RateLimiter, WindowParams
from tradingbot.venues.kraken_futures.auth import Credentials, Signer
from tradingbot.venues.kraken_futures.rest import KrakenFuturesRest, RestParams

SECRET = base64.b64encode(bytes(range(64))).decode()
PATH = "/derivatives/api/v3/openpositions"
REQUESTS = 1_000
ROUNDS = 9
TARGET_RATIO = 1.25
POSITION = {"symbol": "PF_XBTUSD", "side": "long", "price": 91506.6, "size": 0.25, "unrealizedFunding": -3.99e-09}
BODY = orjson.dumps({"result": "success", "serverTime": "2026-09-25T17:46:54.822Z", "openPositions": [POSITION]})


def _serve(channel: Connection) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=BODY, content_type="application/json")

    async def main() -> None:
        app = web.Application()
        app.router.add_get(PATH, answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        channel.send(runner.addresses[0][1])
        await asyncio.get_running_loop().run_in_executor(None, channel.recv)
        await runner.cleanup()

    asyncio.run(main())


class _Bare:
    """The least anybody would write: sign, send, decode."""

    def __init__(self, session: aiohttp.ClientSession, host: str) -> None:
        self._session = session
        self._host = host
        self._secret = base64.b64decode(SECRET)

    async def openpositions(self) -> object:
        nonce = str(time.time_ns() // 1000)
        digest = hashlib.sha256(f"{nonce}/api/v3/openpositions".encode()).digest()
        authent = base64.b64encode(hmac.digest(self._secret, digest, "sha512")).decode()
        headers = {"APIKey": "key", "Nonce": nonce, "Authent": authent}
        async with self._session.get(URL(self._host + PATH, encoded=True), headers=headers) as response:
            return orjson.loads(await response.read())


def _ours(host: str, http: HttpClient) -> KrakenFuturesRest:
    clock = SystemClock()
    wide = WindowParams(limit=1e9, period_s=1)
    limits = LimiterParams(pools={"derivatives": wide, "history": wide}, rates=(wide, wide))
    signer = Signer(Credentials("key", SECRET))
    nonces = NonceSource(clock, MemoryNonceStore())
    limiter = RateLimiter(clock, limits)
    return KrakenFuturesRest(host, http, limiter, clock, RestParams(), random.Random(0), signer, nonces)


async def _sequential(call: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    for _ in range(REQUESTS):
        await call()
    return (time.perf_counter() - started) / REQUESTS * 1e6


async def _ten_at_once(call: Callable[[], Awaitable[object]]) -> float:
    async def worker() -> None:
        for _ in range(REQUESTS // 10):
            await call()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(worker())
    return (time.perf_counter() - started) / REQUESTS * 1e6


async def _measure(port: int) -> list[Result]:
    host = f"http://127.0.0.1:{port}"
    http = HttpClient(SystemClock(), HttpParams())
    rest = _ours(host, http)
    results = []
    async with aiohttp.ClientSession() as session:
        bare = _Bare(session, host)
        for name, shape in (("sequential", _sequential), ("ten_at_once", _ten_at_once)):
            pairs = []
            for _ in range(ROUNDS):
                mine = await shape(rest.openpositions)
                pairs.append((mine, await shape(bare.openpositions)))
            results.append(_result(name, pairs))
    await http.close()
    return results


def _result(name: str, pairs: list[tuple[float, float]]) -> Result:
    ratio = median(mine / other for mine, other in pairs)
    mine, other = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    target = f"ratio to bare aiohttp <= {TARGET_RATIO}"
    return Result(f"signed_rest.{name}", mine, "us/request", other, ratio, target, ratio <= TARGET_RATIO)


def run() -> list[Result]:
    """Microseconds per signed request, one after the other and ten at once."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        return asyncio.run(_measure(here.recv()))
    finally:
        here.send("stop")
        server.join(5)
