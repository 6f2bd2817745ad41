"""Durable save of a 50 KB state, against the bare encode + write + fsync + rename + fsync of the same content."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import orjson
from pydantic import BaseModel

from benchmarks.harness import Result
from tradingbot.clock import SystemClock
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter

ROUNDS = 400
RECORDS = 1_920
TARGET_RATIO = 1.3


class Lot(BaseModel):
    """A position as a state file holds it."""

    symbol: str
    direction: str
    size_contracts: Decimal
    entry_price: Decimal
    entry_at: str
    leverage: float
    reasons: tuple[str, ...]
    history: tuple[float, ...]


class State(BaseModel):
    """About 50 KB of them."""

    version: int
    lots: tuple[Lot, ...]


def sample_state(lots: int = 110) -> State:
    """The state that is saved."""
    lot = Lot(
        symbol="BTCUSDT",
        direction="long",
        size_contracts=Decimal("0.1234"),
        entry_price=Decimal("104321.5"),
        entry_at="2026-01-05T08:00:00.000Z",
        leverage=3.0,
        reasons=("whale flow 1.2 M USD out", "funding deviation -0.0002", "OFI momentum 0.34"),
        history=tuple(104_321.5 + step * 1.25 for step in range(20)),
    )
    return State(version=1, lots=tuple(lot for _ in range(lots)))


def bare_save(path: Path, content: object) -> None:
    """What cannot be left out: encode, write, fsync, rename, fsync of the folder."""
    temp = path.with_suffix(".tmp")
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, orjson.dumps(content))
    os.fsync(descriptor)
    os.close(descriptor)
    os.replace(temp, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _seconds(work: Callable[[], None]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


async def _journal(folder: Path) -> tuple[float, float]:
    """Durable records per second: one waiting at a time, and 64 at a time."""
    writer = StorageWriter(SystemClock())
    journal = Journal(folder / "ours.jsonl", writer)
    record = {"text": "t" * 980}
    start_s = time.perf_counter()
    for _ in range(RECORDS):
        await journal.commit(record)
    middle_s = time.perf_counter()
    for _ in range(RECORDS // 64):
        await asyncio.gather(*(journal.commit(record) for _ in range(64)))
    end_s = time.perf_counter()
    await writer.close(10.0)
    return RECORDS / (middle_s - start_s), RECORDS / (end_s - middle_s)


def _bare_journal(path: Path, together: int) -> float:
    """Records per second of orjson + write, with one fsync for so many."""
    record = {"text": "t" * 980}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    start_s = time.perf_counter()
    for _ in range(RECORDS // together):
        os.write(descriptor, b"".join(orjson.dumps(record) + b"\n" for _ in range(together)))
        os.fsync(descriptor)
    elapsed_s = time.perf_counter() - start_s
    os.close(descriptor)
    return RECORDS / elapsed_s


def run() -> list[Result]:
    """Documents and journals."""
    return [*_documents(), *_journals()]


def _journals() -> list[Result]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        one, many = asyncio.run(_journal(Path(name)))
        bare_one, bare_many = (_bare_journal(Path(name) / f"bare{count}.jsonl", count) for count in (1, 64))
    return [
        Result(title, value, "records/s", bare, value / bare, f">= {least:,.0f} records/s", value >= least)
        for title, value, bare, least in (
            ("journal commit of 1 KB through the writer thread, one at a time", one, bare_one, 1_000.0),
            ("journal commit of 1 KB through the writer thread, 64 at a time", many, bare_many, 20_000.0),
        )
    ]


def _documents() -> list[Result]:
    """Interleaved rounds in one folder, so that both sides meet the same disk; medians."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        state = sample_state()
        document = Document(folder / "ours.json", State, 1, StorageWriter(SystemClock()))
        document.save(state)
        content = orjson.loads((folder / "ours.json").read_bytes())
        ours, bare = [], []
        for _ in range(ROUNDS):
            bare.append(_seconds(lambda: bare_save(folder / "bare.json", content)))
            ours.append(_seconds(lambda: document.save(state)))
    value, reference = statistics.median(ours) * 1e3, statistics.median(bare) * 1e3
    ratio = value / reference
    size_kb = len(orjson.dumps(content)) / 1000
    return [
        Result(
            f"durable save of {size_kb:.0f} KB (model, hash, 3 generations)",
            value,
            "ms",
            reference,
            ratio,
            f"<= {TARGET_RATIO} x bare",
            ratio <= TARGET_RATIO,
        )
    ]


if __name__ == "__main__":
    for result in run():
        print(result)
