"""A winning position is left rung by rung: the real daemon against the simulated venue, restarted in between."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tradingbot.exits.exit_engine import judge
from tradingbot.exits.facts import facts_from
from tradingbot.exits.ladder import rung_sizes

RUNGS = [
    {"share_pct": 25, "profit_pct": 0.01, "after_min": 1},
    {"share_pct": 50, "profit_pct": 0.02, "after_min": 4},
    {"share_pct": 25, "profit_pct": 0.03, "after_min": 7},
]
LADDER = {
    # Small and early rungs, and nothing else that would close a winning position.
    "TRADINGBOT__EXITS__LADDER": orjson.dumps(RUNGS).decode(),
    "TRADINGBOT__EXITS__PROFIT_TARGETS": "[]",
    "TRADINGBOT__EXITS__TIME_EXITS": "[]",
    "TRADINGBOT__EXITS__REVERSAL__MIN_FLOW_CONFIDENCE": "1.0",
    "TRADINGBOT__EXITS__TIMING__HOLD_ALIGNMENT": "1.0",
    "TRADINGBOT__EXITS__TIMING__EXIT_ALIGNMENT": "0.0",
    "TRADINGBOT__EXITS__TIMING__EXIT_ALIGNMENT_DROP": "1.0",
    "TRADINGBOT__EXITS__TIMING__REVERSED_TREND": "1.0",
    "TRADINGBOT__EXITS__TIMING__TAKE_PROFIT_PCT": "50",
}


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def _parts(rig: Rig) -> int:
    """Orders that took a part of a position, filled at the venue."""
    ids = {fill.client_id for fill in rig.venue.rows.fills if "-rung" in (fill.client_id or "")}
    return len(ids)


async def _until(rig: Rig, what: str, wanted: Any, limit: int = 40) -> None:
    """Cycle until it is so; after every cycle each position has one stop of its size."""
    for _ in range(limit):
        if wanted():
            return
        await rig.good_cycle()
        assert rig.protected(), (rig.stops, rig.held)
    assert wanted(), what


def _laddered(rig: Rig) -> list[dict[str, Any]]:
    """Trades that were left in three rungs."""
    rows = rig.rows("executed_trades")
    return [row for row in rows if set(row["ladder_state"]) == {"0", "1", "2"}]


def _parted(rig: Rig) -> list[dict[str, Any]]:
    """Trades that were left in rungs, all or some."""
    return [row for row in rig.rows("executed_trades") if row["ladder_state"]]


def _withheld(rig: Rig) -> bool:
    return any(item["status"] == "withheld" for row in rig.rows("cycles") for item in row["done"])


def _check(rig: Rig, trade: dict[str, Any]) -> None:
    """After each rung exactly what it and the ones before it may take was gone; and the close is judged the same again.

    A last close by another rule leaves less to the ladder, never more.
    """
    if trade["exit_rule"] == "protective_stop":
        return
    facts = facts_from(trade["exit_context"]["facts"])
    assert judge(facts, rig.settings.exits).rule == trade["exit_rule"]
    sizes = rung_sizes(Decimal(trade["size"]), facts.size_step, facts.min_size, rig.settings.exits.ladder)
    gone = Decimal(0)
    for rung, row in sorted(trade["ladder_state"].items()):
        gone += Decimal(row["size"])
        assert gone == sum(sizes[: int(rung) + 1])


async def test_rungs_are_taken_the_stop_follows_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, LADDER) as rig:
        await _until(rig, "a first rung", lambda: _parts(rig) >= 1)
        await rig.assert_agrees()
    async with running(tmp_path, LADDER) as rig:
        before = _parts(rig)
        rig.fault("silent_socket")  # the stream says nothing: fills of rungs are found by REST
        await _until(rig, "another rung", lambda: _parts(rig) > before)
        rig.heal()
        await rig.assert_agrees()
    async with running(tmp_path, LADDER) as rig:
        await _until(rig, "a whole ladder", lambda: _laddered(rig), 60)
        assert rig.failures == []
        await rig.assert_agrees()
        for trade in _laddered(rig):
            _check(rig, trade)
            taken = trade["ladder_state"]
            assert sum(Decimal(row["size"]) for row in taken.values()) == Decimal(trade["size"])
            assert {row["why"] for row in taken.values()} == {"ladder"}
            assert trade["exit_rule"] == "ladder"


async def test_a_lost_answer_sells_no_rung_twice(tmp_path: Path) -> None:
    """The venue takes the order, its answer is lost: it is asked about, and no other part leaves meanwhile."""
    async with running(tmp_path, LADDER) as rig:
        await rig.cycle(4)
        rig.fault("timeout_after", path="sendorder", probability=0.6)
        rig.fault("silent_socket")
        await rig.cycle_until("rungs under trouble", lambda: _parts(rig) >= 3, 60)
        rig.heal()
        await rig.cycle_until("whole ladders", lambda: _laddered(rig), 60)
        await rig.cycle_until("all is known", lambda: not rig.daemon.unresolved)
        assert rig.protected()
        await rig.assert_agrees()
        for trade in _parted(rig):
            _check(rig, trade)


async def test_no_part_is_closed_while_the_venue_cannot_be_read(tmp_path: Path) -> None:
    """Without a fresh comparison a part could be under way already. It is said, and it goes out afterwards."""
    async with running(tmp_path, LADDER) as rig:
        await rig.cycle(2)
        rig.fault("timeout_before", path="openpositions")
        before = _parts(rig)
        await rig.cycle_until("a rung is withheld", lambda: _withheld(rig), 20)
        assert _parts(rig) == before
        rig.heal()
        await rig.cycle_until("it goes out", lambda: _parts(rig) > before, 10)
        await rig.assert_agrees()


async def test_the_stop_moves_to_the_entry_price_where_the_setting_says_so(tmp_path: Path) -> None:
    """After the first rung; the stop of a position that took none stays at its distance."""
    async with running(tmp_path, {**LADDER, "TRADINGBOT__EXITS__BREAK_EVEN_AFTER_RUNGS": "1"}) as rig:
        await rig.cycle_until("a first rung", lambda: _parts(rig) >= 1)
        assert rig.protected()
        await rig.stores.writer.flush()
        positions = rig.stores.documents["positions"].peek().positions
        parted = [one for one in positions if one.is_open and one.ladder_state]
        assert parted
        for one in positions:
            fraction = abs(one.stop_price / one.entry_price - 1)
            assert (fraction == 0) if one in parted else fraction > Decimal("0.02")
        prices = {rig.symbol_of(o.symbol): o.stop_price for o in rig.venue.account.orders.values() if o.is_trigger}
        for one in parted:
            assert abs(prices[one.symbol] / one.entry_price - 1) < Decimal("0.001")
        await rig.cycle(3)
        await rig.assert_agrees()
