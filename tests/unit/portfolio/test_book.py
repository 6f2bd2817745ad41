"""The book counts every fill and every ledger row once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.builders_trades import a_trade
from tests.support import ETH, NOW, a_fill, a_ledger_row, a_plan, minutes
from tradingbot.core.records import Fill
from tradingbot.core.types import ClientOrderId, ContractKind, Direction, FillId, Side
from tradingbot.learning.trade_facts import facts_of
from tradingbot.portfolio.book import Book, FillEffect, apply_fill, apply_foreign_fill, apply_ledger, mark_extremes
from tradingbot.portfolio.position import ClosedTrade, Position, average_price, close_out

EXIT = ClientOrderId("tb-aa-2-ETHUSDT-exit")


def opened(size: str = "1", price: str = "2000") -> Book:
    book, _ = apply_fill(Book(), a_fill(size=Decimal(size), price=Decimal(price)), a_plan())
    return book


def test_an_entry_fill_opens_a_position_with_stop_and_grace() -> None:
    """The position carries what SPEC 7.4 asks."""
    position = opened().open_for(ETH)
    assert position is not None
    assert position.stop_price == Decimal("1950.000")
    assert position.grace_until == NOW + minutes(2)
    assert position.direction is Direction.LONG


def test_a_repeated_fill_changes_nothing() -> None:
    """Stream and REST bring the same fill twice."""
    book = opened()
    again, effect = apply_fill(book, a_fill(), a_plan())
    assert again is book
    assert effect.kind == "duplicate"


def test_a_second_entry_fill_averages_the_price() -> None:
    """Two partial fills of one order are one position."""
    book, effect = apply_fill(opened(), a_fill("f2", price=Decimal(2010)), a_plan())
    assert effect.kind == "increased"
    assert book.open_positions[0].size == 2
    assert book.open_positions[0].entry_price == Decimal(2005)


def test_a_short_has_its_stop_above() -> None:
    """The stop is on the losing side."""
    book, _ = apply_fill(Book(), a_fill(side=Side.SELL), a_plan(direction=Direction.SHORT))
    assert book.open_positions[0].stop_price == Decimal("2050.000")


def test_an_exit_fill_closes_and_the_ledger_settles() -> None:
    """Net profit is what the venue booked, to the last unit."""
    exit_fill = a_fill("f2", side=Side.SELL, price=Decimal(2020), client_order_id=EXIT, time=NOW + minutes(9))
    book, effect = apply_fill(opened(), exit_fill, None, "profit_target", {"n": 1})
    assert effect.kind == "closed"
    assert not book.positions[0].is_settled
    book, _ = apply_ledger(book, a_ledger_row(1, "f1", fee=Decimal("1.0")))
    book, _ = apply_ledger(book, a_ledger_row(2, realised_funding=Decimal("-0.25")))
    book, _ = apply_ledger(book, a_ledger_row(3, "f2", fee=Decimal("1.01"), realised_pnl=Decimal(20)))
    trade = close_out(book.positions[0], Decimal(1))
    assert trade.net_pnl == Decimal("17.74")
    assert trade.exit_price == 2020
    assert trade.exit_rule == "profit_target"
    assert trade.duration_s == 540


def test_a_position_without_its_ledger_rows_is_no_trade_yet() -> None:
    """Nothing is reported before the venue has booked it."""
    with pytest.raises(ValueError, match="not settled"):
        close_out(opened().positions[0], Decimal(1))


def test_a_ledger_row_counts_once() -> None:
    """Rows up to the cursor are ignored."""
    row = a_ledger_row(5, "f1", fee=Decimal(1))
    book, _ = apply_ledger(opened(), row)
    book, booked = apply_ledger(book, row)
    assert booked is None
    assert book.positions[0].booked_fees == 1


def test_an_exit_without_a_position_is_foreign() -> None:
    """Nothing of ours is invented from somebody else's fill."""
    book, effect = apply_fill(Book(), a_fill(side=Side.SELL, client_order_id=EXIT), None)
    assert effect.kind == "foreign"
    assert book.positions == ()


def test_funding_after_the_exit_is_not_ours() -> None:
    """A funding row belongs to the position that was open when it was charged."""
    exit_fill = a_fill("f2", side=Side.SELL, client_order_id=EXIT, time=NOW + minutes(1))
    book, _ = apply_fill(opened(), exit_fill, None)
    _, booked = apply_ledger(book, a_ledger_row(1, time=NOW + minutes(30), realised_funding=Decimal(-1)))
    assert booked is None


def test_extremes_follow_the_mark() -> None:
    """Peak is the best, trough the worst price since entry."""
    book = mark_extremes(mark_extremes(opened(), {ETH: Decimal(2100)}), {ETH: Decimal(1980)})
    assert book.open_positions[0].peak_price == 2100
    assert book.open_positions[0].trough_price == 1980


def test_extremes_know_their_moments() -> None:
    """A mark that is no better than the best leaves its moment alone; both begin with the entry."""
    book = opened()
    assert book.open_positions[0].peak_time == book.open_positions[0].trough_time == NOW
    for minute, price in ((1, 2100), (2, 1980), (3, 2100), (4, 2050)):
        book = mark_extremes(book, {ETH: Decimal(price)}, NOW + minutes(minute))
    assert book.open_positions[0].peak_time == NOW + minutes(1)
    assert book.open_positions[0].trough_time == NOW + minutes(2)


def test_a_trade_tells_its_worth_and_its_extremes() -> None:
    """2 contracts at 2000 are worth 4000 USD; the best mark was 5 % above, the worst 1 % below."""
    book = mark_extremes(opened("2"), {ETH: Decimal(2100)}, NOW + minutes(1))
    book = mark_extremes(book, {ETH: Decimal(1980)}, NOW + minutes(2))
    exit_fill = a_fill("f2", side=Side.SELL, client_order_id=EXIT, size=Decimal(2), time=NOW + minutes(3))
    book, _ = apply_fill(book, exit_fill, None, "time_exit")
    for number, fill_id in enumerate(("f1", "f2"), start=1):
        book, _ = apply_ledger(book, a_ledger_row(number, fill_id))
    trade = close_out(book.positions[0], Decimal(1))
    assert trade.notional_usd == 4000
    assert (trade.peak_fraction, trade.trough_fraction) == (Decimal("0.05"), Decimal("-0.01"))
    assert trade.peak_time == NOW + minutes(1)


def test_positions_and_trades_of_older_files_are_still_read() -> None:
    """They lack what was added since; it is then unknown."""
    position = TypeAdapter(Position).dump_python(opened().positions[0], mode="json")
    for name in ("peak_time", "trough_time"):
        del position[name]
    assert TypeAdapter(Position).validate_python(position).peak_time is None
    trade = TypeAdapter(ClosedTrade).dump_python(a_trade(), mode="json")
    for name in ("notional_usd", "peak_fraction", "trough_fraction", "peak_time"):
        del trade[name]
    for name in ("mtf_alignment", "timing_id", "ladder_state"):
        trade.pop(name)
    read = TypeAdapter(ClosedTrade).validate_python(trade)
    assert (read.notional_usd, read.peak_time, read.ladder_state) == (None, None, {})
    assert facts_of(read).net_bps == facts_of(a_trade()).net_bps


def test_inverse_average_is_harmonic() -> None:
    """1,000 USD at 8,000 and 1,000 USD at 10,000 are 0.225 BTC."""
    parts = ((Decimal(1000), Decimal(8000)), (Decimal(1000), Decimal(10000)))
    assert average_price(ContractKind.INVERSE, parts) == Decimal(2000) / Decimal("0.225")


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=30), st.randoms())
def test_open_size_is_the_sum_of_fills_in_any_order_of_repetition(flow: list[tuple[bool, int]], rng: object) -> None:
    """However fills are repeated, the open size is entries minus exits."""
    book, expected = opened("100"), Decimal(100)
    for number, (grows, size) in enumerate(flow):
        take = min(Decimal(size), expected)
        if grows:
            fill, plan = a_fill(f"x{number}", size=Decimal(size)), a_plan()
            expected += size
        elif take < expected:
            fill, plan = a_fill(f"x{number}", size=take, side=Side.SELL, client_order_id=EXIT), None
            expected -= take
        else:
            continue
        for _ in range(2):
            book, _effect = apply_fill(book, fill, plan)
    position = book.open_for(ETH)
    assert position is not None
    assert position.size == expected
    assert position.entry_size - position.exit_size == position.size


def test_remembered_fills_are_bounded() -> None:
    """Memory does not grow with the account's age."""
    book = replace(opened(), seen_fills=tuple(FillId(str(n)) for n in range(5000)))
    book, _ = apply_fill(book, a_fill("new", side=Side.SELL, client_order_id=EXIT), None)
    assert len(book.seen_fills) == 5000
    assert book.seen_fills[-1] == "new"


# ---------------------------------------------------------------- fills of others


def outside(fill_id: str, side: Side, size: str, at: float = 1.0) -> Fill:
    """A fill of an order that a person entered."""
    return a_fill(fill_id, side=side, size=Decimal(size), client_order_id=None, time=NOW + minutes(at))


def by_hand(book: Book, fill: Fill) -> tuple[Book, FillEffect]:
    return apply_foreign_fill(book, fill, "closed_by_hand", {"price": str(fill.price)})


def test_a_fill_by_hand_against_our_position_takes_from_it() -> None:
    book, effect = by_hand(opened("3"), outside("h1", Side.SELL, "1"))
    assert (effect.kind, book.open_positions[0].size) == ("reduced", 2)
    book, effect = by_hand(book, outside("h2", Side.SELL, "2", 2))
    assert effect.kind == "closed"
    assert book.positions[0].exit_rule == "closed_by_hand"
    assert book.positions[0].exit_time == NOW + minutes(2)
    assert set(book.positions[0].fills) == {"f1", "h1", "h2"}


def test_what_goes_beyond_ours_is_not_ours() -> None:
    """They turn the position around: ours is closed whole, the rest is nobody's here."""
    book, effect = by_hand(opened("1"), outside("h1", Side.SELL, "3"))
    assert effect.kind == "closed"
    assert effect.fill.size == 3
    assert (book.positions[0].size, book.positions[0].exit_size) == (0, 1)
    book, effect = by_hand(book, outside("h2", Side.BUY, "2", 2))
    assert effect.kind == "foreign"
    assert "h2" not in book.positions[0].fills


def test_what_others_added_goes_before_ours() -> None:
    """They add to our position and take it back: ours is what it was."""
    book, effect = by_hand(opened("1"), outside("h1", Side.BUY, "0.5"))
    assert (effect.kind, book.open_positions[0].size) == ("foreign", 1)
    book, effect = by_hand(book, outside("h2", Side.SELL, "0.3", 2))
    assert (effect.kind, book.open_positions[0].foreign_size) == ("foreign", Decimal("0.2"))
    book, effect = by_hand(book, outside("h3", Side.SELL, "0.6", 3))
    assert (effect.kind, book.open_positions[0].size) == ("reduced", Decimal("0.6"))
    assert set(book.positions[0].fills) == {"f1", "h3"}
    assert by_hand(book, outside("h3", Side.SELL, "0.6", 3))[1].kind == "duplicate"


def test_what_was_by_hand_before_our_entry_is_not_ours() -> None:
    book, effect = by_hand(opened("1"), outside("h1", Side.SELL, "1", -1))
    assert effect.kind == "foreign"
    assert book == opened("1")


def test_a_fill_by_hand_may_be_seen_before_the_entry_that_it_reduced() -> None:
    """The venue lists our entry late; then both are shown again."""
    book, effect = by_hand(Book(), outside("h1", Side.SELL, "0.4"))
    assert (effect.kind, book) == ("foreign", Book())
    book, _ = apply_fill(book, a_fill(), a_plan())
    book, effect = by_hand(book, outside("h1", Side.SELL, "0.4"))
    assert (effect.kind, book.open_positions[0].size) == ("reduced", Decimal("0.6"))


Step = tuple[str, bool, int]


@given(st.lists(st.tuples(st.sampled_from(["entry", "exit", "hand", "hand"]), st.booleans(), st.integers(1, 9))))
def test_ours_stays_between_nothing_and_what_we_opened(steps: list[Step]) -> None:
    """Whatever others do: ours is never negative nor more than we opened, and with theirs it is what the venue has."""
    book, venue, opened_in_all = Book(), Decimal(0), Decimal(0)
    for number, (who, buys, size) in enumerate(steps):
        held = book.open_for(ETH)
        side = Side.BUY if buys else Side.SELL
        at, change = float(number), Decimal(size)
        if who == "hand":
            book, _ = by_hand(book, outside(f"x{number}", side, str(size), at))
        elif who == "entry":
            if held is not None or venue != 0:  # entries are blocked while anything is there
                continue
            direction = Direction.LONG if buys else Direction.SHORT
            order = ClientOrderId(f"tb-aa-{number}-ETHUSDT-entry")
            fill = a_fill(f"x{number}", side=side, size=change, client_order_id=order, time=NOW + minutes(at))
            book, _ = apply_fill(book, fill, a_plan(direction=direction))
            opened_in_all += change
        elif held is None:
            continue
        else:
            side, change = held.direction.entry_side.opposite, min(change, held.size)
            fill = a_fill(f"x{number}", side=side, size=change, client_order_id=EXIT, time=NOW + minutes(at))
            book, _ = apply_fill(book, fill, None, "time_exit")
        venue += change * side.sign
        assert all(0 <= p.size <= p.entry_size for p in book.positions)
        assert all(p.entry_size - p.exit_size == p.size and p.foreign_size >= 0 for p in book.positions)
        assert sum(p.entry_size for p in book.positions) == opened_in_all
        now = book.open_for(ETH)
        if now is not None:
            assert (now.size + now.foreign_size) * now.direction.sign == venue
