"""Builders for tests of market intelligence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.unit.intel.fake_coinglass import KEY, FakeCoinglass
from tradingbot.clock import SteppedClock
from tradingbot.core.types import Asset
from tradingbot.intel.cache_models import FILES, CachedIntel, CacheModel
from tradingbot.intel.coinglass_source import CoinglassSource, KeylessSource
from tradingbot.intel.params import CoinglassParams

START = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
TEN = tuple(Asset(name) for name in ["BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE", "POL", "AVAX"])
THREE = TEN[:3]


def clock() -> SteppedClock:
    return SteppedClock(START, settle_rounds=6)


def params_for(url: str, **changes: Any) -> CoinglassParams:
    """Settings that reach nothing but the fake."""
    given: dict[str, Any] = {"base_url": url, "fear_greed": {"fallback_url": url}, **changes}
    volatility = {"dvol_url": url, "vix_url": f"{url}/vix.csv", **given.pop("volatility", {})}
    return CoinglassParams.model_validate({**given, "volatility": volatility})


class MemoryCache:
    """A cache sink that keeps what files would hold: text."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.puts: list[tuple[str, CacheModel]] = []

    def load(self) -> CachedIntel | None:
        if not self.texts:
            return None
        return CachedIntel({name: FILES[name].model_validate_json(text) for name, text in self.texts.items()})

    def put(self, name: str, model: CacheModel) -> None:
        self.puts.append((name, model))
        self.texts[name] = model.model_dump_json()


@asynccontextmanager
async def running(source: CoinglassSource | KeylessSource) -> AsyncIterator[CoinglassSource | KeylessSource]:
    """The source polls while the body runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.run())
        try:
            yield source
        finally:
            task.cancel()
            await asyncio.wait([task])
            await source.close()


def source_for(
    fake: FakeCoinglass, time: SteppedClock, sink: MemoryCache | None = None, **changes: Any
) -> CoinglassSource:
    assets = changes.pop("assets", THREE)
    key = changes.pop("key", KEY)
    return CoinglassSource(time, params_for(fake.url, **changes), assets, key, sink)


async def after(time: SteppedClock, seconds: float, source: CoinglassSource | KeylessSource) -> None:
    """Let the source poll for this long."""
    async with running(source):
        await time.sleep(seconds)
