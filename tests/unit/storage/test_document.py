"""Documents: what is put is what is loaded, and damage is never silent."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.unit.storage.support import Wallet, wallet_document, writing
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateCorruptError, StateError, StateNewerError, StorageUnavailableError
from tradingbot.storage.document import Document
from tradingbot.storage.writer import StorageWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "wallet.json"


def save_three(path: Path) -> Document[Wallet]:
    document = wallet_document(path, StorageWriter(SystemClock()))
    for number in (1, 2, 3):
        document.save(Wallet(number=number))
    return document


def test_a_look_moves_nothing(path: Path) -> None:
    """Who does not own a file falls back to an older copy without setting the damaged one aside."""
    document = save_three(path)
    path.write_bytes(b"damaged")
    assert document.peek() == Wallet(number=2)
    assert path.read_bytes() == b"damaged"
    for copy in path.parent.glob("wallet.json*"):
        copy.write_bytes(b"")
    with pytest.raises(StateCorruptError, match="no readable copy is left"):
        document.peek()
    assert path.exists()


async def test_a_committed_value_is_loaded_again_digit_for_digit(path: Path) -> None:
    value = Wallet(number=7, cash=Decimal("0.10000000000000000001"), names=("é", '"', "\n"))
    async with writing() as writer:
        await wallet_document(path, writer).commit(value)
        loaded = wallet_document(path, writer).load()
    assert loaded.value == value
    assert str(loaded.value.cash) == "0.10000000000000000001"
    assert (loaded.source, loaded.notes) == ("current", ())


async def test_a_put_value_is_on_disk_after_flush(path: Path) -> None:
    async with writing() as writer:
        document = wallet_document(path, writer)
        for number in range(200):
            document.put(Wallet(number=number))
        await writer.flush()
        assert wallet_document(path, writer).load().value == Wallet(number=199)


async def test_a_put_value_is_on_disk_after_close(path: Path) -> None:
    async with writing() as writer:
        wallet_document(path, writer).put(Wallet(number=5))
    assert json.loads(path.read_text())["data"]["number"] == 5


async def test_values_put_while_the_thread_is_busy_are_written_once_with_the_newest(path: Path) -> None:
    written: list[int] = []

    class Watched(Document[Wallet]):
        def write(self, payloads: Any, durable: bool) -> None:
            written.append(payloads[-1].number)
            super().write(payloads, durable)

    async with writing() as writer:
        document = Watched(path, Wallet, 1, writer)
        for number in range(5000):
            document.put(Wallet(number=number))
        await writer.flush()
    assert written[-1] == 4999
    assert len(written) < 2500


async def test_a_commit_that_is_superseded_returns_once_the_newer_value_is_durable(path: Path) -> None:
    async with writing() as writer:
        document = wallet_document(path, writer)
        await asyncio.gather(*(document.commit(Wallet(number=number)) for number in range(50)))
        assert wallet_document(path, writer).load().value == Wallet(number=49)


def test_nothing_there_is_missing_and_no_trouble(path: Path) -> None:
    loaded = wallet_document(path, StorageWriter(SystemClock())).load()
    assert (loaded.value, loaded.source, loaded.notes) == (None, "missing", ())


def test_the_file_is_an_envelope_that_jq_can_read_and_whose_hash_covers_the_data_as_stored(path: Path) -> None:
    save_three(path)
    content = path.read_bytes()
    envelope = json.loads(content)
    data = content[content.index(b'"data":') + 7 : -2]
    assert list(envelope) == ["schema_version", "sha256", "saved_at", "data"]
    assert envelope["schema_version"] == 1
    assert envelope["sha256"] == hashlib.sha256(data).hexdigest()
    assert envelope["data"]["cash"] == "10000.00"
    assert content.endswith(b"\n")


def test_files_are_private_to_the_user(path: Path) -> None:
    save_three(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_older_generations_are_kept_up_to_their_number(path: Path) -> None:
    document = wallet_document(path, StorageWriter(SystemClock()), generations=2)
    for number in range(6):
        document.save(Wallet(number=number))
    kept = {file.name: json.loads(file.read_text())["data"]["number"] for file in path.parent.iterdir()}
    assert kept == {"wallet.json": 5, "wallet.json.g1": 4, "wallet.json.g2": 3}


@pytest.mark.parametrize("generations", [0, 1, 5])
def test_any_number_of_generations_works(path: Path, generations: int) -> None:
    document = wallet_document(path, StorageWriter(SystemClock()), generations=generations)
    for number in range(8):
        document.save(Wallet(number=number))
    assert len(list(path.parent.iterdir())) == generations + 1
    assert document.load().value == Wallet(number=7)


DAMAGE = {
    "empty": (lambda content: b"", "it is empty"),
    "cut in the middle": (lambda content: content[: len(content) // 2], "it is no JSON"),
    "zeros": (lambda content: b"\0" * len(content), "it is no JSON"),
    "one digit changed": (lambda content: content.replace(b'"number":3', b'"number":4'), "does not match its hash"),
    "reformatted by hand": (lambda content: json.dumps(json.loads(content), indent=2).encode(), "edit by hand"),
    "another document": (lambda content: b"[]", "its envelope"),
}


@pytest.mark.parametrize("kind", list(DAMAGE))
def test_a_corrupt_file_is_quarantined_and_the_generation_before_is_used(path: Path, kind: str) -> None:
    damage, why = DAMAGE[kind]
    document = save_three(path)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    loaded = document.load()
    (aside,) = (path.parent / "quarantine").iterdir()
    assert (loaded.value, loaded.source) == (Wallet(number=2), "generation-1")
    assert aside.read_bytes() == damaged
    assert aside.name.startswith("wallet.json.corrupt-20")
    assert why in loaded.notes[0]
    assert str(aside) in loaded.notes[0]
    assert loaded.notes[1] == "wallet.json.g1 is used instead"


def test_valid_json_that_is_no_valid_model_is_corrupt_and_names_the_field(path: Path) -> None:
    class Other(BaseModel):
        number: str = "x"

    document = save_three(path)
    Document(path, Other, 1, StorageWriter(SystemClock())).write([Other()], durable=True)
    loaded = document.load()
    assert loaded.value == Wallet(number=3)
    assert "number: Input should be a valid integer" in loaded.notes[0]


def test_a_missing_file_falls_back_to_a_generation(path: Path) -> None:
    document = save_three(path)
    path.unlink()
    loaded = document.load()
    assert (loaded.value, loaded.source) == (Wallet(number=2), "generation-1")
    assert loaded.notes == ("wallet.json is missing", "wallet.json.g1 is used instead")


def test_two_corrupt_copies_fall_back_to_the_third(path: Path) -> None:
    document = save_three(path)
    path.write_bytes(b"x")
    path.with_name("wallet.json.g1").write_bytes(b"y")
    assert document.load().source == "generation-2"
    assert len(list((path.parent / "quarantine").iterdir())) == 2


def test_without_a_readable_copy_loading_stops_and_leaves_every_file_where_it_is(path: Path) -> None:
    document = save_three(path)
    for file in path.parent.iterdir():
        file.write_bytes(b"junk")
    before = sorted(file.name for file in path.parent.iterdir())
    for _ in range(2):  # a restart does not start empty either
        with pytest.raises(StateCorruptError, match="no readable copy is left"):
            document.load()
    assert sorted(file.name for file in path.parent.iterdir()) == before


def test_a_loss_that_is_allowed_sets_everything_aside_and_starts_empty(path: Path) -> None:
    document = save_three(path)
    for file in path.parent.iterdir():
        file.write_bytes(b"junk")
    loaded = document.load(allow_loss=True)
    assert (loaded.value, loaded.source, len(loaded.notes)) == (None, "missing", 3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_never_yields_a_value_that_was_not_saved(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / str(abs(hash(data)))
    path = folder / "wallet.json"
    document = save_three(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(bytes(content[:cut]))
    try:
        loaded = document.load()
    except StateNewerError:  # the damage may read as a newer version: refusing is right too
        return
    assert loaded.value in (Wallet(number=3), Wallet(number=2))


def test_a_newer_version_is_refused_and_never_overwritten(path: Path) -> None:
    writer = StorageWriter(SystemClock())
    wallet_document(path, writer, schema_version=3).save(Wallet(number=1))
    before = path.read_bytes()
    old = wallet_document(path, writer, schema_version=2)
    with pytest.raises(StateNewerError, match=r"schema 3, this one knows 2"):
        old.load()
    with pytest.raises(StateNewerError):
        old.put(Wallet(number=9))
    with pytest.raises(StateNewerError):
        old.save(Wallet(number=9))
    assert path.read_bytes() == before


def test_a_newer_envelope_of_unknown_layout_is_refused_too(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"format": "x", "schema_version": 9, "data": {}}')
    with pytest.raises(StateNewerError):
        wallet_document(path, StorageWriter(SystemClock())).load()


def add_note(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "note": "migrated"}


def double(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "number": data["number"] * 2}


def test_older_versions_are_migrated_step_by_step_and_the_original_is_kept(path: Path) -> None:
    writer = StorageWriter(SystemClock())
    wallet_document(path, writer).save(Wallet(number=4))
    original = path.read_bytes()
    document = wallet_document(path, writer, schema_version=3, migrations={1: add_note, 2: double})
    loaded = document.load()
    assert loaded.value == Wallet(number=8, note="migrated")
    for number in range(5):
        document.save(Wallet(number=number))
    assert path.with_name("wallet.json.schema-1").read_bytes() == original
    assert json.loads(path.read_text())["schema_version"] == 3


def test_a_version_without_a_migration_stops(path: Path) -> None:
    writer = StorageWriter(SystemClock())
    wallet_document(path, writer).save(Wallet(number=4))
    with pytest.raises(StateError, match="schema version 1 is older than this program can migrate"):
        wallet_document(path, writer, schema_version=3, migrations={2: double}).load()


def test_a_migration_that_fails_stops_and_keeps_the_file(path: Path) -> None:
    writer = StorageWriter(SystemClock())
    wallet_document(path, writer).save(Wallet(number=4))
    with pytest.raises(StateError, match="cannot be migrated from schema 1 to 2"):
        wallet_document(path, writer, schema_version=2, migrations={1: lambda data: data["absent"]}).load()
    assert path.exists()


@pytest.mark.parametrize("migrations", [{1: double}, {1: double, 3: double}, {4: double}])
def test_migrations_with_a_gap_are_refused_at_once(path: Path, migrations: dict[int, Any]) -> None:
    with pytest.raises(ValueError, match="migrations do not lead to version 4"):
        wallet_document(path, StorageWriter(SystemClock()), schema_version=4, migrations=migrations)


async def test_a_value_that_json_cannot_hold_is_refused_and_the_thread_lives_on(path: Path) -> None:
    class Odd(BaseModel):
        thing: Any

    async with writing() as writer:
        odd = Document(path, Odd, 1, writer)
        with pytest.raises(StorageUnavailableError, match="this value cannot be stored"):
            await odd.commit(Odd(thing=object()))
        assert not writer.health().ok
        await odd.commit(Odd(thing=1))
        assert writer.health().ok


def test_a_stale_temporary_file_does_no_harm(path: Path) -> None:
    document = save_three(path)
    path.with_name(".wallet.json.tmp").write_bytes(b"half a sta")
    document.save(Wallet(number=4))
    assert document.load().value == Wallet(number=4)
    assert os.listdir(path.parent).count(".wallet.json.tmp") == 0


def test_a_backup_made_of_hard_links_never_changes(path: Path) -> None:
    document = save_three(path)
    backup = path.with_name("backup")
    os.link(path, backup)
    before = backup.read_bytes()
    for number in range(10):
        document.save(Wallet(number=number, note="n" * 5000))
    assert backup.read_bytes() == before


def test_a_shorter_value_in_recycled_blocks_leaves_no_rest_of_the_longer_one(path: Path) -> None:
    document = save_three(path)
    for size in (5000, 10, 3000, 0, 100, 1, 4000):
        document.save(Wallet(number=1, note="n" * size))
        assert document.load().value.note == "n" * size
