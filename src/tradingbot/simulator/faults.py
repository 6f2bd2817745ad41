"""The fault plan: named troubles that a venue can have, switched on and off while it runs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic import Field, field_validator

from tradingbot.core.params import Params

FAULTS: Final = {
    "timeout_before": "the request is never answered and never processed",
    "timeout_after": "the request is processed, its answer is lost",
    "http_500": "HTTP 500 with a JSON error; not processed",
    "http_502_html": "HTTP 502 with an HTML page",
    "http_429": "HTTP 429 with rate-limit-reset",
    "api_limit_exceeded": "HTTP 200 with apiLimitExceeded",
    "html_page": "HTTP 200 with an HTML page",
    "redirect": "HTTP 301 to a marketing page",
    "truncated_json": "the processed answer is cut in half",
    "wrong_content_type": "the processed answer is labelled text/plain",
    "malformed_json": "the processed answer is no JSON",
    "empty_instruments": "the instrument list is empty",
    "clock_skew": "serverTime is off by `seconds`",
    "nonce_error": "nonceBelowThreshold",
    "auth_error": "authenticationError",
    "close_sockets": "every WebSocket connection is closed at once",
    "silent_socket": "WebSocket connections stay open but nothing is sent",
    "sequence_gap": "a book delta is left out although its number is used",
    "maintenance": "HTTP 503 page for everything, sockets closed",
    "post_only": "markets accept post-only orders alone",
    "price_collar": "orders are refused with outsidePriceCollar",
    "stale_ticker": "tickers stand still",
    "missing_bid_ask": "tickers have no bid, ask or last price",
    "reject_orders": "orders are refused with `status`",
    "slow": "answers take `ms` longer",
    "extreme_spreads": "books are as thin and wide as on the old demo venue",
    "unavailable": "HTTP 200 with Unavailable",
    "empty_positions": "the list of positions is empty although there are some",
    "empty_orders": "the list of open orders is empty although there are some",
    "fills_lost": "the private stream leaves out fills",
    "fills_twice": "the private stream sends every fill twice",
    "unknown_status": "the order is processed, its status is an unknown word",
}


class FaultRule(Params):
    """What faults of any service have in common: which, where, how often, how long."""

    name: str = Field(description="One of the known fault names.")
    path: str = Field(default="", description="Only requests whose path contains this.")
    count: int | None = Field(default=None, ge=1, description="Switches itself off after this many hits.")
    probability: float = Field(default=1.0, ge=0, le=1, description="Chance of a hit per opportunity.")
    seconds: float | None = Field(default=None, description="Lifetime of the fault, s; for clock_skew the skew itself.")


class FaultSpec(FaultRule):
    """One fault of the venue."""

    ms: float = Field(default=1000.0, ge=0, description="Delay of `slow`, ms.")
    status: str = Field(default="insufficientAvailableFunds", description="Order status of `reject_orders`.")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_name(name, FAULTS)


def known_name(name: str, known: Mapping[str, str]) -> str:
    """The name, or ValueError listing the known ones."""
    if name not in known:
        raise ValueError(f"unknown fault {name!r}; known are {', '.join(sorted(known))}")
    return name


Rule = TypeVar("Rule", bound=FaultRule)


class _Live(Generic[Rule]):
    def __init__(self, spec: Rule, now_ms: int) -> None:
        self.spec = spec
        self.hits = 0
        self.began_ms = now_ms
        lifetime_s = None if spec.name == "clock_skew" else spec.seconds
        self.ends_ms = None if lifetime_s is None else now_ms + round(lifetime_s * 1000)

    def over(self, now_ms: int) -> bool:
        spent = self.spec.count is not None and self.hits >= self.spec.count
        return spent or (self.ends_ms is not None and now_ms >= self.ends_ms)


class FaultPlan(Generic[Rule]):
    """The faults that are on. Deterministic: the same questions in the same order get the same answers."""

    def __init__(self, specs: tuple[Rule, ...] = (), seed: int = 0, now_ms: int = 0) -> None:
        self._random = random.Random(f"faults:{seed}")
        self._live: dict[str, _Live[Rule]] = {}
        for spec in specs:
            self.switch_on(spec, now_ms)

    def switch_on(self, spec: Rule, now_ms: int) -> None:
        """Switch a fault on, replacing an earlier one of that name."""
        self._live[spec.name] = _Live(spec, now_ms)

    def switch_off(self, name: str | None = None) -> None:
        """Switch one fault off, or all."""
        if name is None:
            self._live.clear()
        else:
            self._live.pop(name, None)

    def hit(self, name: str, path: str, now_ms: int) -> Rule | None:
        """The fault if it strikes here and now; a strike counts."""
        live = self._alive(name, now_ms)
        if live is None or live.spec.path not in path:
            return None
        if live.spec.probability < 1 and self._random.random() >= live.spec.probability:
            return None
        live.hits += 1
        return live.spec

    def on(self, name: str, now_ms: int, path: str = "") -> Rule | None:
        """The fault if it is on, without counting: for conditions rather than strikes."""
        live = self._alive(name, now_ms)
        return live.spec if live and live.spec.path in (path or live.spec.path) else None

    def began_ms(self, name: str) -> int:
        """When a fault that is on was switched on."""
        return self._live[name].began_ms

    def listing(self, now_ms: int) -> list[dict[str, Any]]:
        """What is on, for people."""
        names = [name for name in self._live if self._alive(name, now_ms)]
        return [{**self._live[name].spec.model_dump(), "hits": self._live[name].hits} for name in names]

    def _alive(self, name: str, now_ms: int) -> _Live[Rule] | None:
        live = self._live.get(name)
        if live is not None and live.over(now_ms):
            del self._live[name]
            return None
        return live
