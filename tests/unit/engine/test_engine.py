"""Orders, fills, stops and trades through the real engine against a fake exchange."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes import FakeVenue, MemoryDocument, MemoryJournal, a_collector
from tests.support import BTC, ETH, NOW, a_plan, a_spec, an_inverse_spec
from tradingbot.app.agreement import ask_venue, compare
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import StorageUnavailableError, VenueUnavailableError
from tradingbot.core.records import Liquidity, RefusalCode
from tradingbot.core.types import ContractKind, Direction, OrderKind, Side
from tradingbot.decision import ClosePosition, OpenPosition
from tradingbot.engine.execute import Executor
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.engine.params import EngineParams
from tradingbot.engine.portfolio_keeper import PortfolioKeeper, purposes_by_fill
from tradingbot.engine.reconcile import Reconciler
from tradingbot.engine.resolve import UnknownOrders
from tradingbot.engine.settlement import Settlement
from tradingbot.exits.protection import plan_protection
from tradingbot.portfolio.book import Book

USD = {"USD": Decimal(1), "XBT": Decimal(50_000)}
IDS = OrderIds("aa")


@dataclass
class Rig:
    """One engine on one fake exchange; `restart` forgets everything that is not in files."""

    clock: SteppedClock
    venue: FakeVenue
    positions: MemoryDocument
    trades: MemoryDocument
    journals: dict[str, MemoryJournal]

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.intents = IntentLog(self.journals["intents"])
        self.intents.restore(self.journals["intents"].records)
        book = (self.positions.value or PositionsState()).to_book()
        self.keeper = PortfolioKeeper(
            book,
            self.trades.value or TradesState(),
            self.positions,
            self.trades,
            self.journals["fills"],
            self.journals["trades"],
            self.intents,
            purposes_by_fill(self.journals["fills"].records),
        )
        params = EngineParams()
        self.executor = Executor(self.venue, self.clock, IDS, self.intents, self.keeper, params)
        self.settlement = Settlement(self.venue, self.clock, self.keeper)
        self.unknown = UnknownOrders(self.venue, self.clock, self.intents, self.keeper, params)
        self.reconciler = Reconciler(self.venue, self.clock, self.keeper, self.settlement, self.unknown, IDS)

    async def open(self, cycle: str = "c1", symbol=ETH, size: str = "1"):
        await self.reconciler.baseline()
        inverse = symbol == BTC
        plan = a_plan(
            symbol,
            kind=ContractKind.INVERSE if inverse else ContractKind.LINEAR,
            settlement_currency="XBT" if inverse else "USD",
        )
        action = OpenPosition(
            symbol, Side.BUY, Decimal(size), Decimal(2000), Decimal(2000), Decimal(2000), "flex", Decimal("0.1"), plan
        )
        return await self.executor.open(cycle, action)

    async def close(self, cycle: str = "c2", symbol=ETH):
        position = self.keeper.book.open_for(symbol)
        assert position is not None
        action = ClosePosition(position.position_id, symbol, Side.SELL, position.size, "time_exit", {})
        return await self.executor.close(cycle, action)

    async def protect(self, cycle: str = "c1") -> None:
        truth = await self.reconciler.look()
        for action in plan_protection(
            self.keeper.book.open_positions, truth.open_orders, self.venue.specs, IDS.is_ours
        ):
            await self.executor.protect(cycle, action)

    async def settle(self):
        self.settlement.absorb_stream()
        return await self.settlement.book(USD)


@pytest.fixture
def rig() -> Rig:
    clock = SteppedClock(NOW)
    venue = FakeVenue(clock, {ETH: a_spec(), BTC: an_inverse_spec()}, {ETH: "2000", BTC: "50000"})
    journals = {name: MemoryJournal() for name in ("intents", "fills", "trades")}
    return Rig(clock, venue, MemoryDocument(), MemoryDocument(), journals)


async def test_an_intent_is_on_disk_before_the_order_leaves(rig: Rig) -> None:
    """A crash right after sending finds the order by its id."""
    seen: list[int] = []
    place = rig.venue.place

    async def watch(order):
        seen.append(sum(1 for row in rig.journals["intents"].records if row["event"] == "intent"))
        return await place(order)

    rig.venue.place = watch
    await rig.open()
    assert seen == [1]


async def test_a_trade_from_entry_to_settlement_equals_the_venue(rig: Rig) -> None:
    """Net profit is the change of the venue's balance, to the last unit."""
    start = rig.venue.balances["flex"]
    await rig.open()
    assert await rig.settle() == []
    rig.venue.prices[ETH] = Decimal("2031.7")
    rig.venue.charge_funding(ETH, Decimal("-0.123"))
    await rig.close()
    (trade,) = await rig.settle()
    assert trade.net_pnl == rig.venue.balances["flex"] - start
    assert trade.exit_rule == "time_exit"
    assert rig.keeper.book.positions == ()
    assert list(rig.trades.value.trades) == [trade]


async def test_the_file_of_all_trades_leaves_the_exit_s_advice_to_the_journal(rig: Rig) -> None:
    """It is read and written whole; everything else of the context stays."""
    await rig.open()
    rig.settlement.absorb_stream()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    context = {"precedence": "time_exit", "advice": {"hard_stop": {}}, "facts": {"size": "1"}}
    action = ClosePosition(position.position_id, ETH, Side.SELL, position.size, "time_exit", context)
    await rig.executor.close("c2", action)
    await rig.settle()
    (line,) = rig.journals["trades"].records
    (kept,) = rig.trades.value.trades
    assert {"advice", "facts", "precedence"} <= set(line["exit_context"])
    assert "precedence" in kept.exit_context
    assert not {"advice", "facts"} & set(kept.exit_context)


async def test_an_inverse_trade_settles_in_coin(rig: Rig) -> None:
    """Profit in XBT, valued in USD at the index."""
    start = rig.venue.balances["fi_xbtusd"]
    await rig.open(symbol=BTC, size="500")
    rig.venue.prices[BTC] = Decimal(51_000)
    rig.settlement.absorb_stream()
    await rig.close(symbol=BTC)
    (trade,) = await rig.settle()
    assert trade.net_pnl == rig.venue.balances["fi_xbtusd"] - start
    assert trade.net_pnl_usd == trade.net_pnl * 50_000


async def test_nothing_is_sent_when_the_intent_cannot_be_stored(rig: Rig) -> None:
    """A full disk blocks entries..."""
    rig.journals["intents"].broken = True
    done = await rig.open()
    assert done.status == "denied"
    assert rig.venue.sent == []


async def test_an_exit_goes_out_on_a_full_disk(rig: Rig) -> None:
    """...and keeps exits."""
    await rig.open()
    rig.settlement.absorb_stream()
    rig.journals["intents"].broken = True
    done = await rig.close()
    assert done.status == "accepted"
    assert rig.venue.held[ETH][0] == 0


async def test_a_lost_answer_is_asked_about_and_never_sent_again(rig: Rig) -> None:
    """The order worked; its answer did not arrive."""
    rig.venue.lose_answers = True
    rig.venue.silent_stream = True
    done = await rig.open()
    assert done.status == "unknown"
    assert rig.intents.unresolved_symbols() == {ETH}
    await rig.unknown.resolve()
    assert rig.intents.unresolved == {}
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert position.size == 1
    assert len(rig.venue.sent) == 1


async def test_absence_is_proof_only_after_the_grace_period(rig: Rig) -> None:
    """An order that never arrived stays unknown until it can no longer arrive."""
    rig.venue.drop_orders = True
    await rig.open()
    assert await rig.unknown.resolve() == []
    await rig.clock.sleep(60)
    (outcome,) = await rig.unknown.resolve()
    assert outcome.code is RefusalCode.NOT_FOUND
    assert rig.intents.unresolved == {}


async def test_a_failed_question_proves_nothing(rig: Rig) -> None:
    """While the venue is down the order stays unknown."""
    rig.venue.drop_orders = True
    await rig.open()
    await rig.clock.sleep(60)
    rig.venue.down = True
    assert await rig.unknown.resolve() == []
    assert len(rig.intents.unresolved) == 1


async def test_a_restart_after_sending_finds_the_position(rig: Rig) -> None:
    """Killed between send and answer: the fill is applied once, with its plan, and protected."""
    await rig.open()
    rig.journals["intents"].records = rig.journals["intents"].records[:1]  # the outcome was never written
    rig.restart()
    assert len(rig.intents.unresolved) == 1
    truth = await rig.reconciler.reconcile()
    assert truth.differences == ()
    assert rig.keeper.book.open_positions[0].direction is Direction.LONG
    await rig.protect()
    assert [(o.kind, o.size, o.reduce_only) for o in rig.venue.orders.values()] == [(OrderKind.STOP, Decimal(1), True)]


async def test_reconciling_twice_changes_nothing(rig: Rig) -> None:
    """Idempotent: the same fills and rows count once."""
    await rig.open()
    await rig.settle()
    before = rig.keeper.book
    for _ in range(2):
        rig.restart()
        await rig.reconciler.reconcile()
        await rig.settle()
    assert rig.keeper.book.positions == before.positions
    assert len(rig.journals["fills"].records) == 1


async def test_a_start_on_a_full_disk_reconciles_all_the_same(rig: Rig) -> None:
    """What it found is written once the disk takes it; exits do not wait for that."""
    rig.venue.lose_answers = True
    rig.venue.silent_stream = True
    await rig.open()
    rig.restart()
    rig.positions.broken = True
    truth = await rig.reconciler.reconcile()
    assert truth.differences == ()
    assert not rig.intents.unresolved
    assert rig.keeper.open_symbols() == {ETH}


async def test_a_stop_that_fired_while_down_closes_the_trade(rig: Rig) -> None:
    """The venue closed the position; the restart books it under its rule."""
    await rig.open()
    rig.settlement.absorb_stream()
    await rig.protect()
    await rig.settle()
    rig.venue.prices[ETH] = Decimal(1949)
    rig.venue.fire_stop(ETH)
    rig.restart()
    truth = await rig.reconciler.reconcile()
    (trade,) = await rig.settle()
    assert truth.differences == ()
    assert trade.exit_rule == "protective_stop"
    assert trade.gross_pnl == Decimal(-51)


async def test_a_position_opened_by_hand_is_reported_and_not_touched(rig: Rig) -> None:
    """It is nobody's stop, nobody's exit, and its symbol is closed to entries."""
    await rig.reconciler.baseline()
    rig.venue.fill(ETH, Side.BUY, Decimal(3), None)
    truth = await rig.reconciler.reconcile()
    assert [(d.kind, d.symbol) for d in truth.differences] == [("foreign_position", ETH)]
    assert truth.blocked_symbols() == {ETH: "foreign_position"}
    await rig.protect()
    assert rig.venue.orders == {}


async def test_an_account_s_past_is_not_ours(rig: Rig) -> None:
    """A new book starts at the newest ledger row of an old account."""
    rig.venue.fill(ETH, Side.BUY, Decimal(1), None)
    rig.venue.fill(ETH, Side.SELL, Decimal(1), None)
    await rig.reconciler.baseline()
    assert rig.keeper.book.ledger_id == 2
    assert rig.keeper.book.baseline_id == 2


async def test_a_silent_stream_does_not_hide_a_fill(rig: Rig) -> None:
    """The comparison with the venue's positions finds what the stream lost, in the same cycle."""
    rig.venue.silent_stream = True
    await rig.open()
    assert rig.keeper.book.positions == ()
    truth = await rig.reconciler.look()
    assert truth.differences == ()
    assert len(rig.keeper.book.open_positions) == 1


async def test_a_crash_between_trade_file_and_positions_file_settles_once(rig: Rig) -> None:
    """The trade is in its file already; the restart must not record it twice."""
    await rig.open()
    await rig.settle()
    await rig.close()
    rig.settlement.absorb_stream()
    await rig.keeper.save()
    unsettled = rig.positions.value
    await rig.settle()
    rig.positions.value = unsettled
    rig.restart()
    await rig.reconciler.reconcile()
    assert await rig.settle() == []
    assert len(rig.trades.value.trades) == 1
    assert rig.keeper.book.positions == ()


async def test_an_id_the_venue_knows_already_is_unknown_not_refused(rig: Rig) -> None:
    """The same intent got through before a crash: ask, do not conclude."""
    await rig.open("c1")
    rig.restart()
    done = await rig.open("c1")
    assert done.status == "unknown"
    await rig.unknown.resolve()
    assert rig.keeper.book.open_positions[0].size == 1


async def test_a_stop_that_came_too_late_is_sent_anew_at_once(rig: Rig) -> None:
    """The venue's refusal proves that nothing rests: the position does not wait a whole cycle for its stop."""
    await rig.open()
    place, late = rig.venue.place, iter([True, True])

    async def slow(order):
        rig.venue.refuse = RefusalCode.TOO_LATE if next(late, False) else None
        return await place(order)

    rig.venue.place = slow
    await rig.protect()
    assert [order.kind for order in rig.venue.orders.values()] == [OrderKind.STOP]
    stops = [order.client_order_id for order in rig.venue.sent if order.kind is OrderKind.STOP]
    assert len(stops) == len(set(stops)) == 3
    assert not rig.intents.unresolved
    position = rig.keeper.book.open_positions[0]
    assert position.stop_client_order_id == stops[-1]
    rig.venue.refuse = None
    await rig.protect("c2")
    assert len(rig.venue.orders) == 1


async def test_a_stop_that_is_refused_for_itself_is_sent_once_a_cycle(rig: Rig) -> None:
    await rig.open()
    before = len(rig.venue.sent)
    rig.venue.refuse = RefusalCode.INVALID_PRICE
    await rig.protect()
    assert len(rig.venue.sent) == before + 1


async def test_leverage_is_set_before_the_order_and_once(rig: Rig) -> None:
    """A preference of the symbol, linear contracts only."""
    await rig.open("c1")
    await rig.open("c2")
    await rig.open("c3", symbol=BTC, size="500")
    assert rig.venue.leverages == [(ETH, Decimal(3))]


def test_an_empty_book_has_nothing_open() -> None:
    """The start of everything."""
    assert Book().open_positions == ()


async def test_a_forced_closing_by_the_venue_ends_as_a_trade(rig: Rig) -> None:
    """A liquidation has no order of ours; it reduces our position all the same, and says so."""
    await rig.open(size="2")
    await rig.settle()
    for amount in ("0.5", "1.5"):
        fill = rig.venue.fill(ETH, Side.SELL, Decimal(amount), None)
        rig.venue.all_fills[-1] = rig.venue._stream[-1] = replace(fill, liquidity=Liquidity.LIQUIDATION)
        await cycle(rig, "c2")
    assert [trade.exit_rule for trade in rig.keeper.trades] == ["liquidation"]
    assert rig.keeper.book.open_positions == ()
    assert [row["purpose"] for row in rig.journals["fills"].records] == ["entry", "liquidation", "liquidation"]


async def test_a_forced_closing_of_what_is_not_ours_moves_nothing(rig: Rig) -> None:
    await rig.open(symbol=BTC, size="100")
    fill = rig.venue.fill(ETH, Side.SELL, Decimal(1), None)
    rig.venue.all_fills[-1] = rig.venue._stream[-1] = replace(fill, liquidity=Liquidity.LIQUIDATION)
    await cycle(rig, "c2")
    assert rig.keeper.open_symbols() == {BTC}
    assert rig.journals["fills"].records[-1]["effect"] == "foreign"


async def test_a_trade_that_could_not_be_stored_is_reported_once_it_can(rig: Rig) -> None:
    """The disk refuses while a trade settles: its line in the journal is not lost."""
    await rig.open()
    await rig.settle()
    await rig.close()
    rig.trades.broken = True
    with pytest.raises(StorageUnavailableError):
        await rig.settle()
    assert rig.journals["trades"].records == []
    rig.trades.broken = False
    trades = await rig.settle()
    assert len(trades) == len(rig.journals["trades"].records) == len(rig.trades.value.trades) == 1


async def test_a_lost_book_is_made_anew_from_the_journal_of_orders(rig: Rig) -> None:
    """Positions file gone: fills and ledger since our first order are applied again; known trades stay single."""
    await rig.open("c1")
    await rig.settle()
    await rig.clock.sleep(60)
    await rig.close("c2")
    assert len(await rig.settle()) == 1
    await rig.clock.sleep(60)
    await rig.open("c3", size="3")
    await rig.settle()
    rig.positions.value = None
    rig.restart()
    await rig.reconciler.baseline()
    await rig.reconciler.reconcile()
    await rig.settle()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert position.size == 3
    assert len(rig.keeper.trades) == 1
    assert rig.keeper.book.ledger_id == len(rig.venue.rows)


async def test_orders_sent_to_another_venue_before_do_not_make_a_new_account_s_book(rig: Rig) -> None:
    """It begins at its newest row like any other; an order since then makes a lost one anew."""
    await rig.open("c1")
    await rig.settle()
    rig.positions.value = None
    rig.restart()
    await rig.clock.sleep(86_400)
    moved_at = rig.clock.now()
    await rig.reconciler.baseline(moved_at)
    book = rig.keeper.book
    assert (book.fills_since, book.ledger_id) == (moved_at, len(rig.venue.rows))
    await rig.reconciler.reconcile()
    assert rig.keeper.book.open_positions == ()
    await rig.clock.sleep(60)
    await rig.open("c2", symbol=BTC, size="100")
    rig.positions.value = None
    rig.restart()
    await rig.reconciler.baseline(moved_at)
    assert rig.keeper.book.fills_since == moved_at + timedelta(seconds=60)


# ---------------------------------------------------------------- other people's hands


async def differences(rig: Rig) -> list[tuple[str, str, str, str]]:
    """What `status --reconcile` would list."""
    positions, trades = rig.positions.value or PositionsState(), rig.trades.value or TradesState()
    asked = await ask_venue(rig.venue, positions, trades, rig.journals["fills"].records)
    return [(d.kind, d.symbol, d.ours, d.venue) for d in compare(asked, IDS).differences]


async def by_hand(rig: Rig, side: Side, size: str) -> None:
    await rig.clock.sleep(7)
    rig.venue.prices[ETH] += 3
    rig.venue.fill(ETH, side, Decimal(size), None)


async def cycle(rig: Rig, name: str):
    """Look, protect, settle, as every cycle does."""
    rig.settlement.absorb_stream()
    truth = await rig.reconciler.look()
    await rig.protect(name)
    trades = await rig.settle()
    await rig.keeper.save()
    return truth, trades


async def with_a_position(rig: Rig, size: str = "2") -> None:
    await rig.open(size=size)
    await cycle(rig, "c1")
    assert await differences(rig) == []


async def test_closed_by_hand_is_a_trade_that_says_so(rig: Rig) -> None:
    start = rig.venue.balances["flex"]
    await with_a_position(rig)
    await by_hand(rig, Side.SELL, "2")
    truth, (trade,) = await cycle(rig, "c2")
    assert truth.differences == ()
    assert trade.exit_rule == "closed_by_hand"
    assert trade.net_pnl == rig.venue.balances["flex"] - start
    assert rig.venue.orders == {}, "its stop is gone"
    assert [row["purpose"] for row in rig.journals["fills"].records] == ["entry", "closed_by_hand"]
    assert await differences(rig) == []


async def test_reduced_by_hand_keeps_a_stop_of_the_new_size(rig: Rig) -> None:
    await with_a_position(rig)
    (stop,) = rig.venue.orders
    await by_hand(rig, Side.SELL, "0.5")
    truth, trades = await cycle(rig, "c2")
    assert (truth.differences, trades) == ((), [])
    assert {key: order.size for key, order in rig.venue.orders.items()} == {stop: Decimal("1.5")}
    assert await differences(rig) == []
    await rig.close("c3")
    _, (trade,) = await cycle(rig, "c3")
    assert (trade.exit_rule, trade.size) == ("time_exit", 2)
    assert await differences(rig) == []


async def test_turned_around_by_hand_closes_ours_and_leaves_theirs(rig: Rig) -> None:
    start = rig.venue.balances["flex"]
    await with_a_position(rig)
    await by_hand(rig, Side.SELL, "5")
    truth, (trade,) = await cycle(rig, "c2")
    assert truth.blocked_symbols() == {ETH: "foreign_position"}
    assert trade.exit_rule == "closed_by_hand"
    assert trade.net_pnl == rig.venue.balances["flex"] - start, "the row of that fill is booked whole"
    sent = len(rig.venue.sent)
    rig.venue.charge_funding(ETH, Decimal("-0.4"))
    rig.venue.rows[-1] = replace(rig.venue.rows[-1], time=rig.clock.now() + timedelta(minutes=1))
    await cycle(rig, "c3")
    assert (len(rig.venue.sent), rig.venue.orders, rig.venue.held[ETH][0]) == (sent, {}, -3)
    assert await differences(rig) == [("position", ETH, "0", "-3")]
    await by_hand(rig, Side.BUY, "3")
    truth, trades = await cycle(rig, "c4")
    assert (truth.differences, trades) == ((), [])
    assert await differences(rig) == []


async def test_an_hour_s_funding_that_could_not_be_read_is_asked_for_again(rig: Rig) -> None:
    """The account log is read once an hour; an hour in which it failed is not over."""
    await with_a_position(rig)
    await rig.clock.sleep(3600)
    rig.venue.charge_funding(ETH, Decimal("-0.4"))
    rig.venue.down = True
    await rig.settle()
    rig.venue.down = False
    await rig.settle()
    position = rig.keeper.book.open_for(ETH)
    assert position is not None
    assert position.booked_funding == Decimal("-0.4")


async def test_increased_by_hand_is_reported_and_only_ours_is_closed(rig: Rig) -> None:
    await with_a_position(rig)
    await by_hand(rig, Side.BUY, "1")
    truth, _ = await cycle(rig, "c2")
    assert truth.blocked_symbols() == {ETH: "position_size"}
    assert [order.size for order in rig.venue.orders.values()] == [2]
    assert await differences(rig) == [("position", ETH, "2", "3")]
    await rig.close("c3")
    truth, (trade,) = await cycle(rig, "c3")
    assert trade.exit_rule == "time_exit"
    assert truth.blocked_symbols() == {ETH: "foreign_position"}
    assert (rig.venue.held[ETH][0], rig.venue.orders) == (1, {})
    assert await differences(rig) == [("position", ETH, "0", "1")]


async def test_what_was_added_by_hand_and_taken_back_leaves_ours_alone(rig: Rig) -> None:
    await with_a_position(rig)
    await by_hand(rig, Side.BUY, "1")
    await cycle(rig, "c2")
    rig.restart()
    await by_hand(rig, Side.SELL, "1")
    truth, trades = await cycle(rig, "c3")
    assert (truth.differences, trades) == ((), [])
    assert rig.keeper.book.open_positions[0].size == 2
    assert await differences(rig) == []


async def test_an_inverse_position_is_closed_by_hand_too(rig: Rig) -> None:
    start = rig.venue.balances["fi_xbtusd"]
    await rig.open(symbol=BTC, size="500")
    await cycle(rig, "c1")
    rig.venue.prices[BTC] = Decimal(51_000)
    for size in ("200", "300"):
        rig.venue.fill(BTC, Side.SELL, Decimal(size), None)
    _, (trade,) = await cycle(rig, "c2")
    assert (trade.exit_rule, trade.net_pnl) == ("closed_by_hand", rig.venue.balances["fi_xbtusd"] - start)
    assert await differences(rig) == []


@pytest.mark.parametrize("restart", [False, True])
async def test_a_hand_seen_before_our_own_entry_counts_once_both_are_known(rig: Rig, restart: bool) -> None:
    """The venue shows what a person did before it shows the entry; the process may even die in between."""
    await rig.open(size="2")
    rig.venue.take_fills()
    await by_hand(rig, Side.SELL, "0.5")
    rig.keeper.absorb(rig.venue.all_fills[1:], rig.clock.now(), complete=True)
    assert [row["effect"] for row in rig.journals["fills"].records] == ["foreign"]
    if restart:
        await rig.keeper.save()
        rig.restart()
    truth, _ = await cycle(rig, "c2")
    assert truth.differences == ()
    assert rig.keeper.book.open_positions[0].size == Decimal("1.5")
    assert rig.settlement.absorb_stream() == await rig.settlement.absorb_rest() == 0
    assert [row["purpose"] for row in rig.journals["fills"].records] == ["", "entry", "closed_by_hand"]
    assert await differences(rig) == []


async def test_closed_by_hand_while_down_is_booked_at_the_start(rig: Rig) -> None:
    await with_a_position(rig)
    rig.venue.silent_stream = True
    await by_hand(rig, Side.SELL, "2")
    rig.restart()
    assert (await rig.reconciler.reconcile()).differences == ()
    (trade,) = await rig.settle()
    assert trade.exit_rule == "closed_by_hand"


@pytest.mark.parametrize("seed", range(12))
async def test_any_mixture_of_ours_and_theirs_agrees_in_the_end(rig: Rig, seed: int) -> None:
    """People buy and sell where we trade, processes die, the stream is silent: size and money stay right."""
    chance = random.Random(seed)
    for number in range(25):
        rig.venue.silent_stream = chance.random() < 0.3
        held, at_venue = rig.keeper.book.open_for(ETH), rig.venue.held.get(ETH, (Decimal(0),))[0]
        if held is None and at_venue == 0 and chance.random() < 0.7:
            await rig.open(f"c{number}", size=str(chance.randint(1, 4)))
        elif held is not None and chance.random() < 0.25:
            await rig.close(f"c{number}")
        elif held is None and at_venue:
            await by_hand(rig, Side.SELL if at_venue > 0 else Side.BUY, str(abs(at_venue)))
        else:
            await by_hand(rig, chance.choice(list(Side)), str(chance.randint(1, 3)))
        if chance.random() < 0.2:
            rig.restart()
            await rig.reconciler.reconcile()
        await cycle(rig, f"c{number}")
        at_venue = rig.venue.held.get(ETH, (Decimal(0),))[0]
        found = await differences(rig)
        assert all(kind == "position" for kind, *_ in found), found
        for position in rig.keeper.book.open_positions:
            assert 0 < position.size <= position.entry_size
            assert position.size <= at_venue
        assert not rig.venue.orders or rig.keeper.book.open_positions
        await rig.clock.sleep(60)
    assert "closed_by_hand" in {row["purpose"] for row in rig.journals["fills"].records}


async def test_our_exit_beside_theirs_is_found_although_the_sizes_agree(rig: Rig) -> None:
    """Theirs is as large as ours was, and the stream lost our exit: nothing of theirs is closed for ours."""
    await with_a_position(rig)
    await by_hand(rig, Side.BUY, "2")
    await cycle(rig, "c2")
    rig.venue.silent_stream = True
    await rig.close("c3")
    truth, (trade,) = await cycle(rig, "c3")
    assert trade.exit_rule == "time_exit"
    assert truth.blocked_symbols() == {ETH: "foreign_position"}
    assert (rig.venue.held[ETH][0], rig.keeper.book.open_positions) == (2, ())


async def test_added_and_taken_back_where_the_stream_lost_the_first(rig: Rig) -> None:
    """The list of the venue says in which order it was."""
    await with_a_position(rig)
    rig.venue.silent_stream = True
    await by_hand(rig, Side.BUY, "1")
    rig.venue.silent_stream = False
    await by_hand(rig, Side.SELL, "1")
    truth, trades = await cycle(rig, "c2")
    assert (truth.differences, trades) == ((), [])
    assert (rig.keeper.book.open_positions[0].size, rig.keeper.needs_complete_fills) == (2, False)
    assert await differences(rig) == []


# ---------------------------------------------------------------- contract specifications


async def test_contract_specifications_are_read_anew(rig: Rig) -> None:
    """A new tick is used, what is no longer listed is not entered, and an outage changes nothing."""
    collector = a_collector(rig.venue, rig.clock)
    rig.venue.specs = {ETH: a_spec(tick_size=Decimal("0.5"), post_only=True)}
    await collector.refresh_specs()
    assert (collector.specs[ETH].tick_size, collector.specs[ETH].post_only) == (Decimal("0.5"), True)
    assert set(collector.specs) == {ETH, BTC}
    assert not collector.specs[BTC].tradeable
    known = collector.specs
    rig.venue.specs = {}
    await collector.refresh_specs()
    rig.venue.down = True
    with pytest.raises(VenueUnavailableError):
        await collector.refresh_specs()
    assert collector.specs is known
    rig.venue.down, rig.venue.specs = False, {ETH: a_spec(), BTC: an_inverse_spec()}
    await collector.refresh_specs()
    assert collector.specs[BTC].tradeable
