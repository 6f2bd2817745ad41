"""What pages of the past are read from: long journals, damaged ones, and two years of equity in little time."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.support import NOW
from tradingbot.app.kept_history import candles_between, line_at, raw_lines
from tradingbot.app.moments import known_equity
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.storage.rotation import part_path

MINUTE = timedelta(minutes=1)


def write(home: Path, journal: str, rows: list[dict[str, object]], rotated: datetime | None = None) -> Path:
    path = journal_path(home, journal)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    if rotated is None:
        path.write_bytes(data)
        return path
    number = 1 + len(list(path.parent.glob(f"{path.stem}.0*")))
    packed = part_path(path, number, rotated).with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(data))
    return packed


def equity(first: datetime, minutes: int, start: float = 0.0) -> list[dict[str, object]]:
    return [{"as_of": iso_utc(first + MINUTE * n), "equity_usd": str(start + n)} for n in range(minutes)]


def test_equity_is_kept_by_the_minute_for_a_week_and_by_the_hour_before(tmp_path: Path) -> None:
    first = NOW - timedelta(days=9)
    rows = equity(first, 9 * 1440)
    rows[0]["equity_usd"] = None  # not known then: the hour begins with the next one
    write(tmp_path, "equity", rows[:5_000], first + MINUTE * 5_000)
    write(tmp_path, "equity", rows[5_000:])
    series = known_equity(tmp_path, NOW)
    points = series.points()
    assert [one.usd for one in points[:3]] == [1.0, 60.0, 120.0]
    week = series.points(NOW - timedelta(days=6))
    assert len(week) == 6 * 1440
    assert week[-1].usd == 9 * 1440 - 1
    assert [one.usd for one in series.points(NOW - timedelta(minutes=2))] == [9 * 1440 - 2.0, 9 * 1440 - 1.0]


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    first = NOW - timedelta(days=2)
    broken = write(tmp_path, "equity", equity(first, 1_000), first + MINUTE * 1_000)
    broken.write_bytes(broken.read_bytes()[:-200])
    path = write(tmp_path, "equity", equity(first + MINUTE * 1_000, 100, 1_000.0))
    path.write_bytes(b"garbage\n" + path.read_bytes() + b'{"as_of":"2026-')
    points = known_equity(tmp_path, NOW).points()
    assert points[-1].usd == 1_099.0
    assert points[0].usd == 0.0
    assert len(list(raw_lines(tmp_path, "moments"))) == 0


@pytest.mark.parametrize("damaged", [False, True])
def test_a_line_of_the_past_is_found_in_any_part(tmp_path: Path, damaged: bool) -> None:
    first = NOW - timedelta(days=3)
    rows: list[dict[str, object]] = [{"at": iso_utc(first + MINUTE * n), "n": n} for n in range(3_000)]
    write(tmp_path, "moments", rows[:1_000], first + MINUTE * 1_000)
    second = write(tmp_path, "moments", rows[1_000:2_000], first + MINUTE * 2_000)
    write(tmp_path, "moments", rows[2_000:])

    def at(minutes: float) -> int | None:
        line = line_at(tmp_path, "moments", first + MINUTE * minutes)
        return None if line is None else orjson.loads(line)["n"]

    assert [at(0), at(999.5), at(2_999), at(9_999)] == [0, 999, 2_999, 2_999]
    assert at(-1) is None
    if not damaged:
        assert [at(1_000), at(1_500.4), at(2_000)] == [1_000, 1_500, 2_000]
    else:
        second.write_bytes(b"no gzip at all")
        assert at(1_500) == 999
        assert at(2_000) == 2_000


def test_candles_are_those_that_had_closed(tmp_path: Path) -> None:
    open_s = int(NOW.timestamp())
    rows: list[dict[str, object]] = [
        {"at": iso_utc(NOW + MINUTE * (n + 1)), "candles": {"BTCUSDT": [[open_s + 60 * n, 1.0, 2.0, 0.5, n, 9.0]]}}
        for n in range(10)
    ]
    write(tmp_path, "candles", [*rows, rows[3], {"at": iso_utc(NOW + MINUTE * 11), "candles": None}])
    found = candles_between(tmp_path, "BTCUSDT", NOW + MINUTE * 2, NOW + MINUTE * 6)
    assert [row["close"] for row in found] == [2, 3, 4, 5]
    assert candles_between(tmp_path, "ETHUSDT", NOW, NOW + MINUTE * 6) == []
