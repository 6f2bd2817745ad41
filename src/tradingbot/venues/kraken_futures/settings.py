"""Settings of the Kraken Futures adapter."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.net.http import HttpParams
from tradingbot.net.rate_limiter import LimiterParams
from tradingbot.net.stream import StreamParams
from tradingbot.venues.kraken_futures.rest import RestParams
from tradingbot.venues.kraken_futures.ws import FeedParams

_LOCAL: Final = re.compile(r"^(https?|wss?)://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)")


class KrakenFuturesParams(Params):
    """Where the venue is and how it is talked to. History and charts live on the host of `rest_url`."""

    rest_url: str = Field(
        default="https://futures.kraken.com/derivatives", description="base URL, ends with /derivatives"
    )
    ws_url: str = Field(default="wss://futures.kraken.com/ws/v1", description="websocket URL")
    testnet: bool = Field(default=False, description="a test venue: its missing balance endpoint is no error")
    account_log: bool = Field(default=True, description="the venue has the history endpoints (old demo venues had not)")
    http: HttpParams = HttpParams()
    limits: LimiterParams = LimiterParams()
    rest: RestParams = RestParams()
    stream: StreamParams = StreamParams()
    feed: FeedParams = FeedParams()
    live_book_depth: int = Field(default=50, ge=1, description="levels per side in a live book view")
    candles_page: int = Field(default=2000, ge=1, description="candles asked for at once")
    fills_page: int = Field(default=100, ge=1, description="fills the venue returns at once")
    ledger_page: int = Field(default=1000, ge=1, le=100_000, description="account-log rows asked for at once")
    jitter_seed: int = Field(default=0, description="seed of the jitter in retries and reconnects")

    @field_validator("rest_url")
    @classmethod
    def _rest(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.rstrip("/") != "/derivatives":
            raise ValueError(f"rest_url must look like https://host/derivatives, got {url!r}")
        return url.rstrip("/")

    @field_validator("ws_url")
    @classmethod
    def _ws(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.netloc:
            raise ValueError(f"ws_url must look like wss://host/ws/v1, got {url!r}")
        return url

    @model_validator(mode="after")
    def _tls_outside(self) -> KrakenFuturesParams:
        for name in ("rest_url", "ws_url"):
            url: str = getattr(self, name)
            if not _LOCAL.match(url) and url.startswith(("http:", "ws:")):
                raise contradiction("an address that is not on this machine needs TLS (https, wss)", name)
        return self

    @property
    def host(self) -> str:
        """Scheme and host of the REST endpoints."""
        return self.rest_url.removesuffix("/derivatives")
