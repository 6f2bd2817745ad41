"""A home with thirty days of history: the real minutes of a short run, repeated backwards in time."""

from __future__ import annotations

import gzip
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.engine.catalog import JOURNALS, journal_path
from tradingbot.engine.models import TradesState
from tradingbot.storage.rotation import part_path
from tradingbot.storage.writer import StorageWriter

DAYS: Final = 30
CYCLES: Final = 600
TRADES: Final = 3_000
MADE: Final = b"tb-month"
"""In the ids of trades that stand for others."""
SYMBOLS: Final = "BTC,ETH,SOL,XRP"
MINUTE: Final = timedelta(minutes=1)
_HEAD: Final = re.compile(rb'^\{"at":"[^"]+","as_of":"[^"]+","cycle_id":"[^"]+"')


def make_month(home: Path, environ: dict[str, str]) -> None:
    """Run a daemon for some cycles, then put a month before its first one."""
    command = [
        sys.executable,
        "-m",
        "tradingbot",
        "run",
        "--home",
        str(home),
        "--cycles",
        str(CYCLES),
        "--speed",
        "max",
    ]
    command += ["--symbols", SYMBOLS, "--dashboard-port", "0"]
    with (home.parent / "made.log").open("wb") as out:
        subprocess.run([*command, "--log-format", "json"], check=True, env=environ, stdout=out, stderr=out)
    first = parse_utc(orjson.loads(_lines(home, "equity")[0])["as_of"])
    _moments(home, first)
    _equity(home, first)
    _candles(home, first)
    _trades(home, first)


def _lines(home: Path, journal: str) -> list[bytes]:
    return journal_path(home, journal).read_bytes().splitlines(keepends=True)


def _minutes(first: datetime) -> Iterator[datetime]:
    yield from (first - MINUTE * back for back in range(DAYS * 1440, 0, -1))


def _write_parts(home: Path, journal: str, lines: Iterator[tuple[datetime, bytes]]) -> None:
    """As if they had been rotated: files no larger than the catalogue says, compressed."""
    limit, size, number = JOURNALS[journal].max_mb * 1_000_000, 0, 1
    block: list[bytes] = []
    last = None
    for last, line in lines:
        block.append(line)
        size += len(line)
        if size >= limit:
            _write_part(home, journal, number, last, block)
            block, size, number = [], 0, number + 1
    if block and last is not None:
        _write_part(home, journal, number, last, block)


def _write_part(home: Path, journal: str, number: int, last: datetime, block: list[bytes]) -> None:
    path = part_path(journal_path(home, journal), number, last)
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(b"".join(block), 1))


def _moments(home: Path, first: datetime) -> None:
    real = _lines(home, "moments")

    def moved() -> Iterator[tuple[datetime, bytes]]:
        for number, at in enumerate(_minutes(first)):
            text = iso_utc(at)
            head = f'{{"at":"{text}","as_of":"{text}","cycle_id":"{at:%Y%m%dT%H%M}"'.encode()
            yield at, _HEAD.sub(head, real[number % len(real)])

    _write_parts(home, "moments", moved())


def _equity(home: Path, first: datetime) -> None:
    path, real = journal_path(home, "equity"), _lines(home, "equity")
    row = orjson.loads(real[0])
    start = float(row["equity_usd"])

    def walk(number: int) -> float:
        return start * (1 + 0.03 * math.sin(number / 3_000) + 0.004 * math.sin(number / 90))

    rows = ({**row, "as_of": iso_utc(at), "equity_usd": f"{walk(n):.2f}"} for n, at in enumerate(_minutes(first)))
    path.write_bytes(b"".join([*(orjson.dumps(one) + b"\n" for one in rows), *real]))


def _candles(home: Path, first: datetime) -> None:
    newest = orjson.loads(_lines(home, "candles")[0])["candles"]

    def lines() -> Iterator[tuple[datetime, bytes]]:
        for number, at in enumerate(_minutes(first)):
            open_s = int(at.timestamp()) // 60 * 60 - 60
            rows = {symbol: [[open_s, *known[number % len(known)][1:]]] for symbol, known in newest.items()}
            yield at, orjson.dumps({"at": iso_utc(at), "candles": rows}) + b"\n"

    _write_parts(home, "candles", lines())


def _trades(home: Path, first: datetime) -> None:
    document = open_document(home, "trades", StorageWriter(SystemClock()))
    state = document.load().value
    if not isinstance(state, TradesState) or not state.trades:
        raise RuntimeError("the run has made no trade that could be repeated")
    before = []
    for number in range(TRADES):
        one = state.trades[number % len(state.trades)]
        leave = first - timedelta(days=DAYS) * (TRADES - number) / TRADES
        moved = {"entry_time": leave - (one.exit_time - one.entry_time), "exit_time": leave}
        before.append(replace(one, trade_id=f"t-{MADE.decode()}-{number}", **moved))
    document.save(state.model_copy(update={"trades": [*before, *state.trades]}))
