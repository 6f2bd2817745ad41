"""The websocket wire: requests and their answers on one connection.

The venue's answers carry no request id and come in request order, so requests wait for one another. One subscribe may
name many products; the venue acknowledges each product with a message of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from tradingbot.core.errors import VenueAuthError, VenueProtocolError, VenueRejectedError, VenueTimeoutError
from tradingbot.core.params import Params
from tradingbot.net.stream import Sender
from tradingbot.ports import Clock
from tradingbot.venues.kraken_futures.auth import Signer

Message = dict[str, Any]

BENIGN_ALERTS: Final[Mapping[str, str]] = {
    "subscribe": "Already subscribed to feed, re-requesting",
    "unsubscribe": "Not subscribed to feed",
}
AUTH_ALERT: Final = "Failed to subscribe to authenticated feed"
_ANSWERS: Final = {"subscribed", "unsubscribed", "subscribed_failed", "unsubscribed_failed", "challenge"}


class FeedParams(Params):
    """Settings of the conversation on a websocket."""

    ack_timeout_s: float = Field(default=10.0, gt=0, description="deadline of one subscription, seconds")
    resync_pause_s: float = Field(
        default=0.2, ge=0, description="pause before a broken feed is asked for anew, seconds"
    )
    kept_trades: int = Field(default=500, ge=1, description="public trades remembered per symbol")
    kept_fill_ids: int = Field(default=20_000, ge=100, description="fill ids remembered to recognise repeats")


@dataclass(slots=True)
class _Pending:
    request: str
    feed: str
    answers_left: int
    answered: asyncio.Future[Message]


class Requests:
    """Sends requests one after the other and matches the answers."""

    def __init__(self, sender: Sender, clock: Clock, ack_timeout_s: float) -> None:
        self._sender = sender
        self._clock = clock
        self._ack_timeout_s = ack_timeout_s
        self._lock = asyncio.Lock()
        self._pending: _Pending | None = None

    async def subscribe(self, feed: str, products: Sequence[str] = (), proof: Mapping[str, str] | None = None) -> None:
        """Return when every product of the feed is acknowledged.

        Raises VenueRejectedError (feed or product refused), VenueAuthError, VenueTimeoutError.
        """
        await self._ask("subscribe", feed, products, proof or {})

    async def unsubscribe(
        self, feed: str, products: Sequence[str] = (), proof: Mapping[str, str] | None = None
    ) -> None:
        """Return when the feed is off; being off already is fine."""
        await self._ask("unsubscribe", feed, products, proof or {})

    async def challenge(self, signer: Signer) -> dict[str, str]:
        """Log in: the three fields that private requests on this connection carry."""
        request = {"event": "challenge", "api_key": signer.api_key}
        answer = await self._exchange(_Pending("challenge", "", 1, self._future()), request)
        text = answer.get("message")
        if not isinstance(text, str) or not text:
            raise VenueProtocolError("challenge without a message")
        return {"api_key": signer.api_key, "original_challenge": text, "signed_challenge": signer.challenge(text)}

    async def _ask(self, event: str, feed: str, products: Sequence[str], proof: Mapping[str, str]) -> None:
        request: Message = {"event": event, "feed": feed, **proof}
        if products:
            request["product_ids"] = list(products)
        await self._exchange(_Pending(event, feed, max(1, len(products)), self._future()), request)

    @staticmethod
    def _future() -> asyncio.Future[Message]:
        return asyncio.get_running_loop().create_future()

    async def _exchange(self, pending: _Pending, request: Message) -> Message:
        async with self._lock:
            self._pending = pending
            try:
                async with self._clock.timeout(self._ack_timeout_s):
                    with self._clock.in_flight():
                        await self._sender.send(json.dumps(request))
                        return await pending.answered
            except TimeoutError as error:
                what = f"{pending.request} {pending.feed}".strip()
                raise VenueTimeoutError(f"{what}: not acknowledged within {self._ack_timeout_s:g} s") from error
            finally:
                self._pending = None

    def hear(self, message: Message) -> str | None:
        """Take an event message; the text of an alert that answers no request is returned."""
        event, pending = message.get("event"), self._pending
        if event in ("alert", "error"):
            return self._alert(str(message.get("message")), pending)
        if event not in _ANSWERS or pending is None or pending.answered.done():
            return None
        if event == "challenge":
            if pending.request == "challenge":
                pending.answered.set_result(message)
        elif str(message.get("feed")) == pending.feed:
            self._acknowledge(str(event), message, pending)
        return None

    @staticmethod
    def _acknowledge(event: str, message: Message, pending: _Pending) -> None:
        if event.endswith("_failed"):
            products = message.get("product_ids")
            pending.answered.set_exception(VenueRejectedError(f"{event} {pending.feed} {products}", event))
        elif event == f"{pending.request}d":
            products = message.get("product_ids")
            pending.answers_left -= len(products) if isinstance(products, list) and products else 1
            if pending.answers_left <= 0:
                pending.answered.set_result(message)

    @staticmethod
    def _alert(text: str, pending: _Pending | None) -> str | None:
        if pending is None or pending.answered.done():
            return text
        if text == BENIGN_ALERTS.get(pending.request):
            pending.answers_left -= 1
            if pending.answers_left <= 0:
                pending.answered.set_result({})
            return None
        what = f"{pending.request} {pending.feed}: {text}"
        refusal = VenueAuthError(what) if text == AUTH_ALERT else VenueRejectedError(what, text)
        pending.answered.set_exception(refusal)
        return None
