"""Pages of a moment long ago: thousands of newer lines stand behind it, in files that need not be opened."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from tests.builders_moment import a_moment
from tests.support import NOW
from tradingbot.core.types import iso_utc
from tradingbot.dashboard.sources import Look, Sources
from tradingbot.dashboard.views.health import repairs
from tradingbot.dashboard.views.thinking import learning, regime, signals
from tradingbot.dashboard.views.work import logs
from tradingbot.engine.catalog import journal_path
from tradingbot.storage.rotation import part_path

DAYS = 10
THEN = NOW - timedelta(days=4)


def lines_of(journal: str, at: datetime, day: int) -> dict[str, Any]:
    """One line as the daemon writes it."""
    when, cycle_id = iso_utc(at), f"{at:%Y%m%dT%H%M}"
    return {
        "daemon": {"ts": when, "level": "info", "event": "cycle.completed", "cycle_id": cycle_id},
        "healing": {"at": when, "event": "healed", "category": "torn_journal", "subject": cycle_id},
        "learned": {"at": when, "parameters": {"records": {"BTCUSDT/long": {"mean_net_bps": day}}}},
        "equity": {"as_of": when, "equity_usd": "1", "regime": f"day {day}", "strategies": {"trend": day}},
        "signals": {"as_of": when, "cycle_id": cycle_id, "symbol": "BTCUSDT", "price": day},
        "signal_universe": {
            "as_of": when,
            "cycle_id": cycle_id,
            "symbol": "BTCUSDT",
            "direction": "long",
            "stage": "gates",
            "reasons": [{"code": "spread"}],
        },
    }[journal]


@dataclass
class OnFile:
    """Only what lies in files."""

    home: Path

    def document(self, _: str) -> None:
        return None

    def learned(self, _: datetime) -> dict[str, Any]:
        return {"parameters": None, "trades_learned": 0}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part for each of ten days with a line a minute; files of later days cannot even be read."""
    folder = tmp_path_factory.mktemp("home")
    for journal in ("daemon", "healing", "learned", "equity", "signals", "signal_universe"):
        path = journal_path(folder, journal)
        path.parent.mkdir(parents=True, exist_ok=True)
        for day in range(DAYS):
            begin = NOW - timedelta(days=DAYS - day)
            packed = part_path(path, day + 1, begin + timedelta(days=1)).with_suffix(".jsonl.gz")
            packed.write_bytes(b"damaged" if begin > THEN + timedelta(hours=1) else gzip.compress(_day(journal, begin)))
        path.write_bytes(b"damaged")
    return folder


def _day(journal: str, begin: datetime) -> bytes:
    day = (begin - NOW).days + DAYS
    minutes: Iterator[datetime] = (begin + timedelta(minutes=n) for n in range(1_440))
    return b"".join(orjson.dumps(lines_of(journal, at, day)) + b"\n" for at in minutes)


@pytest.fixture
def look(home: Path) -> Look:
    moment = a_moment(as_of=THEN + timedelta(minutes=2), cycle_id=f"{THEN + timedelta(minutes=2):%Y%m%dT%H%M}")
    return Look(cast(Sources, OnFile(home)), moment, past=True)


def test_the_log_ends_then_and_reaches_into_the_day_before(look: Look) -> None:
    """The newest line is of that minute; a search of the newest thousands goes back over several files."""
    found = logs(look)
    assert found["lines"][0]["at"] == look.until
    assert len(found["lines"]) == 200
    assert found["bad_lines"] == 0
    searched = Look(look.sources, look.moment, True, {"find": f"{THEN - timedelta(days=3):%Y%m%dT%H}"})
    assert len(logs(searched)["lines"]) == 60


def test_repairs_are_those_before(look: Look) -> None:
    assert [one["subject"] for one in repairs(look)[:2]] == [
        f"{look.until - timedelta(minutes=back):%Y%m%dT%H%M}" for back in (0, 1)
    ]


def test_what_was_learned_over_time_ends_then(look: Look) -> None:
    points = learning(look)["over_time"]["BTCUSDT/long"]
    assert points[-1] == [int(look.until.timestamp()), 6.0]
    assert len(points) == 1_000


def test_regimes_and_shares_are_of_the_day_before(look: Look) -> None:
    found = regime(look)
    assert [one["regime"] for one in found["regimes"]] == ["day 6", "day 5"]
    assert found["shares"]["trend"][-1] == [int(look.until.timestamp()), 6.0]
    assert found["shares"]["trend"][0][1] == 5.0


def test_signals_are_of_that_cycle(look: Look) -> None:
    (row,) = signals(look)["symbols"]
    assert (row["price"], row["stage"]) == (6, "gates")
