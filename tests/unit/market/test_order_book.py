"""The incremental order book against a naive one, its faults, and what is read from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import recorded
from tradingbot.core.records import BookView
from tradingbot.core.types import ContractKind, Symbol
from tradingbot.market.order_book import NEAR_LIMIT, Change, OrderBook, depth_usd, touch_of

S = Symbol("BTCUSDT")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def change(seq: int, side: Literal["buy", "sell"], price: float, qty: float) -> Change:
    return Change(side, seq, price, qty, 1_700_000_000_000 + seq)


def book(bids: list[tuple[float, float]], asks: list[tuple[float, float]], seq: int = 0) -> OrderBook:
    made = OrderBook()
    made.reset(seq, 1_700_000_000_000, bids, asks)
    return made


# Bids below 1000, asks from 1000 on, so that random changes never cross.
_bid = st.tuples(st.just("buy"), st.integers(1, 999), st.sampled_from([0, 0, 1, 2, 3]))
_ask = st.tuples(st.just("sell"), st.integers(1000, 1999), st.sampled_from([0, 0, 1, 2, 3]))
_near_bid = st.tuples(st.just("buy"), st.integers(985, 999), st.sampled_from([0, 0, 5]))
_near_ask = st.tuples(st.just("sell"), st.integers(1000, 1014), st.sampled_from([0, 0, 5]))


@given(
    st.lists(st.integers(1, 999), max_size=600, unique=True),
    st.lists(st.integers(1000, 1999), max_size=600, unique=True),
    st.lists(st.one_of(_bid, _ask, _near_bid, _near_ask), max_size=300),
)
def test_every_change_agrees_with_a_naive_book(bids: list[int], asks: list[int], changes: list[Any]) -> None:
    """Best prices after every change and all levels at the end equal those of two plain dictionaries."""
    fast = book([(price, 1.0) for price in bids], [(price, 1.0) for price in asks])
    naive = {"buy": dict.fromkeys(bids, 1.0), "sell": dict.fromkeys(asks, 1.0)}
    for seq, (side, price, qty) in enumerate(changes, start=1):
        best = fast.apply(change(seq, side, price, qty))
        if qty:
            naive[side][price] = qty
        else:
            naive[side].pop(price, None)
        expected = max(naive["buy"], default=float("-inf")), min(naive["sell"], default=float("inf"))
        assert best == expected
    assert fast.bids() == tuple(sorted(naive["buy"].items(), reverse=True))
    assert fast.asks() == tuple(sorted(naive["sell"].items()))
    assert (fast.best_bid, fast.best_ask) == (max(naive["buy"], default=None), min(naive["sell"], default=None))
    assert fast.seq == len(changes)


def test_a_deep_book_survives_losing_all_its_near_levels() -> None:
    """Levels far from the touch come forward when everything before them is gone."""
    depth = NEAR_LIMIT * 3
    fast = book([(float(price), 1.0) for price in range(1, depth + 1)], [])
    for seq, price in enumerate(range(depth, 1, -1), start=1):
        assert fast.apply(change(seq, "buy", float(price), 0)) == (float(price - 1), float("inf"))
    assert fast.bids() == ((1.0, 1.0),)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (change(7, "buy", 1, 1), "gap"),
        (change(5, "buy", 1, 1), "regress"),
        (change(6, "buy", 12, 1), "crossed"),
        (change(6, "sell", 10, 1), "crossed"),
    ],
)
def test_a_book_out_of_step_says_why_and_ignores_changes(bad: dict[str, Any], why: str) -> None:
    """Gap, regress and crossing break it until the next snapshot."""
    fast = book([(10, 1)], [(12, 1)], seq=5)
    assert fast.apply(bad) is None
    assert fast.broken == why
    assert fast.apply(change(6, "buy", 9, 1)) is None
    assert fast.reset(50, 1, [(20, 1)], [(21, 1)])
    assert fast.apply(change(51, "buy", 20.5, 1)) == (20.5, 21)
    assert fast.broken == ""


def test_before_the_first_snapshot_nothing_is_believed() -> None:
    """A change without a snapshot is refused."""
    fast = OrderBook()
    assert fast.apply(change(1, "buy", 1, 1)) is None
    assert fast.broken == "no snapshot"


def test_a_crossed_snapshot_is_refused() -> None:
    """Also when only touching."""
    assert not OrderBook().reset(1, 1, [(10, 1)], [(10, 1)])


def test_snapshots_drop_levels_without_size_and_take_any_order() -> None:
    """Both sides come out best first."""
    fast = book([(1, 1), (3, 1), (2, 0)], [(9, 0), (8, 1), (7, 2)])
    assert fast.bids() == ((3, 1), (1, 1))
    assert fast.asks(1) == ((7, 2),)


def test_the_view_is_cut_to_depth_and_carries_times() -> None:
    """As of the last change."""
    view = book([(3, 1), (2, 1), (1, 1)], [(4, 1), (5, 1)]).view(S, NOW, 2)
    assert (view.bids, view.asks) == (((3, 1), (2, 1)), ((4, 1), (5, 1)))
    assert (view.as_of.timestamp(), view.received_at) == (1_700_000_000, NOW)


def view(bids: tuple[tuple[float, float], ...], asks: tuple[tuple[float, float], ...]) -> BookView:
    return BookView(S, NOW, NOW, bids, asks)


def test_touch_and_depth() -> None:
    """Linear levels are worth size times price, inverse ones their size."""
    shown = view(((99.5, 2.0), (90.0, 50.0)), ((100.5, 1.0), (101.5, 7.0)))
    touch = touch_of(shown)
    assert touch is not None
    assert (touch.mid, touch.spread_pct) == (100.0, 1.0)
    assert depth_usd(shown, 1.0, ContractKind.LINEAR) == (199.0, 100.5)
    assert depth_usd(shown, 2.0, ContractKind.INVERSE) == (2.0, 8.0)


def test_a_one_sided_book_has_no_touch() -> None:
    """None and zeros, not numbers made up."""
    shown = view(((99.0, 1.0),), ())
    assert touch_of(shown) is None
    assert depth_usd(shown, 1.0, ContractKind.LINEAR) == (0.0, 0.0)


@pytest.mark.recorded
def test_a_recorded_session_stays_in_step() -> None:
    """Every delta of ten real products follows its snapshot, and the best prices equal the naive ones."""
    books: dict[str, OrderBook] = {}
    naive: dict[str, dict[str, dict[float, float]]] = {}
    deltas = 0
    path = recorded("venues/kraken_futures/cryptofeed/KRAKEN_FUTURES.ws.1.0")
    for line in path.read_text().splitlines():
        if "<" in line[:60] or '"feed":"book' not in line or '"event"' in line:
            continue
        message = json.loads(line[line.index(": {") + 2 :])
        product = message["product_id"]
        if message["feed"] == "book_snapshot":
            sides = [[(level["price"], level["qty"]) for level in message[side]] for side in ("bids", "asks")]
            books[product] = OrderBook()
            assert books[product].reset(message["seq"], message["timestamp"], *sides)
            naive[product] = {"buy": dict(sides[0]), "sell": dict(sides[1])}
            continue
        best = books[product].apply(msgspec.convert(message, Change))
        levels = naive[product][message["side"]]
        levels[message["price"]] = message["qty"]
        if not message["qty"]:
            del levels[message["price"]]
        assert best == (
            max(naive[product]["buy"], default=float("-inf")),
            min(naive[product]["sell"], default=float("inf")),
        )
        deltas += 1
    assert deltas == 7014
