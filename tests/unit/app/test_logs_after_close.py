"""What is said after the files were closed still reaches the console: it is why the process ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tradingbot.app.logs import set_up_logs
from tradingbot.clock import SystemClock
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Leave no configuration behind."""
    yield
    structlog.reset_defaults()


async def test_the_cause_of_an_end_is_said_although_the_journal_is_closed(tmp_path: Path) -> None:
    out = io.StringIO()
    clock = SystemClock()
    writer = StorageWriter(clock)
    sink = set_up_logs(clock, "json", "info", (), out)
    sink.journal = Journal(tmp_path / "daemon.jsonl", writer)
    log = structlog.get_logger()
    log.info("before")
    await writer.close(5.0)
    log.critical("task.died", error="VenueUnavailableError: streams are not ready")
    assert "streams are not ready" in out.getvalue()
    assert [row["event"] for row in sink.journal.reader()] == ["before"]
