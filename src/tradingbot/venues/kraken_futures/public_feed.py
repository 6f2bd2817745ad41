"""Public websocket: books, tickers and trades of the universe, kept in step by sequence numbers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
import structlog

from tradingbot.core.errors import VenueProtocolError, VenueRejectedError
from tradingbot.core.records import BookView, PublicTrade, Ticker
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.market.order_book import Change, OrderBook, decode_change
from tradingbot.net.stream import Sender
from tradingbot.ports import Clock
from tradingbot.venues.kraken_futures.fields import rows, to_number
from tradingbot.venues.kraken_futures.parse_market import parse_stream_ticker, parse_trade
from tradingbot.venues.kraken_futures.ws import FeedParams, Message, Requests

BOOK: Final = "book"
BOOK_TEXT: Final = '{"feed":"book",'
BOOK_BYTES: Final = BOOK_TEXT.encode()
TRADE: Final = "trade"
TICKER: Final = "ticker"
HEARTBEAT: Final = "heartbeat"


class BookFeed:
    """One order book per product, fed with decoded messages."""

    def __init__(self, products: Mapping[str, Symbol]) -> None:
        self._books = {product: OrderBook() for product in products}
        self.apply = {product: book.apply for product, book in self._books.items()}
        """Per product: takes one change, returns (best bid, best ask) or None when the book needs a snapshot."""

    def snapshot(self, message: Message) -> bool:
        """Replace one book; False when the snapshot itself is crossed."""
        bids = [(level["price"], level["qty"]) for level in message["bids"]]
        asks = [(level["price"], level["qty"]) for level in message["asks"]]
        product = message["product_id"]
        book = self._books[product]
        in_step = book.reset(message["seq"], int(message["timestamp"]), bids, asks)
        self.apply[product] = book.apply
        return in_step

    def book(self, product: str) -> OrderBook:
        """The book of a product (upper-case)."""
        return self._books[product]

    def invalidate(self, product: str, why: str) -> None:
        """Distrust one book until its next snapshot."""
        book = self._books[product]
        book.invalidate(why)
        self.apply[product] = book.apply

    def invalidate_all(self, why: str) -> None:
        """Distrust all books."""
        for product in self._books:
            self.invalidate(product, why)


class PublicMarket:
    """What the public stream has told; survives reconnects."""

    def __init__(self, products: Mapping[str, Symbol], kept_trades: int) -> None:
        self.products = products
        self.books = BookFeed(products)
        self.tickers: dict[Symbol, Ticker] = {}
        self.trades: dict[Symbol, deque[PublicTrade]] = {
            symbol: deque(maxlen=kept_trades) for symbol in products.values()
        }
        self.subscribed = asyncio.Event()
        self.gaps = 0
        self.refused: dict[str, str] = {}
        self.heard_at: datetime | None = None
        self._product_of = {symbol: product for product, symbol in products.items()}

    def view(self, symbol: Symbol, depth: int | None = None) -> BookView | None:
        """Newest book, or None while it is not in step.

        `as_of` is the later of its last change and the product's last ticker: both came over one ordered connection, so
        an unchanged book was still true then.
        """
        product = self._product_of.get(symbol)
        if product is None or self.heard_at is None:
            return None
        book = self.books.book(product)
        if book.broken:
            return None
        as_of = utc_from_ms(book.timestamp_ms)
        ticker = self.tickers.get(symbol)
        if ticker is not None and ticker.as_of > as_of:
            as_of = ticker.as_of
        return book.view(symbol, self.heard_at, depth, as_of)

    def touch(self, symbol: Symbol) -> tuple[float, float, float, float] | None:
        """Best quotes of the newest book; None while it is not in step or lacks a side."""
        product = self._product_of.get(symbol)
        if product is None or self.heard_at is None:
            return None
        book = self.books.book(product)
        return None if book.broken else book.touch


class PublicConversation:
    """Subscribes everything, keeps it in step, asks for what broke."""

    def __init__(self, market: PublicMarket, sender: Sender, clock: Clock, params: FeedParams) -> None:
        self._market = market
        self._clock = clock
        self._params = params
        self._requests = Requests(sender, clock, params.ack_timeout_s)
        self._broken: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._queued: set[tuple[str, str]] = set()
        self._trade_seq: dict[str, int] = {}
        self._apply = market.books.apply
        self._log = structlog.get_logger().bind(stream="public")
        self._handlers: Mapping[str, Callable[[Message], None]] = {
            "book_snapshot": self._book_snapshot,
            "trade_snapshot": self._trade_snapshot,
            TRADE: self._trade,
            TICKER: self._ticker,
            HEARTBEAT: _nothing,
        }

    async def talk(self) -> None:
        """Subscribe, then resubscribe whatever falls out of step, until the connection ends."""
        await self._requests.subscribe(HEARTBEAT)
        for feed in (BOOK, TICKER, TRADE):
            await self._subscribe_all(feed)
        self._market.subscribed.set()
        while True:
            feed, product = await self._broken.get()
            await self._clock.sleep(self._params.resync_pause_s)
            self._queued.discard((feed, product))
            await self._requests.unsubscribe(feed, [product])
            await self._requests.subscribe(feed, [product])

    async def _subscribe_all(self, feed: str) -> None:
        products = list(self._market.products)
        if not products:
            return
        try:
            await self._requests.subscribe(feed, products)
        except VenueRejectedError:
            for product in products:
                await self._subscribe_one(feed, product)

    async def _subscribe_one(self, feed: str, product: str) -> None:
        """One unknown product must not silence the others."""
        try:
            await self._requests.subscribe(feed, [product])
        except VenueRejectedError as error:
            if product not in self._market.refused:
                self._log.warning("stream.product_refused", product=product, feed=feed, venue_text=str(error))
            self._market.refused[product] = str(error)
        else:
            self._market.refused.pop(product, None)

    def hear(self, text: str | bytes) -> None:
        """One message; raises VenueProtocolError for what is not the documented JSON."""
        try:
            if text.startswith(BOOK_TEXT) if isinstance(text, str) else text.startswith(BOOK_BYTES):
                self._change(decode_change(text))
            else:
                self._other(orjson.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.MsgspecError) as error:
            raise VenueProtocolError(f"public stream: {type(error).__name__} {error} in {text[:120]!r}") from error
        self._market.heard_at = self._clock.now()

    def _change(self, change: Change) -> None:
        if self._apply[change.product_id](change) is None:
            self._book_broken(change.product_id)

    def _other(self, message: Message) -> None:
        feed = message.get("feed") if "event" not in message else None
        if feed == BOOK:  # the same change, written in another order
            self._change(msgspec.convert(message, Change))
            return
        if feed is None:
            alert = self._requests.hear(message)
            if alert is not None:
                self._log.warning("stream.alert", venue_text=alert)
            return
        handler = self._handlers.get(feed)
        if handler is not None:
            handler(message)

    def ended(self) -> None:
        """The connection is gone: no book is in step any more."""
        self._market.subscribed.clear()
        self._market.books.invalidate_all("disconnected")

    # -- feeds
    def _book_snapshot(self, message: Message) -> None:
        if not self._market.books.snapshot(message):
            self._book_broken(message["product_id"])

    def _book_broken(self, product: str) -> None:
        book = self._market.books.book(product)
        if book.broken in ("no snapshot", "disconnected", "resync"):
            return
        self._log.warning("stream.book_broken", product=product, why=book.broken)
        self._market.books.invalidate(product, "resync")
        self._resubscribe(BOOK, product)

    def _resubscribe(self, feed: str, product: str) -> None:
        self._market.gaps += 1
        if (feed, product) not in self._queued:
            self._queued.add((feed, product))
            self._broken.put_nowait((feed, product))

    def _ticker(self, message: Message) -> None:
        symbol = self._market.products.get(message["product_id"])
        if symbol is not None:
            self._market.tickers[symbol] = parse_stream_ticker(message, symbol, self._clock.now())

    def _trade_snapshot(self, message: Message) -> None:
        product = message["product_id"]
        symbol = self._market.products[product]
        kept = self._market.trades[symbol]
        known = {trade.trade_id for trade in kept}
        listed = sorted(rows(message, "trades"), key=lambda row: to_number(row["seq"], "seq"))
        fresh = [trade for row in listed if (trade := parse_trade(row, symbol)).trade_id not in known]
        kept.extend(fresh)
        if listed:
            self._trade_seq[product] = int(listed[-1]["seq"])

    def _trade(self, message: Message) -> None:
        product, seq = message["product_id"], int(message["seq"])
        symbol = self._market.products[product]
        last = self._trade_seq.get(product)
        self._trade_seq[product] = seq
        self._market.trades[symbol].append(parse_trade(message, symbol))
        if last is not None and seq != last + 1:
            self._log.warning("stream.trade_gap", product=product, expected=last + 1, got=seq)
            self._resubscribe(TRADE, product)


def _nothing(_message: Mapping[str, Any]) -> None:
    """A heartbeat says only that the connection lives."""
