"""A simulated venue follows another venue over its public wire: its prices, its trades, its candles, its absence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.builders_sim import START_MS, SineFeed
from tradingbot.app.live_market import LiveMarket
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.records import OrderAccepted, OrderRefused, OrderRequest, RefusalCode
from tradingbot.core.types import ClientOrderId, OrderKind, Side, Symbol, Timeframe, TriggerSignal, exact, utc_from_ms
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.net.nonce import MemoryNonceStore
from tradingbot.sim_server.persistence import persisted_now, persisted_prices
from tradingbot.sim_server.server import SimEndpoints, SimServer
from tradingbot.simulator.faults import FaultSpec
from tradingbot.simulator.live_quotes import StandingQuotes
from tradingbot.simulator.params import SimulatorParams
from tradingbot.venues.kraken_futures.adapter import VENUE, KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams

BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
UNIVERSE = Universe(UniverseParams(assets=tuple(e for e in UniverseParams().assets if e.asset in ("BTC", "ETH"))))
CONTRACTS = {UNIVERSE.venue_symbol(VENUE, symbol): symbol for symbol in (BTC, ETH)}
ASSETS = {BTC: "BTC", ETH: "ETH"}
QUICK = {"tick_interval_s": 1.0, "heartbeat_s": 1.0, "latency_min_ms": 0, "latency_max_ms": 0}


def client(ends: SimEndpoints, clock: SteppedClock, *, keyed: bool) -> KrakenFuturesVenue:
    settings = KrakenFuturesParams.model_validate({"rest_url": ends.rest_url, "ws_url": ends.ws_url})
    keys = Credentials(ends.api_key, ends.api_secret) if keyed else None
    return KrakenFuturesVenue(settings, UNIVERSE, clock, keys, MemoryNonceStore())


@dataclass
class Pair:
    """The market that is followed, our public view of it, the venue that follows, and our account there."""

    clock: SteppedClock
    real: SimServer
    view: KrakenFuturesVenue
    paper: SimServer
    account: KrakenFuturesVenue
    works: list[asyncio.Task[None]]
    number: int = 0

    async def order(self, side: Side, kind: OrderKind, size: str, symbol: Symbol = ETH, **more: object) -> object:
        """What came of an order at the paper venue."""
        self.number += 1
        name = ClientOrderId(f"tb-{self.number}")
        return await self.account.place(OrderRequest(name, symbol, side, kind, exact(size), **more))  # type: ignore[arg-type]

    async def lose_the_market(self) -> None:
        """The real venue goes away."""
        self.works[0].cancel()
        await self.real.stop()


@asynccontextmanager
async def following(home: Path) -> AsyncIterator[Pair]:
    """Both venues and both clients on one stepped clock."""
    clock = SteppedClock(utc_from_ms(START_MS))
    real = SimServer(
        params=SimulatorParams.model_validate({**QUICK, "seed": 3}),
        feed=SineFeed(("BTC", "ETH")),
        clock=clock,
        home=home / "real",
    )
    view = client(await real.start(), clock, keyed=False)
    market = LiveMarket(view, clock, CONTRACTS, ASSETS, "http://real.example/derivatives")
    await market.open()
    params = SimulatorParams.model_validate({**QUICK, "contracts": tuple(CONTRACTS)})
    paper = SimServer(params=params, feed=market, clock=clock, home=home / "paper", quotes=market)
    account = client(await paper.start(), clock, keyed=True)
    async with asyncio.TaskGroup() as group:
        works = [group.create_task(work()) for work in (real.run, market.run, paper.run, account.run)]
        try:
            await account.wait_ready(30)
            await view.wait_ready(30)
            yield Pair(clock, real, view, paper, account, works)
        finally:
            for task in works:
                task.cancel()
            await account.close()
            await view.close()
            await paper.stop()
            await real.stop()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with following(tmp_path) as running:
        yield running


@pytest.mark.parametrize("symbol", [ETH, BTC])
async def test_orders_are_filled_at_the_real_venues_prices(pair: Pair, symbol: Symbol) -> None:
    await pair.clock.sleep(20.5)
    size = "0.1" if symbol == ETH else "100"
    shown = await pair.view.order_book(symbol)
    bought = await pair.order(Side.BUY, OrderKind.MARKET, size, symbol)
    assert isinstance(bought, OrderAccepted)
    assert float(bought.average_price or 0) == shown.asks[0][0]
    sold = await pair.order(Side.SELL, OrderKind.MARKET, size, symbol)
    assert isinstance(sold, OrderAccepted)
    assert float(sold.average_price or 0) == (await pair.view.order_book(symbol)).bids[0][0]


async def test_our_venue_shows_the_real_ticker(pair: Pair) -> None:
    await pair.clock.sleep(33.3)
    real, ours = (await pair.view.tickers())[ETH], (await pair.account.tickers())[ETH]
    for name in ("mark_price", "index_price", "bid", "ask", "bid_size", "open_interest", "volume_24h"):
        assert getattr(ours, name) == getattr(real, name), name
    assert ours.funding_rate_relative == pytest.approx(real.funding_rate_relative, rel=1e-6)


async def test_a_resting_order_is_filled_by_the_real_markets_trades(pair: Pair) -> None:
    await pair.clock.sleep(10.5)
    price = exact((await pair.view.order_book(ETH)).asks[0][0]) - exact("0.1")
    placed = await pair.order(Side.SELL, OrderKind.LIMIT, "0.01", limit_price=price)
    assert isinstance(placed, OrderAccepted)
    assert placed.executed_size == 0
    await pair.clock.sleep(600)
    fills = await pair.account.fills(utc_from_ms(START_MS))
    assert [(fill.liquidity.value, fill.price) for fill in fills] == [("maker", price)]


async def test_a_stop_fires_where_the_real_mark_is(pair: Pair) -> None:
    await pair.clock.sleep(5)
    await pair.order(Side.SELL, OrderKind.MARKET, "0.1")
    mark = (await pair.view.tickers())[ETH].mark_price
    assert mark is not None
    stop = (mark * exact("1.0008")).quantize(exact("0.1"))
    await pair.order(
        Side.BUY, OrderKind.STOP, "0.1", stop_price=stop, trigger_signal=TriggerSignal.MARK, reduce_only=True
    )
    for _ in range(600):
        await pair.clock.sleep(1)
        if not await pair.account.positions():
            break
    last = (await pair.account.fills(utc_from_ms(START_MS)))[-1]
    assert last.price == pytest.approx(stop, rel=exact("0.0005"))
    assert ((await pair.view.tickers())[ETH].mark_price or 0) >= stop * exact("0.9998")


async def test_our_charts_are_the_real_venues_closed_candles(pair: Pair) -> None:
    await pair.clock.sleep(4 * 60 + 2)
    now = pair.clock.now()
    for symbol in (ETH, BTC):
        real = await pair.view.candles(symbol, Timeframe.M1, now - timedelta(minutes=1500), now)
        ours = await pair.account.candles(symbol, Timeframe.M1, now - timedelta(minutes=1500), now)
        assert len(real) == 1499 + (now.second == 0)
        for name in ("open_ms", "open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(ours, name), getattr(real, name)), (symbol, name)


async def test_funding_history_is_the_real_venues(pair: Pair) -> None:
    since = utc_from_ms(START_MS) - timedelta(days=3)
    assert await pair.account.funding_history(ETH, since) == await pair.view.funding_history(ETH, since)


async def test_when_the_real_venue_is_gone_prices_stand_still_and_orders_are_refused(pair: Pair) -> None:
    await pair.order(Side.BUY, OrderKind.MARKET, "0.1")
    await pair.clock.sleep(20)
    await pair.lose_the_market()
    await pair.clock.sleep(60)
    refused = await pair.order(Side.SELL, OrderKind.MARKET, "0.1", reduce_only=True)
    assert isinstance(refused, OrderRefused)
    assert refused.code is RefusalCode.MARKET_SUSPENDED
    ticker = pair.account.live_ticker(ETH)
    assert ticker is not None
    assert (pair.clock.now() - ticker.as_of).total_seconds() > 40
    asked = (await pair.account.tickers())[ETH]
    assert asked.suspended
    assert asked.mark_price is None
    assert len(await pair.account.positions()) == 1


async def test_a_silent_stream_suspends_trading_until_it_speaks_again(pair: Pair) -> None:
    faults, venue = pair.real.venue.state.faults, pair.real.venue
    await pair.clock.sleep(10)
    faults.switch_on(FaultSpec(name="silent_socket"), venue.now_ms)
    await pair.clock.sleep(25)
    assert isinstance(await pair.order(Side.BUY, OrderKind.MARKET, "0.1"), OrderRefused)
    book = pair.account.live_book(ETH)
    assert book is not None
    assert book.bids  # what was last seen stays on show; only nothing trades on it
    faults.switch_off()
    await pair.clock.sleep(90)
    bought = await pair.order(Side.BUY, OrderKind.MARKET, "0.1")
    assert isinstance(bought, OrderAccepted)
    assert float(bought.average_price or 0) == (await pair.view.order_book(ETH)).asks[0][0]


async def test_a_market_without_a_held_contract_is_refused_by_name(tmp_path: Path) -> None:
    async with following(tmp_path) as pair:
        await pair.order(Side.BUY, OrderKind.MARKET, "0.1")
    home = tmp_path / "paper"
    quotes = StandingQuotes({name: price for name, price in persisted_prices(home).items() if name != "PF_ETHUSD"})
    params = SimulatorParams.model_validate({**QUICK, "contracts": tuple(CONTRACTS)})
    server = SimServer(
        params=params, feed=quotes, clock=SteppedClock(utc_from_ms(START_MS)), home=home, frozen=True, quotes=quotes
    )
    with pytest.raises(ConfigurationError, match="holds PF_ETHUSD"):
        await server.start()
    await server.stop()


async def test_the_account_can_be_read_without_the_real_venue(tmp_path: Path) -> None:
    async with following(tmp_path) as pair:
        await pair.order(Side.BUY, OrderKind.MARKET, "0.1")
        await pair.order(Side.BUY, OrderKind.MARKET, "100", BTC)
        await pair.clock.sleep(61)
        held = await pair.account.positions()
        balances = {wallet.name: wallet.balance for wallet in (await pair.account.account()).wallets}
    home = tmp_path / "paper"
    stopped = persisted_now(home)
    assert stopped is not None
    clock = SteppedClock(stopped)
    quotes = StandingQuotes(persisted_prices(home))
    params = SimulatorParams.model_validate({**QUICK, "contracts": tuple(CONTRACTS)})
    frozen = SimServer(params=params, feed=quotes, clock=clock, home=home, frozen=True, quotes=quotes)
    account = client(await frozen.start(), clock, keyed=True)
    try:
        assert {(p.symbol, p.size, p.entry_price) for p in await account.positions()} == {
            (p.symbol, p.size, p.entry_price) for p in held
        }
        assert {wallet.name: wallet.balance for wallet in (await account.account()).wallets} == balances
        assert len(await account.fills(utc_from_ms(START_MS))) == 2
    finally:
        await account.close()
        await frozen.stop()
