"""Builders of a small simulated market-data service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson
from numpy.typing import NDArray

from tests.builders_sim import ManualClock
from tradingbot.core.types import utc_from_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.coinglass.server import CoinglassEndpoints, CoinglassServer
from tradingbot.simulator.coinglass_params import CoinglassSimParams
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.market_feed import MarketFeed, MinuteBar
from tradingbot.simulator.synthetic_market import SyntheticMarket

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class OtherFuture:
    """A market that becomes another one at a moment: everything that opens at or after it is ten times as dear."""

    def __init__(self, market: SyntheticMarket, from_ms: int) -> None:
        self._market = market
        self._from_ms = from_ms

    @property
    def assets(self) -> Sequence[str]:
        return self._market.assets

    @property
    def start_ms(self) -> int:
        return self._market.start_ms

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        raise AssertionError("minutes are read as tables")

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        raise AssertionError("minutes are read as tables")

    def table(self, asset: str, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], Any, Sequence[str]]:
        times, fields, regimes = self._market.table(asset, since_ms, until_ms)
        fields = fields.copy()
        fields[times >= self._from_ms] *= 10.0
        return times, fields, ["panic" if t >= self._from_ms else r for t, r in zip(times, regimes, strict=True)]


@dataclass
class CoinglassClient:
    """Asks the service; keeps the last HTTP status and headers."""

    session: aiohttp.ClientSession
    endpoints: CoinglassEndpoints
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def raw(self, path: str, key: str | None = None, **arguments: object) -> str:
        """The text of an answer; the right key unless told otherwise, none when it is empty."""
        headers = {"accept": "application/json"}
        key = self.endpoints.api_key if key is None else key
        if key:
            headers["CG-API-KEY"] = key
        query = {name: str(value) for name, value in arguments.items()}
        async with self.session.get(self.endpoints.base_url + path, params=query, headers=headers) as answer:
            self.status, self.headers = answer.status, answer.headers
            return await answer.text()

    async def get(self, path: str, key: str | None = None, **arguments: object) -> Any:
        """The JSON of an answer."""
        return orjson.loads(await self.raw(path, key, **arguments))

    async def data(self, path: str, **arguments: object) -> Any:
        """The data of a success."""
        body = await self.get(path, **arguments)
        assert body["code"] == "0", body
        return body["data"]

    async def fault(self, name: str, **extra: object) -> None:
        """Switch a fault on."""
        body = orjson.dumps({"name": name, **extra})
        async with self.session.post(f"{self.endpoints.base_url}/control/faults", data=body) as answer:
            assert answer.status == 200, await answer.text()

    async def calm(self) -> None:
        """Switch all faults off."""
        async with self.session.delete(f"{self.endpoints.base_url}/control/faults") as answer:
            assert answer.status == 200


@dataclass
class RunningCoinglass:
    """A service that listens, a client, and the clock that both live by."""

    server: CoinglassServer
    client: CoinglassClient
    clock: ManualClock

    @property
    def now_ms(self) -> int:
        return round(self.clock.now().timestamp() * 1000)


@asynccontextmanager
async def running_coinglass(
    home: Path,
    feed: MarketFeed | None = None,
    at_ms: int | None = None,
    recordings: Recordings | None = None,
    clock: Clock | None = None,
    recorded: bool = False,
    **settings: object,
) -> AsyncIterator[RunningCoinglass]:
    """A served service with a clock moved by hand; it answers at once unless told otherwise."""
    feed = feed or SyntheticMarket(7, ("BTC", "ETH", "LINK"))
    params = CoinglassSimParams.model_validate(
        {"latency_min_ms": 0, "latency_max_ms": 0, "requests_per_minute": 10_000, **settings}
    )
    moved = ManualClock(utc_from_ms(feed.start_ms + 3 * HOUR_MS if at_ms is None else at_ms))
    server = CoinglassServer(
        params=params, feed=feed, clock=clock or moved, home=home, seed=7, recorded=recorded, recordings=recordings
    )
    endpoints = await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield RunningCoinglass(server, CoinglassClient(session, endpoints), moved)
    finally:
        await server.stop()
