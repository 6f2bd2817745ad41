"""Every named trouble of the simulated venue against the real daemon: what is blocked, what goes on, what agrees after.

Each row lets the daemon trade, switches one trouble on, looks, switches it off, and demands that everything heals.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.integration.daemon_rig import Rig, running
from tests.integration.fault_rows import TABLE, WARM_CYCLES, Row, observe, orders
from tradingbot.core.records import LedgerKind
from tradingbot.simulator.faults import FAULTS


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The log is not under test here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def test_no_fault_is_forgotten() -> None:
    assert sorted(row.fault for row in TABLE) == sorted(FAULTS)


TWINS = {
    "http_502_html": "html_page",
    "redirect": "html_page",
    "wrong_content_type": "html_page",
    "malformed_json": "truncated_json",
    "unavailable": "http_500",
    "auth_error": "nonce_error",
    "empty_orders": "empty_positions",
    "missing_bid_ask": "extreme_spreads",
    "slow": "timeout_before",
}
"""Faults that the daemon takes as it takes another one: `make long` tries them too."""
SHORT = ("BTC",)
"""Enough where only the timetable matters."""


def rows() -> list[Any]:
    assert set(TWINS) | set(TWINS.values()) <= set(FAULTS)
    return [pytest.param(row, marks=pytest.mark.long if row.fault in TWINS else (), id=row.fault) for row in TABLE]


@pytest.mark.parametrize("row", rows())
async def test_the_daemon_under(row: Row, tmp_path: Path) -> None:
    """Cycles go on, entries stop where they must, and afterwards nothing is missing, doubled or unprotected."""
    await observe(row, tmp_path)


# ---------------------------------------------------------------- orders of unknown outcome


@pytest.mark.parametrize("fault", ["timeout_after", "truncated_json", "malformed_json", "wrong_content_type"])
async def test_a_lost_answer_to_an_entry_leads_to_exactly_one_position(fault: str, tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.fault(fault, path="sendorder", count=1)
        await rig.cycle_until("an entry is sent", lambda: rig.events("intent"), 10)
        first = rig.events("intent")[0]
        outcome = rig.events("outcome")[0]
        assert (outcome["client_order_id"], outcome["status"]) == (first["client_order_id"], "unknown")
        assert rig.daemon.unresolved == (first["client_order_id"],)
        symbol = first["intent"]["symbol"]
        assert rig.venue_name(symbol) in rig.held
        assert rig.protected(), "REST knows the position: its stop is placed in the same cycle"
        report = await rig.good_cycle()
        assert symbol not in report.permission.per_symbol, "asked, answered, free"
        assert first["client_order_id"] not in rig.daemon.unresolved
        last = [row for row in rig.events("outcome") if row["client_order_id"] == first["client_order_id"]][-1]
        assert last["status"] == "accepted"
        await rig.cycle(5)
        sent = [fill for fill in rig.venue.rows.fills if fill.client_id == first["client_order_id"]]
        assert sum(fill.size for fill in sent) == _dec(first["intent"]["size"])
        await rig.assert_agrees()


async def test_an_entry_that_never_arrived_is_refused_after_the_grace_period(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.fault("timeout_before", path="sendorder", count=1)
        await rig.cycle_until("an entry is sent", lambda: rig.events("intent"), 10)
        first = rig.events("intent")[0]
        assert rig.daemon.unresolved == (first["client_order_id"],)
        assert rig.venue_name(first["intent"]["symbol"]) not in rig.held
        report = await rig.good_cycle()
        last = [row for row in rig.events("outcome") if row["client_order_id"] == first["client_order_id"]][-1]
        assert (last["status"], last["code"]) == ("refused", "not_found")
        assert report.permission.per_symbol == {}
        await rig.cycle_until("the symbol trades again", lambda: len(rig.held) >= 2)
        await rig.cycle(3)
        await rig.assert_agrees()


async def test_while_the_venue_cannot_be_asked_the_symbol_stays_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.fault("timeout_after", path="sendorder", count=1)
        rig.fault("http_500", path="orders/status")
        await rig.cycle_until("an entry is sent", lambda: rig.events("intent"), 10)
        symbol = rig.events("intent")[0]["intent"]["symbol"]
        for _ in range(3):
            report = await rig.good_cycle()
            assert report.permission.per_symbol[symbol] == "order_outcome_unknown"
        entries = [row for row in rig.events("intent") if row["client_order_id"].endswith(f"{symbol}-entry")]
        assert len(entries) == 1, "never sent again"
        rig.heal()
        report = await rig.good_cycle()
        assert symbol not in report.permission.per_symbol
        await rig.cycle(3)
        await rig.assert_agrees()


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "truncated_json", "unknown_status", "http_500"])
async def test_trouble_while_a_stop_is_placed_ends_with_exactly_one_stop(fault: str, tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        send = rig.parts.venue.place

        async def troubled(order):
            if order.reduce_only and order.stop_price is not None and not placed:
                placed.append(order.client_order_id)
                rig.fault(fault, path="sendorder", count=1)
            return await send(order)

        placed: list[str] = []
        object.__setattr__(rig.parts.venue, "place", troubled)
        await rig.cycle_until("a stop is sent", lambda: placed, 10)
        for _ in range(3):
            await rig.cycle()
            assert rig.protected()
        assert placed[0] not in rig.daemon.unresolved
        await rig.assert_agrees()


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "truncated_json", "http_500", "unknown_status"])
async def test_trouble_with_an_exit_closes_the_position_once(fault: str, tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        trades = len(rig.stores.documents["trades"].load().value.trades)
        send = rig.parts.venue.place

        async def troubled(order):
            if order.reduce_only and order.stop_price is None and not sent:
                sent.append(order)
                rig.fault(fault, path="sendorder", count=1)
            return await send(order)

        sent: list[Any] = []
        object.__setattr__(rig.parts.venue, "place", troubled)
        await rig.cycle_until("an exit is sent", lambda: sent, 20)
        await rig.cycle(3)
        await rig.cycle_until("trades go on", lambda: len(rig.rows("executed_trades")) > trades + 1)
        assert rig.protected()
        assert sent[0].client_order_id not in rig.daemon.unresolved
        await rig.assert_agrees()


async def test_no_cycle_overruns_while_nothing_answers_and_an_order_is_unknown(tmp_path: Path) -> None:
    """Every question costs its budget then, and an exit is sent all the same."""
    async with running(tmp_path) as rig:
        await rig.cycle_until("a position is held", lambda: rig.held, 10)
        rig.fault("timeout_after", path="sendorder", count=1)
        await rig.cycle_until("an outcome is not known", lambda: rig.daemon.unresolved, 20)
        rig.fault("timeout_before")
        for _ in range(6):
            await rig.cycle()
            # Unknown orders, candles, positions, account, tickers, account log: each its budget, once.
            assert rig.parts.clock.now().second <= 2 + 6 * rig.settings.engine.read_budget_s
        assert rig.failures == []
        rig.heal()
        await rig.cycle_until("all is known again", lambda: not rig.daemon.unresolved)
        await rig.assert_agrees()


async def test_a_hanging_data_endpoint_does_not_keep_exits_waiting(tmp_path: Path) -> None:
    """Candles that never come cost entries, not exits."""
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        rig.fault("timeout_before", path="charts")
        rig.fault("timeout_before", path="accounts")
        rig.fault("timeout_before", path="openpositions")
        before = orders(rig, "exit")
        await rig.cycle_until("an exit is filled", lambda: orders(rig, "exit") > before, 10)
        assert rig.failures == []


# ---------------------------------------------------------------- other people's hands


async def test_a_position_opened_by_hand_is_reported_and_untouched(tmp_path: Path) -> None:
    async with running(tmp_path, symbols=("BTC", "ETH")) as rig:
        await rig.cycle(2)
        foreign = rig.venue_name("ETHUSDT")
        await rig.cycle_until("ETH is free", lambda: foreign not in rig.held)
        ours = [fill for fill in rig.venue.rows.fills if fill.symbol == foreign]
        rig.by_hand(foreign, "buy", "0.5")
        for _ in range(6):
            report = await rig.good_cycle()
            assert report.permission.per_symbol["ETHUSDT"] == "foreign_position"
            assert any("foreign_position ETHUSDT" in text for text in report.differences)
            assert str(rig.held[foreign]) == "0.5"
            assert foreign not in rig.stops
        mine = [fill for fill in rig.venue.rows.fills if fill.symbol == foreign and fill.client_id is not None]
        assert len(mine) == len(ours), "nothing of ours was sent there"


async def test_a_position_closed_by_hand_is_a_trade_that_says_so(tmp_path: Path) -> None:
    """Linear and inverse alike: booked from the account log, its stop gone, nothing refused, the symbol free again."""
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        held = dict(rig.held)
        assert {name[:3] for name in held} == {"PF_", "PI_"}
        for name, size in held.items():
            rig.by_hand(name, "sell" if size > 0 else "buy", str(abs(size)))
        report = await rig.good_cycle()
        assert report.differences == ()
        rules = {row["symbol"]: row["exit_rule"] for row in rig.rows("executed_trades")}
        assert {rules[rig.symbol_of(name)] for name in held} == {"closed_by_hand"}
        assert not _refused(rig)
        assert rig.protected()
        await rig.assert_agrees()
        await rig.cycle_until("it trades again", lambda: rig.held)
        await rig.assert_agrees()


async def test_a_position_reduced_by_hand_keeps_a_stop_of_its_new_size(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        name, size = next((name, size) for name, size in rig.held.items() if name.startswith("PF_"))
        stop = next(uid for uid in _stop_orders(rig) if rig.venue.account.orders[uid].symbol == name)
        half = (abs(size) / 2).quantize(_dec("0.01"))
        rig.by_hand(name, "sell" if size > 0 else "buy", str(half))
        report = await rig.good_cycle()
        assert report.differences == ()
        assert rig.protected(), "the stop shrinks with the position"
        if name in rig.held:  # else this very cycle closed the rest
            assert rig.venue.account.orders[stop].open == abs(size) - half
        await rig.assert_agrees()
        await rig.cycle_until("the rest is closed", lambda: name not in rig.held)
        await rig.cycle()
        trade = [row for row in rig.rows("executed_trades") if row["symbol"] == rig.symbol_of(name)][-1]
        assert _dec(trade["size"]) == abs(size)
        assert not _refused(rig)
        await rig.assert_agrees()


async def test_a_position_turned_around_by_hand_is_closed_and_the_rest_untouched(tmp_path: Path) -> None:
    """Over an hour: the funding of what they hold is not ours either."""
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        name, size = next((name, size) for name, size in rig.held.items() if name.startswith("PF_"))
        symbol = rig.symbol_of(name)
        ours = len(_sent(rig, symbol))
        there, back = ("sell", "buy") if size > 0 else ("buy", "sell")
        rig.by_hand(name, there, str(abs(size) * 3))
        await rig.good_cycle()
        assert [row["exit_rule"] for row in rig.rows("executed_trades") if row["symbol"] == symbol][-1] == (
            "closed_by_hand"
        )
        for _ in range(65):
            report = await rig.good_cycle()
            assert report.permission.per_symbol[symbol] == "foreign_position"
            assert rig.held[name] == -2 * size
            assert name not in rig.stops
        assert len(_sent(rig, symbol)) == ours, "nothing of ours was sent there"
        since = rig.parts.clock.now() - timedelta(minutes=64)
        funding = [row for row in await rig.parts.venue.ledger(0) if row.kind is LedgerKind.FUNDING]
        assert [row for row in funding if row.symbol == symbol and row.time > since], "they paid or got funding"
        assert {d.kind for d in (await rig.agreement()).differences} == {"position"}
        rig.by_hand(name, back, str(abs(size) * 2))
        report = await rig.good_cycle()
        assert symbol not in report.permission.per_symbol
        await rig.cycle_until("it trades again", lambda: name in rig.held)
        await rig.assert_agrees()


async def test_a_position_increased_by_hand_is_reported_and_only_ours_is_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        name, size = next((name, size) for name, size in rig.held.items() if name.startswith("PF_"))
        symbol = rig.symbol_of(name)
        there, back = ("buy", "sell") if size > 0 else ("sell", "buy")
        rig.by_hand(name, there, str(abs(size)))
        report = await rig.good_cycle()
        while abs(rig.held[name]) == 2 * abs(size):
            assert report.permission.per_symbol[symbol] == "position_size"
            assert rig.stops[name] == abs(size), "the stop stays ours"
            assert {d.kind for d in (await rig.agreement()).differences} == {"position"}
            report = await rig.good_cycle()
        for _ in range(3):
            report = await rig.good_cycle()
            assert report.permission.per_symbol[symbol] == "foreign_position"
            assert (rig.held[name], name in rig.stops) == (size, False)
        rig.by_hand(name, back, str(abs(size)))
        await rig.cycle(2)
        assert not _refused(rig)
        await rig.assert_agrees()


@pytest.mark.long
async def test_hands_by_chance_over_two_lives_leave_no_trace(tmp_path: Path) -> None:
    """People buy and sell where we trade, streams break, the process restarts; at the end theirs is taken back."""
    chance = random.Random(5)
    for _life in range(2):
        async with running(tmp_path) as rig:
            for _ in range(40):
                if rig.held and chance.random() < 0.4:
                    name, size = chance.choice(sorted(rig.held.items()))
                    step = _dec("1") if name.startswith("PI_") else _dec("0.01")
                    part = max((abs(size) * chance.choice([1, 2, 3]) / 2).quantize(step), step)
                    rig.try_by_hand(name, chance.choice(["buy", "sell"]), str(part))
                if chance.random() < 0.1:
                    rig.fault(chance.choice(["close_sockets", "http_500", "silent_socket"]), probability=0.5)
                elif chance.random() < 0.3:
                    rig.heal()
                await rig.cycle()
            rig.heal()
            assert rig.failures == []
    async with running(tmp_path) as rig:
        await rig.cycle()
        _take_back(rig)
        await rig.cycle(2)
        _take_back(rig)
        await rig.cycle(2)
        assert rig.protected()
        rules = {row["exit_rule"] for row in rig.rows("executed_trades")}
        assert "closed_by_hand" in rules
        assert len(rules) > 1
        await rig.assert_agrees()


def _take_back(rig: Rig) -> None:
    """Everything at the venue that is not ours is closed by hand."""
    report = rig.reports[-1]
    assert report is not None
    for text in report.differences:
        _, symbol, _, ours, _, theirs = text.replace(":", "").replace(",", "").split()
        excess = _dec(theirs) - _dec(ours)
        rig.by_hand(rig.venue_name(symbol), "sell" if excess > 0 else "buy", str(abs(excess)))


def _sent(rig: Rig, symbol: str) -> list[str]:
    return [row["client_order_id"] for row in rig.events("intent") if row["intent"]["symbol"] == symbol]


def _refused(rig: Rig) -> list[str]:
    return [row["client_order_id"] for row in rig.events("outcome") if row["status"] == "refused"]


async def test_the_venue_s_contracts_are_read_anew_within_the_hour(tmp_path: Path) -> None:
    """A contract that the venue stops trading is no longer entered; an outage of the list changes nothing."""
    async with running(tmp_path, symbols=SHORT) as rig:
        await rig.cycle(2)
        known = rig.daemon.specs
        rig.fault("empty_instruments")
        await rig.cycle(61)
        assert rig.daemon.specs == known
        rig.heal()
        await rig.cycle(61)
        assert set(rig.daemon.specs) == set(known)
        assert all(rig.daemon.specs[symbol].as_of > known[symbol].as_of for symbol in known)
        assert rig.failures == []


async def test_foreign_orders_are_never_cancelled(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle(3)
        limit = rig.by_hand("PF_SOLUSD", "buy", "1", "lmt", limit_price=_dec("50"), client_id="my-own-order")
        stop = rig.by_hand("PF_ETHUSD", "sell", "0.1", "stp", stop_price=_dec("100"), signal="mark", client_id="mine")
        await rig.cycle(12)
        assert {limit, stop} <= set(rig.venue.account.orders)
        assert rig.venue.account.orders[stop].stop_price == _dec("100")


async def test_a_stop_cancelled_by_hand_is_placed_anew(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.cycle_until("a position", lambda: rig.held)
        old = _stop_orders(rig)
        for uid in old:
            rig.cancel_by_hand(uid)
        assert rig.stops == {}
        await rig.good_cycle()
        assert rig.held
        assert rig.protected()
        assert not set(old) & set(_stop_orders(rig))
        await rig.assert_agrees()


@pytest.mark.parametrize("what", ["size", "stop_price"])
async def test_a_stop_edited_by_hand_is_amended_back(what: str, tmp_path: Path) -> None:
    async with running(tmp_path, symbols=("BTC", "ETH")) as rig:
        await rig.cycle_until("a position", lambda: rig.held)
        uid = next(iter(_stop_orders(rig)))
        before = rig.venue.account.orders[uid]
        assert before.stop_price is not None
        further = round(before.stop_price * (1 + before.side.sign * _dec("0.05")))
        third = before.open / 3 // rig.venue.instruments[before.symbol].step * rig.venue.instruments[before.symbol].step
        rig.edit_by_hand(uid, **({"size": third} if what == "size" else {"stop_price": _dec(str(further))}))
        edited = rig.venue.account.orders[uid]
        assert (edited.open, edited.stop_price) != (before.open, before.stop_price)
        await rig.good_cycle()
        if uid in rig.venue.account.orders:  # else the position was closed in that very cycle
            after = rig.venue.account.orders[uid]
            assert (after.open, after.stop_price) == (before.open, before.stop_price)
        assert rig.protected()
        await rig.assert_agrees()


async def test_a_liquidation_ends_as_a_trade_that_says_so(tmp_path: Path) -> None:
    """The venue takes the position away: ours shrinks with it, the trade is booked, no stop is left behind."""
    async with running(tmp_path) as rig:
        await rig.cycle(WARM_CYCLES)
        linear = next(name for name in rig.held if name.startswith("PF_"))
        symbol = rig.symbol_of(linear)
        size = abs(rig.held[linear])
        rig.leave_equity("flex", "0.9")
        await rig.good_cycle()
        assert abs(rig.held[linear]) < size, "partly liquidated"
        assert rig.protected(), "the stop shrinks with the position"
        rig.leave_equity("flex", "-1")
        await rig.good_cycle()
        assert linear not in rig.held
        kinds = {fill.fill_type for fill in rig.venue.rows.fills if fill.symbol == linear}
        assert kinds & {"liquidation", "partialLiquidation", "assignor"}
        trade = [row for row in rig.rows("executed_trades") if row["symbol"] == symbol][-1]
        assert trade["exit_rule"] == "liquidation"
        fills = [row for row in rig.rows("fills") if row["purpose"] == "liquidation"]
        assert fills
        assert rig.protected()
        await rig.assert_agrees()


def _stop_orders(rig: Rig) -> list[str]:
    return [uid for uid, order in rig.venue.account.orders.items() if order.is_trigger]


def _dec(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


@pytest.mark.long
async def test_troubles_by_chance_over_two_lives_leave_no_trace(tmp_path: Path) -> None:
    """Many troubles at once, anywhere, coming and going, with a restart in between."""
    chance = random.Random(11)
    paths = [
        "",
        "sendorder",
        "cancelorder",
        "openpositions",
        "openorders",
        "fills",
        "account-log",
        "charts",
        "accounts",
    ]
    for life in range(2):
        async with running(tmp_path) as rig:
            for _ in range(40):
                if chance.random() < 0.35:
                    name, path = chance.choice(sorted(FAULTS)), chance.choice(paths)
                    rig.fault(name, path=path, probability=chance.choice([1, 0.5, 0.2]))
                if chance.random() < 0.3:
                    rig.heal()
                await rig.cycle()
            rig.heal()
            await rig.cycle(20 if life else 1)
            assert rig.failures == []
    async with running(tmp_path) as rig:
        await rig.cycle()
        assert rig.protected()
        assert not rig.daemon.unresolved
        assert len(rig.rows("executed_trades")) > 10
        await rig.assert_agrees()


async def test_hanging_jobs_that_hold_the_account_do_not_keep_exits_waiting(tmp_path: Path) -> None:
    """They hold it no longer than the cycle after them can bear: tactical operator, then the hour's reconciliation."""
    async with running(tmp_path, symbols=SHORT) as rig:
        for minute, job in ((8, "tactical_operator"), (0, "portfolio_reconciliation")):
            rig.heal()
            await rig.cycle_until(f"minute {minute}", lambda due=minute: rig.parts.clock.now().minute == due, 70)
            rig.fault("timeout_before", path="openpositions")
            rig.fault("timeout_before", path="/fills")
            await rig.cycle(2)
            assert rig.failures == []
            results = {one.name: one.last_result for one in rig.daemon.state.jobs}
            assert "no answer within" in results[job]
