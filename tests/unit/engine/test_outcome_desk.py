"""The desk of outcomes on real journals: every signal of the universe gets one line, whenever the process dies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support import BTC, ETH, NOW, a_snapshot, a_symbol, a_ticker
from tests.unit.test_decision import PARAMS, bullish
from tradingbot.app.learning_files import open_outcomes
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SystemClock
from tradingbot.decision import decide
from tradingbot.engine.outcome_desk import OutcomeDesk
from tradingbot.engine.signal_bus import SignalsDecided
from tradingbot.engine.universe_record import universe_records
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.learning.outcomes import OutcomeParams
from tradingbot.portfolio.book import Book

MADE = decide(bullish(), Book(), PARAMS, EntryPermission())


def event(minute: int, prices: Mapping[str, str]) -> SignalsDecided:
    """One cycle with these marks."""
    at = NOW + timedelta(minutes=minute)
    parts = [a_symbol(symbol, ticker=a_ticker(symbol, prices[symbol], as_of=at)) for symbol in (ETH, BTC)]
    snapshot = a_snapshot(*parts, as_of=at, cycle_id=f"{at:%Y%m%dT%H%M}")
    return SignalsDecided(snapshot.cycle_id, at, MADE, (), list(universe_records(snapshot, MADE, "p")))


def rows(home: Path) -> list[dict[str, Any]]:
    path = home / "logs" / "signal_outcomes.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def prices_of(minute: int) -> dict[str, str]:
    return {ETH: str(2000 + minute), BTC: str(50_000 + minute)}


async def one_life(home: Path, minutes: range, killed_before: int | None = None) -> None:
    """Cycles of some minutes. From `killed_before` on nothing of the outcomes reaches the disk any more."""
    stores = open_stores(home, SystemClock())
    desk = open_outcomes(stores, OutcomeParams())
    for minute in minutes:
        told = event(minute, prices_of(minute))
        for line in told.universe:
            stores.journals["signal_universe"].append(line)
        if killed_before is None or minute < killed_before:
            desk.listen(told)
    await stores.writer.close(5.0)


def stores_with(home: Path) -> Stores:
    return open_stores(home, SystemClock())


async def test_every_signal_has_one_line_with_what_learners_need(tmp_path: Path) -> None:
    """Direction, stage, components, price and the returns of every horizon."""
    await one_life(tmp_path, range(62))
    found = rows(tmp_path)
    assert [row["signal_id"] for row in found] == [
        f"{NOW + timedelta(minutes=m):%Y%m%dT%H%M}-{verdict.signal.symbol}" for m in (0, 1) for verdict in MADE.signals
    ]
    first = next(row for row in found if row["symbol"] == ETH)
    assert first["price"] == 2000.0
    assert first["returns_bps"] == {str(m): pytest.approx(m / 2000 * 1e4, abs=0.001) for m in (1, 5, 15, 30, 60)}
    verdict = next(one for one in MADE.signals if one.signal.symbol == ETH)
    assert (first["direction"], first["stage"]) == (verdict.signal.direction.value, verdict.stage)
    assert {name: pair[0] for name, pair in first["components"].items()} == {
        item.name: item.direction.sign for item in verdict.signal.components if item.live
    }


@pytest.mark.parametrize("died", [30, 61, 64, 70])
async def test_a_killed_daemon_loses_no_signal_and_resolves_none_twice(tmp_path: Path, died: int) -> None:
    """Whatever was not on disk when it died is made again from the universe; the returns are the same."""
    await one_life(tmp_path / "whole", range(140))
    await one_life(tmp_path / "killed", range(died + 1), killed_before=died)
    await one_life(tmp_path / "killed", range(died + 1, 140))
    whole, killed = rows(tmp_path / "whole"), rows(tmp_path / "killed")
    strip = ("at",)
    assert [{k: v for k, v in row.items() if k not in strip} for row in killed] == [
        {k: v for k, v in row.items() if k not in strip} for row in whole
    ]


async def test_a_torn_batch_is_completed(tmp_path: Path) -> None:
    """Of two signals of one moment only the first is on disk: the other one follows, the first one does not."""
    await one_life(tmp_path, range(61))
    path = tmp_path / "logs" / "signal_outcomes.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    await one_life(tmp_path, range(61, 62))
    ids = [row["signal_id"] for row in rows(tmp_path)]
    assert len(ids) == len(set(ids)) == 4


async def test_minutes_that_passed_while_down_are_not_known(tmp_path: Path) -> None:
    """Cycles before and after the outage are; no price of after stands for one of within."""
    await one_life(tmp_path, range(10))
    await one_life(tmp_path, range(40, 75))
    first = rows(tmp_path)[0]
    assert first["unknown"] == {"15": "no_cycle", "30": "no_cycle"}
    assert first["returns_bps"]["60"] is not None


async def test_a_stale_price_is_none(tmp_path: Path) -> None:
    """A signal whose ticker was too old has no return at any horizon, and is written all the same."""
    stores = stores_with(tmp_path)
    desk = open_outcomes(stores, OutcomeParams())
    for minute in range(61):
        told = event(minute, prices_of(minute))
        for line in told.universe if minute == 0 else ():
            line["stale"] = ["ticker"]
        desk.listen(told)
    await stores.writer.close(5.0)
    assert {tuple(row["unknown"].values()) for row in rows(tmp_path)} == {("no_price",) * 5}


class FullDisk:
    """A journal that refuses while it is full."""

    def __init__(self) -> None:
        self.full = True
        self.lines: list[Mapping[str, Any]] = []

    def append(self, record: Mapping[str, Any]) -> bool:
        if not self.full:
            self.lines.append(record)
        return not self.full

    async def commit(self, record: Mapping[str, Any]) -> None:
        raise NotImplementedError


def test_a_full_disk_delays_lines_and_keeps_their_order() -> None:
    """What was refused comes first once there is room."""
    disk = FullDisk()
    desk = OutcomeDesk(disk, OutcomeParams())
    for minute in range(65):
        disk.full = minute < 63
        desk.listen(event(minute, prices_of(minute)))
    whole = FullDisk()
    whole.full = False
    other = OutcomeDesk(whole, OutcomeParams())
    for minute in range(65):
        other.listen(event(minute, prices_of(minute)))
    assert [(row["signal_id"], row["returns_bps"]) for row in disk.lines] == [
        (row["signal_id"], row["returns_bps"]) for row in whole.lines
    ]
