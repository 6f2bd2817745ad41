"""The real daemon mends itself: files deleted and damaged under it, a stuck stream, fills that were missed, crashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.error_watch import ErrorWatch
from tradingbot.app.status import open_issues, read_documents
from tradingbot.engine.operator_desk import OperatorOrder

STRICT = {
    "TRADINGBOT__HEALTH__HEALING__SOFT_LIMIT": "3",
    "TRADINGBOT__HEALTH__HEALING__CRITICAL_LIMIT": "5",
}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


async def heals(rig: Rig) -> list[tuple[str, str, str]]:
    """Finished repairs: category, subject, event."""
    await rig.stores.writer.flush()
    return [(row["category"], row["subject"], row["event"]) for row in rig.rows("healing") if row["event"] != "healing"]


def open_ids(rig: Rig) -> set[str]:
    issues = rig.daemon.health.issues.open
    return {issue.issue_id for issue in issues if issue.kind != "feed_failing"}


def told_of_the_pause(rig: Rig) -> int:
    rows = rig.rows("issues")
    return len([row for row in rows if row["event"] == "raised" and row["id"] == "kill_switch:operator_pause"])


async def test_files_deleted_and_damaged_under_the_daemon_come_back_and_too_many_stop_entries(tmp_path: Path) -> None:
    async with running(tmp_path, STRICT) as rig:
        await rig.cycle(3)
        state = tmp_path / "state"
        await rig.stores.writer.flush()
        before = read_documents(tmp_path)["positions"]
        (state / "positions_futures.json").write_bytes(b"garbage")
        (state / "runtime.json").unlink()
        await rig.daemon.health.watchdog.run()
        await rig.stores.writer.flush()
        assert await heals(rig) == [
            ("corrupt_file", "state/positions_futures.json", "healed"),
            ("missing_file", "state/runtime.json", "healed"),
        ]
        found = read_documents(tmp_path)
        assert found["positions"] == before
        assert found["runtime"] is not None
        assert [path.read_bytes() for path in (state / "quarantine").glob("positions*")] == [b"garbage"]
        await rig.daemon.health.watchdog.run()
        assert len(await heals(rig)) == 2, "what is whole is left alone"

        for count in (2, 3):
            await rig.stores.writer.flush()
            (state / "positions_futures.json").write_bytes(b"")
            await rig.daemon.health.watchdog.run()
            await rig.cycle()
            assert ("healing" in rig.daemon.state.entry_blocks) is (count == 3)
        assert "healing_escalated:corrupt_file" in open_ids(rig)
        assert "kill_switch:healing" in open_ids(rig)
        assert set(rig.held) == set(rig.stops), "exits and stops go on"
        known = read_documents(tmp_path)["healing"]
        assert known.counts_24h == {"corrupt_file": 3, "missing_file": 1}
        assert known.escalation == {"corrupt_file": "soft"}
        answer = await rig.daemon.operate(OperatorOrder("resume", every=True, text="mended"))
        assert answer.facts["lifted"] == ["healing"]
        await rig.cycle()
        assert "healing" not in rig.daemon.state.entry_blocks


async def test_counts_and_issues_survive_a_restart_and_each_crash_counts_once(tmp_path: Path) -> None:
    async with running(tmp_path, STRICT) as rig:
        await rig.cycle(2)
        await rig.stores.writer.flush()
        (tmp_path / "state" / "runtime.json").unlink()
        await rig.daemon.health.watchdog.run()
        await rig.daemon.operate(OperatorOrder("pause", text="noon"))
        await rig.cycle()
        assert open_ids(rig) == {"kill_switch:operator_pause"}
        await rig.stores.writer.flush()
        raised = told_of_the_pause(rig)
    async with running(tmp_path, STRICT) as rig:
        assert rig.daemon.health.healing.counts() == {"missing_file": 1}
        await rig.cycle()
        assert open_ids(rig) == {"kill_switch:operator_pause"}
        await rig.stores.writer.flush()
        assert told_of_the_pause(rig) == raised == 1, "what is known is not told again after a restart"
    for life in (1, 2):
        async with running(tmp_path, STRICT, left_behind='{"pid":1}') as rig:
            await rig.cycle()
            assert rig.daemon.health.healing.counts() == {"missing_file": 1, "stale_lock": life}


async def test_a_stream_that_gives_no_sign_of_life_is_begun_anew(tmp_path: Path) -> None:
    """Restarted by the watchdog, once, and it works again; the orders in between are neither lost nor doubled."""
    async with running(tmp_path) as rig:
        await rig.cycle(3)
        task = rig.daemon.restartable["venue"]
        silent = dict(rig.daemon.health.watched.silent_s())
        silent["private stream"] = 500.0
        watchdog = rig.daemon.health.watchdog
        watchdog.silent_s = lambda: silent
        await watchdog.run()
        await watchdog.run()
        await rig.cycle_until("it is begun anew", lambda: task.restarts)
        await rig.cycle_until(
            "it is connected again", lambda: all(s.connected for s in rig.parts.venue.health().streams)
        )
        assert task.restarts == 1
        assert await heals(rig) == [("stuck_subsystem", "venue", "healed")]
        trades = len(rig.venue.rows.fills)
        await rig.cycle_until("it trades again", lambda: len(rig.venue.rows.fills) >= trades + 2)
        await rig.cycle()
        assert rig.protected()
        await rig.assert_agrees()


async def test_fills_that_were_missed_long_ago_are_found_by_the_watchdog(tmp_path: Path) -> None:
    """Part of a position was closed by hand, and the book believes to have asked for fills up to much later."""
    async with running(tmp_path) as rig:
        await rig.cycle_until("a position is held", lambda: bool(rig.held))
        name = next(iter(rig.held))
        symbol = rig.symbol_of(name)
        keeper = rig.daemon.health.watched.account.keeper
        later = replace(keeper.book, fills_since=rig.parts.clock.now().replace(year=2027))
        keeper.set_book(later)
        rig.by_hand(name, "sell" if rig.held[name] > 0 else "buy", str(abs(rig.held[name])), reduce_only=True)
        rig.parts.venue.take_fills()
        await rig.cycle(4)
        if f"position_mismatch:{symbol}" not in open_ids(rig):
            pytest.skip("the private stream had told of it")
        await rig.daemon.health.watchdog.run()
        assert ("position_mismatch", symbol, "healed") in await heals(rig)
        await rig.cycle()
        assert f"position_mismatch:{symbol}" not in open_ids(rig)


async def test_a_storm_of_errors_is_one_issue_that_a_person_can_acknowledge(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle()
        watch = ErrorWatch(rig.daemon.health.issues)
        for number in range(1000):
            watch({"level": "error", "event": "venue.odd", "error": f"no {number}"})
        watch({"level": "critical", "event": "task.died", "error": "boom"})
        watch({"level": "error", "event": "cycle.failed", "error": "has an issue of its own"})
        rig.fault("http_500")
        await rig.cycle(4)
        rows = rig.rows("issues")
        assert len([row for row in rows if row["id"] == "logged_error:venue.odd"]) == 1
        assert [row["severity"] for row in rows if row["id"] == "logged_error:task.died"] == ["critical"]
        await rig.daemon.operate(OperatorOrder("acknowledge", issue="logged_error:venue.odd", by="anna"))
        await rig.stores.writer.flush()
        known = {row["id"]: row for row in open_issues(tmp_path)}
        assert known["logged_error:venue.odd"]["count"] == 1000
        assert known["logged_error:venue.odd"]["acknowledged_by"] == "anna"
        assert known["logged_error:venue.odd"]["detail"] == "error no 999"
        assert {"venue_degraded", "account_unreadable"} <= set(known)
        refused = await rig.daemon.operate(OperatorOrder("acknowledge", issue="nonsense"))
        assert not refused.done
        assert "venue_degraded" in refused.lines[0]
        rig.heal()
        await rig.cycle_until("the exchange is healthy", lambda: "venue_degraded" not in open_ids(rig))
        await rig.stores.writer.flush()
        told = [row["event"] for row in rig.rows("issues") if row["id"] == "venue_degraded"]
        assert told == ["raised", "cleared"]
        health = read_documents(tmp_path)["exchange_health"].health
        assert (health.status, health.degraded_count) == ("healthy", 1)


async def test_the_tactical_operator_cancels_strays_and_looks_at_contracts_that_refuse_orders(tmp_path: Path) -> None:
    """An order of ours that rests and belongs to nothing goes; one that is not ours stays."""
    async with running(tmp_path, symbols=("BTC", "ETH", "SOL", "XRP", "ADA")) as rig:
        await rig.cycle(2)
        ours = rig.daemon.health.watched.account.keeper.book
        name = rig.venue_name("XRPUSDT")
        far = Decimal("0.5")
        prefix = read_documents(tmp_path)["instance"].instance
        stray = rig.by_hand(
            name, "buy", "100", "lmt", limit_price=far, client_id=f"tb-{prefix}-20260105T0700-XRPUSDT-entry"
        )
        foreign = rig.by_hand(name, "buy", "100", "lmt", limit_price=far, client_id="somebody-else")
        rig.fault("reject_orders", status="invalidSize")
        await rig.cycle(20)
        rig.heal()
        assert stray not in rig.venue.account.orders
        assert foreign in rig.venue.account.orders
        assert ours is not None
        found = [row for row in await heals(rig) if row[0] == "stray_order"]
        assert [event for _, _, event in found] == ["healed"]
        lines = [row for row in rig.rows("governance") if row["role"] == "tactical_operator"]
        assert any("contracts read anew and symbols validated" in text for row in lines for text in row["actions"])
        await rig.daemon.governance.review()
        await rig.stores.writer.flush()
        review = read_documents(tmp_path)["strategic_review"]
        assert review.facts["cycles"] == len(rig.rows("cycles"))
        assert review.facts["orders"]["refused"] >= 3
        assert "orders_refused" in {one["code"] for one in review.recommendations}
