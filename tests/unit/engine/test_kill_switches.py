"""The keeper of the switches: durable before it takes effect, journalled, and what a start makes of lost files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes import MemoryDocument, MemoryJournal
from tests.support import NOW
from tradingbot.clock import SteppedClock
from tradingbot.core.records import OrderRefused, RefusalCode, StreamHealth
from tradingbot.core.types import ClientOrderId
from tradingbot.engine.heartbeats import Heartbeats, overdue_s
from tradingbot.engine.kill_switches import KillSwitches, restored, tripped_by_journal
from tradingbot.engine.models import JobStatus
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.guards.switch_state import SwitchName, SwitchState
from tradingbot.risk.params import KillSwitchParams


@dataclass
class Rig:
    """One keeper; `restart` forgets everything that is not in the document."""

    clock: SteppedClock = field(default_factory=lambda: SteppedClock(NOW))
    document: MemoryDocument = field(default_factory=MemoryDocument)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        known = self.document.value
        found = restored(known, True, self.journal.records, self.clock)
        self.switches = KillSwitches(found.state, self.document, self.journal, self.clock, KillSwitchParams())

    async def watch(self, equity: str | None, **silent_s: float) -> None:
        await self.switches.watch(None if equity is None else Decimal(equity), (), silent_s)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_a_trip_is_durable_when_the_look_returns(rig: Rig) -> None:
    await rig.watch("10000")
    assert rig.document.commits == 0, "nothing happened: it is written, but nobody waits"
    await rig.watch("9800")
    assert rig.document.commits == 1
    assert rig.document.value.state.names == ("daily_loss",)
    rig.restart()
    assert rig.switches.names == ("daily_loss",)


async def test_the_journal_tells_each_change_with_its_numbers(rig: Rig) -> None:
    await rig.watch("10000")
    await rig.watch("9800")
    await rig.switches.resume([SwitchName.DAILY_LOSS], "seen", "operator jo (pid 7)")
    trip, lift = rig.journal.records
    assert (trip["event"], trip["switch"], trip["by"]) == ("trip", "daily_loss", "rule")
    assert trip["numbers"] == {"loss_pct": 2.0, "limit_pct": 2.0, "from_usd": 10000.0, "equity_usd": 9800.0}
    assert (trip["since"], trip["lifts_at"]) == (NOW, NOW.replace(hour=0, minute=0, second=0) + timedelta(days=1))
    assert (lift["event"], lift["by"]) == ("lift", "operator jo (pid 7)")
    assert lift["why"] == "seen; the day is measured from the next known equity"


async def test_a_disk_that_refuses_does_not_free_entries(rig: Rig) -> None:
    """It holds in this life all the same."""
    await rig.watch("10000")
    rig.document.broken = True
    await rig.watch("9800")
    assert rig.switches.names == ("daily_loss",)


async def test_nothing_is_written_while_nothing_changes(rig: Rig) -> None:
    await rig.watch("10000")
    content = rig.document.value
    await rig.watch("9990")
    await rig.watch(None)
    assert rig.document.value is content


async def test_refused_orders_are_remembered_over_a_restart(rig: Rig) -> None:
    refused = OrderRefused(ClientOrderId("x"), RefusalCode.INVALID_PRICE, "")
    for _ in range(3):
        rig.switches.note(refused)
    rig.restart()
    for _ in range(3):
        rig.switches.note(refused)
    await rig.watch(None)
    assert rig.switches.names == ("reject_rate",)


async def test_a_pause_repeated_is_one_line(rig: Rig) -> None:
    first = await rig.switches.pause("x", "operator")
    assert await rig.switches.pause("y", "operator") == first
    assert [row["event"] for row in rig.journal.records] == ["trip"]
    assert await rig.switches.resume([SwitchName.OPERATOR_PAUSE], "", "operator") == (first,)
    assert await rig.switches.resume([SwitchName.OPERATOR_PAUSE], "", "operator") == ()


# ---------------------------------------------------------------- lost files

TRIP = {"switch": "drawdown", "event": "trip"}
LIFT = {"switch": "drawdown", "event": "lift"}
KNOWN = KillSwitchesState.of(SwitchState(peak_equity_usd=Decimal(5)))


@pytest.mark.parametrize(
    ("known", "newest", "rows", "names"),
    [
        (None, True, [], ()),
        (None, True, [LIFT], ("operator_review",)),
        (None, True, [TRIP], ("operator_review",)),
        (None, False, [], ("operator_review",)),
        (KNOWN, True, [TRIP], ()),
        (KNOWN, False, [], ()),
        (KNOWN, False, [TRIP, LIFT], ()),
        (KNOWN, False, [LIFT, TRIP], ("operator_review",)),
        (KNOWN, False, [TRIP, {**TRIP, "event": "worsened"}], ("operator_review",)),
    ],
)
def test_what_may_have_been_forgotten_holds_entries_back(
    known: KillSwitchesState | None, newest: bool, rows: list[dict[str, Any]], names: tuple[str, ...]
) -> None:
    """A first start is free; a lost file is not, and an older copy only as far as the journal agrees."""
    found = restored(known, newest, rows, SteppedClock(NOW))
    assert found.state.names == names
    assert len(found.changes) == len(names)
    assert found.state.peak_equity_usd == (None if known is None else 5)


def test_the_journal_s_newest_line_of_a_switch_counts() -> None:
    assert tripped_by_journal([]) is None
    assert tripped_by_journal([{"torn": 1}]) is None
    assert tripped_by_journal([TRIP, LIFT, {**TRIP, "switch": "win_rate"}]) == {"win_rate"}


# ---------------------------------------------------------------- heartbeats


async def test_ages_of_subsystems() -> None:
    """One that never gave a sign counts from the start of this life, whatever an older message says."""
    clock = SteppedClock(NOW)
    beats = Heartbeats(clock)
    await clock.sleep(100)
    beats.beat("storage")
    await clock.sleep(5)
    assert beats.silent_s(("storage", "cycle")) == {"storage": 5, "cycle": 105}
    assert beats.since(NOW - timedelta(days=1)) == 105
    streams = (StreamHealth("public", True, NOW + timedelta(seconds=95)), StreamHealth("private", False, None))
    assert beats.streams(streams) == {"public stream": 10, "private stream": 105}


def job(due_s: float | None, started_s: float | None = None) -> JobStatus:
    at = [None if s is None else NOW + timedelta(seconds=s) for s in (due_s, started_s)]
    return JobStatus(name="x", next_run_at=at[0], last_started_at=at[1])


@pytest.mark.parametrize(
    ("jobs", "silent_s"),
    [
        ([], 0),
        ([job(None)], 0),
        ([job(60)], 0),
        ([job(-200)], 200),
        ([job(-200, -500), job(-300, -900)], 300),
        ([job(-200, -200)], 0),
    ],
)
def test_the_scheduler_is_silent_as_long_as_its_longest_overdue_job(jobs: list[JobStatus], silent_s: float) -> None:
    """A job that was started is not overdue, however long it runs: it has a deadline of its own."""
    assert overdue_s(jobs, NOW) == silent_s
