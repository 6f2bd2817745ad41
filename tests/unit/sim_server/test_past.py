"""The account's books are closed, compressed and let go of, and every row of the past can still be read."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.builders_sim import START_MS, Running, running_venue
from tradingbot.core.errors import StateCorruptError
from tradingbot.sim_server.books import TransactionFile, last_transaction_ms, transactions
from tradingbot.sim_server.persistence import persisted_now

XBT = "PF_XBTUSD"
HISTORY = "/api/history/v3/"
ORDERS = 40
SMALL_BOOK = 20_000
"""Bytes: about eight orders fill a book."""


async def trade(run: Running, orders: int = ORDERS, first: int = 0) -> list[str]:
    """Buy and sell in turn, one order a minute; the fills' ids, oldest first."""
    filled = []
    for number in range(first, first + orders):
        side = "sell" if number % 2 else "buy"
        answer = await run.rest.order("mkt", XBT, side, 0.01, cliOrdId=f"order-{number}")
        assert answer["status"] == "placed"
        filled.append(answer["orderEvents"][0]["executionId"])
        await run.clock.advance(60)
    return filled


@pytest.fixture
def small_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradingbot.sim_server.server.BOOK_BYTES", SMALL_BOOK)


async def fills_paged_back(run: Running) -> list[str]:
    """Every fill, oldest first, asked for as a client pages: by the time of the oldest one known."""
    found: list[dict[str, Any]] = []
    page = (await run.rest.get("fills"))["fills"]
    while page:
        found += page
        page = (await run.rest.get("fills", lastFillTime=page[-1]["fillTime"]))["fills"]
    return [row["fill_id"] for row in reversed(found)]


async def history(run: Running, what: str, sort: str, count: int) -> list[dict[str, Any]]:
    """Everything of one kind, in pages of `count`."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        query = f"sort={sort}&count={count}" + (f"&continuation_token={token}" if token else "")
        answer = await run.rest.send("GET", HISTORY + what, query=query)
        found += answer["elements"]
        token = answer.get("continuationToken", "")
        if not token:
            return found


@pytest.mark.usefixtures("small_books")
async def test_memory_holds_two_books_and_clients_read_everything(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        filled = await trade(run)
        rows = run.server.venue.rows
        assert len(TransactionFile(tmp_path).closed()) >= 4
        assert len(rows.fills) < ORDERS // 2
        assert await fills_paged_back(run) == filled
        for sort in ("asc", "desc"):
            executions = [one["uid"] for one in await history(run, "executions", sort, 7)]
            assert executions == (filled if sort == "asc" else filled[::-1])
        changes = await history(run, "positions", "asc", 1000)
        assert len(changes) == ORDERS
        assert len(await history(run, "orders", "desc", 1000)) == ORDERS


@pytest.mark.usefixtures("small_books")
async def test_the_account_log_is_whole_from_any_id_on(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await trade(run)
        last = run.server.venue.account.numbers["log"]
        for first in (1, 9, last // 2, last):
            query = f"from={first}&sort=asc&count=100000"
            answer = await run.rest.send("GET", f"{HISTORY}account-log", query=query)
            assert [row["id"] for row in answer["logs"]] == list(range(first, last + 1))
        newest = await run.rest.send("GET", f"{HISTORY}account-log", query="count=3")
        assert [row["id"] for row in newest["logs"]] == [last, last - 1, last - 2]
        text = await run.rest.send("GET", f"{HISTORY}accountlogcsv")
        assert len(text.splitlines()) == last + 1


@pytest.mark.usefixtures("small_books")
async def test_a_span_of_time_reads_only_its_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_venue(tmp_path) as run:
        filled = await trade(run)
        read = []
        monkeypatch.setattr(
            "tradingbot.sim_server.past.read_rows",
            lambda path, kind: read.append(path.name) or _rows(path, kind),
        )
        since, before = START_MS + 5 * 60_000, START_MS + 8 * 60_000
        answer = await run.rest.send("GET", f"{HISTORY}executions", query=f"since={since}&before={before}&sort=asc")
        assert [one["uid"] for one in answer["elements"]] == filled[5:8]
        assert 1 <= len(read) <= 2


def _rows(path: Path, kind: str) -> list[Any]:
    from tradingbot.sim_server import books

    return books.read_rows(path, kind)


@pytest.mark.usefixtures("small_books")
async def test_a_restart_knows_account_rows_and_numbers(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        filled = await trade(run)
        before = run.server.venue
    async with running_venue(tmp_path) as again:
        venue = again.server.venue
        assert venue.account.balances == before.account.balances
        assert venue.account.numbers == before.account.numbers
        assert venue.rows == before.rows
        assert venue.state.client_ids == before.state.client_ids
        filled += await trade(again, 5, ORDERS)
        assert await fills_paged_back(again) == filled


@pytest.mark.usefixtures("small_books")
async def test_killed_right_after_a_book_was_closed(tmp_path: Path) -> None:
    """Then there is no open book at all."""
    async with running_venue(tmp_path) as run:
        filled = await trade(run, 12)
        account = run.server.venue.account
    path = tmp_path / "transactions.jsonl"
    newest = TransactionFile(tmp_path).closed()[-1]
    path.rename(tmp_path / f"transactions.{newest.number + 1:06d}.20260101T010000000Z.jsonl")
    assert persisted_now(tmp_path) is not None
    assert last_transaction_ms(tmp_path) is not None
    async with running_venue(tmp_path) as again:
        assert again.server.venue.account.balances == account.balances
        assert await fills_paged_back(again) == filled


@pytest.mark.usefixtures("small_books")
async def test_closed_books_are_compressed_and_every_transaction_is_in_them_once(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        filled = await trade(run)
        await run.clock.advance(60)
        closed = TransactionFile(tmp_path).closed()
    assert all(part.compressed for part in closed[:-1])
    told = [fill["fill_id"] for entry in transactions(tmp_path) for fill in entry["rows"].get("fills", ())]
    assert told == filled


@pytest.mark.usefixtures("small_books")
async def test_a_damaged_closed_book_is_named(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await trade(run)
    newest = TransactionFile(tmp_path).closed()[-1].path
    whole = newest.read_bytes()
    newest.write_bytes(whole[: len(whole) // 2] if newest.suffix == ".gz" else b"{broken\n" + whole)
    with pytest.raises(StateCorruptError, match=newest.name):
        TransactionFile(tmp_path).load()
    packed = newest.with_name("transactions.000099.20260101T030000000Z.jsonl.gz")
    packed.write_bytes(gzip.compress(b"{}\n")[:10])
    with pytest.raises(StateCorruptError, match="cannot be unpacked"):
        TransactionFile(tmp_path).load()
