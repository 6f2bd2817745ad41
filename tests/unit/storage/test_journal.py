"""Journals: what was committed is read again, in order, whatever happened to the tail."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.storage.support import writing
from tradingbot.clock import ScaledClock
from tradingbot.storage.journal import Journal
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.rotation import parts, retire
from tradingbot.storage.writer import StorageWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "signals.jsonl"


def numbers(path: Path) -> list[int]:
    return [record["n"] for record in Journal.read(path)]


async def test_appended_records_are_read_in_order_after_flush(path: Path) -> None:
    async with writing() as writer:
        journal = Journal(path, writer)
        for number in range(1000):
            journal.append({"n": number})
        await writer.flush()
        assert numbers(path) == list(range(1000))


async def test_a_commit_is_on_disk_when_it_returns(path: Path) -> None:
    async with writing() as writer:
        await Journal(path, writer).commit({"n": 1})
        assert numbers(path) == [1]


async def test_many_commits_at_once_share_their_fsync(path: Path) -> None:
    blocks: list[int] = []

    class Watched(Journal):
        def write(self, payloads, durable):
            blocks.append(len(payloads))
            super().write(payloads, durable)

    async with writing() as writer:
        journal = Watched(path, writer)
        await asyncio.gather(*(journal.commit({"n": number}) for number in range(500)))
    assert numbers(path) == list(range(500))
    assert len(blocks) < 100


async def test_values_beyond_json_have_one_spelling(path: Path) -> None:
    record = {
        "price": Decimal("0.10"),
        "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "tags": frozenset({"b", "a"}),
        "path": Path("x/y"),
    }
    async with writing() as writer:
        journal = Journal(path, writer)
        await journal.commit(record)
        with pytest.raises(TypeError, match="cannot be written as JSON"):
            journal.append({"thing": object()})
    assert json.loads(path.read_text()) == {
        "price": "0.10", "at": "2026-01-31T12:00:00.000Z", "tags": ["a", "b"], "path": "x/y",
    }  # fmt: skip


def lines(count: int) -> bytes:
    return b"".join(b'{"n":%d,"text":"%s"}\n' % (number, b"x" * number) for number in range(count))


async def test_a_tail_torn_at_any_byte_loses_no_whole_record_and_later_ones_are_sound(tmp_path: Path) -> None:
    content = lines(4)
    async with writing() as writer:
        for cut in range(len(content) + 1):
            path = tmp_path / str(cut) / "torn.jsonl"
            path.parent.mkdir()
            path.write_bytes(content[:cut])
            whole = sum(cut >= len(lines(number)) - 1 for number in range(1, 5))
            reader = JournalReader(path)
            assert [record["n"] for record in reader] == list(range(whole))
            await Journal(path, writer).commit({"n": 99})
            assert [record["n"] for record in reader] == [*range(whole), 99]
            assert (reader.bad_lines, reader.torn_tail) == (0, False)


async def test_torn_bytes_are_kept_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"n":1}\n{"n":2')
    assert JournalReader(path).tail(5) == [{"n": 1}]
    async with writing() as writer:
        await Journal(path, writer).commit({"n": 3})
    (aside,) = (path.parent / "quarantine").iterdir()
    assert aside.read_bytes() == b'{"n":2'
    assert ".torn-20" in aside.name


async def test_a_very_long_torn_tail_is_found_across_blocks(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"n":1}\n{"n":"' + b"y" * 200_000)
    async with writing() as writer:
        await Journal(path, writer).commit({"n": 2})
    assert numbers(path) == [1, 2]


def test_bad_lines_in_the_middle_are_passed_over_and_counted(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"n":1}\nrubbish\n[1]\n\n\xff\xfe\n{"n":2}\n{"n":')
    reader = JournalReader(path)
    assert [record["n"] for record in reader] == [1, 2]
    assert (reader.bad_lines, reader.torn_tail) == (3, True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_any_bytes_at_all_can_be_read_and_appended_to(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    before = list(JournalReader(path))
    journal = Journal(path, StorageWriter(ScaledClock(datetime(2026, 1, 5, tzinfo=UTC), 1.0)))
    journal.write([b'{"n":1}\n'], durable=True)
    journal.close()
    assert list(JournalReader(path)) == [*before, {"n": 1}]


async def test_rotation_keeps_every_record_and_compresses_the_old_files(path: Path) -> None:
    async with writing() as writer:
        journal = Journal(path, writer, max_bytes=2_000, keep_files=1000)
        for number in range(1000):
            journal.append({"n": number})
            if number % 20 == 0:
                await writer.flush()
        await writer.flush()
        assert numbers(path) == list(range(1000))
        while any(not part.compressed for part in parts(path)):
            await asyncio.to_thread(lambda: None)
            await writer.flush()
    rotated = parts(path)
    assert len(rotated) > 3
    assert path.stat().st_size <= 2_000
    with gzip.open(rotated[0].path) as oldest:
        assert oldest.readline() == b'{"n":0}\n'
    assert numbers(path) == list(range(1000))


async def test_only_so_many_rotated_files_are_kept(path: Path) -> None:
    async with writing() as writer:
        journal = Journal(path, writer, max_bytes=50, keep_files=3)
        for number in range(100):
            await journal.commit({"n": number})
    async with writing() as writer:  # a start tidies what an abrupt end left
        await Journal(path, writer, keep_files=3).commit({"n": 100})
        while len(parts(path)) > 3:
            await writer.flush()
    kept = numbers(path)
    assert kept == list(range(kept[0], 101))
    assert kept[0] > 50


def test_parts_beyond_their_age_are_deleted(path: Path) -> None:
    path.parent.mkdir()
    for day in (1, 10, 20):
        path.with_name(f"signals.{day:06d}.202601{day:02d}T000000000Z.jsonl").write_bytes(b'{"n":%d}\n' % day)
    retire(path, keep_files=10, retention_days=7, now=datetime(2026, 1, 18, tzinfo=UTC))
    assert numbers(path) == [20]


def test_a_part_that_is_there_plain_and_compressed_is_read_once(path: Path) -> None:
    path.parent.mkdir()
    plain = path.with_name("signals.000001.20260101T000000000Z.jsonl")
    plain.write_bytes(b'{"n":1}\n')
    with gzip.open(f"{plain}.gz", "wb") as packed:
        packed.write(b'{"n":1}\n')
    path.write_bytes(b'{"n":2}\n')
    assert numbers(path) == [1, 2]


def test_a_damaged_part_is_named_and_the_others_are_read(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("signals.000001.20260101T000000000Z.jsonl.gz").write_bytes(b"no gzip at all")
    path.write_bytes(b'{"n":2}\n')
    reader = JournalReader(path)
    assert [record["n"] for record in reader] == [2]
    assert reader.problems[0].startswith("signals.000001")


async def test_a_journal_deleted_under_the_writer_is_made_anew(path: Path) -> None:
    async with writing() as writer:
        journal = Journal(path, writer)
        await journal.commit({"n": 1})
        path.unlink()
        await journal.commit({"n": 2})
        assert numbers(path) == [2]


def test_no_journal_is_no_records(path: Path) -> None:
    assert list(Journal.read(path)) == []


async def test_order_between_journal_and_document_is_the_order_of_calls(tmp_path: Path) -> None:
    order: list[str] = []

    class Watched(Journal):
        def write(self, payloads, durable):
            order.extend(line.decode().strip() for line in payloads)
            super().write(payloads, durable)

    async with writing() as writer:
        first, second = (Watched(tmp_path / name, writer) for name in ("a.jsonl", "b.jsonl"))
        for number in range(30):
            (first if number % 2 else second).append({"n": number})
        await writer.flush()
    assert order == [f'{{"n":{number}}}' for number in range(30)]


def test_rotation_stamps_follow_the_clock(path: Path) -> None:
    origin = datetime(2026, 1, 5, 8, tzinfo=UTC)
    journal = Journal(path, StorageWriter(ScaledClock(origin, 1.0)), max_bytes=10)
    for number in range(3):
        journal.write([b'{"n":%d}\n' % number], durable=True)
    journal.close()
    assert all(abs(part.rotated_at - origin) < timedelta(seconds=30) for part in parts(path))
    assert [part.number for part in parts(path)] == [1, 2]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 9000), max_size=60), count=st.integers(1, 70), torn=st.booleans())
def test_the_tail_is_the_end_of_the_whole(tmp_path: Path, sizes: list[int], count: int, torn: bool) -> None:
    path = tmp_path / "tail.jsonl"
    content = b"".join(b'{"n":%d,"t":"%s"}\n' % (number, b"x" * size) for number, size in enumerate(sizes))
    path.write_bytes(content + (b'{"n":' if torn else b""))
    assert JournalReader(path).tail(count) == list(JournalReader(path))[-count:]


def test_the_tail_reaches_back_into_rotated_files(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("signals.000001.20260101T000000000Z.jsonl").write_bytes(b'{"n":1}\n{"n":2}\n')
    path.write_bytes(b'{"n":3}\n')
    assert JournalReader(path).tail(2) == [{"n": 2}, {"n": 3}]


def test_the_newest_records_come_one_by_one_from_as_few_files_as_that_takes(path: Path) -> None:
    path.parent.mkdir()
    lines = [json.dumps({"n": number}).encode() + b"\n" for number in range(10)]
    first, second = (path.with_name(f"signals.00000{one}.20260101T000000000Z.jsonl") for one in (1, 2))
    first.write_bytes(b"".join(lines[:4]))
    second.with_name(f"{second.name}.gz").write_bytes(gzip.compress(b"".join(lines[4:7])))
    path.write_bytes(b"".join(lines[7:]))
    reader = JournalReader(path)
    for count, begins in ((1, 7), (3, 7), (4, 4), (6, 4), (7, 0), (100, 0)):
        assert [record["n"] for record in reader.newest(count)] == list(range(begins, 10)), count
    path.unlink()
    assert [record["n"] for record in reader.newest(2)] == [4, 5, 6]
    second.with_name(f"{second.name}.gz").write_bytes(b"no gzip")
    assert [record["n"] for record in reader.newest(2)] == [0, 1, 2, 3]
    assert len(reader.problems) == 1


@pytest.mark.parametrize("count", range(1, 9))
def test_the_tail_opens_no_more_rotated_files_than_it_needs(path: Path, count: int) -> None:
    """The oldest part is damaged: only a tail that reaches it says so."""
    path.parent.mkdir()
    path.with_name("signals.000001.20260101T000000000Z.jsonl.gz").write_bytes(b"no gzip")
    path.with_name("signals.000002.20260102T000000000Z.jsonl").write_bytes(b'{"n":1}\n{"n":2}\n{"n":3}\n')
    path.write_bytes(b'{"n":4}\n{"n":5}\n')
    reader = JournalReader(path)
    assert [record["n"] for record in reader.tail(count)] == list(range(1, 6))[-count:]
    assert bool(reader.problems) is (count > 5)


def test_since_leaves_out_what_was_rotated_before(path: Path) -> None:
    path.parent.mkdir()
    for number, day in enumerate(("01", "02", "03"), 1):
        path.with_name(f"signals.{number:06d}.202601{day}T000000000Z.jsonl").write_bytes(b'{"n":%d}\n' % number)
    path.write_bytes(b'{"n":4}\n')
    found = JournalReader(path).since(datetime(2026, 1, 2, tzinfo=UTC))
    assert [record["n"] for record in found] == [2, 3, 4]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(None, 1, [1]), (None, 2, [1, 2, 3]), (2, 2, [2, 3]), (3, 9, [3, 4]), (4, None, [4]), (None, None, [1, 2, 3, 4])],
)
def test_only_files_of_that_time_are_opened(path: Path, since: int | None, until: int | None, found: list[int]) -> None:
    """A part holds what was written from the rotation before it to its own; at noon of those days."""
    path.parent.mkdir()
    for number, day in enumerate(("01", "02", "03"), 1):
        path.with_name(f"signals.{number:06d}.202601{day}T120000000Z.jsonl").write_bytes(b'{"n":%d}\n' % number)
    path.write_bytes(b'{"n":4}\n')
    first, last = (None if day is None else datetime(2026, 1, day, 12, tzinfo=UTC) for day in (since, until))
    if until == 1:
        last = datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert [record["n"] for record in JournalReader(path).since(first, last)] == found


def test_the_newest_wanted_lines_of_a_time(path: Path) -> None:
    """Counted are those that are wanted, over as many files as that takes."""
    path.parent.mkdir()
    for number in (1, 2, 3):
        lines = b"".join(b'{"n":%d}\n' % (10 * number + n) for n in range(4))
        path.with_name(f"signals.{number:06d}.2026010{number}T000000000Z.jsonl").write_bytes(lines)
    path.write_bytes(b"damaged\n")
    reader = JournalReader(path)
    until = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert [line["n"] for line in reader.newest_of(3, until, lambda line: line["n"] < 32)] == [23, 30, 31]
    assert [line["n"] for line in reader.newest_of(99, until, lambda line: line["n"] % 2 == 0)] == [
        10, 12, 20, 22, 30, 32,
    ]  # fmt: skip
    assert reader.bad_lines == 0
