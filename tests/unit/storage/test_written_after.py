"""A document that rests on journal lines is written only when these are on disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.storage.support import Wallet, wallet_document, writing
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS
from tradingbot.storage.journal import Journal


async def test_the_lines_are_synced_before_the_document_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not leave a book that knows a fill which the journal of fills has lost."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def told_fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def told_replace(source: Any, target: Any) -> None:
        steps.append(f"replace {Path(target).name}")
        replace(source, target)

    async with writing() as writer:
        journal = Journal(tmp_path / "lines.jsonl", writer)
        document = wallet_document(tmp_path / "book.json", writer, after=[journal])
        monkeypatch.setattr(os, "fsync", told_fsync)
        monkeypatch.setattr(os, "replace", told_replace)
        journal.append({"fill": 1})
        await document.commit(Wallet(number=1))
        assert steps.index("fsync lines.jsonl") < steps.index("replace book.json")
        steps.clear()
        await document.commit(Wallet(number=2))
        assert "fsync lines.jsonl" not in steps, "nothing new to sync"


class Refusing(Journal):
    """Takes nothing while `full`."""

    full = True

    def write(self, payloads: Any, durable: bool) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(payloads, durable)


async def test_it_waits_with_lines_that_the_disk_refuses(tmp_path: Path) -> None:
    async with writing() as writer:
        journal = Refusing(tmp_path / "lines.jsonl", writer)
        document = wallet_document(tmp_path / "book.json", writer, after=[journal])
        journal.append({"fill": 1})
        with pytest.raises(StorageUnavailableError, match=r"waits for lines\.jsonl"):
            await document.commit(Wallet(number=1))
        assert document.peek() is None
        journal.full = False
        await document.commit(Wallet(number=2))
        assert document.peek() == Wallet(number=2)
        assert list(journal.reader()) == [{"fill": 1}]


def test_the_catalogue_names_journals_that_exist() -> None:
    assert DOCUMENTS["positions"].after == ("fills",)
    assert {other for row in DOCUMENTS.values() for other in row.after} <= set(JOURNALS)
