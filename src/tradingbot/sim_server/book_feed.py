"""Sequenced book messages: a snapshot, then every changed level, numbered without gaps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradingbot.core.types import Side
from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import num
from tradingbot.simulator.depth import full_depth

_FIRST_SEQ = 1_000


class BookFeed:
    """One contract's book as subscribers know it."""

    def __init__(self, service: Service, symbol: str) -> None:
        self._service = service
        self._symbol = symbol
        self._seq = _FIRST_SEQ
        self._known: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}

    def start(self) -> None:
        """Take the book as it is: nobody has been told anything yet."""
        self._known = {side: self._depth(side) for side in Side}
        self._seq += 1

    def snapshot(self) -> dict[str, Any]:
        """What subscribers know, best prices first."""
        bids = sorted(self._known[Side.BUY].items(), reverse=True)
        asks = sorted(self._known[Side.SELL].items())
        return {
            "feed": "book_snapshot",
            "product_id": self._symbol,
            "timestamp": self._service.venue.now_ms,
            "seq": self._seq,
            "tickSize": None,
            "bids": [{"price": num(price), "qty": num(size)} for price, size in bids],
            "asks": [{"price": num(price), "qty": num(size)} for price, size in asks],
        }

    def deltas(self) -> list[dict[str, Any]]:
        """One message per level that changed since the last call; levels that went away come first."""
        found: list[dict[str, Any]] = []
        fresh = {side: self._depth(side) for side in Side}
        for side in Side:
            known = self._known[side]
            gone = [(price, 0.0) for price in known if price not in fresh[side]]
            found += [self._delta(side, price, size) for price, size in gone]
        for side in Side:
            known = self._known[side]
            changed = [(price, size) for price, size in fresh[side].items() if known.get(price) != size]
            found += [self._delta(side, price, num(size)) for price, size in changed]
        self._known = fresh
        faults, now_ms = self._service.venue.state.faults, self._service.now_ms()
        if found and faults.hit("sequence_gap", self._symbol, now_ms):
            del found[len(found) // 2]
        return found

    def _delta(self, side: Side, price: Decimal, size: float) -> dict[str, Any]:
        self._seq += 1
        return {
            "feed": "book",
            "product_id": self._symbol,
            "side": side.value,
            "seq": self._seq,
            "price": num(price),
            "qty": size,
            "timestamp": self._service.venue.now_ms,
        }

    def _depth(self, side: Side) -> dict[Decimal, Decimal]:
        return full_depth(self._service.venue.state, self._symbol, side)
