"""Alerts delivered by apprise to a real HTTP server on loopback: once each, durably, beside everything else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.integration.daemon_rig import running
from tradingbot.alerts.outbox import Outbox
from tradingbot.alerts.params import AlertParams
from tradingbot.app.alerting import AlertAccess, alert_facts, open_outbox, send_test
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.config import Settings
from tradingbot.config.environment import load_secrets
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.guards.issues import Finding, Issue, IssueBook, IssueChange, Severity
from tradingbot.storage.journal import Journal

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
TOKEN = "T0kenOfThisChannel4711"
OTHER_KEY = "a-key-of-the-exchange"
DOWN = Finding("stream_down", "public", "closed")
DISK = Finding("storage_unavailable", "", "no space")


@dataclass
class Target:
    """A web hook that remembers what it was told. `status` is its answer; `hangs`: it never answers."""

    status: int = 200
    hangs: bool = False
    got: list[dict[str, Any]] = field(default_factory=list)
    tried: int = 0
    port: int = 0
    read_s: float = 0.4
    look: Callable[[], None] = lambda: None
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its address, with a secret in it."""
        return f"json://user:Passw0rdOfHook@127.0.0.1:{self.port}/{TOKEN}?rto={self.read_s}&cto=0.4"

    @property
    def titles(self) -> list[str]:
        """What was told, in order."""
        return [one["title"] for one in self.got]

    async def answer(self, request: web.Request) -> web.Response:
        """One delivery."""
        self.tried += 1
        self.look()
        if self.hangs:
            await self.release.wait()
        if self.status == 200:
            self.got.append(await request.json())
        return web.Response(status=self.status, text=f"no: {TOKEN}")


@asynccontextmanager
async def a_target() -> AsyncIterator[Target]:
    """The server while it runs."""
    target = Target()
    app = web.Application()
    app.router.add_post("/{tail:.*}", target.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target.port = runner.addresses[0][1]
    try:
        yield target
    finally:
        target.release.set()
        await runner.cleanup()


@dataclass
class Life:
    """One life of registry and outbox on the files of a home."""

    clock: SteppedClock
    stores: Stores
    issues: IssueRegistry
    outbox: Outbox

    async def pass_s(self, seconds: float) -> None:
        """Time goes by, then one round."""
        await self.clock.sleep(seconds)
        await self.outbox.round()

    async def rows(self) -> list[dict[str, Any]]:
        """The journal so far."""
        await self.stores.writer.flush()
        return list(Journal.read(self.stores.journals["alerts"].path))


@asynccontextmanager
async def a_life(
    home: Path, *targets: Target, at: datetime = T0, deadline_s: float = 5.0, **settings: Any
) -> AsyncIterator[Life]:
    """Channels are named a, b, ...; ended as a crash ends it, with what the writer has got."""
    clock = SteppedClock(at)
    stores = open_stores(home, clock)
    params = AlertParams(send_deadline_s=deadline_s, **settings)
    urls = {f"TRADINGBOT_ALERT_URL_{'AB'[place]}": one.url for place, one in enumerate(targets)}
    secrets = load_secrets(urls)
    loaded: Any = stores.documents["issues"].load(allow_loss=True).value
    book = loaded.to_book() if loaded is not None else IssueBook()
    issues = IssueRegistry(book, stores.documents["issues"], stores.journals["issues"], clock)
    access = AlertAccess(secrets.alert_urls, (TOKEN, "Passw0rdOfHook", OTHER_KEY))
    outbox = open_outbox(RunOptions(home=home), Settings(alerts=params), stores, clock, access, issues.note)
    issues.listeners.append(outbox.changed)
    outbox.catch_up(issues.open)
    try:
        yield Life(clock, stores, issues, outbox)
    finally:
        await stores.writer.close(5)


@contextmanager
def nothing_secret_under(home: Path) -> Iterator[None]:
    """Afterwards no file holds any part of the address that is secret."""
    yield
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "alerts.jsonl" for path in files)
    for path in files:
        content = path.read_bytes()
        assert TOKEN.encode() not in content, path
        assert b"Passw0rdOfHook" not in content, path


async def test_every_change_is_one_message_over_lives(tmp_path: Path) -> None:
    """Raised, worsened, cleared: three messages, whatever is looked at again and however often it starts."""
    async with a_target() as target:
        with nothing_secret_under(tmp_path):
            for life_number in range(3):
                async with a_life(tmp_path, target) as life:
                    severity = Severity.CRITICAL if life_number else Severity.ERROR
                    for _ in range(3):
                        life.issues.observe("cycle", [Finding("stream_down", "public", OTHER_KEY, severity)])
                        await life.outbox.round()
            async with a_life(tmp_path, target) as life:
                life.issues.observe("cycle", [])
                await life.outbox.round()
    assert [title.partition(" ")[0] for title in target.titles] == ["[ERROR]", "[CRITICAL]", "[CRITICAL]"]
    assert "OVER: " in target.titles[2]
    assert "detail: ***" in target.got[0]["message"]


async def test_what_lay_in_the_file_when_it_was_killed_is_delivered_by_the_next_life(tmp_path: Path) -> None:
    """Killed between the write and the attempt; and killed before the outbox had even heard of it."""
    async with a_target() as target:
        async with a_life(tmp_path, target) as life:
            life.issues.observe("cycle", [DOWN])
        assert target.got == []
        async with a_life(tmp_path, target) as life:
            life.issues.listeners.clear()
            life.issues.observe("cycle", [DOWN, DISK])
            await life.outbox.round()
        assert len(target.got) == 1
        async with a_life(tmp_path, target) as life:
            await life.outbox.round()
            await life.pass_s(10)
    assert [title.partition(" ")[0] for title in target.titles] == ["[ERROR]", "[CRITICAL]"]


async def test_what_is_sent_is_on_disk_before_the_first_attempt(tmp_path: Path) -> None:
    """Seen by the receiver itself."""
    seen: list[bytes] = []
    async with a_target() as target, a_life(tmp_path, target) as life:
        target.look = lambda: seen.append((tmp_path / "feature_store" / "alerts_state.json").read_bytes())
        life.issues.observe("cycle", [DISK])
        await life.outbox.round()
    assert len(seen) == 1
    assert b"the disk refuses writes" in seen[0]


async def test_a_thousand_events_keep_the_throttle_and_lose_nothing_critical(tmp_path: Path) -> None:
    """As if the registry did not damp what flaps: all within the same minutes."""
    async with a_target() as target, a_life(tmp_path, target, burst=5, messages_per_hour=10, reminder_min=0) as life:
        for number in range(1000):
            kind, severity = ("repair_failed", "critical") if number % 100 == 0 else ("market_data_stale", "warning")
            issue = Issue(kind, f"s{number % 200}", Severity(severity), str(number), *[life.clock.now()] * 2)
            life.outbox.changed(IssueChange(issue.since, "raised" if number % 2 == 0 else "cleared", issue))
            if number % 100 == 0:
                await life.pass_s(1)
        await life.pass_s(1)
        raised = [title for title in target.titles if title.startswith("[CRITICAL]")]
        assert len(raised) == 10
        assert len(target.titles) - len(raised) <= 5
        rows = await life.rows()
        assert sum(row["event"] == "throttled" for row in rows) >= 900
        await life.pass_s(400)
        left = 1000 - 10 - (len(target.titles) - 1 - len(raised))
        assert target.titles[-1] == f"[MORE] tradingbot paper: {left} more changes, see `tradingbot issues`"


async def test_a_target_that_is_down_is_tried_again_and_told_when_it_is_up(tmp_path: Path) -> None:
    """In time order of its pauses, also after a restart."""
    with nothing_secret_under(tmp_path):
        async with a_target() as target:
            target.status = 503
            async with a_life(tmp_path, target, first_retry_s=10) as life:
                life.issues.observe("cycle", [DOWN])
                await life.outbox.round()
                await life.outbox.round()
                assert target.tried == 1
                await life.pass_s(11)
                assert target.tried == 2
                (waiting,) = life.outbox.book.pending
                assert waiting.attempts == 2
                assert "503" in waiting.last_error
            target.status = 200
            async with a_life(tmp_path, target, at=T0.replace(hour=13), first_retry_s=10) as life:
                await life.outbox.round()
                assert life.outbox.book.pending == ()
                assert [row["event"] for row in await life.rows()] == ["failed", "failed", "sent"]
            assert target.tried == 3
            assert len(target.got) == 1


async def test_a_channel_that_comes_back_hears_everything_in_order(tmp_path: Path) -> None:
    """Nothing is over before it was raised; a critical one does not wait for the next try."""
    async with a_target() as target, a_life(tmp_path, target, first_retry_s=60) as life:
        target.status = 503
        life.issues.observe("cycle", [DOWN])
        await life.outbox.round()
        life.issues.observe("cycle", [])
        await life.pass_s(30)
        assert target.tried == 1
        target.status = 200
        life.issues.observe("disk", [DISK])
        await life.outbox.round()
        assert [title.partition(" ")[0] for title in target.titles] == ["[CRITICAL]", "[ERROR]", "[ERROR]"]
        assert ["OVER" in title for title in target.titles] == [False, False, True]


async def test_a_message_that_is_given_up_is_an_issue_that_the_other_channel_hears_of(tmp_path: Path) -> None:
    """And not the failing one."""
    async with a_target() as bad, a_target() as good:
        bad.status = 500
        async with a_life(tmp_path, bad, good, attempts=2, first_retry_s=5) as life:
            life.issues.observe("cycle", [DOWN])
            await life.outbox.round()
            await life.pass_s(6)
            await life.pass_s(1)
            assert {issue.issue_id for issue in life.issues.open} == {"alerts_undelivered:a", "stream_down:public"}
            assert [row["event"] for row in await life.rows() if row["channel"] == "a"] == [
                "failed",
                "failed",
                "dropped",
            ]
            assert life.outbox.book.pending == ()
        assert bad.tried == 2
        assert len(good.titles) == 2
        assert "alerts could not be delivered to a channel: a" in good.titles[1]


async def test_a_target_that_hangs_holds_up_nothing_but_itself(tmp_path: Path) -> None:
    """The loop turns, the other channel is told, the deadline counts as a failed attempt; no second thread begins."""
    async with a_target() as bad, a_target() as good:
        bad.hangs, bad.read_s = True, 4
        turns = 0
        async with a_life(tmp_path, bad, good, deadline_s=1.0) as life, asyncio.TaskGroup() as group:
            life.issues.observe("cycle", [DOWN])

            async def turning() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0.005)

            task = group.create_task(turning())
            await life.outbox.round()
            task.cancel()
            assert len(good.got) == 1
            (waiting,) = life.outbox.book.pending
            assert (waiting.channel, waiting.attempts, waiting.last_error) == ("a", 1, "no answer within 1 s")
            threads = threading.active_count()
            await life.pass_s(16)
            assert life.outbox.book.pending[0].last_error == "an earlier delivery still hangs"
            assert (threading.active_count(), bad.tried) == (threads, 1)
            bad.hangs = False
            bad.release.set()
            while bad.got == []:
                await asyncio.sleep(0.01)
            await life.pass_s(60)
            assert life.outbox.book.pending == ()
        assert turns > 20


async def test_quiet_hours_end_with_one_summary(tmp_path: Path) -> None:
    """Critical ones pass; what was held back outlives a restart."""
    night = T0.replace(hour=23)
    quiet = {"quiet_start": "22:00", "quiet_end": "06:00", "reminder_min": 0}
    async with a_target() as target:
        async with a_life(tmp_path, target, at=night, **quiet) as life:
            life.issues.observe("cycle", [DOWN, Finding("memory", "", "900 MB"), DISK])
            await life.outbox.round()
        assert target.titles == ["[CRITICAL] tradingbot paper: the disk refuses writes"]
        async with a_life(tmp_path, target, at=night.replace(day=6, hour=5, minute=59), **quiet) as life:
            await life.outbox.round()
            assert len(target.got) == 1
            await life.pass_s(61)
            await life.pass_s(61)
    assert target.titles[1:] == ["[QUIET HOURS] tradingbot paper: 2 changes of issues"]
    assert "the process holds too much memory (900 MB)" in target.got[1]["message"]


async def test_the_loop_sends_at_once_and_reminds_until_acknowledged(tmp_path: Path) -> None:
    """`run` as the daemon runs it."""
    async with a_target() as target, a_life(tmp_path, target, reminder_min=30) as life, asyncio.TaskGroup() as group:
        task = group.create_task(life.outbox.run())
        await life.clock.sleep(5)
        life.issues.observe("cycle", [DISK])
        await life.clock.sleep(2)
        assert len(target.got) == 1
        await life.clock.sleep(65 * 60)
        assert [("STILL OPEN" in title) for title in target.titles] == [False, True, True]
        life.issues.acknowledge("storage_unavailable", "ann")
        await life.clock.sleep(120 * 60)
        assert len(target.got) == 3
        task.cancel()


async def test_a_fault_of_the_outbox_is_no_fault_of_whoever_raises_issues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener never raises, the loop goes on."""
    async with a_target() as target, a_life(tmp_path, target) as life:
        monkeypatch.setattr("tradingbot.alerts.outbox.take", lambda *_: 1 / 0)
        life.issues.observe("cycle", [DOWN])
        assert len(life.issues.open) == 1


async def test_the_test_message_says_per_channel_what_came_of_it() -> None:
    """Delivered or why not, without the address."""
    async with a_target() as good, a_target() as bad:
        bad.status = 404
        secrets = load_secrets({"TRADINGBOT_ALERT_URL_GOOD": good.url, "TRADINGBOT_ALERT_URL_BAD": bad.url})
        found = {row["channel"]: row["error"] for row in await send_test(Settings(), secrets, "", "tradingbot paper")}
        assert found["good"] == ""
        assert "404" in found["bad"]
        assert TOKEN not in str(found)
        assert good.titles == ["[TEST] tradingbot paper: a test message"]
        assert [row["channel"] for row in await send_test(Settings(), secrets, "Good", "x")] == ["good"]
        with pytest.raises(ConfigurationError, match="TRADINGBOT_ALERT_URL_OTHER"):
            await send_test(Settings(), secrets, "other", "x")


async def test_the_facts_for_people_hold_no_address(tmp_path: Path) -> None:
    """Channels of settings and environment, what waits, what was sent last."""
    async with a_target() as target:
        target.status = 500
        async with a_life(tmp_path, target) as life:
            life.issues.observe("cycle", [DOWN])
            await life.outbox.round()
    params = AlertParams.model_validate({"channels": {"boss": {"min_severity": "critical"}}})
    secrets = load_secrets({"TRADINGBOT_ALERT_URL_A": target.url})
    facts = alert_facts(tmp_path, Settings(alerts=params), secrets)
    rows = {row["channel"]: row for row in facts["channels"]}
    assert rows["a"]["address"] == "set"
    assert (rows["a"]["failed"], rows["a"]["pending"]) == (1, 1)
    assert rows["boss"]["address"] == "missing: set TRADINGBOT_ALERT_URL_BOSS"
    assert TOKEN not in str(facts)


async def test_a_daemon_tells_of_what_its_venue_does(tmp_path: Path) -> None:
    """The real daemon, a real fault, a real message; no file of the home knows the address."""
    async with a_target() as target:
        with nothing_secret_under(tmp_path):
            environ = {"TRADINGBOT_ALERT_URL_OPS": target.url, "TRADINGBOT__ALERTS__CHANNELS__OPS__EVENTS": "[raised]"}
            async with running(tmp_path, environ, symbols=("BTC",)) as rig:
                assert rig.settings.alerts.channel("ops").events == ("raised",)
                await rig.good_cycle()
                rig.daemon.health.issues.note(Finding("repair_failed", "x", "no"))
                await rig.cycle()
                assert [one for one in target.titles if "a repair did not succeed: x" in one]
                assert rig.daemon.state.heartbeats_s["alerts"] < 60
