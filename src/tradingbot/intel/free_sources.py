"""Sources that need no key: alternative.me's fear & greed, Deribit's DVOL and options, Cboe's VIX file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from tradingbot.core.errors import (
    IntelProtocolError,
    IntelRateLimitedError,
    IntelRequestError,
    IntelUnavailableError,
    VenueError,
)
from tradingbot.core.types import Asset, epoch_ms
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.parse_mood import parse_alternative, parse_dvol, parse_vix
from tradingbot.intel.parse_options import parse_options
from tradingbot.market.intelligence import FearGreed, OptionSkew, VolatilityReading
from tradingbot.net.http import Fetcher, HttpClient, HttpParams, RawAnswer
from tradingbot.ports import Clock

LOOK_BACK: Final = timedelta(hours=2)
RESOLUTION_S: Final = "60"
SHOWN_CHARS: Final = 80


class FreeSources:
    """One HTTP session for all of them. Every method raises an IntelError; None means the source tells nothing."""

    def __init__(self, clock: Clock, params: CoinglassParams, http: Fetcher | None = None) -> None:
        self._clock = clock
        self._params = params
        self._http = http or HttpClient(clock, HttpParams(timeout_s=params.timeout_s, max_connections=2))

    async def close(self) -> None:
        """Release sockets."""
        await self._http.close()

    async def fear_greed(self) -> FearGreed | None:
        """GET alternative.me/fng."""
        payload = await self._json(f"{self._params.fear_greed.fallback_url.rstrip('/')}/fng/?limit=2")
        return parse_alternative(payload, self._clock.now(), _origin(payload))

    async def dvol(self) -> VolatilityReading | None:
        """GET Deribit's volatility index over the last hours."""
        own, now = self._params.volatility, self._clock.now()
        query = urlencode(
            {
                "currency": own.dvol_currency,
                "start_timestamp": epoch_ms(now - LOOK_BACK),
                "end_timestamp": epoch_ms(now),
                "resolution": RESOLUTION_S,
            }
        )
        payload = await self._json(f"{own.dvol_url.rstrip('/')}/api/v2/public/get_volatility_index_data?{query}")
        return parse_dvol(payload, self._clock.now(), _origin(payload))

    async def option_skew(self, asset: Asset) -> OptionSkew | None:
        """GET the summaries of all of Deribit's options of an asset; about a megabyte."""
        own = self._params.volatility
        query = urlencode({"currency": asset, "kind": "option"})
        payload = await self._json(f"{own.dvol_url.rstrip('/')}/api/v2/public/get_book_summary_by_currency?{query}")
        return parse_options(payload, asset, self._clock.now(), own.skew_tenor, _origin(payload))

    async def vix(self) -> VolatilityReading | None:
        """GET the file of daily VIX values."""
        raw = await self._fetch(self._params.volatility.vix_url)
        if raw.status != 200 or raw.content_type == "text/html":
            raise _refusal(raw)
        return parse_vix(raw.body.decode(errors="replace"), self._clock.now())

    async def _json(self, url: str) -> Mapping[str, Any]:
        raw = await self._fetch(url)
        try:
            payload = orjson.loads(raw.body)
        except ValueError:
            raise _refusal(raw) from None
        if raw.status >= 500 or raw.status == 429:
            raise _refusal(raw)
        if not isinstance(payload, dict):
            raise IntelProtocolError(f"answer is {type(payload).__name__}, not an object")
        return payload

    async def _fetch(self, url: str) -> RawAnswer:
        try:
            return await self._http.fetch_raw("GET", url)
        except VenueError as error:
            raise IntelUnavailableError(str(error)) from error


def _refusal(raw: RawAnswer) -> IntelUnavailableError | IntelRequestError | IntelRateLimitedError:
    text = f"HTTP {raw.status}, {raw.content_type}: {raw.body[:SHOWN_CHARS].decode(errors='replace')!r}"
    if raw.status == 429:
        return IntelRateLimitedError(text)
    return IntelRequestError(text) if raw.status in (400, 404) else IntelUnavailableError(text)


def _origin(payload: Mapping[str, Any]) -> str:
    origin = payload.get("origin")
    return origin if origin in ("recorded", "derived", "synthetic") else ""
