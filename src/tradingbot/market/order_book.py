"""One incremental order book: best prices after every change, top levels and depth on demand. Pure.

Prices are kept in two sorted lists whose best level is the last element, so that a change near the touch moves little
memory; sizes are in dictionaries by price. Asks are stored negated for the same reason.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Final

from tradingbot.core.records import BookView
from tradingbot.core.types import ContractKind, Symbol, utc_from_ms

Level = tuple[float, float]

NO_BID: Final = -inf
NO_ASK: Final = inf


class OrderBook:
    """Bids and asks of one contract, kept in step by sequence numbers.

    `top_bid` is -inf and `top_ask` +inf while a side is empty. `broken` says why the book cannot be trusted ("no
    snapshot", "gap", "regress", "crossed"); it is empty while the book is in step. A broken book ignores changes until
    the next snapshot.
    """

    __slots__ = ("_ask_keys", "_asks", "_bid_keys", "_bids", "broken", "seq", "timestamp_ms", "top_ask", "top_bid")

    def __init__(self) -> None:
        self.seq = 0
        self.timestamp_ms = 0
        self.top_bid = NO_BID
        self.top_ask = NO_ASK
        self.broken = "no snapshot"
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._bid_keys: list[float] = []
        self._ask_keys: list[float] = []

    def reset(self, seq: int, timestamp_ms: int, bids: Iterable[Level], asks: Iterable[Level]) -> bool:
        """Replace everything by a snapshot in any order; levels without size are dropped. False when it is crossed."""
        self._bids = {price: size for price, size in bids if size > 0}
        self._asks = {price: size for price, size in asks if size > 0}
        self._bid_keys = sorted(self._bids)
        self._ask_keys = sorted(-price for price in self._asks)
        self.seq = seq
        self.timestamp_ms = timestamp_ms
        self.top_bid = self._bid_keys[-1] if self._bid_keys else NO_BID
        self.top_ask = -self._ask_keys[-1] if self._ask_keys else NO_ASK
        self.broken = "crossed" if self.top_bid >= self.top_ask else ""
        return not self.broken

    def apply(self, seq: int, is_bid: bool, price: float, size: float, timestamp_ms: int) -> bool:  # noqa: C901 - hot path
        """Set the total `size` at `price` (0 deletes; an unknown level may be deleted).

        False when the book is, or has just become, broken: the caller asks for a snapshot.
        """
        if seq != self.seq + 1 or self.broken:
            return self._refuse(seq)
        self.seq = seq
        self.timestamp_ms = timestamp_ms
        if is_bid:
            levels = self._bids
            if size > 0:
                if price not in levels:
                    insort(self._bid_keys, price)
                    if price > self.top_bid:
                        self.top_bid = price
                        if price >= self.top_ask:
                            self.broken = "crossed"
                            return False
                levels[price] = size
            elif levels.pop(price, None) is not None:
                keys = self._bid_keys
                if price == self.top_bid:
                    keys.pop()
                    self.top_bid = keys[-1] if keys else NO_BID
                else:
                    del keys[bisect_left(keys, price)]
            return True
        levels = self._asks
        if size > 0:
            if price not in levels:
                insort(self._ask_keys, -price)
                if price < self.top_ask:
                    self.top_ask = price
                    if price <= self.top_bid:
                        self.broken = "crossed"
                        return False
            levels[price] = size
        elif levels.pop(price, None) is not None:
            keys = self._ask_keys
            if price == self.top_ask:
                keys.pop()
                self.top_ask = -keys[-1] if keys else NO_ASK
            else:
                del keys[bisect_left(keys, -price)]
        return True

    def _refuse(self, seq: int) -> bool:
        if not self.broken:
            self.broken = "gap" if seq > self.seq + 1 else "regress"
        return False

    def invalidate(self, why: str) -> None:
        """Distrust the book until the next snapshot, e.g. because its connection was lost."""
        self.broken = why

    @property
    def best_bid(self) -> float | None:
        """Highest bid, or None without bids."""
        return self._bid_keys[-1] if self._bid_keys else None

    @property
    def best_ask(self) -> float | None:
        """Lowest ask, or None without asks."""
        return -self._ask_keys[-1] if self._ask_keys else None

    def bids(self, depth: int | None = None) -> tuple[Level, ...]:
        """Best `depth` bids (all when None), best first."""
        keys = self._bid_keys if depth is None else self._bid_keys[max(0, len(self._bid_keys) - depth) :]
        return tuple((price, self._bids[price]) for price in reversed(keys))

    def asks(self, depth: int | None = None) -> tuple[Level, ...]:
        """Best `depth` asks (all when None), best first."""
        keys = self._ask_keys if depth is None else self._ask_keys[max(0, len(self._ask_keys) - depth) :]
        return tuple((-key, self._asks[-key]) for key in reversed(keys))

    def view(
        self, symbol: Symbol, received_at: datetime, depth: int | None = None, as_of: datetime | None = None
    ) -> BookView:
        """The top of the book as a frozen value; `as_of` defaults to the time of the last change."""
        moment = as_of or utc_from_ms(self.timestamp_ms)
        return BookView(symbol, moment, received_at, self.bids(depth), self.asks(depth), self.seq)


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
    bid_usd = sum(level_usd(price, size, kind, contract_size) for price, size in book.bids if price >= low)
    ask_usd = sum(level_usd(price, size, kind, contract_size) for price, size in book.asks if price <= high)
    return bid_usd, ask_usd


def imbalance(book: BookView, levels: int = 10) -> float | None:
    """(bid size - ask size) / (bid size + ask size) of the best levels, -1..1; None for an empty book."""
    bid_size = sum(size for _, size in book.bids[:levels])
    ask_size = sum(size for _, size in book.asks[:levels])
    total = bid_size + ask_size
    return (bid_size - ask_size) / total if total > 0 else None
