"""The contract of `ports.Venue`, in numbered cases: of the adapter against a server on loopback, and without a wire."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders_sim import START_MS, SineFeed
from tradingbot.clock import ScaledClock
from tradingbot.core.errors import VenueAuthError, VenueError
from tradingbot.core.records import (
    AmendRequest,
    CancelStatus,
    Fill,
    OrderAccepted,
    OrderOutcome,
    OrderRefused,
    OrderRequest,
    OrderState,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.types import (
    ClientOrderId,
    Direction,
    OrderKind,
    Side,
    Symbol,
    Timeframe,
    TriggerSignal,
    utc_from_ms,
)
from tradingbot.market.candles import disagreeing, resample
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.net.nonce import MemoryNonceStore
from tradingbot.ports import Venue
from tradingbot.sim_server.server import SimServer
from tradingbot.simulator.faults import FaultSpec
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.gateway import ExchangeGateway
from tradingbot.venues.kraken_futures.adapter import KrakenFuturesVenue
from tradingbot.venues.kraken_futures.auth import Credentials
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams
from tradingbot.venues.paper.venue import InProcessVenue

BTC, ETH, SOL = Symbol("BTCUSDT"), Symbol("ETHUSDT"), Symbol("SOLUSDT")


@dataclass
class Exam:
    """A venue under examination and the simulated one behind it."""

    venue: Venue
    sim: SimulatedVenue
    clock: ScaledClock
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, symbol: Symbol, side: Side, kind: OrderKind, size: str, **more: Any) -> OrderRequest:
        """An order with a fresh client id."""
        client_id = ClientOrderId(f"tb-{next(self.numbers)}")
        return OrderRequest(client_id, symbol, side, kind, Decimal(size), **more)

    async def buy(self, size: str = "0.1", symbol: Symbol = ETH) -> OrderOutcome:
        """A market buy."""
        return await self.venue.place(self.order(symbol, Side.BUY, OrderKind.MARKET, size))

    async def price(self, symbol: Symbol = ETH) -> Decimal:
        """The mark price now."""
        mark = (await self.venue.tickers())[symbol].mark_price
        assert mark is not None
        return mark

    def fault(self, name: str, **settings: Any) -> None:
        """Switch a trouble of the server on."""
        spec = FaultSpec.model_validate({"name": name, **settings})
        self.sim.state.faults.switch_on(spec, self.sim.now_ms)

    def heal(self) -> None:
        """Switch all troubles off."""
        self.sim.state.faults.switch_off()


def settings_of(rest_url: str, ws_url: str) -> KrakenFuturesParams:
    """Real settings, only the pauses made for a fast clock."""
    return KrakenFuturesParams.model_validate(
        {"rest_url": rest_url, "ws_url": ws_url, "stream": {"first_delay_s": 0.2, "silence_limit_s": 120}}
    )


@asynccontextmanager
async def examination(
    home: Path, *, secret: str | None = None, keyed: bool = True, assets: tuple[str, ...] = ("BTC", "ETH", "SOL")
) -> AsyncIterator[Exam]:
    """A running server and a running adapter on one scaled clock."""
    clock = ScaledClock(utc_from_ms(START_MS), 30.0)
    params = SimulatorParams.model_validate({"tick_interval_s": 10, "latency_max_ms": 60})
    server = SimServer(params=params, feed=SineFeed(), clock=clock, home=home)
    ends = await server.start()
    entries = tuple(entry for entry in UniverseParams().assets if entry.asset in assets)
    universe = Universe(UniverseParams(assets=entries))
    credentials = Credentials(ends.api_key, secret or ends.api_secret) if keyed else None

    def kraken() -> KrakenFuturesVenue:
        settings = settings_of(ends.rest_url, ends.ws_url)
        return KrakenFuturesVenue(settings, universe, clock, credentials, MemoryNonceStore())

    venue = ExchangeGateway.open("kraken", {"kraken_futures": kraken})
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(server.run()), group.create_task(venue.run())]
        try:
            yield Exam(venue, server.venue, clock)
        finally:
            for task in tasks:
                task.cancel()
            await venue.close()
            await server.stop()


def without_a_wire() -> Exam:
    """The simulated venue asked directly, on a clock that runs as fast."""
    clock = ScaledClock(utc_from_ms(START_MS), 30.0)
    params = SimulatorParams.model_validate({"tick_interval_s": 10, "latency_max_ms": 60})
    sim = SimulatedVenue(params, SineFeed(), START_MS)
    entries = tuple(entry for entry in UniverseParams().assets if entry.asset in ("BTC", "ETH", "SOL"))
    return Exam(InProcessVenue(sim, Universe(UniverseParams(assets=entries)), clock), sim, clock)


@pytest.fixture(params=["wire", "in_process"])
async def either(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Exam]:
    """What holds with a wire and without."""
    if request.param == "in_process":
        yield without_a_wire()
        return
    async with examination(tmp_path) as running:
        yield running


@pytest.fixture
async def exam(tmp_path: Path) -> AsyncIterator[Exam]:
    async with examination(tmp_path) as running:
        yield running


async def eventually(condition: Any, limit_s: float = 5.0) -> None:
    """Wait for something that real sockets have to bring."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)  # noqa: TID251 - polling real sockets in a test


async def test_vc01_specifications_name_the_universe(either: Exam) -> None:
    """VC-01: every symbol of the universe that the venue lists, in our own terms."""
    specs = await either.venue.contract_specs()
    assert set(specs) == {BTC, ETH, SOL}
    assert (specs[BTC].wallet, specs[BTC].settlement_currency, specs[BTC].size_step) == ("fi_xbtusd", "BTC", 1)
    assert (specs[ETH].wallet, specs[ETH].settlement_currency) == ("flex", "USD")
    assert all(spec.tick_size > 0 and spec.source == "venue" for spec in specs.values())


async def test_vc02_tickers_have_prices_and_relative_funding(either: Exam) -> None:
    """VC-02: funding is a small fraction on linear and inverse contracts alike."""
    tickers = await either.venue.tickers()
    for symbol in (BTC, ETH):
        ticker = tickers[symbol]
        assert ticker.mark_price is not None
        assert ticker.index_price is not None
        assert abs(ticker.mark_price / ticker.index_price - 1) < Decimal("0.02")
        assert ticker.funding_rate_relative is not None
        assert abs(ticker.funding_rate_relative) < 0.01


async def test_vc03_candles_are_closed_and_without_holes(either: Exam) -> None:
    """VC-03: [since, until), strictly rising, the open bar left out."""
    now = either.clock.now()
    candles = await either.venue.candles(ETH, Timeframe.M5, now - timedelta(days=1), now + timedelta(days=1))
    assert len(candles) >= 287
    steps = candles.open_ms[1:] - candles.open_ms[:-1]
    assert set(steps.tolist()) == {300_000}
    closed_ms = candles.last_close_ms
    assert closed_ms is not None
    assert closed_ms <= either.clock.now().timestamp() * 1000


async def test_vc03b_higher_candles_are_what_their_minutes_say(either: Exam) -> None:
    """VC-03b: bars of 5m to 4h have the prices of their minutes to the last digit; their volume but for rounding."""
    now = either.clock.now()
    minutes = await either.venue.candles(ETH, Timeframe.M1, now - timedelta(hours=14), now)
    for frame in (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4):
        built = resample(minutes, frame)
        told = await either.venue.candles(ETH, frame, now - timedelta(hours=14), now)
        assert len(built) >= 2
        assert disagreeing(built, told, 0.0).tolist() == []
        common = np.isin(told.open_ms, built.open_ms)
        assert common.sum() == len(built)
        assert told.volume[common] == pytest.approx(built.volume, rel=1e-4)


async def test_vc04_books_asked_and_streamed_agree_in_shape(either: Exam) -> None:
    """VC-04: best first, not crossed; the stream brings book and ticker by itself."""
    await either.venue.wait_ready(60)
    asked = await either.venue.order_book(ETH)
    assert asked.bids[0][0] < asked.asks[0][0]
    assert list(asked.bids) == sorted(asked.bids, reverse=True)
    await eventually(lambda: either.venue.live_book(ETH) is not None and either.venue.live_ticker(ETH) is not None)
    live = either.venue.live_book(ETH)
    assert live is not None
    assert live.bids[0][0] < live.asks[0][0]


async def test_vc04b_the_best_quotes_are_the_top_of_the_book(either: Exam) -> None:
    """VC-04b: at every moment, and also while an order of ours is the best there is; none of what nobody lists."""
    await either.venue.wait_ready(60)
    await eventually(lambda: either.venue.live_touch(ETH) is not None)
    seen = set()
    for step in range(4):
        if step == 2:
            bid, _, ask, _ = either.venue.live_touch(ETH) or (0.0, 0.0, 0.0, 0.0)
            inside = Decimal(str(bid)) + Decimal("0.1")
            assert inside < Decimal(str(ask))
            order = either.order(ETH, Side.BUY, OrderKind.LIMIT, "0.3", limit_price=inside)
            assert isinstance(await either.venue.place(order), OrderAccepted)
        live, touch = either.venue.live_book(ETH), either.venue.live_touch(ETH)
        assert live is not None
        assert touch == (*live.bids[0], *live.asks[0])
        seen.add(touch)
        await either.clock.sleep(15)
    assert len(seen) > 1
    assert either.venue.live_touch(Symbol("NOPEUSDT")) is None


async def test_vc05_funding_history_is_hourly_and_ascending(either: Exam) -> None:
    """VC-05: oldest first, since the given moment."""
    since = either.clock.now() - timedelta(days=2)
    rates = await either.venue.funding_history(ETH, since)
    times = [rate.time for rate in rates]
    assert len(times) >= 40
    assert times == sorted(times)
    assert times[0] >= since


async def test_vc06_a_market_order_is_accepted_with_its_executions(either: Exam) -> None:
    """VC-06: acceptance tells size, average and fills; the stream brings the same fills with fees."""
    await either.venue.wait_ready(60)
    outcome = await either.buy("0.2")
    assert isinstance(outcome, OrderAccepted)
    assert outcome.executed_size == Decimal("0.2")
    assert outcome.average_price is not None
    assert await either.venue.wait_for_fills(outcome.fill_ids, 120)
    streamed = [fill for fill in either.venue.take_fills() if fill.fill_id in outcome.fill_ids]
    assert sum((fill.size for fill in streamed), Decimal(0)) == Decimal("0.2")
    assert all(fill.fee is not None and fill.fee > 0 and fill.fee_currency == "USD" for fill in streamed)
    assert {fill.client_order_id for fill in streamed} == {outcome.client_order_id}
    position = (await either.venue.positions())[0]
    assert (position.symbol, position.direction, position.size) == (ETH, Direction.LONG, Decimal("0.2"))


async def test_vc07_rest_fills_and_ledger_tell_the_same_story(either: Exam) -> None:
    """VC-07: every fill once, oldest first; the ledger has its fee and balances that add up."""
    since = either.clock.now() - timedelta(seconds=1)
    first, second = await either.buy("0.1"), await either.buy("100", BTC)
    assert isinstance(first, OrderAccepted)
    assert isinstance(second, OrderAccepted)
    fills: list[Fill] = list(await either.venue.fills(since))
    assert {fill.fill_id for fill in fills} == {*first.fill_ids, *second.fill_ids}
    assert [fill.time for fill in fills] == sorted(fill.time for fill in fills)
    entries = await either.venue.ledger(0)
    booked = {entry.fill_id: entry for entry in entries if entry.fill_id is not None}
    assert set(booked) >= {fill.fill_id for fill in fills}
    for entry in booked.values():
        assert entry.fee > 0
        expected = entry.realised_pnl - entry.fee + entry.realised_funding
        assert abs(entry.change - expected) < Decimal("1e-8")
    assert {booked[first.fill_ids[0]].wallet, booked[second.fill_ids[0]].wallet} == {"flex", "fi_xbtusd"}
    newest = max(entry.entry_id for entry in entries)
    assert await either.venue.ledger(newest) == []


async def test_vc08_a_resting_order_is_listed_amended_and_cancelled(either: Exam) -> None:
    """VC-08: its client id finds it; amending keeps it; a second cancel does not find it."""
    limit = (await either.price() * Decimal("0.97")).quantize(Decimal("0.1"))
    order = either.order(ETH, Side.BUY, OrderKind.LIMIT, "0.5", limit_price=limit)
    assert isinstance(await either.venue.place(order), OrderAccepted)
    (resting,) = await either.venue.open_orders()
    assert resting.client_order_id == order.client_order_id
    assert (resting.size, resting.limit_price) == (Decimal("0.5"), limit)
    change = AmendRequest(order.client_order_id, ETH, size=Decimal("0.3"), limit_price=limit - 1)
    assert isinstance(await either.venue.amend(change), OrderAccepted)
    (resting,) = await either.venue.open_orders()
    assert (resting.size, resting.limit_price) == (Decimal("0.3"), limit - 1)
    cancelled = await either.venue.cancel(ETH, order.client_order_id, None)
    assert cancelled.status is CancelStatus.CANCELLED
    again = await either.venue.cancel(ETH, order.client_order_id, None)
    assert again.status is CancelStatus.NOT_FOUND
    assert await either.venue.open_orders() == []


async def test_vc09_a_protective_stop_rests_and_moves(either: Exam) -> None:
    """VC-09: reduce-only stop with its trigger; amended in place."""
    await either.buy("0.2")
    trigger = (await either.price() * Decimal("0.95")).quantize(Decimal("0.1"))
    stop = either.order(
        ETH,
        Side.SELL,
        OrderKind.STOP,
        "0.2",
        stop_price=trigger,
        trigger_signal=TriggerSignal.MARK,
        reduce_only=True,
    )
    assert isinstance(await either.venue.place(stop), OrderAccepted)
    (resting,) = await either.venue.open_orders()
    assert (resting.kind, resting.side, resting.stop_price) == (OrderKind.STOP, Side.SELL, trigger)
    assert (resting.reduce_only, resting.trigger_signal) == (True, TriggerSignal.MARK)
    assert isinstance(
        await either.venue.amend(AmendRequest(stop.client_order_id, ETH, stop_price=trigger + 1)), OrderAccepted
    )
    assert [order.stop_price for order in await either.venue.open_orders()] == [trigger + 1]
    (report,) = await either.venue.order_reports([stop.client_order_id])
    assert report.state is OrderState.TRIGGER_PENDING


async def test_vc10_refusals_are_proof_with_a_reason(either: Exam) -> None:
    """VC-10: each impossible order is refused in our own words."""
    price = (await either.price()).quantize(Decimal("0.1"))
    place, order = either.venue.place, either.order
    cases = {
        RefusalCode.INVALID_PRICE: order(ETH, Side.BUY, OrderKind.LIMIT, "0.1", limit_price=price + Decimal("0.03")),
        RefusalCode.INVALID_SIZE: order(ETH, Side.BUY, OrderKind.MARKET, "0.00005"),
        RefusalCode.WOULD_NOT_REDUCE: order(ETH, Side.SELL, OrderKind.MARKET, "0.1", reduce_only=True),
        RefusalCode.INSUFFICIENT_FUNDS: order(ETH, Side.BUY, OrderKind.MARKET, "1000"),
        RefusalCode.POST_WOULD_EXECUTE: order(ETH, Side.BUY, OrderKind.POST_ONLY, "0.1", limit_price=price + 30),
        RefusalCode.NOTHING_TO_MATCH: order(
            ETH, Side.BUY, OrderKind.IOC, "0.1", limit_price=(price / 2).quantize(Decimal("0.1"))
        ),
    }
    for code, request in cases.items():
        outcome = await place(request)
        assert isinstance(outcome, OrderRefused), (code, outcome)
        assert outcome.code is code, (code, outcome)
    assert await either.venue.positions() == []


async def test_vc11_a_client_id_is_used_once(either: Exam) -> None:
    """VC-11: the second use is refused, so a doubled send cannot double a position."""
    order = either.order(ETH, Side.BUY, OrderKind.MARKET, "0.1")
    assert isinstance(await either.venue.place(order), OrderAccepted)
    again = await either.venue.place(order)
    assert isinstance(again, OrderRefused)
    assert again.code is RefusalCode.DUPLICATE_CLIENT_ID
    assert (await either.venue.positions())[0].size == Decimal("0.1")


async def test_vc12_wallets_are_told_by_currency(either: Exam) -> None:
    """VC-12: the flex wallet in USD, the inverse wallet in its coin; equity is balance plus unrealised profit."""
    await either.buy("0.1")
    account = await either.venue.account()
    flex, coin = account.wallet("flex"), account.wallet("fi_xbtusd")
    assert flex is not None
    assert coin is not None
    assert (flex.currency, coin.currency) == ("USD", "BTC")
    assert abs(flex.balance + flex.unrealised_pnl - flex.equity) < Decimal("0.01")
    assert flex.initial_margin > flex.maintenance_margin > 0


async def test_vc13_leverage_and_dead_man_switch_are_taken(either: Exam) -> None:
    """VC-13: the switch cancels what rests when it is not renewed."""
    await either.venue.set_leverage(ETH, Decimal(3))
    limit = (await either.price() * Decimal("0.97")).quantize(Decimal("0.1"))
    await either.venue.place(either.order(ETH, Side.BUY, OrderKind.LIMIT, "0.1", limit_price=limit))
    await either.venue.arm_dead_man_switch(5)
    assert len(await either.venue.open_orders()) == 1
    await either.clock.sleep(30)
    assert await either.venue.open_orders() == []


async def test_vc14_a_lost_answer_is_unknown_and_found_by_its_client_id(exam: Exam) -> None:
    """VC-14: the venue took the order, the answer never came: unknown, and the fills know it."""
    since = exam.clock.now() - timedelta(seconds=1)
    exam.fault("timeout_after")
    order = exam.order(ETH, Side.BUY, OrderKind.MARKET, "0.1")
    outcome = await exam.venue.place(order)
    exam.heal()
    assert isinstance(outcome, OrderUnknown)
    found = [fill for fill in await exam.venue.fills(since) if fill.client_order_id == order.client_order_id]
    assert sum((fill.size for fill in found), Decimal(0)) == Decimal("0.1")


async def test_vc15_streams_come_back_after_a_disconnect(exam: Exam) -> None:
    """VC-15: reconnect, log in again, and the fills that happened meanwhile are brought, once."""
    await exam.venue.wait_ready(60)
    before = await exam.buy("0.1")
    assert isinstance(before, OrderAccepted)
    assert await exam.venue.wait_for_fills(before.fill_ids, 60)
    exam.fault("close_sockets", count=1)
    during = await exam.buy("0.1")
    assert isinstance(during, OrderAccepted)
    assert await exam.venue.wait_for_fills(during.fill_ids, 300)
    await eventually(lambda: sum(stream.reconnects for stream in exam.venue.health().streams) >= 2)
    ids = [fill.fill_id for fill in exam.venue.take_fills()]
    assert len(ids) == len(set(ids))
    assert {*before.fill_ids, *during.fill_ids} <= set(ids)


async def test_vc16_a_wrong_key_is_an_authentication_error(tmp_path: Path) -> None:
    """VC-16: private reads say so, public data goes on."""
    async with examination(tmp_path, secret="AAECAwQF") as exam:
        with pytest.raises(VenueAuthError):
            await exam.venue.positions()
        outcome = await exam.buy()
        assert isinstance(outcome, OrderRefused)
        assert outcome.code is RefusalCode.NOT_PERMITTED
        assert await exam.venue.tickers()


async def test_vc17_without_a_key_public_data_is_all_there_is(tmp_path: Path) -> None:
    """VC-17: ready without a private stream; capabilities say so."""
    async with examination(tmp_path, keyed=False) as exam:
        await exam.venue.wait_ready(60)
        assert not exam.venue.capabilities.private_stream
        assert await exam.venue.order_book(SOL)
        with pytest.raises(VenueError):
            await exam.venue.account()


async def test_vc18_a_position_of_a_foreign_symbol_is_reported(tmp_path: Path) -> None:
    """VC-18: what the account holds outside the universe carries the venue's own name."""
    async with examination(tmp_path) as wide:
        await wide.buy("1", SOL)
    async with examination(tmp_path, assets=("BTC", "ETH")) as narrow:
        assert [position.symbol for position in await narrow.venue.positions()] == ["PF_SOLUSD"]


async def test_vc19_the_server_time_is_the_venues(either: Exam) -> None:
    """VC-19: within a minute of the shared clock."""
    told: datetime = await either.venue.server_time()
    assert abs(told - either.clock.now()) < timedelta(minutes=1)


async def test_vc27_the_schedule_of_fees_can_be_read(either: Exam) -> None:
    """VC-27: what a fill costs, in bps, the lowest volume first; what was paid is one of its tiers."""
    tiers = list(await either.venue.fee_tiers())
    assert [tier.from_volume_usd for tier in tiers] == sorted(tier.from_volume_usd for tier in tiers)
    assert (tiers[0].maker_bps, tiers[0].taker_bps) == (2, 5)


async def test_vc20_notices_can_be_read(either: Exam) -> None:
    """VC-20: a list, possibly empty, never an error."""
    assert isinstance(list(await either.venue.notices()), list)


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        ("timeout_before", OrderUnknown),
        ("http_500", OrderUnknown),
        ("http_502_html", OrderUnknown),
        ("html_page", OrderUnknown),
        ("redirect", OrderUnknown),
        ("truncated_json", OrderUnknown),
        ("malformed_json", OrderUnknown),
        ("wrong_content_type", OrderUnknown),
        ("unknown_status", (OrderUnknown, OrderAccepted)),
        ("unavailable", OrderUnknown),
        ("maintenance", OrderUnknown),
        ("http_429", OrderRefused),
        ("api_limit_exceeded", OrderRefused),
        ("auth_error", OrderRefused),
        ("reject_orders", OrderRefused),
        ("price_collar", OrderRefused),
    ],
)
async def test_vc21_troubles_at_the_venue_never_become_a_false_outcome(
    exam: Exam, trouble: str, expected: type[OrderOutcome]
) -> None:
    """VC-21: refused means that nothing traded; accepted means that it did; unknown is settled by asking."""
    since = exam.clock.now() - timedelta(seconds=1)
    exam.fault(trouble, path="" if trouble == "maintenance" else "sendorder")
    order = exam.order(ETH, Side.BUY, OrderKind.MARKET, "0.1")
    outcome = await exam.venue.place(order)
    exam.heal()
    assert isinstance(outcome, expected), outcome
    traded = [fill for fill in await exam.venue.fills(since) if fill.client_order_id == order.client_order_id]
    if isinstance(outcome, OrderRefused):
        assert traded == []
    if isinstance(outcome, OrderAccepted):
        assert traded != []


async def test_vc22_a_refused_nonce_is_got_over(exam: Exam) -> None:
    """VC-22: one refusal is answered by a new nonce, unseen from outside."""
    exam.fault("nonce_error", count=1)
    assert isinstance(await exam.buy(), OrderAccepted)
    assert (await exam.venue.positions())[0].size == Decimal("0.1")


async def test_vc23_a_sequence_gap_is_repaired(exam: Exam) -> None:
    """VC-23: the book is withheld, asked for anew, and is back in step."""
    await exam.venue.wait_ready(60)
    exam.fault("sequence_gap", count=1)
    await eventually(lambda: exam.venue.health().streams[0].gaps > 0)
    await eventually(lambda: all(exam.venue.live_book(symbol) is not None for symbol in (BTC, ETH, SOL)))


async def test_vc24_a_silent_socket_is_replaced(exam: Exam) -> None:
    """VC-24: open but dead is as bad as closed."""
    await exam.venue.wait_ready(60)
    exam.fault("silent_socket")
    await eventually(lambda: exam.venue.health().streams[0].reconnects > 0, 15)
    exam.heal()
    await exam.venue.wait_ready(300)
    await eventually(lambda: exam.venue.live_book(ETH) is not None)


async def test_vc25_an_empty_list_of_instruments_is_an_outage(exam: Exam) -> None:
    """VC-25: never a delisting of everything."""
    exam.fault("empty_instruments")
    with pytest.raises(VenueError, match="outage"):
        await exam.venue.contract_specs()


async def test_vc26_tickers_without_quotes_are_told_as_such(exam: Exam) -> None:
    """VC-26: absent bid, ask and last are None, not zero."""
    exam.fault("missing_bid_ask")
    ticker = (await exam.venue.tickers())[ETH]
    assert (ticker.bid, ticker.ask, ticker.last_price) == (None, None, None)
    assert ticker.mark_price is not None
