"""One incremental order book: best prices after every change, top levels and depth on demand. Pure.

Every message of a live market comes through here, so the hot loop is a coroutine: its state lives in local variables
and a change costs two or three dictionary operations. Each side is split into a small `near` part, which holds the best
levels, and a `far` part; only when the best level itself goes does anybody look for the next one, and only in `near`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nlargest
from itertools import count
from math import inf
from typing import Final, Literal

import msgspec

from tradingbot.core.records import BookView
from tradingbot.core.types import ContractKind, Symbol, utc_from_ms

Level = tuple[float, float]


class Change(msgspec.Struct, gc=False):
    """``{"seq": 7, "side": "buy", "price": 100.5, "qty": 3, "timestamp": 1612269953629}``

    `qty` is the new total at that price; 0 deletes the level, also one that is not there.
    """

    side: Literal["buy", "sell"]
    seq: int
    price: float
    qty: float
    timestamp: float
    product_id: str = ""


decode_change: Final = msgspec.json.Decoder(Change).decode
"""One change from its JSON text, typed and checked. Raises msgspec.DecodeError; other fields are passed over."""


NEAR_LEVELS: Final = 64
NEAR_LIMIT: Final = 256


@dataclass(slots=True)
class _Side:
    """Levels of one side by price times `sign`, so that the best key is the greatest on both sides."""

    near: dict[float, float] = field(default_factory=dict)
    far: dict[float, float] = field(default_factory=dict)
    sign: int = 1

    def split(self) -> float:
        """Make `near` hold the best levels; the least key that belongs to it."""
        levels = self.near | self.far
        self.near.clear()
        self.far.clear()
        if len(levels) <= NEAR_LIMIT:
            self.near.update(levels)
            return -inf
        bound = nlargest(NEAR_LEVELS, levels)[-1]
        for key, size in levels.items():
            (self.near if key >= bound else self.far)[key] = size
        return bound

    def best_first(self, depth: int | None) -> tuple[Level, ...]:
        levels = self.near | self.far
        keys = sorted(levels, reverse=True)[:depth]
        return tuple((key * self.sign, levels[key]) for key in keys)


def _next_top(side: _Side, bound: float) -> tuple[float, float]:
    """The best key after the old one went, and the least key that belongs to `near`."""
    if not side.near or len(side.near) > NEAR_LIMIT:
        bound = side.split()
    return max(side.near, default=-inf), bound


class OrderBook:
    """Bids and asks of one contract, kept in step by sequence numbers.

    `apply` takes one change and returns (best bid, best ask), -inf and +inf for an empty side; or None when the book
    is, or has just become, out of step: then the caller asks for a snapshot. `broken` says why ("no snapshot", "gap",
    "regress", "crossed"); it is empty while the book is in step. A broken book ignores changes until the next `reset`,
    which also makes a new `apply`.
    """

    __slots__ = ("_asks", "_bids", "_last", "apply", "broken")

    def __init__(self) -> None:
        self._bids = _Side()
        self._asks = _Side(sign=-1)
        self._last = Change("buy", 0, 0.0, 0.0, 0.0)
        self.broken = "no snapshot"
        self.apply: Callable[[Change], Level | None] = _ignore

    def reset(self, seq: int, timestamp_ms: int, bids: Iterable[Level], asks: Iterable[Level]) -> bool:
        """Replace everything by a snapshot in any order; levels without size are dropped. False when it is crossed."""
        self._bids = _Side({price: size for price, size in bids if size > 0})
        self._asks = _Side({-price: size for price, size in asks if size > 0}, sign=-1)
        self._last = Change("buy", seq, 0.0, 0.0, timestamp_ms)
        self.broken = ""
        follower = self._follow()
        best = next(follower)
        self.apply = follower.send
        if best is None or best[0] >= best[1]:
            self.invalidate("crossed")
        return not self.broken

    def _follow(self) -> Generator[Level | None, Change, None]:  # noqa: C901 - the hot loop, unfolded on purpose
        bid_side, ask_side = self._bids, self._asks
        bid_bound, ask_bound = bid_side.split(), ask_side.split()
        near_bids, far_bids, near_asks, far_asks = bid_side.near, bid_side.far, ask_side.near, ask_side.far
        top_bid, top_ask = max(near_bids, default=-inf), max(near_asks, default=-inf)
        best = top_bid, -top_ask
        for expected in count(self._last.seq + 1):
            change = yield best
            if change.seq != expected:
                break
            self._last = change
            size = change.qty
            if change.side == "buy":
                key = change.price
                if key < bid_bound:
                    _set(far_bids, key, size)
                elif size:
                    near_bids[key] = size
                    if key > top_bid:
                        top_bid = key
                        best = top_bid, -top_ask
                        if top_bid + top_ask >= 0:
                            break
                elif near_bids.pop(key, None) is not None and key == top_bid:
                    top_bid, bid_bound = _next_top(bid_side, bid_bound)
                    best = top_bid, -top_ask
            else:
                key = -change.price
                if key < ask_bound:
                    _set(far_asks, key, size)
                elif size:
                    near_asks[key] = size
                    if key > top_ask:
                        top_ask = key
                        best = top_bid, -top_ask
                        if top_bid + top_ask >= 0:
                            break
                elif near_asks.pop(key, None) is not None and key == top_ask:
                    top_ask, ask_bound = _next_top(ask_side, ask_bound)
                    best = top_bid, -top_ask
        self.invalidate(_why(change.seq, expected))
        while True:
            yield None

    def invalidate(self, why: str) -> None:
        """Distrust the book until the next snapshot, e.g. because its connection was lost."""
        self.broken = why
        self.apply = _ignore

    @property
    def seq(self) -> int:
        """Sequence number of the last change or snapshot."""
        return self._last.seq

    @property
    def timestamp_ms(self) -> int:
        """When the venue made the last change or snapshot, epoch milliseconds."""
        return int(self._last.timestamp)

    @property
    def best_bid(self) -> float | None:
        """Highest bid, or None without bids."""
        return max(self._bids.near, default=None)

    @property
    def best_ask(self) -> float | None:
        """Lowest ask, or None without asks."""
        return -max(self._asks.near) if self._asks.near else None

    @property
    def touch(self) -> tuple[float, float, float, float] | None:
        """Best bid, what rests there, best ask, what rests there; None without a side."""
        bids, asks = self._bids.near, self._asks.near
        if not bids or not asks:
            return None
        bid, ask = max(bids), max(asks)
        return bid, bids[bid], -ask, asks[ask]

    def bids(self, depth: int | None = None) -> tuple[Level, ...]:
        """Best `depth` bids (all when None), best first."""
        return self._bids.best_first(depth)

    def asks(self, depth: int | None = None) -> tuple[Level, ...]:
        """Best `depth` asks (all when None), best first."""
        return self._asks.best_first(depth)

    def view(
        self, symbol: Symbol, received_at: datetime, depth: int | None = None, as_of: datetime | None = None
    ) -> BookView:
        """The top of the book as a frozen value; `as_of` defaults to the time of the last change."""
        moment = as_of or utc_from_ms(self.timestamp_ms)
        return BookView(symbol, moment, received_at, self.bids(depth), self.asks(depth), self.seq)


def _ignore(_change: Change) -> Level | None:
    """What a broken book makes of a change."""
    return None


def _set(levels: dict[float, float], key: float, size: float) -> None:
    if size > 0:
        levels[key] = size
    else:
        levels.pop(key, None)


def _why(seq: int, expected: int) -> str:
    """In sequence means that it was the content that broke the book."""
    if seq == expected:
        return "crossed"
    return "gap" if seq > expected else "regress"


# ---------------------------------------------------------------- what a book says


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bid and ask; both present."""

    bid: float
    ask: float

    @property
    def mid(self) -> float:
        """Middle of best bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread_pct(self) -> float:
        """Spread in percent of mid: 0.5 is half a percent."""
        return (self.ask - self.bid) / self.mid * 100


def touch_of(book: BookView) -> Touch | None:
    """Best prices of a book, or None when a side is missing or a price is not above zero."""
    if not book.bids or not book.asks or book.bids[0][0] <= 0:
        return None
    return Touch(book.bids[0][0], book.asks[0][0])


def level_usd(price: float, size: float, kind: ContractKind, contract_size: float = 1.0) -> float:
    """USD worth of one level."""
    return size * contract_size * (1.0 if kind is ContractKind.INVERSE else price)


def depth_usd(book: BookView, within_pct: float, kind: ContractKind, contract_size: float = 1.0) -> Level:
    """USD resting within `within_pct` percent of mid, as (bid side, ask side); zeros without a two-sided book."""
    best = touch_of(book)
    if best is None:
        return 0.0, 0.0
    low, high = best.mid * (1 - within_pct / 100), best.mid * (1 + within_pct / 100)
    # Added one by one, best first: later Pythons' `sum` rounds otherwise, and a backtest adds columns of levels.
    bid_usd = ask_usd = 0.0
    for price, size in book.bids:
        if price >= low:
            bid_usd += level_usd(price, size, kind, contract_size)
    for price, size in book.asks:
        if price <= high:
            ask_usd += level_usd(price, size, kind, contract_size)
    return bid_usd, ask_usd
