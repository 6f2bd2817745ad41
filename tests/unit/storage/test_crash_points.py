"""The plug is pulled before every single system call in turn: what is found afterwards is the old or the new value."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.storage.support import Wallet, wallet_document
from tradingbot.clock import ScaledClock, SystemClock
from tradingbot.storage.journal import Journal
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

CALLS = ("open", "write", "fsync", "ftruncate", "replace", "link", "unlink", "close")


class PulledPlugError(BaseException):
    """The machine is gone: nothing is cleaned up."""


@contextmanager
def plug_pulled_before(call: int) -> Iterator[list[str]]:
    """Let system call number `call` (from 0) and everything after it not happen; a write gets half way."""
    done: list[str] = []
    real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CALLS}

    def wrapped(name: str) -> Callable[..., Any]:
        def call_or_die(*arguments: Any, **options: Any) -> Any:
            if len(done) >= call:
                if name == "write" and len(done) == call:
                    real["write"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise PulledPlugError
            done.append(name)
            return real[name](*arguments, **options)

        return call_or_die

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, wrapped(name))
        yield done


@pytest.mark.parametrize("generations", [0, 1, 3])
@pytest.mark.parametrize("saves_before", [0, 1, 2, 6])
def test_a_document_is_old_or_new_wherever_the_plug_is_pulled(
    tmp_path: Path, generations: int, saves_before: int
) -> None:
    call, finished = 0, False
    while not finished:
        path = tmp_path / str(call) / "wallet.json"
        document = wallet_document(path, StorageWriter(SystemClock()), generations=generations)
        for number in range(saves_before):
            document.save(Wallet(number=number, note="o" * 300))
        try:
            with plug_pulled_before(call):
                document.write([Wallet(number=99, note="n" * 500)], durable=True)
            finished = True
        except PulledPlugError:
            call += 1
        survivor = wallet_document(path, StorageWriter(SystemClock()), generations=generations)
        loaded = survivor.load()
        numbers = {99, saves_before - 1} if saves_before else {99, None}
        assert (loaded.value.number if loaded.value else None) in numbers
        assert loaded.source in ("current", "missing")
        survivor.save(Wallet(number=100))
        assert survivor.load().value == Wallet(number=100)
    assert call > 5


@pytest.mark.parametrize("records_before", [0, 1, 20])
def test_a_journal_keeps_every_earlier_record_wherever_the_plug_is_pulled(tmp_path: Path, records_before: int) -> None:
    call, finished = 0, False
    while not finished:
        path = tmp_path / str(call) / "orders.jsonl"
        clock = ScaledClock(datetime(2026, 1, 5, tzinfo=UTC), 1.0)
        journal = Journal(path, StorageWriter(clock), max_bytes=100)
        for number in range(records_before):
            journal.write([b'{"n":%d}\n' % number], durable=True)
        try:
            with plug_pulled_before(call):
                journal.write([b'{"n":99}\n'], durable=True)
            finished = True
        except PulledPlugError:
            call += 1
        assert_whole(path, list(range(records_before)))
        again = Journal(path, StorageWriter(clock), max_bytes=100)
        again.write([b'{"n":100}\n'], durable=True)
        reader = JournalReader(path)
        numbers = [record["n"] for record in reader]
        assert numbers[-1] == 100
        assert [number for number in numbers if number < 99] == list(range(records_before))
        assert (reader.bad_lines, reader.torn_tail) == (0, False)


def assert_whole(path: Path, expected: list[int]) -> None:
    reader = JournalReader(path)
    assert [record["n"] for record in reader if record["n"] < 99] == expected
    assert reader.bad_lines == 0
