"""Kill switches and the operator's commands on the running daemon: entries stop, exits go on, nothing is forgotten."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner, Result

from tests.crash.processes import DaemonProcess, VenueProcess, wait_until
from tests.integration.daemon_rig import Rig, running
from tradingbot.app.cli import cli
from tradingbot.app.operator import inbox, outbox, waiting
from tradingbot.app.status import read_status
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.operator_desk import OperatorOrder
from tradingbot.simulator.margin import wallet_margin
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.lock import InstanceLock

DAILY = {"TRADINGBOT__RISK__KILL_SWITCHES__MAX_DAILY_LOSS_PCT": "2"}
ONE_LOSS = {"TRADINGBOT__RISK__KILL_SWITCHES__MAX_CONSECUTIVE_LOSSES": "1"}
FEW = {"TRADINGBOT__RISK__LIMITS__MAX_TRADES_PER_DAY": "2"}
REFUSALS = {
    "TRADINGBOT__RISK__KILL_SWITCHES__REJECT_WINDOW_ORDERS": "5",
    "TRADINGBOT__RISK__KILL_SWITCHES__REJECT_COOLDOWN_H": "0.5",
}
REASON = "a look at the [/odd] market"
TIGHT = {"TRADINGBOT__RISK__LIMITS__MIN_FREE_MARGIN_PCT": "99.9"}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@asynccontextmanager
async def locked(home: Path, environ: dict[str, str] | None = None) -> AsyncIterator[Rig]:
    """A running daemon that holds its home, as the program does."""
    async with running(home, environ) as rig:
        lock = InstanceLock(home)
        lock.acquire(rig.parts.clock.now())
        with lock:
            yield rig


async def command(rig: Rig, *arguments: str) -> Result:
    """A command line beside the running daemon; the market's time stands still except while a request waits."""
    clock = rig.parts.clock
    call = asyncio.ensure_future(
        asyncio.to_thread(CliRunner().invoke, cli, [*arguments, "--home", str(rig.home)], standalone_mode=False)
    )
    with clock.hold():
        while not call.done() and not waiting(rig.home):
            await asyncio.sleep(0.005)
    while waiting(rig.home):
        await clock.sleep(1)
    with clock.hold():
        return await call


def entries(rig: Rig) -> int:
    """Entry orders that were ever sent."""
    return sum(1 for row in rig.events("intent") if row["client_order_id"].endswith("-entry"))


async def shown(rig: Rig) -> dict[str, Any]:
    """What `tradingbot status --json` says now."""
    await rig.stores.writer.flush()
    return read_status(rig.home)


def switch(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in facts["kill_switches"] if row["switch"] == name)


async def fully_closed(rig: Rig, what: str) -> None:
    """Positions end by their stops, whatever the switches say."""
    for uid, order in list(rig.venue.account.orders.items()):
        if order.is_trigger:
            mark = rig.venue.market(order.symbol).mark
            rig.edit_by_hand(uid, stop_price=round(mark - order.side.sign * mark / 50))
    await rig.cycle_until(what, lambda: not rig.held)


async def test_a_daily_loss_stops_entries_and_survives_a_restart(tmp_path: Path) -> None:
    """Money gone at the venue: it trips, open positions still end, a restart knows it, a person can measure anew."""
    async with running(tmp_path, DAILY) as rig:
        await rig.cycle_until("positions are open", lambda: len(rig.held) >= 2)
        margin = wallet_margin(rig.venue.state, "flex")
        start = rig.daemon.state.equity_usd
        assert start is not None
        rig.leave_equity("flex", str(margin.equity - start * Decimal("0.021")))
        report = await rig.good_cycle()
        assert "daily_loss" in report.permission.reasons
        sent = entries(rig)
        await fully_closed(rig, "stops end positions while the switch is tripped")
        await rig.cycle(2)
        assert entries(rig) == sent, "an entry was sent"
        row = switch(await shown(rig), "daily_loss")
        assert row["reason"] == "loss_of_the_day"
        assert 2 <= row["numbers"]["loss_pct"] < 4
        assert "00:00 UTC" in row["lifts"]
        assert row["lifts_at"].isoformat() == "2026-01-06T00:00:00+00:00"
        first = rig.rows("kill_switches")[0]
        assert (first["event"], first["switch"], first["by"]) == ("trip", "daily_loss", "rule")
        await rig.assert_agrees()
    async with locked(tmp_path, DAILY) as rig:
        report = await rig.good_cycle()
        assert "daily_loss" in report.permission.reasons
        assert switch(await shown(rig), "daily_loss")["since"] == row["since"]
        done = await command(rig, "resume", "--yes")
        assert "still tripped: daily_loss" in done.output, "a plain resume lifts the pause alone, and says so"
        assert "daily_loss" in (await rig.good_cycle()).permission.reasons
        done = await command(rig, "resume", "--switch", "daily_loss", "--yes", "--reason", "withdrawn on purpose")
        assert "lifted: daily_loss" in done.output
        assert "daily_loss" not in (await rig.good_cycle()).permission.reasons
        await rig.cycle_until("it enters again", lambda: entries(rig) > sent)
        assert "measured from the next known equity" in rig.rows("kill_switches")[-1]["why"]


async def test_a_losing_trade_trips_from_the_next_decision_on_and_its_pause_ends(tmp_path: Path) -> None:
    async with running(tmp_path, ONE_LOSS) as rig:
        await rig.cycle_until(
            "a trade loses", lambda: any(Decimal(str(row["net_pnl_usd"])) < 0 for row in rig.rows("executed_trades"))
        )
        report = await rig.good_cycle()
        assert "consecutive_losses" in report.permission.reasons
        sent = entries(rig)
        await rig.cycle(5)
        assert entries(rig) == sent
        assert rig.failures == []


async def test_entries_end_with_the_day_s_limit_and_margin_is_looked_at_first(tmp_path: Path) -> None:
    async with running(tmp_path / "few", FEW) as rig:
        await rig.cycle_until("two entries", lambda: entries(rig) >= 2)
        report = await rig.good_cycle()
        assert "trades_per_day" in report.permission.reasons
        assert report.permission.entries_left_today == 0
        sent = entries(rig)
        await rig.cycle(5)
        assert entries(rig) == sent
        assert (await shown(rig))["runtime"]["entries_left_today"] == 0
    async with running(tmp_path / "tight", TIGHT) as rig:
        await rig.cycle_until("margin is short", lambda: rig.daemon.state.margin_short)
        sent = entries(rig)
        report = await rig.good_cycle()
        assert "margin_short" in report.permission.reasons
        assert entries(rig) == sent
        assert rig.protected()


async def test_refused_orders_and_silent_streams_trip_and_lift_by_themselves(tmp_path: Path) -> None:
    """The executor's outcomes and the streams' last messages reach the switches."""
    async with running(tmp_path, REFUSALS) as rig:
        rig.fault("reject_orders")
        await rig.cycle_until("it trips", lambda: "reject_rate" in rig.daemon.state.entry_blocks)
        refused = [row for row in rig.events("outcome") if row["status"] == "refused"]
        assert len(refused) == 2, "two of five, and then no entry more"
        rig.heal()
        rig.fault("maintenance")
        await rig.cycle_until("it trips", lambda: "stale_heartbeat" in rig.daemon.state.entry_blocks, 8)
        row = switch(await shown(rig), "stale_heartbeat")
        assert row["numbers"]["subsystems"] == "private stream, public stream"
        rig.heal()
        await rig.cycle_until("it lifts", lambda: "stale_heartbeat" not in rig.daemon.state.entry_blocks, 8)
        await rig.cycle_until("it lifts", lambda: "reject_rate" not in rig.daemon.state.entry_blocks, 30)
        await rig.cycle_until("it trades", lambda: rig.held)
        told = [(line["event"], line["switch"]) for line in rig.rows("kill_switches")]
        assert told == [
            ("trip", "reject_rate"),
            ("trip", "stale_heartbeat"),
            ("lift", "stale_heartbeat"),
            ("lift", "reject_rate"),
        ]
        assert rig.failures == []


async def test_pause_and_resume_by_the_command_line(tmp_path: Path) -> None:
    """The real commands against the running daemon: entries stop at once and go on; every order has its audit line."""
    async with locked(tmp_path) as rig:
        await rig.cycle_until("positions are open", lambda: len(rig.held) >= 1)
        done = await command(rig, "pause", "--reason", REASON)
        assert (done.exit_code, done.output.splitlines()[0]) == (0, "pause: entries are paused")
        row = switch(await shown(rig), "operator_pause")
        assert row["numbers"]["text"] == REASON
        told = CliRunner().invoke(cli, ["status", "--home", str(tmp_path)], standalone_mode=False)
        assert "[/odd]" in told.output
        sent = entries(rig)
        for _ in range(4):
            report = await rig.good_cycle()
            assert "operator_pause" in report.permission.reasons
        assert entries(rig) == sent
        again = await command(rig, "pause", "--json")
        assert "paused already" in orjson.loads(again.stdout)["text"]
        unsure = await command(rig, "resume")
        assert isinstance(unsure.exception, ConfigurationError), "no terminal and no --yes"
        assert "--yes" in str(unsure.exception)
        assert "operator_pause" in rig.daemon.state.model_dump_json()
        done = await command(rig, "resume", "--yes", "--reason", "looks fine")
        assert done.exit_code == 0
        assert "lifted: operator_pause" in done.output
        report = await rig.good_cycle()
        assert report.permission.reasons == ()
        audit = rig.rows("operator_audit")
        assert [(line["command"], line["done"]) for line in audit] == [
            ("pause", True),
            ("pause", True),
            ("resume", True),
        ]
        assert audit[0]["reason"] == REASON
        assert audit[0]["pid"] > 0
        told = [(line["event"], line["switch"]) for line in rig.rows("kill_switches")]
        assert told == [("trip", "operator_pause"), ("lift", "operator_pause")]
        assert rig.rows("kill_switches")[1]["why"] == "looks fine"
        assert list(outbox(rig.home).glob("*.json")) == [], "answers that were read are gone"


async def test_a_pause_in_the_middle_of_a_cycle_stops_its_next_entries(tmp_path: Path) -> None:
    """What was decided before the pause is not sent after it."""
    symbols = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE")
    async with running(tmp_path, symbols=symbols) as rig:
        send = rig.parts.venue.place

        async def paused_by_now(order: Any) -> Any:
            if (order.client_order_id or "").endswith("-entry"):
                await rig.daemon.operate(OperatorOrder("pause"))
            return await send(order)

        object.__setattr__(rig.parts.venue, "place", paused_by_now)
        await rig.cycle_until("entries are decided", lambda: entries(rig))
        await rig.stores.writer.flush()
        newest = rig.rows("cycles")[-1]
        decided = [row for row in newest["actions"] if row["kind"] == "open"]
        assert len(decided) >= 2
        assert entries(rig) == 1
        assert [row["status"] for row in newest["done"] if row["what"] == "open"] == [
            "accepted",
            *["skipped"] * (len(decided) - 1),
        ]
        assert rig.protected()


async def test_a_stop_in_the_middle_of_a_cycle_stops_its_next_entries(tmp_path: Path) -> None:
    """SIGTERM comes while a cycle sends what it has decided: the order under way is the last entry."""
    symbols = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE")
    async with running(tmp_path, symbols=symbols) as rig:
        send = rig.parts.venue.place

        async def stopping_by_now(order: Any) -> Any:
            if (order.client_order_id or "").endswith("-entry"):
                rig.daemon._loop.stopping = True
            return await send(order)

        object.__setattr__(rig.parts.venue, "place", stopping_by_now)
        await rig.cycle_until("entries are decided", lambda: entries(rig))
        await rig.stores.writer.flush()
        decided = [row for row in rig.rows("cycles")[-1]["actions"] if row["kind"] == "open"]
        assert len(decided) >= 2
        assert entries(rig) == 1
        assert rig.protected()


async def test_flatten_closes_ours_between_two_cycles_and_leaves_what_is_not_ours(tmp_path: Path) -> None:
    async with locked(tmp_path) as rig:
        await rig.cycle_until("positions are open", lambda: len(rig.held) >= 2)
        before = dict(rig.held)
        at = rig.parts.clock.now()
        done = await command(rig, "flatten", "--yes", "--json")
        answer = orjson.loads(done.stdout)
        assert done.exit_code == 0, answer
        assert (rig.parts.clock.now() - at).total_seconds() < 50, "it does not wait for the next cycle"
        assert rig.held == {}
        assert rig.stops == {}
        assert {row["state"] for row in answer["positions"]} == {"closed"}
        assert {rig.venue_name(row["symbol"]): row["size"] for row in answer["positions"]}.keys() == before.keys()
        flat = [row for row in rig.rows("executed_trades") if row["exit_rule"] == "operator_flatten"]
        assert len(flat) == len(before)
        assert {row["net_pnl_usd"] for row in answer["positions"]} == {row["net_pnl_usd"] for row in flat}
        report = await rig.good_cycle()
        assert "operator_pause" in report.permission.reasons
        again = await command(rig, "flatten", "--yes")
        assert "no position of ours was open" in again.output
        await rig.cycle(2)
        assert rig.held == {}
        await rig.assert_agrees()


async def test_flatten_says_what_it_does_not_know_and_what_is_not_ours(tmp_path: Path) -> None:
    """A lost answer is resolved by asking; a person's position beside ours stays."""
    async with locked(tmp_path) as rig:
        await rig.cycle_until("positions are open", lambda: len(rig.held) >= 1)
        symbol, size = next(iter(rig.held.items()))
        side = "buy" if size > 0 else "sell"
        rig.by_hand(symbol, side, str(abs(size)))
        rig.fault("timeout_after", path="sendorder", count=1)
        done = await command(rig, "flatten", "--yes", "--json")
        answer = orjson.loads(done.stdout)
        assert {row["state"] for row in answer["positions"]} == {"closed"}
        assert answer["unresolved"] == []
        assert [(row["symbol"], Decimal(row["size"])) for row in answer["foreign"]] == [
            (rig.symbol_of(symbol), abs(size))
        ]
        assert rig.held == {symbol: size}, "what others hold is theirs"
        rig.by_hand(symbol, "sell" if size > 0 else "buy", str(abs(size)))
        await rig.cycle(2)
        await rig.assert_agrees()


async def test_requests_left_while_no_daemon_runs_are_served_before_the_first_decision(tmp_path: Path) -> None:
    """And a malformed file is set aside; the pause of the last life still holds."""
    async with running(tmp_path) as rig:
        await rig.cycle_until("positions are open", lambda: len(rig.held) >= 2)
    invoke = CliRunner().invoke
    left = invoke(cli, ["pause", "--home", str(tmp_path)], standalone_mode=False)
    assert left.exit_code == 0
    assert "no daemon is running" in left.output
    assert "before its first decision" in left.output
    refused = invoke(cli, ["flatten", "--yes", "--home", str(tmp_path)], standalone_mode=False)
    assert isinstance(refused.exception, ConfigurationError)
    assert "--when-started" in str(refused.exception)
    assert invoke(cli, ["flatten", "--yes", "--when-started", "--home", str(tmp_path)]).exit_code == 0
    (inbox(tmp_path) / "1-pause-bad.json").write_text('{"command": "explode"}')
    (inbox(tmp_path) / "2-pause-torn.json").write_text('{"comm')
    async with running(tmp_path) as rig:
        assert rig.held == {}, "flattened before the first cycle"
        report = await rig.good_cycle()
        assert "operator_pause" in report.permission.reasons
        assert entries(rig) == len([row for row in rig.rows("fills") if row["purpose"] == "entry"])
        assert waiting(tmp_path) == []
        assert len(list((inbox(tmp_path) / "quarantine").iterdir())) == 2
        assert len(list(outbox(tmp_path).glob("*.json"))) == 2
        await rig.assert_agrees()
    async with running(tmp_path) as rig:
        report = await rig.good_cycle()
        assert "operator_pause" in report.permission.reasons, "no restart lifts it"


@pytest.mark.parametrize("copies", ["newest", "all", "gone"])
async def test_a_lost_file_of_the_switches_never_frees_entries(copies: str, tmp_path: Path) -> None:
    async with locked(tmp_path) as rig:
        await rig.cycle(1)
        assert (await command(rig, "pause")).exit_code == 0
    for path in sorted((tmp_path / "state").glob("kill_switches.json*")):
        if copies == "gone":
            path.unlink()
        elif copies == "all" or path.suffix == ".json":
            path.write_bytes(path.read_bytes()[:40])
    assert read_status(tmp_path)["known"], "status still tells the rest"
    async with running(tmp_path) as rig:
        report = await rig.good_cycle()
        assert "operator_review" in report.permission.reasons
        row = switch(await shown(rig), "operator_review")
        assert "operator_pause" in row["numbers"]["text"]
        await rig.cycle(3)
        assert entries(rig) == 0
    async with running(tmp_path) as rig:
        report = await rig.good_cycle()
        assert "operator_review" in report.permission.reasons


def tradingbot(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command of a process of its own."""
    call = [sys.executable, "-m", "tradingbot", *arguments]
    return subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env})


@pytest.mark.process
@pytest.mark.long
def test_a_paused_daemon_that_is_killed_stays_paused_and_flatten_closes_everything(tmp_path: Path) -> None:
    """SIGKILL right after the pause; the next life knows it, flattens, and agrees with the venue that lived on."""
    home = str(tmp_path / "home")
    venue = VenueProcess(tmp_path / "venue", 60.0, 3)
    daemon = None
    try:
        daemon = DaemonProcess(tmp_path / "home", venue, 60.0)
        wait_until("a position", lambda: daemon.cycles() and _open_positions(home), 40)
        paused = tradingbot("pause", "--home", home, "--reason", "drill")
        assert paused.returncode == 0, paused.stdout + paused.stderr
        daemon.kill()
        sent = _entries(home)
        facts = orjson.loads(tradingbot("status", "--home", home, "--json").stdout)
        assert [row["switch"] for row in facts["kill_switches"]] == ["operator_pause"]
        daemon = DaemonProcess(tmp_path / "home", venue, 60.0)
        wait_until("cycles", lambda: daemon.cycles() >= 2, 40)
        assert "operator_pause" in _runtime(home)["entry_blocks"]
        flat = tradingbot("flatten", "--home", home, "--yes", "--json")
        assert flat.returncode == 0, flat.stdout + flat.stderr
        done = daemon.cycles()
        wait_until("a cycle after", lambda: daemon.cycles() > done, 40)
        assert _open_positions(home) == []
        assert _entries(home) == sent, "not one entry after the pause"
        keys = {
            "KRAKEN_FUTURES_API_KEY": venue.endpoints["api_key"],
            "KRAKEN_FUTURES_API_SECRET": venue.endpoints["api_secret"],
        }
        agreed = tradingbot("status", "--home", home, "--reconcile", "--json", **keys)
        assert agreed.returncode == 0, agreed.stdout + agreed.stderr
        assert daemon.stop() == 0
    finally:
        if daemon is not None and daemon.process.poll() is None:
            daemon.kill()
        venue.stop()


def _runtime(home: str) -> dict[str, Any]:
    return orjson.loads((Path(home) / "state" / "runtime.json").read_bytes())["data"]


def _open_positions(home: str) -> list[dict[str, Any]]:
    path = Path(home) / "state" / "positions_futures.json"
    positions = orjson.loads(path.read_bytes())["data"]["positions"] if path.exists() else []
    return [row for row in positions if Decimal(row["size"])]


def _entries(home: str) -> int:
    rows = JournalReader(journal_path(Path(home), "intents"))
    return sum(1 for row in rows if row["event"] == "intent" and row["client_order_id"].endswith("-entry"))
