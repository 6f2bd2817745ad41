"""A process killed at any moment leaves documents readable and journals whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.storage.support import wallet_document
from tradingbot.clock import SystemClock
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

CHILD = """
import asyncio, itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.unit.storage.support import Wallet, wallet_document
from tradingbot.clock import SystemClock
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter
home = Path(sys.argv[1])

async def main():
    writer = StorageWriter(SystemClock())
    document = wallet_document(home / "wallet.json", writer)
    journal = Journal(home / "orders.jsonl", writer, max_bytes=20_000)
    first = int(sys.argv[3])
    for number in itertools.count(first):
        await journal.commit({"n": number, "text": "t" * (number % 300)})
        await document.commit(Wallet(number=number, note="n" * (number % 5000)))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.process
def test_kill_minus_nine_in_the_middle_of_saving_never_loses_what_was_confirmed(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    confirmed = -1
    for saves in (1, 7, 40, 90, 23):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(root), str(confirmed + 1)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": f"{root}/src"},
        ) as child:  # fmt: skip
            for _ in range(saves):
                confirmed = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
            for line in child.stdout:
                if line.endswith(b"\n"):
                    confirmed = int(line)
        loaded = wallet_document(tmp_path / "wallet.json", StorageWriter(SystemClock())).load()
        reader = JournalReader(tmp_path / "orders.jsonl")
        numbers = sorted({record["n"] for record in reader})
        assert loaded.source == "current"
        assert confirmed <= loaded.value.number <= confirmed + 1
        assert numbers == list(range(numbers[-1] + 1))
        assert numbers[-1] in (confirmed, confirmed + 1)
        assert (reader.bad_lines, reader.problems) == (0, ())
