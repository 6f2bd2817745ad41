"""Flatten: every position of ours closed once, whatever the answers; what is not ours stays; unknown is said."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.fakes import FakeVenue, MemoryDocument, MemoryJournal
from tests.support import BTC, ETH, NOW, a_spec, an_inverse_spec
from tests.unit.engine.test_engine import IDS, Rig
from tradingbot.clock import SteppedClock
from tradingbot.core.records import RefusalCode
from tradingbot.core.types import ClientOrderId, Side
from tradingbot.engine.account import TradingAccount
from tradingbot.engine.flatten import Flattened, Flattener
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.engine.kill_switches import KillSwitches
from tradingbot.engine.operator_desk import OperatorDesk, OperatorOrder
from tradingbot.engine.params import EngineParams
from tradingbot.guards.issues import IssueBook
from tradingbot.guards.switch_state import SwitchName, SwitchState
from tradingbot.risk.params import KillSwitchParams

FLAT = ClientOrderId("tb-aa-20260105T1200-ETHUSDT-flat")


@pytest.fixture
def rig() -> Rig:
    clock = SteppedClock(NOW)
    venue = FakeVenue(clock, {ETH: a_spec(), BTC: an_inverse_spec()}, {ETH: "2000", BTC: "50000"})
    journals = {name: MemoryJournal() for name in ("intents", "fills", "trades")}
    return Rig(clock, venue, MemoryDocument(), MemoryDocument(), journals)


def flattener(rig: Rig) -> Flattener:
    account = TradingAccount(
        venue=rig.venue,
        clock=rig.clock,
        lock=asyncio.Lock(),
        intents=rig.intents,
        ids=IDS,
        keeper=rig.keeper,
        settlement=rig.settlement,
        unknown=rig.unknown,
        reconciler=rig.reconciler,
        executor=rig.executor,
    )
    return Flattener(account, lambda: rig.venue.specs, EngineParams())


async def flatten(rig: Rig) -> Flattened:
    return await flattener(rig).flatten({"by": "operator jo"})


async def held(rig: Rig) -> None:
    """A linear and an inverse position, each with its stop."""
    await rig.open()
    await rig.open(symbol=BTC, size="500")
    await rig.settle()
    await rig.protect()


def sent(rig: Rig, order_id: ClientOrderId = FLAT) -> int:
    """Fills of one order at the venue."""
    return sum(1 for fill in rig.venue.all_fills if fill.client_order_id == order_id)


async def test_everything_of_ours_is_closed_and_its_stops_are_gone(rig: Rig) -> None:
    start = dict(rig.venue.balances)
    await held(rig)
    found = await flatten(rig)
    assert found.complete
    assert [(row["symbol"], row["state"], row["left"]) for row in found.positions] == [
        (ETH, "closed", 0),
        (BTC, "closed", 0),
    ]
    assert all(size == 0 for size, _ in rig.venue.held.values())
    assert rig.venue.orders == {}
    assert {trade.exit_rule for trade in rig.keeper.trades} == {"operator_flatten"}
    assert rig.keeper.trades[0].exit_context["by"] == "operator jo"
    nets = {trade.symbol: trade.net_pnl for trade in rig.keeper.trades}
    assert nets[ETH] == rig.venue.balances["flex"] - start["flex"]
    assert nets[BTC] == rig.venue.balances["fi_xbtusd"] - start["fi_xbtusd"]
    assert found.positions[0]["net_pnl_usd"] == nets[ETH]
    assert rig.positions.value.positions == []


async def test_its_order_is_on_disk_first_and_never_that_of_an_exit_of_the_same_minute(rig: Rig) -> None:
    await held(rig)
    await flatten(rig)
    intents = [row["client_order_id"] for row in rig.journals["intents"].records if row["event"] == "intent"]
    assert FLAT in intents
    assert IDS.make("20260105T1200", ETH, "exit") != FLAT
    assert not IDS.is_entry(FLAT)


async def test_a_full_disk_does_not_stop_it(rig: Rig) -> None:
    await held(rig)
    rig.journals["intents"].broken = rig.trades.broken = rig.positions.broken = True
    found = await flatten(rig)
    assert [row["state"] for row in found.positions] == ["closed", "closed"]
    assert rig.venue.held[ETH][0] == 0


async def test_a_lost_answer_is_asked_about(rig: Rig) -> None:
    await held(rig)
    rig.venue.lose_answers = rig.venue.silent_stream = True
    found = await flatten(rig)
    assert found.complete
    assert sent(rig) == 1


async def test_while_nothing_can_be_read_orders_go_out_once_and_the_report_says_what_it_does_not_know(rig: Rig) -> None:
    """A second flatten in the same minute uses the same ids: the venue refuses them, and nothing is sold twice."""
    await held(rig)
    rig.venue.down = rig.venue.silent_stream = True
    first = await flatten(rig)
    assert not first.readable
    assert not first.complete
    assert {row["state"] for row in first.positions} == {"not seen closed yet"}
    second = await flatten(rig)
    assert {row["state"] for row in second.positions} == {"unknown"}
    assert set(second.unresolved) >= {FLAT}
    rig.venue.down = False
    third = await flatten(rig)
    assert third.complete
    assert third.positions == ()
    assert sent(rig) == 1
    assert rig.venue.held[ETH][0] == 0
    assert len(rig.keeper.trades) == 2


async def test_a_refusal_leaves_the_position_with_its_stop(rig: Rig) -> None:
    await held(rig)
    rig.venue.refuse = RefusalCode.MARKET_SUSPENDED
    found = await flatten(rig)
    assert not found.complete
    assert {row["state"] for row in found.positions} == {"not closed"}
    assert "market_suspended" in found.positions[0]["answer"]
    assert len(rig.venue.orders) == 2


async def test_what_others_hold_is_told_and_left_alone(rig: Rig) -> None:
    await rig.open()
    await rig.settle()
    rig.venue.fill(ETH, Side.BUY, Decimal(3), None)
    rig.venue.fill(BTC, Side.SELL, Decimal(100), None)
    found = await flatten(rig)
    assert [(row["symbol"], row["size"]) for row in found.foreign] == [(ETH, 3), (BTC, 100)]
    assert rig.venue.held[ETH][0] == 3
    assert rig.venue.held[BTC][0] == -100
    assert found.complete, "ours is closed"


def no_issues(rig: Rig) -> IssueRegistry:
    return IssueRegistry(IssueBook(), MemoryDocument(), MemoryJournal(), rig.clock)


async def test_the_desk_pauses_before_it_closes_and_waits_for_the_account(rig: Rig) -> None:
    """A running cycle ends first; it opens nothing any more."""
    switches = KillSwitches(SwitchState(), MemoryDocument(), MemoryJournal(), rig.clock, KillSwitchParams())
    lock = asyncio.Lock()
    desk = OperatorDesk(switches, flattener(rig), lock, no_issues(rig))
    await held(rig)
    async with asyncio.TaskGroup() as group:
        async with lock:
            task = group.create_task(desk.carry_out(OperatorOrder("flatten")))
            await rig.clock.sleep(1)
            assert switches.names == ("operator_pause",)
            assert rig.venue.held[ETH][0] > 0
    answer = task.result()
    assert answer.done
    assert answer.text == "all 2 positions of ours are closed"
    assert switches.names == ("operator_pause",)


async def test_a_plain_resume_lifts_the_pause_alone_and_names_the_rest(rig: Rig) -> None:
    switches = KillSwitches(SwitchState(), MemoryDocument(), MemoryJournal(), rig.clock, KillSwitchParams())
    desk = OperatorDesk(switches, flattener(rig), asyncio.Lock(), no_issues(rig))
    await desk.carry_out(OperatorOrder("pause"))
    await switches.watch(Decimal(100), (), {})
    await switches.watch(Decimal(70), (), {})
    answer = await desk.carry_out(OperatorOrder("resume"))
    assert answer.text == "lifted: operator_pause"
    assert [line.split()[2] for line in answer.lines] == ["daily_loss", "drawdown"]
    assert "only by `tradingbot resume`" in answer.lines[1]
    answer = await desk.carry_out(OperatorOrder("resume", switches=(SwitchName.DRAWDOWN,)))
    assert answer.facts["lifted"] == ["drawdown"]
    answer = await desk.carry_out(OperatorOrder("resume", every=True))
    assert switches.names == ()
    assert answer.lines == ("no kill switch holds entries back",)
    assert "nothing to lift" in (await desk.carry_out(OperatorOrder("resume"))).text
