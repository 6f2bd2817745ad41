"""Who listens to what, and what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from tradingbot.sim_server import private_feeds
from tradingbot.sim_server.book_feed import BookFeed
from tradingbot.sim_server.connection import Connection
from tradingbot.sim_server.service import News, Service
from tradingbot.sim_server.ticker import ws_ticker, ws_ticker_lite
from tradingbot.sim_server.wire import num
from tradingbot.simulator.tape import Print

PUBLIC_FEEDS = frozenset({"ticker", "ticker_lite", "book", "trade", "heartbeat"})
PRIVATE_FEEDS = frozenset(
    {"open_orders", "open_orders_verbose", "fills", "open_positions", "balances", "account_log", "notifications_auth",
     "deposits_withdrawals", "account_balances_and_margins"}
)  # fmt: skip
PRODUCT_FEEDS = frozenset({"ticker", "ticker_lite", "book", "trade"})
_TICKERS = {"ticker": ws_ticker, "ticker_lite": ws_ticker_lite}


class Hub:
    """Tells subscribers what is new. Nothing is computed that nobody subscribed to."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.connections: set[Connection] = set()
        self._books: dict[str, BookFeed] = {}
        self._ticked_ms: dict[tuple[str, str], int] = {}
        self._beat_ms = 0
        self._seq = {"open_positions": 0, "balances": 0}

    def publish(self, news: News) -> None:
        """Tell everybody what they asked for."""
        if not self.connections:
            return
        self._public(news)
        self._private(news)
        if news.tick:
            self._heartbeat()

    def close_all(self) -> None:
        """Drop every connection."""
        for connection in list(self.connections):
            connection.drop()

    def housekeeping(self) -> None:
        """Drop the silent and, when that fault is on, everybody; mute them when that one is."""
        service, now_ms = self._service, self._service.now_ms()
        faults = service.venue.state.faults
        if self.connections and (faults.hit("close_sockets", "ws", now_ms) or faults.on("maintenance", now_ms)):
            self.close_all()
        silent = faults.on("silent_socket", now_ms) is not None
        for connection in list(self.connections):
            connection.silent = silent
            if now_ms - connection.heard_ms > service.params.ws_idle_s * 1000:
                connection.drop()

    def listeners(self, feed: str, product: str = "") -> list[Connection]:
        """Connections subscribed to a feed of a product."""
        return [one for one in self.connections if (feed, product) in one.subscriptions]

    def snapshot(self, connection: Connection, feed: str, product: str) -> None:
        """Send what a new subscriber must know."""
        message = self._snapshot(connection, feed, product)
        if message is not None:
            connection.push(message)

    def _snapshot(self, connection: Connection, feed: str, product: str) -> dict[str, Any] | None:
        service = self._service
        if feed in _TICKERS:
            return _TICKERS[feed](service, product) if service.venue.market(product).alive else None
        if feed == "trade":
            tape = service.venue.market(product).tape
            trades = [trade_message(product, entry) for entry in reversed(tape)]
            return {"feed": "trade_snapshot", "product_id": product, "trades": trades}
        if feed == "book":
            return self._book_snapshot(connection, product)
        if feed == "heartbeat":
            return {"feed": "heartbeat", "time": service.now_ms()}
        return self._private_snapshot(feed)

    def _book_snapshot(self, connection: Connection, product: str) -> dict[str, Any]:
        book = self._books.get(product)
        if book is None:
            book = self._books[product] = BookFeed(self._service, product)
        if not [one for one in self.listeners("book", product) if one is not connection]:
            book.start()
        return book.snapshot()

    def _private_snapshot(self, feed: str) -> dict[str, Any] | None:
        service = self._service
        if feed in {"open_orders", "open_orders_verbose"}:
            return private_feeds.open_orders_snapshot(service, feed)
        if feed == "open_positions":
            return private_feeds.open_positions(service, self._seq["open_positions"])
        if feed == "balances":
            return private_feeds.balances(service, self._seq["balances"], snapshot=True)
        makers = {
            "fills": private_feeds.fills_snapshot,
            "account_log": private_feeds.account_log_snapshot,
            "notifications_auth": private_feeds.notifications,
        }
        return makers[feed](service) if feed in makers else None

    def _public(self, news: News) -> None:
        for symbol, entry in news.prints:
            listening = self.listeners("trade", symbol)
            if listening:
                _tell(listening, trade_message(symbol, entry))
        for symbol in sorted(news.touched):
            listening = self.listeners("book", symbol)
            if listening and self._service.venue.market(symbol).alive:
                for delta in self._books[symbol].deltas():
                    _tell(listening, delta)
        if news.tick:
            for feed in _TICKERS:
                self._send_tickers(feed)

    def _send_tickers(self, feed: str) -> None:
        service, now_ms = self._service, self._service.venue.now_ms
        products = {product for one in self.connections for name, product in one.subscriptions if name == feed}
        for product in sorted(products):
            since_ms = now_ms - self._ticked_ms.get((feed, product), 0)
            if since_ms >= service.params.ticker_interval_s * 1000 and service.venue.market(product).alive:
                self._ticked_ms[(feed, product)] = now_ms
                _tell(self.listeners(feed, product), _TICKERS[feed](service, product))

    def _heartbeat(self) -> None:
        now_ms = self._service.now_ms()
        if now_ms - self._beat_ms >= self._service.params.heartbeat_s * 1000:
            self._beat_ms = now_ms
            _tell(self.listeners("heartbeat"), {"feed": "heartbeat", "time": now_ms})

    def _private(self, news: News) -> None:
        rows, account = news.rows, self._service.venue.account
        for feed in ("open_orders", "open_orders_verbose"):
            listening = self.listeners(feed)
            deltas = [private_feeds.open_orders_delta(event, feed) for event in rows.events] if listening else []
            for delta in deltas:
                if delta is not None:
                    _tell(listening, delta)
        if rows.fills:
            fills = [private_feeds.fill_message(fill) for fill in rows.fills]
            faults, now_ms = self._service.venue.state.faults, self._service.now_ms()
            copies = (
                0 if faults.hit("fills_lost", "ws", now_ms) else 2 if faults.hit("fills_twice", "ws", now_ms) else 1
            )
            for _ in range(copies):
                _tell(self.listeners("fills"), {"feed": "fills", "username": account.uid, "fills": fills})
        listening = self.listeners("account_log")
        for row in rows.log if listening else ():
            _tell(listening, {"feed": "account_log", "new_entry": private_feeds.log_entry(row)})
        self._account(changed=bool(len(rows)), tick=news.tick)

    def _account(self, *, changed: bool, tick: bool) -> None:
        service = self._service
        if not changed and not (tick and service.venue.account.positions):
            return
        if self.listeners("open_positions"):
            self._seq["open_positions"] += 1
            seq = self._seq["open_positions"]
            _tell(self.listeners("open_positions"), private_feeds.open_positions(service, seq))
        if self.listeners("balances"):
            self._seq["balances"] += 1
            number = self._seq["balances"]
            _tell(self.listeners("balances"), private_feeds.balances(service, number, snapshot=False))


def trade_message(product: str, entry: Print) -> dict[str, Any]:
    """A message of the trade feed."""
    return {
        "feed": "trade",
        "product_id": product,
        "uid": entry.uid,
        "side": entry.side.value,
        "type": entry.kind,
        "seq": entry.seq,
        "time": entry.time_ms,
        "qty": num(entry.size),
        "price": num(entry.price),
    }


def _tell(listening: Iterable[Connection], message: dict[str, Any]) -> None:
    text = orjson.dumps(message).decode()
    for connection in listening:
        connection.push(text)
