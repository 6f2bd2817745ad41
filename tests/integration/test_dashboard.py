"""The page of a real daemon over HTTP: every page, the interface for programs, live events, the past, and who may."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest

from tests.integration.daemon_rig import Rig, running
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.dashboard.assets import FOLDER
from tradingbot.dashboard.pages import PAGES
from tradingbot.dashboard.security import FAILURES
from tradingbot.guards.issue_kinds import KINDS

TOKEN = "a-token-of-this-test-7f3b9"
ENVIRON = {
    "TRADINGBOT__DASHBOARD__ENABLED": "true",
    "TRADINGBOT__DASHBOARD__PORT": "0",
    "TRADINGBOT_DASHBOARD_TOKEN": TOKEN,
}
HOSTILE = "<script>alert(1)</script>\"'`"


@dataclass
class Visitor:
    """A browser of sorts."""

    rig: Rig
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
        url = self.rig.daemon.page.url + path
        async with self.session.get(url, headers={"Accept": "text/html", **headers}) as answer:
            return answer.status, await answer.text(), answer.headers.copy()

    async def json(self, path: str) -> Any:
        status, text, _ = await self.get(path)
        assert status == 200, text
        return orjson.loads(text)

    async def post(self, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = orjson.dumps(body) if body is not None else b""
        async with self.session.post(self.rig.daemon.page.url + "api/v1/" + path, data=data, headers=headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def shown(self, cycles: int = 1) -> str:
        """Run cycles until the newest is on the page; its id."""
        await self.rig.cycle(cycles)
        wanted = self.rig.daemon.state.cycle_id
        for _ in range(400):
            moment = self.rig.daemon.page.newest()
            if moment is not None and moment.cycle_id == wanted:
                return wanted
            await asyncio.to_thread(lambda: None)
        raise AssertionError("the page has not taken the cycle over")


@asynccontextmanager
async def visiting(home: Path, **environ: str) -> AsyncIterator[Visitor]:
    async with (
        running(home, {**ENVIRON, **environ}, ("BTC", "ETH")) as rig,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(400):
            if rig.daemon.page.url:
                break
            await asyncio.to_thread(time.sleep, 0.01)
        yield Visitor(rig, session)


async def test_every_page_and_its_values(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        status, text, _ = await one.get("")
        assert status == 503
        assert "first cycle" in text
        cycle = await one.shown(12)
        for page in (page for page in PAGES.values() if page.listed):
            status, text, headers = await one.get("" if page.name == "overview" else page.name)
            assert status == 200, (page.name, text)
            assert f'data-page="{page.name}"' in text
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            assert headers["X-Frame-Options"] == "DENY"
            assert TOKEN not in text
            status, part, again = await one.get(f"{page.name}?fragment=1")
            assert status == 200
            assert "<html" not in part
            status, nothing, _ = await one.get(f"{page.name}?fragment=1", **{"If-None-Match": again["ETag"]})
            assert (status, nothing) == (304, "")
            values = await one.json(f"api/v1/{page.name}")
            assert values["cycle_id"] == cycle
            assert values["past"] is False
        held = {row["symbol"] for row in (await one.json("api/v1/positions"))["positions"]}
        assert held == {str(position.symbol) for position in one.rig.daemon.page.document("positions").positions}
        assert held
        assert len((await one.json("api/v1/equity"))["equity"]) == 12
        assert {row["symbol"] for row in (await one.json("api/v1/signals"))["symbols"]} == {"BTCUSDT", "ETHUSDT"}
        regime = await one.json("api/v1/regime")
        assert regime["regimes"][0]["regime"] == regime["regime"]["regime"]
        assert {name: points[-1][1] for name, points in regime["shares"].items()} == pytest.approx(
            {name: round(share, 2) for name, share in regime["strategies"].items()}
        )
        candles = (await one.json("api/v1/market?symbol=ethusdt"))["candles"]
        assert len(candles) > 100
        assert [row["time"] for row in candles] == sorted({row["time"] for row in candles})
        assert [row["time"] % 60 for row in candles] == [0] * len(candles)
        status, figures, headers = await one.get("metrics")
        assert headers["Content-Type"].startswith("text/plain")
        shown = re.search(r"^tradingbot_equity_usd (\S+)$", figures, re.MULTILINE)
        assert shown is not None
        assert float(shown[1]) == pytest.approx(float(one.rig.daemon.state.equity_usd or 0))
        assert "tradingbot_figures_unreadable 0.0" in figures
        assert (await one.get("nosuch"))[0] == 404
        assert (await one.get("api/v1/nosuch"))[0] == 404


async def test_a_page_that_is_begun_anew_keeps_its_address(tmp_path: Path) -> None:
    """Its port was any free one: pages that are open must find it again."""
    async with visiting(tmp_path / "home") as one:
        await one.shown(1)
        url = one.rig.daemon.page.url
        task = one.rig.daemon.restartable["dashboard"]
        assert task.restart()
        for _ in range(400):
            if task.restarts and not task.letting_go:
                break
            await asyncio.to_thread(time.sleep, 0.01)
        for _ in range(400):
            with suppress(aiohttp.ClientConnectionError):
                if (await one.get("healthz"))[0] == 200:
                    break
            await asyncio.to_thread(time.sleep, 0.01)
        assert one.rig.daemon.page.url == url
        assert task.restarts == 1
        await one.shown(1)
        assert (await one.get("overview"))[0] == 200


async def test_open_pages_hear_of_each_cycle(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        async with one.session.get(one.rig.daemon.page.url + "events") as stream:
            first = await _event(stream)
            cycle = await one.shown()
            second = await _event(stream)
        assert first["cycle_id"] != second["cycle_id"] == cycle


async def _event(stream: aiohttp.ClientResponse) -> Any:
    async for line in stream.content:
        if line.startswith(b"data: "):
            return orjson.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream ended")


async def test_the_past_is_shown_as_it_was(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        first = await one.shown()
        began = one.rig.daemon.state.as_of
        then = await one.json("api/v1/overview")
        await one.post("pause", {"reason": "later"})
        await one.shown(5)
        await one.rig.stores.journals["moments"].commit({"at": "9999", "note": "a line that is no moment"})
        at = iso_utc(began + timedelta(seconds=30))
        past = await one.json(f"api/v1/overview?at={at}")
        assert past["past"] is True
        assert past["cycle_id"] == first
        assert past["kill_switches"] == []
        assert past["profit"] == then["profit"]
        assert (await one.json("api/v1/overview"))["kill_switches"][0]["switch"] == "operator_pause"
        status, text, _ = await one.get(f"?at={at}")
        assert status == 200
        assert "The past" in text
        assert "data-act" not in text
        assert (await one.get(f"?at={iso_utc(began - timedelta(days=1))}"))[0] == 404
        assert (await one.get("?at=yesterday"))[0] == 400


async def test_a_story_is_told_and_only_as_far_as_it_had_come(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown(12)
        held = (await one.json("api/v1/positions"))["positions"][0]
        order, entered = held["entry_client_order_id"], parse_utc(held["entry_time"])
        facts = await one.json(f"api/v1/explain?id={order}")
        assert facts["check"]["agrees"]
        assert facts["life"]["orders"][0]["client_order_id"] == order
        assert facts["size"]["steps"][0]["name"] == "base"
        status, text, _ = await one.get(f"explain?id={order}")
        assert status == 200
        assert "computed again, the same" in text
        assert "free margin" in text
        for page in ("positions", "signals", "trades", "overview"):
            links = re.findall(r'href="(explain\?[^"]+)"', (await one.get("" if page == "overview" else page))[1])
            for link in links[:2]:
                assert (await one.get(link.replace("&amp;", "&")))[0] == 200, link
            assert links or page in ("trades", "overview"), page
        await one.post("flatten", {"reason": "a test"})
        await one.shown(2)
        closed = await one.json(f"api/v1/explain?id={order}")
        assert closed["result"]["exit_price"]
        then = await one.json(f"api/v1/explain?id={order}&at={iso_utc(entered + timedelta(seconds=61))}")
        assert then["past"] is True
        assert then["result"] is None
        assert then["exit"] is None
        assert len(then["life"]["orders"]) < len(closed["life"]["orders"])
        for name, code in (("nosuch", 404), (HOSTILE, 404), ("", 404), ("20990101T0000-BTCUSDT", 404)):
            assert (await one.get(f"api/v1/explain?id={quote(name)}"))[0] == code, name
            status, text, _ = await one.get(f"explain?id={quote(name)}")
            assert status == code
            assert "<script>alert" not in text


async def test_candles_and_learning_of_the_past_come_from_the_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with visiting(home) as one:
        await one.shown(3)
        then = await one.json("api/v1/market?symbol=BTCUSDT")
        learned = await one.json("api/v1/learning")
        at = then["as_of"]
    async with visiting(home) as again:
        await again.shown(5)
        again.rig.daemon.page.minute_candles = lambda _: None  # as after months: nothing of then is in memory
        past = await again.json(f"api/v1/market?symbol=BTCUSDT&at={at}")
        assert past["candles"] == then["candles"][-len(past["candles"]) :]
        assert len(past["candles"]) > 600
        assert (await again.json(f"api/v1/learning?at={at}"))["parameters"] == learned["parameters"]
        lines = again.rig.rows("candles")
        times = [row[0] for line in lines for row in line["candles"]["BTCUSDT"]]
        assert times == sorted(set(times))
        assert len(times) >= 720 + 4


async def test_actions_need_the_token_and_leave_an_audit_line(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        assert (await one.post("pause", token=""))[0] == 401
        assert one.rig.daemon.state.kill_switches == []
        status, done = await one.post("pause", {"reason": HOSTILE, "by": "jo"})
        assert (status, done["done"]) == (200, True)
        await one.shown()
        text = (await one.get("health"))[1]
        assert HOSTILE not in text
        assert "operator pause" in text
        line = one.rig.rows("operator_audit")[-1]
        assert (line["command"], line["reason"], line["request"]) == ("pause", HOSTILE, "page")
        status, refused = await one.post("pause", {"reasn": "typo"})
        assert status == 400
        assert "reasn" in refused["error"]
        assert (await one.post("issues/nosuch/acknowledge"))[0] == 409
        assert (await one.post(f"issues/{'x' * 201}/acknowledge"))[0] == 400
        assert (await one.post("resume", {"by": "x" * 81}))[0] == 400
        issue = "kill_switch:operator_pause"
        assert (await one.post(f"issues/{issue}/acknowledge"))[0] == 200
        assert (await one.post("resume"))[0] == 200
        await one.shown()
        assert (await one.json("api/v1/health"))["kill_switches"] == []


async def test_wrong_tokens_lock_the_door_for_a_while(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        codes = [(await one.post("pause", token=f"wrong-{number}"))[0] for number in range(FAILURES + 1)]
        assert codes == [401] * FAILURES + [429]
        assert (await one.post("pause"))[0] == 429
        assert one.rig.daemon.state.kill_switches == []


async def test_another_name_for_this_machine_is_refused(tmp_path: Path) -> None:
    """A page elsewhere that has its name point here must not read ours."""
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        assert (await one.get("", Host="evil.example"))[0] == 421
        assert (await one.get("", Host="127.0.0.1:1"))[0] == 200
        assert (await one.get("", Host="localhost"))[0] == 200


async def test_without_a_token_nothing_can_be_done(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home", TRADINGBOT_DASHBOARD_TOKEN="") as one:
        await one.shown()
        assert (await one.post("pause"))[0] == 403
        assert "data-act=" not in (await one.get(""))[1]


async def test_the_document_names_every_endpoint(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        document = await one.json("api/v1/openapi.json")
        for path, methods in document["paths"].items():
            for method in methods:
                if method == "get":
                    page = PAGES.get(path.removeprefix("/"))
                    expected = 404 if page is not None and page.required else 200
                    assert (await one.get("api/v1" + path))[0] == expected, path
        assert {f"/{name}" for name in PAGES} <= set(document["paths"])
        text = orjson.dumps(document).decode()
        assert TOKEN not in text
        assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(document["components"]["schemas"])


async def test_a_restart_shows_what_is_held_and_what_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with visiting(home) as one:
        await one.shown(10)
        await one.post("pause")
        await one.shown()
        before = await one.json("api/v1/overview")
    async with visiting(home) as again:
        await again.shown()
        after = await again.json("api/v1/overview")
        assert after["kill_switches"][0]["switch"] == "operator_pause"
        assert after["profit"]["since_start"]["from_usd"] == before["profit"]["since_start"]["from_usd"]
        assert len((await again.json("api/v1/equity"))["equity"]) == 12


@pytest.mark.parametrize("path", ["%00", "..%2f..%2fstate%2fruntime.json", "static/..%2f..%2f..%2fconfig", "?page=-1"])
async def test_hostile_addresses(tmp_path: Path, path: str) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        status, text, _ = await one.get(path)
        assert status in (200, 400, 403, 404)
        assert "schema_version" not in text


async def test_styles_and_scripts_are_kept_until_they_change(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        text = (await one.get(""))[1]
        for name in ("app.css", "app.js", "charts.js", "lightweight-charts.js"):
            found = re.search(rf'"(static/{re.escape(name)}\?v=\w+)"', text)
            assert found is not None, name
            status, body, headers = await one.get(found[1])
            assert status == 200
            assert "immutable" in headers["Cache-Control"]
            assert headers["Content-Encoding"] == "gzip"
            assert body == (FOLDER / name).read_text(encoding="utf-8")
            status, _, headers = await one.get(f"static/{name}?v=old")
            assert headers["Cache-Control"] == "no-cache"
            assert (await one.get(f"static/{name}", **{"If-None-Match": headers["ETag"]}))[0] == 304
        for name in ("nosuch.js", "..%2frender.py", "%2e%2e/render.py", "lightweight-charts.js/x"):
            assert (await one.get(f"static/{name}"))[0] == 404, name


async def test_every_kind_of_issue_has_its_runbook_on_the_page(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        for kind in KINDS:
            status, text, _ = await one.get(f"runbook?kind={kind}")
            assert status == 200, kind
            assert f"<h1>{kind}:" in text
            assert "What you do" in text
            assert not re.search(r'href="[^"]*\.md', text), kind
        for kind in ("nosuch", "../README", "README", "%2e%2e/health", ""):
            assert (await one.get(f"runbook?kind={kind}"))[0] == 404, kind


async def test_repairs_are_listed_with_what_was_and_what_is(tmp_path: Path) -> None:
    async with visiting(tmp_path / "home") as one:
        await one.shown()
        before = one.rig.daemon.state.as_of
        path = one.rig.daemon.page.home / "feature_store" / "venue_symbol_status.json"
        path.write_bytes(b"garbage")
        await one.shown(6)
        rows = (await one.json("api/v1/health"))["repairs"]
        assert [(row["category"], row["succeeded"]) for row in rows] == [("corrupt_file", True)]
        text = (await one.get("health"))[1]
        assert "corrupt file" in text
        assert "venue_symbol_status.json" in text
        assert (await one.json(f"api/v1/health?at={iso_utc(before)}"))["repairs"] == []
