"""A disk that refuses at random: once it works again, everything that was owed is there, in order."""

from __future__ import annotations

import asyncio
import errno
import random
from pathlib import Path
from typing import Any

import pytest

from tests.unit.storage.support import Wallet
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter


class Moody:
    """Refuses this share of writes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.refusing = 0.5

    def check(self) -> None:
        if self.random.random() < self.refusing:
            raise OSError(errno.EIO, "Input/output error")


class MoodyDocument(Document[Wallet]):
    disk: Moody

    def write(self, payloads: Any, durable: bool) -> None:
        self.disk.check()
        super().write(payloads, durable)


class MoodyJournal(Journal):
    disk: Moody

    def write(self, payloads: Any, durable: bool) -> None:
        self.disk.check()
        super().write(payloads, durable)


@pytest.mark.parametrize("seed", range(8))
async def test_everything_owed_arrives_in_order(tmp_path: Path, seed: int) -> None:
    disk, chance = Moody(seed), random.Random(seed + 100)
    writer = StorageWriter(SystemClock(), retry_s=0.002)
    documents = [MoodyDocument(tmp_path / f"{name}.json", Wallet, 1, writer) for name in "ab"]
    journals = [MoodyJournal(tmp_path / f"{name}.jsonl", writer) for name in "cd"]
    for target in (*documents, *journals):
        target.disk = disk
    newest: dict[int, int] = {}
    expected: dict[int, list[int]] = {0: [], 1: []}

    async def commit(place: int, number: int) -> None:
        try:
            await journals[place].commit({"n": number})
        except StorageUnavailableError:
            return
        expected[place].append(number)

    for number in range(300):
        place = chance.randrange(2)
        what = chance.random()
        if what < 0.4:
            documents[place].put(Wallet(number=number))
            newest[place] = number
        elif what < 0.7:
            journals[place].append({"n": number})
            expected[place].append(number)
        elif what < 0.9:
            await commit(place, number)
        else:
            await asyncio.to_thread(lambda: None)
    disk.refusing = 0.0
    await writer.flush()
    assert writer.health().ok
    assert_arrived(documents, journals, newest, expected)
    await writer.close(5.0)


def assert_arrived(
    documents: list[MoodyDocument],
    journals: list[MoodyJournal],
    newest: dict[int, int],
    expected: dict[int, list[int]],
) -> None:
    for place, number in newest.items():
        assert documents[place].load().value == Wallet(number=number)
    for place, numbers in expected.items():
        assert sorted(record["n"] for record in journals[place].reader()) == sorted(numbers)
    for journal in journals:
        in_file = [record["n"] for record in journal.reader()]
        assert in_file == sorted(in_file)
