"""Whose funding a row of the account log is, and whether archived sums are those of the journal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_trades import a_trade
from tests.support import BTC, ETH, NOW
from tradingbot.app.agreement import HeldTimes, Holding, Records, _archive, booked_cash
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.engine.trade_archive import archived
from tradingbot.learning.exact_sums import added


def records(kept: list[Any], gone: list[Any], older: list[Any]) -> Records:
    state = TradesState(trades=kept, archived=archived(gone))
    account: Any = None
    holdings = [Holding(t.symbol, t.entry_time, t.exit_time, t.settlement_currency, t.net_pnl) for t in older]
    return Records(PositionsState(), state, (), (), (), (), (), account, holdings)


def held(number: int, minute: int, length: int, symbol: Any) -> Any:
    entry = NOW + timedelta(minutes=minute)
    return a_trade(number, symbol=symbol, entry_time=entry, exit_time=entry + timedelta(minutes=length))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.sampled_from([ETH, BTC])), max_size=8)


@settings(max_examples=60, deadline=None)
@given(SPANS, st.integers(0, 8))
def test_what_was_held_when(spans: list[Any], gone: int) -> None:
    trades = [held(number, *span) for number, span in enumerate(spans)]
    times = HeldTimes(records(trades[gone:], trades[:gone], trades[:gone]))
    for minute in range(-1, 95):
        moment = NOW + timedelta(minutes=minute)
        for symbol in (ETH, BTC):
            expected = any(t.symbol == symbol and t.entry_time <= moment <= t.exit_time for t in trades)
            assert times.at(symbol, moment) == expected


def test_archived_sums_count_and_must_be_those_of_the_journal() -> None:
    trades = [a_trade(1, "8"), a_trade(2, "-3.000000000000000000000000000000001"), a_trade(3, "1")]
    whole = records(trades[2:], trades[:2], trades[:2])
    assert booked_cash(records(trades, [], []))["USD"] == booked_cash(whole)["USD"]
    assert list(_archive(whole)) == []
    (count, cash) = _archive(records(trades[2:], trades[:2], trades[:1]))
    assert (count.kind, count.ours, count.venue) == ("archived_trades", "2", "1")
    assert cash.kind == "archived_cash"
    assert added(Decimal(cash.venue), trades[1].net_pnl) == Decimal(cash.ours)
