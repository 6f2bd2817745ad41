"""The CoinGlass v4 wire: GET with a key in the header, paced, judged; everything that is not data is a typed error.

The key is sent and nothing else: it is in no message, no log line and no repr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import orjson

from tradingbot.core.errors import (
    ConfigurationError,
    IntelError,
    IntelRateLimitedError,
    IntelUnavailableError,
    VenueError,
)
from tradingbot.intel.answer import Answer
from tradingbot.intel.coinglass_answers import SHOWN_CHARS, judge
from tradingbot.intel.pacing import Pace
from tradingbot.intel.params import CoinglassParams
from tradingbot.net.http import Fetcher, HttpClient, HttpParams, RawAnswer
from tradingbot.ports import Clock

KEY_HEADER: Final = "CG-API-KEY"
LIMIT_HEADER: Final = "API-KEY-MAX-LIMIT"
Arguments = Sequence[tuple[str, str]]


class CoinglassClient:
    """All access with one key. Calls go out one at a time, in the order of their asking."""

    def __init__(self, clock: Clock, params: CoinglassParams, api_key: str, http: Fetcher | None = None) -> None:
        """Raises ConfigurationError for a key that no header can carry."""
        key = api_key.strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError("COINGLASS_API_KEY is not a key: it must be printable ASCII without spaces")
        self._clock = clock
        self._params = params
        self._key = key
        self._http = http or HttpClient(clock, HttpParams(timeout_s=params.timeout_s, max_connections=2))
        self.pace = Pace(clock, params)

    def __repr__(self) -> str:
        return f"CoinglassClient({self._params.base_url})"

    async def close(self) -> None:
        """Release sockets."""
        await self._http.close()

    async def get(self, path: str, arguments: Arguments = ()) -> Answer:
        """Ask one endpoint. A timeout, a lost connection, 408 and 5xx are asked again, `attempts` times in all.

        Raises an IntelError. A 429 also silences the whole client for `backoff_s`.
        """
        delay_s = self._params.retry_delay_s
        for attempt in range(1, self._params.attempts + 1):
            try:
                return await self._once(path, arguments)
            except IntelUnavailableError:
                if attempt == self._params.attempts:
                    raise
            await self._clock.sleep(delay_s)
            delay_s *= 2
        raise AssertionError("unreachable")

    async def _once(self, path: str, arguments: Arguments) -> Answer:
        await self.pace.turn()
        try:
            raw = await self._send(path, arguments)
            self._note_limit(raw.headers)
            verdict = judge(path, raw.status, _decoded(raw.body), raw.body[:SHOWN_CHARS].decode(errors="replace"))
        except IntelRateLimitedError as error:
            self.pace.pause(self._params.backoff_s)
            raise self._redacted(error) from None
        except IntelError as error:
            raise self._redacted(error) from error.__cause__
        return Answer(verdict.data, self._clock.now(), verdict.origin)

    async def _send(self, path: str, arguments: Arguments) -> RawAnswer:
        query = f"?{urlencode(arguments)}" if arguments else ""
        url = f"{self._params.base_url.rstrip('/')}{path}{query}"
        headers = {KEY_HEADER: self._key, "accept": "application/json"}
        try:
            return await self._http.fetch_raw("GET", url, headers=headers)
        except VenueError as error:
            raise IntelUnavailableError(f"{path}: {error}") from error

    def _note_limit(self, headers: Mapping[str, str]) -> None:
        text = headers.get(LIMIT_HEADER, "")
        if text.isdecimal() and len(text) < 10:
            self.pace.told_limit(int(text))

    def _redacted(self, error: IntelError) -> IntelError:
        error.args = tuple(str(part).replace(self._key, "***") for part in error.args)
        return error


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        return None
