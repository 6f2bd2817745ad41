"""Whatever was answered survives the process being killed."""

from __future__ import annotations

import os
import stat
from decimal import Decimal as D
from pathlib import Path

import aiohttp
import pytest

from tests.builders_sim import START_MS, ManualClock, RestClient, SineFeed, running_venue
from tradingbot.core.errors import StateCorruptError
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.sim_server.books import TransactionFile
from tradingbot.sim_server.persistence import load_credentials, persisted_now
from tradingbot.sim_server.server import SimServer
from tradingbot.simulator.params import SimulatorParams

XBT = "PF_XBTUSD"


async def trade_a_little(home: Path) -> None:
    async with running_venue(home) as run:
        await run.rest.order("mkt", XBT, "buy", 0.02, cliOrdId="in")
        await run.clock.advance(65)
        await run.rest.order("stp", XBT, "sell", 0.02, stopPrice=58000, triggerSignal="mark", reduceOnly="true")
        await run.rest.send("PUT", "/derivatives/api/v3/leveragepreferences", "symbol=PF_ETHUSD&maxLeverage=3")


async def test_account_orders_and_history_are_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running_venue(tmp_path) as run:
        await run.rest.order("mkt", XBT, "buy", 0.02, cliOrdId="in")
        await run.clock.advance(65)
        await run.rest.order("stp", XBT, "sell", 0.02, stopPrice=58000, triggerSignal="mark", reduceOnly="true")
        before = run.server.venue
        loaded = TransactionFile(tmp_path).load()
        account, rows = loaded.account, loaded.rows
    assert account == before.account
    assert rows == before.rows
    assert len(rows.fills) == 1
    async with running_venue(tmp_path) as again:
        assert again.server.venue.account.positions == before.account.positions
        assert again.server.venue.rows.log == before.rows.log
        duplicate = await again.rest.order("mkt", XBT, "buy", 0.01, cliOrdId="in")
        assert duplicate["status"] == "clientOrderIdAlreadyExist"
        fresh = await again.rest.order("mkt", XBT, "buy", 0.01)
        ids = [fill.fill_id for fill in again.server.venue.rows.fills]
        assert fresh["status"] == "placed"
        assert len(ids) == len(set(ids)) == 2


async def test_a_torn_last_line_is_ignored_and_written_over(tmp_path: Path) -> None:
    await trade_a_little(tmp_path)
    path = tmp_path / "transactions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time_ms": 17672256')
    account = TransactionFile(tmp_path).load().account
    assert account is not None
    assert account.leverage == {"PF_ETHUSD": D(3)}
    async with running_venue(tmp_path) as run:
        assert (await run.rest.order("mkt", XBT, "buy", 0.01))["status"] == "placed"
    TransactionFile(tmp_path).load()


async def test_a_damaged_earlier_line_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    await trade_a_little(tmp_path)
    path = tmp_path / "transactions.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([b"{broken", *lines[1:]]))
    with pytest.raises(StateCorruptError, match="line 1"):
        TransactionFile(tmp_path).load()


async def test_time_resumes_where_it_stopped_and_a_frozen_venue_shows_the_account(tmp_path: Path) -> None:
    assert persisted_now(tmp_path) is None
    await trade_a_little(tmp_path)
    resumed = persisted_now(tmp_path)
    assert resumed is not None
    assert START_MS + 60_000 <= epoch_ms(resumed) <= START_MS + 70_000
    before = (tmp_path / "transactions.jsonl").read_bytes()
    clock = ManualClock(utc_from_ms(START_MS + 86_400_000))
    server = SimServer(params=SimulatorParams(), feed=SineFeed(), clock=clock, home=tmp_path, frozen=True)
    await server.start()
    try:
        assert server.venue.now_ms == epoch_ms(resumed)
        assert server.venue.account.size(XBT) == D("0.02")
    finally:
        await server.stop()
    assert (tmp_path / "transactions.jsonl").read_bytes() == before


async def test_a_frozen_venue_answers_without_end(tmp_path: Path) -> None:
    """Its time stands still, so a budget that is spent would never come back: a long history must still be readable."""
    await trade_a_little(tmp_path)
    clock = ManualClock(utc_from_ms(START_MS))
    server = SimServer(params=SimulatorParams(rest_budget=10), feed=SineFeed(), clock=clock, home=tmp_path, frozen=True)
    endpoints = await server.start()
    async with aiohttp.ClientSession() as session:
        client = RestClient(session, endpoints)
        answers = [await client.send("GET", "/derivatives/api/v3/fills") for _ in range(20)]
    await server.stop()
    assert {answer["result"] for answer in answers} == {"success"}


def test_keys_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    first = load_credentials(tmp_path)
    assert load_credentials(tmp_path) == first
    assert stat.S_IMODE(os.stat(tmp_path / "api_keys.json").st_mode) == 0o600
    assert first.api_secret not in repr(first)
    assert load_credentials(tmp_path / "other") != first
