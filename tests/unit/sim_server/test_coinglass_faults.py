"""Every trouble of the market-data service, switched on and off while it runs."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.builders_coinglass import DAY_MS, RunningCoinglass, running_coinglass
from tradingbot.simulator.coinglass_faults import COINGLASS_FAULTS
from tradingbot.simulator.synthetic_market import SyntheticMarket

TAKER = "/api/futures/taker-buy-sell-volume/exchange-list"
FORCED = "/api/futures/liquidation/exchange-list"
MOOD = "/api/index/fear-greed-history"


async def taker(run: RunningCoinglass) -> Any:
    return await run.client.get(TAKER, symbol="BTC", range="1h")


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("http_500", 500, {"code": "500", "msg": "Server Error"}),
        ("server_error_200", 200, {"code": "500", "msg": "Server Error"}),
        ("rate_limited", 429, {"code": "429", "msg": "Too Many Requests"}),
        ("rate_limited_200", 200, {"code": "429", "msg": "Too Many Requests"}),
        ("key_invalid", 200, {"code": "400", "msg": "Invalid API key provided"}),
        ("plan_required", 200, {"code": "401", "msg": "Upgrade plan"}),
    ],
)
async def test_refusals(tmp_path: Path, name: str, status: int, body: dict[str, str]) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault(name, count=1)
        assert await taker(run) == body
        assert run.client.status == status
        assert run.client.headers["API-KEY-MAX-LIMIT"] == "10000"
        assert (await taker(run))["code"] == "0"


async def test_pages_and_broken_json(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        whole = await run.client.raw(TAKER, symbol="BTC", range="1h")
        await run.client.fault("html_page", count=1)
        assert (await run.client.raw(TAKER, symbol="BTC", range="1h")).startswith("<!DOCTYPE html>")
        await run.client.fault("truncated_json", count=1)
        assert await run.client.raw(TAKER, symbol="BTC", range="1h") == whole[: len(whole) // 2]
        await run.client.fault("malformed_json", count=1)
        with pytest.raises(orjson.JSONDecodeError):
            await taker(run)
        assert await run.client.raw(TAKER, symbol="BTC", range="1h") == whole


async def test_a_fault_strikes_only_where_it_is_told_to(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("http_500", path="liquidation")
        assert (await taker(run))["code"] == "0"
        assert (await run.client.get(FORCED, range="1h"))["code"] == "500"
        assert (await run.client.get("/fng/"))["data"]


async def test_the_free_services_fail_in_their_own_words(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("server_error_200")
        assert (await run.client.get("/fng/"))["data"] == []
        assert "error" in await run.client.get("/api/v2/public/get_volatility_index_data")
        await run.client.calm()
        await run.client.fault("plan_required")
        assert (await run.client.get("/fng/"))["data"]


async def test_data_of_another_shape_or_none(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("wrong_shape")
        assert (await taker(run))["data"] == "unavailable"
        assert isinstance((await run.client.get(FORCED, range="1h"))["data"], dict)
        await run.client.calm()
        await run.client.fault("empty_data")
        assert (await taker(run))["data"] == {}
        assert (await run.client.get(FORCED, range="1h"))["data"] == []
        await run.client.calm()
        await run.client.fault("doc_shape")
        wrapped = (await run.client.get(MOOD))["data"]
        assert isinstance(wrapped, list)
        assert set(wrapped[0]) == {"data_list", "price_list", "time_list"}
        assert isinstance((await taker(run))["data"], dict)


async def test_garbage_is_of_every_kind(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("garbage_values")
        data = json.loads(await run.client.raw(FORCED, range="1h", symbol="BTC"))["data"]
        values = [value for row in data for name, value in row.items() if name != "exchange"]
        assert any(value is None for value in values)
        assert any(value == "n/a" for value in values)
        numbers = [value for value in values if isinstance(value, float)]
        assert any(math.isnan(value) for value in numbers)
        assert any(value < 0 for value in numbers)
        assert any(value > 1e29 for value in numbers)
        assert data[0]["exchange"] == "All"
        mood = json.loads(await run.client.raw(MOOD))["data"]
        assert mood["time_list"][-1] == run.now_ms // DAY_MS * DAY_MS


async def test_values_of_last_week(tmp_path: Path) -> None:
    feed = SyntheticMarket(7, ("BTC",))
    at_ms = feed.start_ms + 8 * DAY_MS
    async with running_coinglass(tmp_path / "then", feed, at_ms=at_ms - 7 * DAY_MS) as run:
        then = await taker(run)
    async with running_coinglass(tmp_path / "now", feed, at_ms=at_ms) as run:
        fresh = await taker(run)
        await run.client.fault("last_week")
        assert await taker(run) == then != fresh
        mood = await run.client.data(MOOD)
        assert mood["time_list"][-1] == (run.now_ms - 7 * DAY_MS) // DAY_MS * DAY_MS


async def test_values_that_stand_still(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("frozen")
        before = await taker(run)
        await run.clock.advance(3_600)
        assert await taker(run) == before
        await run.client.calm()
        assert await taker(run) != before


async def test_answers_can_be_slow_or_never_come(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("slow", ms=2_000, path="taker")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(taker(run))
            while not run.clock._sleepers:
                await run.client.get("/fng/")
            assert not waiting.done()
            await run.clock.advance(2.1)
        assert waiting.result()["code"] == "0"
        await run.client.calm()
        await run.client.fault("timeout", path="taker")
        url, key = run.client.endpoints.base_url + TAKER, run.client.endpoints.api_key
        lost = aiohttp.ClientTimeout(total=0.2)
        with pytest.raises(TimeoutError):
            async with run.client.session.get(url, headers={"CG-API-KEY": key}, timeout=lost):
                pass


async def test_faults_of_the_settings_are_on_from_the_start(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path, faults=[{"name": "http_500", "count": 1}]) as run:
        assert (await taker(run))["code"] == "500"
        assert (await taker(run))["code"] == "0"


async def test_the_desk_lists_and_counts(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        await run.client.fault("slow", ms=0)
        await taker(run)
        listing = await run.client.get("/control/faults")
        assert [(row["name"], row["hits"]) for row in listing["active"]] == [("slow", 1)]
        assert listing["known"] == COINGLASS_FAULTS
        state = await run.client.get("/control/state")
        assert (state["requests"][TAKER], state["used"], state["limit"]) == (1, 1, 10_000)
        url = f"{run.client.endpoints.base_url}/control/faults"
        async with run.client.session.post(url, data=b'{"name":"gremlins"}') as answer:
            assert answer.status == 400
        async with run.client.session.delete(f"{url}/slow") as answer:
            assert answer.status == 200
        assert (await run.client.get("/control/faults"))["active"] == []


async def test_every_fault_is_played_by_the_server(tmp_path: Path) -> None:
    """Each known name changes at least something: an answer, its time, or its shape."""
    feed = SyntheticMarket(7, ("BTC",))
    async with running_coinglass(tmp_path, feed, at_ms=feed.start_ms + 8 * DAY_MS) as run:
        whole = await run.client.raw(MOOD)
        for name in set(COINGLASS_FAULTS) - {"timeout", "slow", "frozen"}:
            await run.client.fault(name)
            assert await run.client.raw(MOOD) != whole, name
            await run.client.calm()
