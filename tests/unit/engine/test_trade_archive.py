"""Finished trades beyond the limit are sums: none is counted twice and none is lost, whatever dies or disappears."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tests.builders_trades import a_trade
from tests.fakes import MemoryJournal
from tests.support import BTC, ETH, NOW
from tradingbot.app.restore import kept_trades
from tradingbot.app.stores import open_document
from tradingbot.clock import SteppedClock
from tradingbot.config import Settings
from tradingbot.config.sections import LEAST_KEPT_TRADES, StorageParams
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.types import ClientOrderId, ContractKind, Direction
from tradingbot.engine.catalog import document_path
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.journalled_trades import newest_trades, older_trades, trades_of, trades_since, with_journalled
from tradingbot.engine.models import PositionsState, TradesEncoder, TradesState, with_empty_archive
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.trade_archive import ArchivedTrades, age, archived
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import ClosedTrade, Position, close_out, without_advice
from tradingbot.risk.params import KillSwitchParams, RiskParams
from tradingbot.storage.document import Document
from tradingbot.storage.journal import encode_line
from tradingbot.storage.writer import StorageWriter

USD = {"USD": Decimal(1), "XBT": Decimal("50123.4567890123")}
KEPT = 3


class KilledError(Exception):
    """The process dies."""


@cache
def a_position(number: int, minutes: int) -> Position:
    """One that is settled; its amounts have more digits than sums of 28 digits could carry."""
    coin = number % 3 == 0
    leave = NOW + timedelta(minutes=minutes)
    pnl = Decimal(number * (-1) ** number) * Decimal("1000000000000.000000000000000000001")
    return Position(
        position_id=f"t-{number}",
        symbol=BTC if coin else ETH,
        direction=Direction.LONG,
        kind=ContractKind.INVERSE if coin else ContractKind.LINEAR,
        contract_size=Decimal(1),
        settlement_currency="XBT" if coin else "USD",
        size=Decimal(0),
        entry_size=Decimal(1),
        entry_price=Decimal(2000),
        entry_time=leave - timedelta(minutes=30),
        entry_client_order_id=ClientOrderId(str(number)),
        leverage=Decimal(3),
        strategy="predictive_flow",
        conviction="LOW",
        grace_until=leave,
        stop_price=Decimal(1900),
        exit_time=leave,
        exit_context={"advice": {"much": "text"}},
        booked_pnl=pnl,
        booked_fees=Decimal("0.123456789"),
        booked_funding=Decimal("-0.000000001"),
    )


def the_trade(position: Position) -> ClosedTrade:
    return without_advice(close_out(position, USD[position.settlement_currency]))


class Files:
    """What outlives the process. `dies` is the write before which it dies; -1 never."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.trades: list[bytes] = []  # the newest first
        self.positions: PositionsState | None = None
        self.lines: list[bytes] = []
        self.unsynced: list[bytes] = []
        self.dies = -1
        self.ever: dict[str, Position] = {}
        self.encode = TradesEncoder()
        self.start()

    def tick(self) -> None:
        if self.dies == 0:
            raise KilledError
        self.dies -= 1

    # the journal of executed trades
    def append(self, record: Any) -> None:
        self.tick()
        self.unsynced.append(encode_line(record))

    def sync(self) -> None:
        self.lines += self.unsynced
        self.unsynced = []

    def rows(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in (*self.lines, *self.unsynced)]

    # the file of trades, and the one of positions
    async def commit(self, value: Any) -> None:
        self.tick()
        if isinstance(value, PositionsState):
            self.positions = value
            return
        self.sync()  # the document waits for the journal
        self.trades = [self.encode(value), *self.trades][:3]

    put = commit

    async def find(self, ids: Collection[str]) -> set[str]:
        return {row["trade_id"] for row in self.rows()} & set(ids)

    def start(self, copy: int = 0) -> None:
        """As a start does; `copy` is the newest one that can be read."""
        self.encode = TradesEncoder()
        self.trades = self.trades[copy:]
        known = TradesState.model_validate_json(self.trades[0]) if self.trades else TradesState()
        if copy or not self.trades:
            known = with_journalled(known, self.rows(), self.kept)
            self.trades = [self.encode(known), *self.trades]
        book = self.positions.to_book() if self.positions else Book(tuple(self.ever.values()))
        journal = {row["trade_id"] for row in self.rows()}
        rest = (MemoryJournal(), self, IntentLog(MemoryJournal()), {}, journal, self.kept, self.find)
        self.keeper = PortfolioKeeper(book, known, self, self, *rest)  # type: ignore[arg-type]
        self.done: set[str] = set()
        self.keeper.archive_when(lambda trade: trade.trade_id in self.done)

    def close(self, number: int, minutes: int) -> None:
        position = a_position(number, minutes)
        self.ever[position.position_id] = position
        self.keeper.set_book(replace(self.keeper.book, positions=(*self.keeper.book.positions, position)))
        self.positions = PositionsState.from_book(self.keeper.book)

    async def settle(self) -> None:
        await self.keeper.settle(USD, NOW)
        await self.keeper.save()

    def handle(self) -> None:
        for trade in self.keeper.trades:
            self.keeper.journal_trade(trade, NOW)
            self.done.add(trade.trade_id)

    def expect_everything(self) -> None:
        state = TradesState.model_validate_json(self.trades[0])
        older = list(older_trades(state, self.rows()))
        everything = [the_trade(position) for position in self.ever.values()]
        assert sorted([*older, *state.trades], key=age) == sorted(everything, key=age)
        assert state.archived == archived(older)
        assert archived(state.trades, state.archived) == archived(everything)
        assert state.archived == self.keeper.archived
        assert state.trades == list(self.keeper.trades)


async def lived(files: Files, count: int, late: int = 0) -> None:
    for number in range(count):
        files.close(number, number - (late if number % 4 == 3 else 0))
        await files.settle()
        files.handle()


async def test_only_the_newest_stay() -> None:
    files = Files()
    await lived(files, 10)
    files.expect_everything()
    assert [trade.trade_id for trade in files.keeper.trades] == ["t-7", "t-8", "t-9"]
    assert files.keeper.archived.count == 7
    assert files.keeper._trade_ids == {"t-7", "t-8", "t-9"}
    assert files.keeper._journalled_trades == {"t-7", "t-8", "t-9"}


async def test_a_lowered_limit_is_reached_in_steps() -> None:
    """The sums of thousands at once would hold up the event loop."""
    files = Files()
    files.kept = 250
    files.start()
    await lived(files, 250)
    files.kept = 20
    files.start()
    files.handle()
    found = []
    for number in range(250, 255):
        files.close(number, number)
        await files.settle()
        files.handle()
        files.expect_everything()
        found.append(len(files.keeper.trades))
    assert found == [151, 52, 20, 20, 20]


async def test_a_trade_that_somebody_still_needs_stays() -> None:
    files = Files()
    files.keeper.archive_when(lambda trade: trade.trade_id != "t-2")
    await lived(files, 9)
    assert [trade.trade_id for trade in files.keeper.trades] == ["t-2", "t-6", "t-7", "t-8"]
    files.expect_everything()
    files.start()
    files.handle()
    await lived(files, 9)  # the same ones again: nothing happens
    files.close(20, 20)
    await files.settle()
    assert "t-2" not in {trade.trade_id for trade in files.keeper.trades}
    files.expect_everything()


async def test_a_trade_without_its_line_stays() -> None:
    """A journal that drops records keeps every trade in the file."""
    files = Files()
    files.append = lambda record: False  # type: ignore[method-assign, assignment]
    await lived(files, 6)
    assert len(files.keeper.trades) == 6
    del files.append
    files.handle()
    files.close(7, 7)
    await files.settle()
    assert len(files.keeper.trades) == KEPT
    files.handle()
    files.expect_everything()


async def test_a_disk_that_refuses_moves_nothing() -> None:
    files = Files()
    await lived(files, 5)
    before, good = files.keeper.state, files.commit

    async def refuse(_: Any) -> None:
        raise StorageUnavailableError("disk full")

    files.commit = refuse  # type: ignore[method-assign]
    files.close(5, 5)
    with pytest.raises(StorageUnavailableError):
        await files.settle()
    assert files.keeper.state == before
    files.commit = good  # type: ignore[method-assign]
    await files.settle()
    files.handle()
    files.expect_everything()


async def test_archived_trades_that_come_again_are_known() -> None:
    """The file of positions was lost: the venue's fills make every position again."""
    files = Files()
    await lived(files, 12, late=6)
    before = files.keeper.state
    files.positions = None
    files.start()
    await files.settle()
    assert files.keeper.state == before
    files.expect_everything()


@pytest.mark.parametrize("kept", [1, 3, 50])
async def test_a_lost_file_is_made_again_as_it_had_grown(kept: int) -> None:
    files = Files(kept)
    await lived(files, 13, late=6)
    before = files.keeper.state
    for copy in range(4):
        files.start(copy)
        assert files.keeper.archived == before.archived
        assert sorted(files.keeper.trades, key=age) == sorted(before.trades, key=age)
    assert before.archived.count == max(13 - kept, 0)


async def test_a_trade_of_an_older_copy_that_the_journal_lacks_stays_whole() -> None:
    files = Files()
    await lived(files, 9)
    files.lines = [line for line in files.lines if b'"t-5"' not in line]
    files.start(1)  # which had 5, 6, 7
    assert [trade.trade_id for trade in files.keeper.trades] == ["t-5", "t-6", "t-7", "t-8"]
    files.handle()
    files.expect_everything()


async def test_a_journal_that_lacks_archived_trades_leaves_their_sums() -> None:
    files = Files()
    await lived(files, 10)
    known = files.keeper.archived
    files.lines = files.lines[4:]
    files.start(1)
    assert files.keeper.archived.count == known.count
    assert files.keeper.archived == known


Crash = st.integers(0, 6)
STEP = st.one_of(
    st.tuples(st.just("close"), st.integers(-40, 3), st.integers(1, 4)),
    st.tuples(st.just("handle"), st.just(0), st.just(0)),
    st.tuples(st.just("kill"), Crash, st.just(0)),
    st.tuples(st.just("power cut"), Crash, st.just(0)),
    st.tuples(st.just("lose trades"), st.integers(1, 3), st.just(0)),
    st.tuples(st.just("lose positions"), st.just(0), st.just(0)),
)


@settings(max_examples=250, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(STEP, max_size=25), st.integers(1, 5))
def test_whatever_dies_or_is_lost_the_sums_are_those_of_all_trades(steps: list[Any], kept: int) -> None:
    asyncio.run(_live(Files(kept), steps))


async def _live(files: Files, steps: list[Any]) -> None:
    number = 0
    for minute, (what, first, second) in enumerate(steps):
        if what == "close":
            for _ in range(second):
                files.close(number, 10 * minute + first + number % 3)
                number += 1
            await files.settle()
        elif what == "handle":
            files.handle()
        elif what in ("kill", "power cut"):
            number = await _killed(files, number, 10 * minute, first, power=what == "power cut")
        elif what == "lose trades":
            files.handle()
            files.sync()
            files.start(first)
        else:
            files.handle()
            files.positions = None
            files.start()
            await files.settle()
    files.start()
    await files.settle()
    files.handle()
    files.expect_everything()
    files.close(number, 10 * len(steps) + 50)
    await files.settle()
    files.handle()
    files.expect_everything()
    assert len(files.keeper.trades) <= files.kept


async def _killed(files: Files, number: int, minute: int, dies: int, power: bool) -> int:
    for one in range(3):
        files.close(number + one, minute + one)
    files.dies = dies
    try:
        await files.settle()
        files.handle()
    except KilledError:
        pass
    files.dies = -1
    if power:
        files.unsynced = files.unsynced[: dies % 2]
    files.start()
    return number + 3


def test_days_and_moments_are_those_of_the_newest() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    trades = [
        a_trade(1, "8", closed=midnight - timedelta(hours=1)),
        a_trade(2, "-12", closed=midnight + timedelta(minutes=5)),  # opened the day before
        a_trade(3, "5", closed=midnight + timedelta(hours=2)),
    ]
    gone = archived(trades)
    assert archived(trades[::-1]) == gone
    assert gone.opened_on(midnight.date()) == 1
    today = gone.closed_on(midnight.date())
    assert (today.trades, today.wins, today.net_pnl_usd) == (2, 1, Decimal(-7))
    assert gone.closed_on(midnight.date() + timedelta(days=1)).trades == 0
    assert (gone.count, gone.wins, gone.net_pnl_usd) == (3, 2, Decimal(1))
    assert (gone.oldest_entry_time, gone.newest_exit_time) == (trades[0].entry_time, trades[2].exit_time)
    assert gone.sums["USD"].net_pnl == gone.sums["USD"].gross_pnl - gone.sums["USD"].fees + gone.sums["USD"].funding
    assert ArchivedTrades.model_validate_json(gone.model_dump_json()) == gone


def test_a_file_of_the_first_schema_keeps_its_trades() -> None:
    trades = [a_trade(1), a_trade(2)]
    old = {"trades": TradesState(trades=trades).model_dump(mode="json")["trades"]}
    assert TradesState.model_validate(with_empty_archive(old)) == TradesState(trades=trades)


class Lines:
    def __init__(self, trades: list[ClosedTrade]) -> None:
        self.rows = [orjson.loads(encode_line({"at": NOW, **asdict(trade)})) for trade in trades]

    def newest(self, count: int) -> Iterator[dict[str, Any]]:
        return iter(self.rows[-count:])


def test_the_newest_trades_go_on_in_the_journal() -> None:
    trades = [a_trade(number) for number in range(10)]
    state = TradesState(trades=trades[6:], archived=archived(trades[:6]))
    journal = Lines([*trades[:3], *trades[2:]])  # one of them twice
    for count in (2, 4, 7, 10, 12):
        assert newest_trades(state, journal, count) == trades[-count:]
    assert list(trades_of([{"trade_id": "t-1"}, {}, *journal.rows])) == trades


def test_a_daily_review_goes_back_into_the_journal() -> None:
    trades = [a_trade(number) for number in range(10)]
    state = TradesState(trades=trades[8:], archived=archived(trades[:8]))
    journal: Any = Lines(trades)
    for since in (trades[3].exit_time, trades[9].exit_time):
        ended = [trade.trade_id for trade in trades if trade.exit_time >= since]
        assert [trade.trade_id for trade in trades_since(state, journal, since, 100)] == ended
        assert [trade.trade_id for trade in trades_since(state, journal, since, 1)] == ended[-1:]


def test_the_file_of_the_first_schema_is_read_and_stays_beside(tmp_path: Path) -> None:
    class Old(BaseModel):
        trades: list[ClosedTrade]

    clock, trades = SteppedClock(NOW), [a_trade(1), a_trade(2, "3.000000000000000000001")]
    path = document_path(tmp_path, "trades")
    Document(path, Old, 1, StorageWriter(clock)).save(Old(trades=trades))
    before = path.read_bytes()
    document = open_document(tmp_path, "trades", StorageWriter(clock))
    found = document.load()
    assert (found.value, found.source) == (TradesState(trades=trades), "current")
    document.save(found.value)
    assert orjson.loads(path.read_bytes())["schema_version"] == 2
    assert path.with_name(f"{path.name}.schema-1").read_bytes() == before
    assert document.load().value == found.value


def test_the_limit_is_never_below_what_rules_look_at() -> None:
    with pytest.raises(ValidationError, match="at least 500"):
        StorageParams(kept_trades=LEAST_KEPT_TRADES - 1)
    assert kept_trades(Settings(storage=StorageParams(kept_trades=500))) == 500
    wide = RiskParams(kill_switches=KillSwitchParams(win_rate_window_trades=900))
    assert kept_trades(Settings(storage=StorageParams(kept_trades=500), risk=wide)) == 1800
