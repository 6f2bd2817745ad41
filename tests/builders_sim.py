"""Builders of a small simulated venue: a deterministic feed and ready-made venues."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import numpy as np
import orjson
from yarl import URL

from tradingbot.clock import SteppedClock
from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.auth import sign
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.market_feed import MinuteBar, rows_of
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.venue import SimulatedVenue

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000
BASE = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "DOGE": 0.2, "PEPE": 0.00001, "LTC": 80.0}


class SineFeed:
    """Prices on a sine: the same minute is always the same. `moves` overrides closes: minute number -> factor."""

    def __init__(
        self,
        assets: Sequence[str] = ("BTC", "ETH", "SOL", "PEPE"),
        amplitude: float = 0.01,
        minutes: int | None = None,
        premium: float = 0.0002,
        moves: Mapping[int, float] | None = None,
    ) -> None:
        self._assets = tuple(assets)
        self._amplitude = amplitude
        self._minutes = minutes
        self._premium = premium
        self._moves = dict(moves or {})

    @property
    def assets(self) -> Sequence[str]:
        return self._assets

    @property
    def start_ms(self) -> int:
        return START_MS

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        number = (open_ms - START_MS) // MINUTE_MS
        if self._minutes is not None and number >= self._minutes:
            return None
        return {asset: self._bar(asset, number) for asset in self._assets}

    def rows(self, asset: str, until_ms: int, count: int) -> np.ndarray:
        return rows_of(self.history(asset, until_ms, count))

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        last = (until_ms - START_MS) // MINUTE_MS
        return [self._bar(asset, number) for number in range(last - count, last)]

    def _price(self, asset: str, number: int) -> float:
        factor = 1.0
        for minute, move in self._moves.items():
            if number > minute:
                factor *= move
        return BASE[asset] * factor * (1 + self._amplitude * math.sin(number / 40))

    def _bar(self, asset: str, number: int) -> MinuteBar:
        first, last = self._price(asset, number), self._price(asset, number + 1)
        return MinuteBar(
            open_ms=START_MS + number * MINUTE_MS,
            open=first,
            high=max(first, last) * 1.0002,
            low=min(first, last) * 0.9998,
            close=last,
            volume_base=2_000_000 / first / 1440 * 100,
            buy_fraction=0.5,
            premium=self._premium,
            open_interest_base=1_000_000 / first,
            spread_bps=2.0,
            depth_usd=2_000_000.0,
        )


def make_venue(feed: SineFeed | None = None, **settings: object) -> SimulatedVenue:
    """A venue at the feed's start. `settings` are those of SimulatorParams."""
    feed = feed or SineFeed()
    params = SimulatorParams.model_validate({"latency_min_ms": 0, "latency_max_ms": 0, **settings})
    return SimulatedVenue(params, feed, START_MS)


class ManualClock(SteppedClock):
    """Time moves only when the test says so."""

    def _start_pump(self) -> None:
        """No pump: `advance` wakes sleepers."""

    async def advance(self, seconds: float) -> None:
        """Let this much time pass, waking everybody whose time comes on the way."""
        target_s = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0].at_s <= target_s:
            sleeper = heapq.heappop(self._sleepers)
            if sleeper.wake.done():
                continue
            self._elapsed_s = max(self._elapsed_s, sleeper.at_s)
            sleeper.wake.set_result(None)
            for _ in range(5):
                await _turn()
        self._elapsed_s = target_s


async def _turn() -> None:
    """One turn of the event loop."""
    moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(moment.set_result, None)
    await moment


class RestClient:
    """Signs and sends requests as the documentation says; keeps the last HTTP status."""

    def __init__(self, session: aiohttp.ClientSession, endpoints: SimEndpoints) -> None:
        self._session = session
        self._endpoints = endpoints
        self._root = endpoints.rest_url.removesuffix("/derivatives")
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._nonces = itertools.count(1_700_000_000_000)

    async def send(
        self,
        method: str,
        path: str,
        query: str = "",
        body: str = "",
        nonce: str | None = None,
        signed: bool = True,
        authent: str | None = None,
    ) -> Any:
        """One request; JSON when it is JSON, else text."""
        headers = {}
        if signed:
            nonce = str(next(self._nonces)) if nonce is None else nonce
            right = sign(self._endpoints.api_secret, query + body, nonce, path.removeprefix("/derivatives"))
            headers = {"APIKey": self._endpoints.api_key, "Authent": right if authent is None else authent}
            headers |= {"Nonce": nonce} if nonce else {}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = URL(self._root + path + (f"?{query}" if query else ""), encoded=True)
        async with self._session.request(
            method, url, data=body.encode() or None, headers=headers, allow_redirects=False
        ) as answer:
            self.status, self.headers = answer.status, answer.headers
            text = await answer.text()
        return orjson.loads(text) if answer.content_type == "application/json" else text

    async def get(self, name: str, **params: object) -> Any:
        """A trading endpoint, GET."""
        return await self.send("GET", f"/derivatives/api/v3/{name}", query=urlencode(params))

    async def post(self, name: str, **params: object) -> Any:
        """A trading endpoint, POST with form body."""
        return await self.send("POST", f"/derivatives/api/v3/{name}", body=urlencode(params, doseq=True))

    async def order(self, kind: str, symbol: str, side: str, size: float, **extra: object) -> Any:
        """sendorder; returns sendStatus."""
        answer = await self.post("sendorder", orderType=kind, symbol=symbol, side=side, size=size, **extra)
        return answer["sendStatus"]

    async def fault(self, name: str, **extra: object) -> None:
        """Switch a fault on."""
        url = f"{self._root}/control/faults"
        async with self._session.post(url, data=orjson.dumps({"name": name, **extra})) as answer:
            assert answer.status == 200, await answer.text()


@dataclass
class Running:
    """A venue that listens, a client, and the clock that both live by."""

    server: SimServer
    endpoints: SimEndpoints
    clock: ManualClock
    rest: RestClient
    session: aiohttp.ClientSession


@asynccontextmanager
async def running_venue(home: Path, feed: SineFeed | None = None, **settings: object) -> AsyncIterator[Running]:
    """A served venue with a clock moved by hand. Orders match without latency unless told otherwise."""
    params = SimulatorParams.model_validate({"latency_min_ms": 0, "latency_max_ms": 0, **settings})
    clock = ManualClock(utc_from_ms(START_MS))
    server = SimServer(params=params, feed=feed or SineFeed(), clock=clock, home=home)
    endpoints = await server.start()
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        task = group.create_task(server.run())
        await _turn()
        try:
            yield Running(server, endpoints, clock, RestClient(session, endpoints), session)
        finally:
            task.cancel()
            await server.stop()
