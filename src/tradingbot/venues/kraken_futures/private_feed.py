"""Private websocket: fills first of all, and the account's orders, positions and balances as the venue tells them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from tradingbot.core.errors import VenueProtocolError, VenueRejectedError
from tradingbot.core.records import Fill, OpenOrder, VenueNotice, VenuePosition, Wallet
from tradingbot.core.types import FillId, VenueOrderId
from tradingbot.net.http import loads_exact
from tradingbot.net.stream import Sender
from tradingbot.ports import Clock
from tradingbot.venues.kraken_futures.auth import Signer
from tradingbot.venues.kraken_futures.fields import ToSymbol, child, rows, text
from tradingbot.venues.kraken_futures.parse_account import (
    parse_stream_fill,
    parse_stream_positions,
    parse_stream_wallets,
)
from tradingbot.venues.kraken_futures.parse_market import parse_notices
from tradingbot.venues.kraken_futures.parse_orders import parse_stream_order
from tradingbot.venues.kraken_futures.ws import FeedParams, Message, Requests

FILLS: Final = "fills"
HEARTBEAT: Final = "heartbeat"
BALANCES: Final = "balances"
OTHER_FEEDS: Final = ("open_orders", "open_positions", BALANCES, "notifications_auth")
"""Wanted, but the stream is usable without them."""


class FillBox:
    """Fills of the stream, each once, until they are taken."""

    def __init__(self, kept_ids: int) -> None:
        self._kept_ids = kept_ids
        self._seen: OrderedDict[FillId, None] = OrderedDict()
        self._waiting: list[Fill] = []
        self._watchers: list[tuple[frozenset[FillId], asyncio.Future[None]]] = []

    def add(self, fills: Sequence[Fill]) -> None:
        """Keep those that were not seen before, oldest first."""
        for fill in sorted(fills, key=lambda fill: fill.time):
            if fill.fill_id not in self._seen:
                self._seen[fill.fill_id] = None
                self._waiting.append(fill)
        while len(self._seen) > self._kept_ids:
            self._seen.popitem(last=False)
        for wanted, arrived in self._watchers:
            if self.has(wanted) and not arrived.done():
                arrived.set_result(None)

    def has(self, fill_ids: frozenset[FillId]) -> bool:
        """True when all of these have come."""
        return all(fill_id in self._seen for fill_id in fill_ids)

    def take(self) -> list[Fill]:
        """Everything that came since the last call."""
        taken, self._waiting = self._waiting, []
        return taken

    async def wait_for(self, fill_ids: Sequence[FillId], clock: Clock, timeout_s: float) -> bool:
        """True once all of these have come; False after the timeout."""
        wanted = frozenset(fill_ids)
        if self.has(wanted):
            return True
        watcher = (wanted, asyncio.get_running_loop().create_future())
        self._watchers.append(watcher)
        try:
            async with clock.timeout(timeout_s):
                await watcher[1]
        except TimeoutError:
            return self.has(wanted)
        finally:
            self._watchers.remove(watcher)
        return True


class PrivateAccount:
    """What the private stream has told; survives reconnects. None where no snapshot has come since the last connect."""

    def __init__(self, kept_fill_ids: int) -> None:
        self.fills = FillBox(kept_fill_ids)
        self.subscribed = asyncio.Event()
        self.gaps = 0
        self.unsupported: dict[str, str] = {}
        self.notices: list[VenueNotice] = []
        self.open_orders: dict[VenueOrderId, OpenOrder] | None = None
        self.positions: tuple[VenuePosition, ...] | None = None
        self.wallets: dict[str, Wallet] | None = None

    def forget(self) -> None:
        """Nothing but fills can be trusted after a disconnect."""
        self.subscribed.clear()
        self.open_orders = self.positions = self.wallets = None


class PrivateConversation:
    """Logs in, subscribes, and takes every snapshot as the truth."""

    def __init__(
        self,
        account: PrivateAccount,
        signer: Signer,
        to_symbol: ToSymbol,
        sender: Sender,
        clock: Clock,
        params: FeedParams,
    ) -> None:
        self._account = account
        self._signer = signer
        self._to_symbol = to_symbol
        self._clock = clock
        self._params = params
        self._requests = Requests(sender, clock, params.ack_timeout_s)
        self._log = structlog.get_logger().bind(stream="private")
        self._balances_seq: int | None = None
        self._resync: asyncio.Event = asyncio.Event()
        self._handlers: Mapping[str, Callable[[Message], None]] = {
            "fills_snapshot": self._fills,
            FILLS: self._fills,
            "open_orders_snapshot": self._orders_snapshot,
            "open_orders": self._order,
            "open_positions": self._positions,
            "balances_snapshot": self._balances_snapshot,
            BALANCES: self._balances,
            "notifications_auth": self._notifications,
        }

    async def talk(self) -> None:
        """Log in with a challenge of this very connection and subscribe; resubscribe balances after a gap."""
        await self._requests.subscribe(HEARTBEAT)
        proof = await self._requests.challenge(self._signer)
        await self._requests.subscribe(FILLS, proof=proof)
        for feed in OTHER_FEEDS:
            await self._subscribe_optional(feed, proof)
        self._account.subscribed.set()
        while True:
            await self._resync.wait()
            self._resync.clear()
            await self._clock.sleep(self._params.resync_pause_s)
            await self._requests.unsubscribe(BALANCES, proof=proof)
            await self._requests.subscribe(BALANCES, proof=proof)

    async def _subscribe_optional(self, feed: str, proof: Mapping[str, str]) -> None:
        try:
            await self._requests.subscribe(feed, proof=proof)
        except VenueRejectedError as error:
            if feed not in self._account.unsupported:
                self._log.warning("stream.feed_refused", feed=feed, venue_text=str(error))
            self._account.unsupported[feed] = str(error)
        else:
            self._account.unsupported.pop(feed, None)

    def hear(self, text: str | bytes) -> None:
        """One message; raises VenueProtocolError for what is not the documented JSON."""
        try:
            message = loads_exact(text.encode() if isinstance(text, str) else text)
            if "event" in message:
                alert = self._requests.hear(message)
                if alert is not None:
                    self._log.warning("stream.alert", venue_text=alert)
                return
            handler = self._handlers.get(message.get("feed"))
            if handler is not None:
                handler(message)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VenueProtocolError(f"private stream: {type(error).__name__} {error}") from error

    def ended(self) -> None:
        """The connection is gone."""
        self._account.forget()

    # -- feeds
    def _fills(self, message: Message) -> None:
        self._account.fills.add([parse_stream_fill(row, self._to_symbol) for row in rows(message, "fills")])

    def _orders_snapshot(self, message: Message) -> None:
        orders = [parse_stream_order(row, self._to_symbol) for row in rows(message, "orders")]
        self._account.open_orders = {order.venue_order_id: order for order in orders}

    def _order(self, message: Message) -> None:
        known = self._account.open_orders
        if known is None:
            return
        if message.get("is_cancel"):
            gone = child(message, "order") if "order" in message else message
            known.pop(VenueOrderId(text(gone, "order_id")), None)
            return
        order = parse_stream_order(child(message, "order"), self._to_symbol)
        known[order.venue_order_id] = order

    def _positions(self, message: Message) -> None:
        self._account.positions = tuple(parse_stream_positions(message, self._to_symbol))

    def _balances_snapshot(self, message: Message) -> None:
        self._balances_seq = _seq(message)
        self._account.wallets = parse_stream_wallets(message)

    def _balances(self, message: Message) -> None:
        seq = _seq(message)
        gap = seq is not None and self._balances_seq is not None and seq != self._balances_seq + 1
        self._balances_seq = seq
        if gap:
            self._account.gaps += 1
            self._account.wallets = None
            self._resync.set()
        elif self._account.wallets is not None:
            self._account.wallets = {**self._account.wallets, **parse_stream_wallets(message)}

    def _notifications(self, message: Message) -> None:
        self._account.notices = parse_notices(rows(message, "notifications"))


def _seq(message: Message) -> int | None:
    seq = message.get("seq")
    return None if seq is None else int(seq)
