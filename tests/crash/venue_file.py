"""The venue's own books, read on from where it was left: what really happened."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tradingbot.sim_server.books import TRANSACTIONS, book_bytes
from tradingbot.storage.rotation import parts

PREFIX = "tb-"


@dataclass
class VenueFile:
    """Orders, fills and the account, as the venue wrote them down."""

    folder: Path
    account: dict[str, Any] = field(default_factory=lambda: {"positions": {}, "orders": []})
    fills: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The venue's ids of the orders that it accepted, by client id."""
    first_ms: dict[str, int] = field(default_factory=dict)
    _offset: int = 0
    _closed: int = 0

    def read(self) -> VenueFile:
        """What came since."""
        for part in parts(self.folder / TRANSACTIONS)[self._closed :]:
            self._read_on(book_bytes(part.path))
            self._closed, self._offset = self._closed + 1, 0
        with suppress(FileNotFoundError):  # just closed, or not begun
            self._read_on((self.folder / TRANSACTIONS).read_bytes())
        return self

    def _read_on(self, content: bytes) -> None:
        whole, newline, _ = content[self._offset :].rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in filter(None, whole.split(b"\n")):
            self._take(orjson.loads(line))

    def _take(self, entry: dict[str, Any]) -> None:
        self.account = entry["account"]
        self.fills += entry["rows"].get("fills", [])
        for event in entry["rows"].get("events", []):
            order = event["order"]
            if order.get("client_id") and event["kind"] in ("PLACE", "EXECUTION"):
                self.orders[order["client_id"]].add(order["uid"])
                self.first_ms.setdefault(order["client_id"], int(event["time_ms"]))

    @property
    def held(self) -> dict[str, Decimal]:
        """Signed sizes of open positions by the venue's name."""
        rows = self.account["positions"].items()
        return {symbol: size for symbol, row in rows if (size := Decimal(row["size"]))}

    def unprotected(self) -> set[str]:
        """Positions that have not exactly one reduce-only stop of their size, against them."""
        return {symbol for symbol, size in self.held.items() if self._stops(symbol) != [(abs(size), size > 0)]}

    def _stops(self, symbol: str) -> list[tuple[Decimal, bool]]:
        """(size, sells) of the stops that rest in a contract."""
        return [
            (Decimal(order["open"]), order["side"] == "sell")
            for order in self.account["orders"]
            if order["symbol"] == symbol and order["kind"] == "stp" and order["reduce_only"]
        ]

    def orphans(self) -> set[str]:
        """Orders of ours that rest without a position."""
        ours = (order for order in self.account["orders"] if str(order["client_id"] or "").startswith(PREFIX))
        return {str(order["client_id"]) for order in ours if order["symbol"] not in self.held}
