"""One HTTP session: exactly the given text goes out, documented JSON comes in, everything else is a typed error.

What a caller may conclude from an error:

    NotSentError             the request never left this machine
    VenueTimeoutError        no answer in time; the venue may or may not have acted
    VenueUnavailableError    connection lost after sending, or a server error without JSON; may or may not have acted
    VenueRateLimitedError    refused with HTTP 429
    VenueRejectedError       refused with a short plain text (HTTP 400)
    VenueProtocolError       redirect, HTML, truncated or foreign content; never act on it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Protocol

import aiohttp
import msgspec
import orjson
from pydantic import Field
from yarl import URL

from tradingbot.core.errors import (
    VenueProtocolError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)
from tradingbot.core.params import Params
from tradingbot.ports import Clock

SHOWN_CHARS: Final = 80
Loads = Callable[[bytes], Any]


class NotSentError(VenueUnavailableError):
    """No connection could be made: the request never left, so nothing can have come of it."""


class HttpParams(Params):
    """Settings of one HTTP session."""

    timeout_s: float = Field(default=10.0, gt=0, description="deadline of one request, seconds")
    max_connections: int = Field(default=20, ge=1, description="open connections at most")
    keepalive_s: float = Field(default=30.0, gt=0, description="how long an idle connection is kept, seconds")
    verify_tls: bool = Field(default=True, description="check certificates; false only against a local test server")
    user_agent: str = Field(default="tradingbot/0.1", min_length=1, description="User-Agent header")


_money_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def loads_exact(body: bytes) -> Any:
    """JSON with fractions as Decimal, digit for digit. Raises ValueError for what is no JSON, NaN and infinities."""
    try:
        return _money_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def loads_fast(body: bytes) -> Any:
    """JSON with fractions as float, for market data."""
    return orjson.loads(body)


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A decoded answer with its HTTP status."""

    status: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Any answer as it came: status, type without its parameters, headers (names in any case), body."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes


class Fetcher(Protocol):
    """Whoever gets answers as they come: over the network, or from a service of this very process."""

    async def fetch_raw(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float | None = None
    ) -> RawAnswer:
        """Ask; see `HttpClient.fetch_raw`."""

    async def close(self) -> None:
        """Let go of what it holds."""


@lru_cache(maxsize=32)
def _deadline(total_s: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s)


class HttpClient:
    """A lazily opened aiohttp session. `close` releases it."""

    def __init__(self, clock: Clock, params: HttpParams) -> None:
        self._clock = clock
        self._params = params
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=self._params.max_connections,
                keepalive_timeout=self._params.keepalive_s,
                ssl=self._params.verify_tls,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"Accept": "application/json", "User-Agent": self._params.user_agent},
            )
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch_json(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        loads: Loads = loads_fast,
    ) -> JsonAnswer:
        """Send `url` and `body` byte for byte and decode the JSON object that comes back.

        Any status below 300 or above 399 with a JSON object is returned: what it means is the venue's business.
        """
        target = URL(url, encoded=True)
        response, content = await self._ask(method, target, body, headers, timeout_s)
        return self._decode(method, target.path, response, content, loads)

    async def fetch_raw(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float | None = None
    ) -> RawAnswer:
        """Send `url` as it stands; whatever comes back is the caller's to judge.

        Raises only for what is no answer at all: NotSentError, VenueTimeoutError, VenueUnavailableError.
        """
        response, content = await self._ask(method, URL(url, encoded=True), None, headers, timeout_s)
        return RawAnswer(response.status, response.content_type, response.headers, content)

    async def _ask(
        self,
        method: str,
        target: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout_s: float | None,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        limit_s = self._params.timeout_s if timeout_s is None else timeout_s
        clock = self._clock
        real_s = clock.real_deadline_s(limit_s)
        try:
            if real_s is not None:  # the session's own deadline costs less than a context of ours
                return await self._exchange(method, target, body, headers, _deadline(real_s))
            async with clock.timeout(limit_s):
                with clock.in_flight():
                    return await self._exchange(method, target, body, headers, _deadline(None))
        except TimeoutError as error:
            raise VenueTimeoutError(f"{method} {target.path}: no answer within {limit_s:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(f"{method} {target.path}: cannot connect: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            cause = type(error).__name__
            raise VenueUnavailableError(f"{method} {target.path}: connection lost: {cause}: {error}") from error

    async def _exchange(
        self,
        method: str,
        target: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        deadline: aiohttp.ClientTimeout,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        async with self._open().request(
            method, target, data=body, headers=headers, allow_redirects=False, timeout=deadline
        ) as response:
            return response, await response.read()

    def _decode(
        self, method: str, path: str, response: aiohttp.ClientResponse, content: bytes, loads: Loads
    ) -> JsonAnswer:
        if response.status == 200 and response.content_type == "application/json":
            payload = _parse(loads, content)
            if type(payload) is dict:
                return JsonAnswer(200, payload)
        return self._judge(f"{method} {path}", response, content, loads)

    def _judge(self, what: str, response: aiohttp.ClientResponse, content: bytes, loads: Loads) -> JsonAnswer:
        status, kind = response.status, response.content_type
        shown = content[:SHOWN_CHARS].decode(errors="replace")
        text = f"{what}: HTTP {status}, {kind}: {shown!r}"
        if status == 429:
            raise VenueRateLimitedError(text, _retry_after_s(response.headers))
        if 300 <= status < 400:
            raise VenueProtocolError(f"{what}: HTTP {status} redirects to {response.headers.get('Location', '?')!r}")
        payload = _parse(loads, content) if kind == "application/json" else None
        if isinstance(payload, dict):
            return JsonAnswer(status, payload)
        if status >= 500:
            raise VenueUnavailableError(text)
        if kind == "text/plain" and status == 400:
            raise VenueRejectedError(text, shown.strip())
        raise VenueProtocolError(text)


def _parse(loads: Loads, content: bytes) -> Any:
    try:
        return loads(content)
    except (ValueError, RecursionError):
        return None


def _retry_after_s(headers: Mapping[str, str]) -> float:
    for name in ("rate-limit-reset", "Retry-After"):
        try:
            seconds = float(headers[name])
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 3600:
            return seconds
    return 1.0
