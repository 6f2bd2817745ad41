"""The outbox: on disk before it is sent, also when the disk refuses; no fault of delivery ends its loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.fakes import MemoryDocument, MemoryJournal
from tradingbot.alerts.outbox import Outbox
from tradingbot.alerts.params import AlertParams
from tradingbot.alerts.routing import Audience
from tradingbot.clock import SteppedClock
from tradingbot.guards.issues import Finding, Issue, IssueChange, Severity

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class FakeSender:
    """Notes what it was to send, and what was stored by then."""

    document: MemoryDocument
    channels: tuple[str, ...] = ("ops",)
    breaks: int = 0
    sent: list[str] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)

    async def send(self, channel: str, title: str, body: str, page: Path | None = None) -> str:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("a fault of the program")
        self.sent.append(title)
        self.stored.append(self.document.commits)
        return ""

    def is_busy(self, channel: str) -> bool:
        return False


@dataclass
class Bench:
    """An outbox over memory."""

    document: MemoryDocument = field(default_factory=MemoryDocument)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(T0))
    noted: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sender = FakeSender(self.document)
        audience = Audience(AlertParams(reminder_min=0), ("ops",), "tradingbot paper")
        self.outbox = Outbox(
            Path("home"), None, self.document, self.journal, self.clock, audience, self.sender, self.noted.append
        )

    def raise_issue(self, subject: str = "x", detail: str = "no") -> None:
        issue = Issue("repair_failed", subject, Severity.CRITICAL, detail, self.clock.now(), self.clock.now())
        self.outbox.changed(IssueChange(self.clock.now(), "raised", issue))


async def test_what_is_sent_was_committed_before() -> None:
    bench = Bench()
    bench.raise_issue()
    await bench.outbox.round()
    assert bench.sender.stored == [1]
    assert bench.document.value.pending == []
    assert bench.document.value.channels["ops"].sent == 1
    assert [row["event"] for row in bench.journal.records] == ["sent"]


async def test_a_disk_that_refuses_keeps_nothing_from_being_sent() -> None:
    bench = Bench()
    bench.document.broken = True
    bench.raise_issue()
    await bench.outbox.round()
    assert len(bench.sender.sent) == 1


async def test_a_fault_within_a_round_is_said_and_the_loop_goes_on() -> None:
    bench = Bench()
    bench.sender.breaks = 1
    bench.raise_issue()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.outbox.run())
        await bench.clock.sleep(90)
        assert len(bench.sender.sent) == 1
        assert bench.outbox.turned_s is not None
        task.cancel()


async def test_an_idle_outbox_writes_and_sends_nothing_and_gives_signs_of_life() -> None:
    bench = Bench()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.outbox.run())
        await bench.clock.sleep(3600)
        assert bench.outbox.turned_s is not None
        assert bench.clock.monotonic_s() - bench.outbox.turned_s < 60
        task.cancel()
    assert (bench.document.value, bench.journal.records, bench.sender.sent) == (None, [], [])


def test_line_breaks_and_control_characters_never_reach_a_title() -> None:
    bench = Bench()
    bench.raise_issue("x\r\nBcc: all@example.com", "a\x1b[31m\nb")
    (message,) = bench.outbox.book.pending
    assert "x Bcc: all@example.com" in message.title
    assert all(char.isprintable() for char in message.title)
    assert "detail: a [31m b" in message.body
