"""A full disk puts a start off, but not where open positions want to be looked after."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from tests.support import NOW, a_fill, a_plan
from tradingbot.app import start_checks
from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.start_checks import StartPostponedError, StartRefusedError, holds_positions, require
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.engine.models import PositionsState
from tradingbot.portfolio.book import Book, apply_fill
from tradingbot.storage.lock import InstanceLock
from tradingbot.storage.writer import StorageWriter

DISK = CheckResult("disk", False, "0 MB free")
VENUE = CheckResult("venue connectivity", False, "no answer")
CONFIG = CheckResult("config", False, "unknown key")


@pytest.mark.parametrize(
    ("failed", "error"),
    [
        ([DISK], StartPostponedError),
        ([VENUE, CheckResult("clock", False, "no answer")], StartPostponedError),
        ([DISK, VENUE], StartPostponedError),
        ([CheckResult("clock", False, "6 s")], StartRefusedError),
        ([DISK, CONFIG], StartRefusedError),
    ],
)
def test_what_may_pass_by_itself_is_tried_again_by_the_supervisor(
    failed: list[CheckResult], error: type[Exception]
) -> None:
    with pytest.raises(error):
        require(Console(file=io.StringIO()), "checks", failed)


def test_open_positions_are_known_from_the_file(tmp_path: Path) -> None:
    assert not holds_positions(tmp_path)
    book, _ = apply_fill(Book(), a_fill("f1"), a_plan())
    document = open_document(tmp_path, "positions", StorageWriter(SystemClock()))
    document.save(PositionsState.from_book(book))
    assert holds_positions(tmp_path)
    document.path.write_bytes(b"garbage")
    assert not holds_positions(tmp_path)
    told = start_checks._told_only(DISK)
    assert (told.ok, told.critical) == (False, False)
    require(Console(file=io.StringIO()), "checks", [told])


def test_a_disk_without_space_does_not_keep_the_lock_from_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = InstanceLock(tmp_path)
    lock.acquire(NOW)
    assert lock.held
    lock.release()
