"""A disk that refuses: nothing newest is lost, who waits is told, and it heals by itself."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.storage.support import Wallet, wallet_document, writing
from tradingbot.clock import SteppedClock, SystemClock
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter


class FullDisk:
    """A switch that lets targets fail as a full disk does."""

    def __init__(self) -> None:
        self.full = False

    def check(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


class FullableDocument(Document[Wallet]):
    def __init__(self, disk: FullDisk, path: Path, writer: StorageWriter) -> None:
        super().__init__(path, Wallet, 1, writer)
        self.disk = disk

    def write(self, payloads: Any, durable: bool) -> None:
        self.disk.check()
        super().write(payloads, durable)


class FullableJournal(Journal):
    def __init__(self, disk: FullDisk, path: Path, writer: StorageWriter) -> None:
        super().__init__(path, writer)
        self.disk = disk

    def write(self, payloads: Any, durable: bool) -> None:
        self.disk.check()
        super().write(payloads, durable)


async def until_healthy(writer: StorageWriter) -> None:
    async with asyncio.timeout(10):
        while not writer.health().ok:
            await asyncio.to_thread(lambda: None)


async def test_the_newest_value_survives_a_full_disk_and_is_written_once_there_is_room(tmp_path: Path) -> None:
    disk = FullDisk()
    async with writing() as writer:
        document = FullableDocument(disk, tmp_path / "wallet.json", writer)
        await document.commit(Wallet(number=1))
        disk.full = True
        with pytest.raises(StorageUnavailableError, match="No space left on device"):
            await document.commit(Wallet(number=2))
        document.put(Wallet(number=3))
        with pytest.raises(StorageUnavailableError):
            await writer.flush()
        assert not writer.health().ok
        assert "wallet.json: No space left on device; free space" in writer.health().detail
        disk.full = False
        await until_healthy(writer)
        await writer.flush()
        assert wallet_document(tmp_path / "wallet.json", writer).load().value == Wallet(number=3)


async def test_since_is_when_the_trouble_began(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.full = True
    async with writing() as writer:
        document = FullableDocument(disk, tmp_path / "wallet.json", writer)
        for number in range(3):
            with pytest.raises(StorageUnavailableError):
                await document.commit(Wallet(number=number))
            if number == 0:
                first = writer.health().since
        assert writer.health().since == first
        disk.full = False


async def test_appends_wait_for_room_in_order_and_failed_commits_never_appear(tmp_path: Path) -> None:
    disk = FullDisk()
    path = tmp_path / "orders.jsonl"
    async with writing() as writer:
        journal = FullableJournal(disk, path, writer)
        journal.append({"n": 1})
        await writer.flush()
        disk.full = True
        journal.append({"n": 2})
        with pytest.raises(StorageUnavailableError):
            await journal.commit({"n": 3})
        journal.append({"n": 4})
        disk.full = False
        await journal.commit({"n": 5})
        await until_healthy(writer)
    assert [record["n"] for record in Journal.read(path)] == [1, 2, 4, 5]


async def test_after_a_failed_commit_alone_a_probe_write_clears_the_trouble(tmp_path: Path) -> None:
    disk = FullDisk()
    async with writing() as writer:
        journal = FullableJournal(disk, tmp_path / "orders.jsonl", writer)
        disk.full = True
        with pytest.raises(StorageUnavailableError):
            await journal.commit({"n": 1})
        await until_healthy(writer)
    assert not list(tmp_path.glob(".probe*"))


async def test_one_bad_folder_does_not_stop_the_others(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.full = True
    async with writing() as writer:
        FullableDocument(disk, tmp_path / "bad.json", writer).put(Wallet(number=1))
        await wallet_document(tmp_path / "good.json", writer).commit(Wallet(number=2))
        assert not writer.health().ok
        disk.full = False


async def test_memory_is_bounded_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.full = True
    writer = StorageWriter(SystemClock(), retry_s=0.01, max_pending_bytes=1_000)
    journal = FullableJournal(disk, tmp_path / "a.jsonl", writer)
    for number in range(500):
        journal.append({"n": number})
    with pytest.raises(StorageUnavailableError):
        await writer.flush()
    disk.full = False
    await writer.flush()
    kept = [record["n"] for record in Journal.read(tmp_path / "a.jsonl")]
    assert kept == list(range(len(kept)))
    assert len(kept) < 200
    assert f"{500 - len(kept)} journal records had to be dropped" in writer.health().detail
    await writer.close(5.0)


async def test_a_partly_written_block_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(retry_s=60.0) as writer:
        journal = Journal(tmp_path / "a.jsonl", writer)
        await journal.commit({"n": 1})
        real = os.fsync

        def refuse(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageUnavailableError, match="Input/output error"):
            await journal.commit({"n": 2})
        monkeypatch.setattr(os, "fsync", real)
        await journal.commit({"n": 3})
    reader = JournalReader(tmp_path / "a.jsonl")
    assert [record["n"] for record in reader] == [1, 3]
    assert reader.bad_lines == 0


async def test_closing_with_a_full_disk_names_what_was_not_written(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.full = True
    writer = StorageWriter(SystemClock(), retry_s=0.01)
    FullableDocument(disk, tmp_path / "wallet.json", writer).put(Wallet(number=1))
    with pytest.raises(StorageUnavailableError, match=r"wallet\.json"):
        await writer.close(5.0)
    with pytest.raises(StorageUnavailableError, match="storage is closed"):
        wallet_document(tmp_path / "wallet.json", writer).put(Wallet(number=2))
    await writer.close(5.0)


async def test_a_disk_that_hangs_does_not_hang_the_shutdown(tmp_path: Path) -> None:
    import threading

    release = threading.Event()

    class Hanging(Document[Wallet]):
        def write(self, payloads: Any, durable: bool) -> None:
            release.wait(30)

    writer = StorageWriter(SystemClock())
    Hanging(tmp_path / "wallet.json", Wallet, 1, writer).put(Wallet(number=1))
    with pytest.raises(StorageUnavailableError, match="did not finish within"):
        await writer.close(0.05)
    release.set()


async def test_a_stepped_clock_stands_still_while_the_disk_works(tmp_path: Path) -> None:
    clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))
    writer = StorageWriter(clock)
    document = wallet_document(tmp_path / "wallet.json", writer)
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(1e9))
        for number in range(20):
            await document.commit(Wallet(number=number))
        assert clock.monotonic_s() == 0.0
        await writer.close(5.0)
        sleeper.cancel()


async def test_probing_a_folder_says_whether_it_takes_writes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with writing() as writer:
        await writer.probe(tmp_path / "new" / "folder")
        with pytest.raises(StorageUnavailableError, match="Not a directory"):
            await writer.probe(tmp_path / "file")


CHILD = """
import asyncio, json, os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.storage.support import Wallet, wallet_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter
home = Path(sys.argv[1])

async def main():
    writer = StorageWriter(SystemClock(), retry_s=0.01)
    document = wallet_document(home / "wallet.json", writer)
    journal = Journal(home / "orders.jsonl", writer)
    await document.commit(Wallet(number=1))
    await journal.commit({{"n": 1}})
    {break_disk}
    refused = []
    big = Wallet(number=2, note="x" * 200_000)
    for write in (lambda: document.commit(big), lambda: journal.commit({{"n": 2, "text": "y" * 200_000}})):
        try:
            await write()
        except StorageUnavailableError as error:
            refused.append(str(error))
    sick = writer.health().ok
    {mend_disk}
    while not writer.health().ok:
        await asyncio.to_thread(lambda: None)
    await journal.commit({{"n": 3}})
    await writer.close(10)
    print(json.dumps([refused, sick]))

asyncio.run(main())
"""


def run_child(home: Path, break_disk: str, mend_disk: str) -> list[Any]:
    root = str(Path(__file__).resolve().parents[3])
    code = CHILD.format(root=root, break_disk=break_disk, mend_disk=mend_disk)
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": f"{root}/src", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    refused, ok = json.loads(done.stdout)
    assert not ok
    return refused


def assert_recovered(home: Path) -> None:
    writer = StorageWriter(SystemClock())
    loaded = wallet_document(home / "wallet.json", writer).load()
    assert (loaded.value.number, len(loaded.value.note), loaded.source) == (2, 200_000, "current")
    reader = JournalReader(home / "orders.jsonl")
    assert [record["n"] for record in reader] == [1, 3]
    assert (reader.bad_lines, reader.torn_tail) == (0, False)


@pytest.mark.process
def test_a_real_limit_on_file_sizes_is_survived(tmp_path: Path) -> None:
    refused = run_child(
        tmp_path,
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))",
    )
    assert len(refused) == 2
    assert all("File too large" in text for text in refused)
    assert_recovered(tmp_path)


@pytest.mark.process
def test_a_read_only_folder_is_survived(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    give_up, regain = "os.chmod(home, 0o500)", "os.chmod(home, 0o700)"
    if os.geteuid() == 0:  # root writes everywhere; the child goes on as nobody for a while
        for folder in (home, *list(home.parents)[:3]):
            os.chmod(folder, 0o755)
        give_up, regain = "os.seteuid(65534)", "os.seteuid(0)"
    refused = run_child(home, give_up, regain)
    assert any("Permission denied" in text for text in refused)
    writer = StorageWriter(SystemClock())
    assert wallet_document(home / "wallet.json", writer).load().value.number == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A real file system of 600 KiB; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.process
def test_a_really_full_disk_is_survived(small_disk: Path) -> None:
    refused = run_child(
        small_disk,
        "(home / 'ballast').write_bytes(b'z' * 450_000)",
        "(home / 'ballast').unlink(); (home / 'wallet.json').stat()",
    )
    assert all("No space left on device" in text for text in refused)
    assert wallet_document(small_disk / "wallet.json", StorageWriter(SystemClock())).load().value.number == 2
