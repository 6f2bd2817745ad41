"""The door of the market-data service: routing, faults, keys, limits, plans, latency, answers."""

from __future__ import annotations

import hmac
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web

from tradingbot.core.types import epoch_ms
from tradingbot.ports import Clock
from tradingbot.sim_server.coinglass.call import Answer, Call, Endpoint, RefusedError
from tradingbot.sim_server.coinglass.chain_rest import CHAIN_ENDPOINTS
from tradingbot.sim_server.coinglass.damage import HTML, damaged, seen_ms
from tradingbot.sim_server.coinglass.futures_rest import FUTURES_ENDPOINTS
from tradingbot.sim_server.coinglass.history_rest import HISTORY_ENDPOINTS
from tradingbot.sim_server.coinglass.mood_rest import FREE_ENDPOINTS, MOOD_ENDPOINTS
from tradingbot.sim_server.coinglass.plans import REQUESTS_PER_MINUTE, allows
from tradingbot.simulator.coinglass_faults import CoinglassFault
from tradingbot.simulator.coinglass_params import CoinglassSimParams
from tradingbot.simulator.faults import FaultPlan
from tradingbot.simulator.intelligence import MarketIntelligence

ENDPOINTS: Final[dict[str, Endpoint]] = FUTURES_ENDPOINTS | HISTORY_ENDPOINTS | CHAIN_ENDPOINTS | MOOD_ENDPOINTS
_LOST_ANSWER_S: Final = 120.0
_WINDOW_MS: Final = 60_000
# Made anew each time: an exception that is raised again keeps every request it was ever raised for.
_REFUSING_FAULTS: Final[dict[str, Callable[[], RefusedError]]] = {
    "http_500": lambda: RefusedError(500, "Server Error", 500),
    "server_error_200": lambda: RefusedError(500, "Server Error"),
    "rate_limited": lambda: RefusedError(429, "Too Many Requests", 429),
    "rate_limited_200": lambda: RefusedError(429, "Too Many Requests"),
    "key_invalid": lambda: RefusedError(400, "Invalid API key provided"),
    "plan_required": lambda: RefusedError(401, "Upgrade plan"),
}
_KEY_FAULTS: Final = frozenset({"key_invalid", "plan_required"})
"""Troubles that a service without keys cannot have."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: what it asks for, and with which key."""

    method: str
    path: str
    arguments: Mapping[str, str]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it goes out."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Gate:
    """Answers every request outside ``/control``."""

    def __init__(
        self,
        params: CoinglassSimParams,
        intelligence: MarketIntelligence,
        clock: Clock,
        api_key: str,
        faults: FaultPlan[CoinglassFault],
        seed: int,
    ) -> None:
        self._params = params
        self._intelligence = intelligence
        self._clock = clock
        self._key = api_key
        self._faults = faults
        self._random = random.Random(f"coinglass:{seed}")
        self._asked_ms: deque[int] = deque()
        self.requests: Counter[str] = Counter()

    @property
    def limit(self) -> int:
        """Requests that are allowed in any minute."""
        return self._params.requests_per_minute or REQUESTS_PER_MINUTE[self._params.plan]

    def used(self) -> int:
        """Requests in the last minute."""
        now_ms = self.now_ms()
        while self._asked_ms and self._asked_ms[0] <= now_ms - _WINDOW_MS:
            self._asked_ms.popleft()
        return len(self._asked_ms)

    def now_ms(self) -> int:
        """The clock's now."""
        return epoch_ms(self._clock.now())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request over the wire, from receipt to answer."""
        self._clock.touch()
        try:
            key = request.headers.get("CG-API-KEY", "")
            reply = await self.reply(Question(request.method, request.path, dict(request.query), key))
            return web.Response(
                status=reply.status,
                body=reply.body,
                content_type=reply.content_type,
                charset="utf-8",
                headers=reply.headers,
            )
        finally:
            self._clock.touch()

    async def reply(self, question: Question) -> Reply:
        """One request, from receipt to answer, without the wire."""
        self.requests[question.path] += 1
        await self._wait(question.path)
        if self._faults.hit("html_page", question.path, self.now_ms()):
            return Reply(200, HTML.format("CoinGlass").encode(), "text/html")
        try:
            status, body = 200, self._answer(question)
        except RefusedError as refusal:
            status, body = refusal.http_status, _refused(question.path, refusal)
        return self._deliver(question.path, status, body)

    async def _wait(self, path: str) -> None:
        params, now_ms = self._params, self.now_ms()
        if self._faults.hit("timeout", path, now_ms):
            with self._clock.parked():
                await self._clock.sleep(_LOST_ANSWER_S)
        longest = max(params.latency_min_ms, params.latency_max_ms)
        delay_ms = self._random.uniform(params.latency_min_ms, longest)
        slow = self._faults.hit("slow", path, now_ms)
        delay_ms += slow.ms if slow else 0.0
        if delay_ms > 0:
            with self._clock.parked():
                await self._clock.sleep(delay_ms / 1000)

    def _answer(self, question: Question) -> Any:
        path, now_ms = question.path, self.now_ms()
        if path not in ENDPOINTS and path not in FREE_ENDPOINTS:
            return None
        if question.method != "GET":
            raise RefusedError(405, "Method Not Allowed", 405)
        if path in ENDPOINTS:
            self._admit(question.key, now_ms)
        for name, refusal in _REFUSING_FAULTS.items():
            if (path in ENDPOINTS or name not in _KEY_FAULTS) and self._faults.hit(name, path, now_ms):
                raise refusal()
        call = Call(self._intelligence, self._params.plan, seen_ms(self._faults, path, now_ms), question.arguments)
        if path in FREE_ENDPOINTS:
            return self._free(path, call, now_ms)
        endpoint = ENDPOINTS[path]
        if not allows(self._params.plan, endpoint.plan):
            raise RefusedError(401, "Upgrade plan")
        answer: Answer = endpoint.handler(call)
        data = damaged(answer.data, self._faults, path, now_ms)
        head = {"code": "0", "msg": "success"} if answer.message else {"code": "0"}
        return {**head, "data": data, "origin": answer.origin}

    def _free(self, path: str, call: Call, now_ms: int) -> dict[str, Any]:
        body = FREE_ENDPOINTS[path](call)
        place = "data" if "data" in body else "result"
        return {**body, place: damaged(body[place], self._faults, path, now_ms)}

    def _admit(self, key: str, now_ms: int) -> None:
        if not key:
            raise RefusedError(401, "API key missing.")
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            raise RefusedError(400, "Invalid API key provided")
        if self.used() >= self.limit:
            raise RefusedError(429, "Too Many Requests", 429)
        self._asked_ms.append(now_ms)

    def _deliver(self, path: str, status: int, body: Any) -> Reply:
        limits = {"API-KEY-MAX-LIMIT": str(self.limit), "API-KEY-USE-LIMIT": str(self.used())}
        headers = limits if path not in FREE_ENDPOINTS else {}
        if body is None:
            return Reply(404, b"404 page not found", "text/plain", headers)
        now_ms = self.now_ms()
        data = _encoded(body)
        if self._faults.hit("truncated_json", path, now_ms):
            data = data[: len(data) // 2]
        if self._faults.hit("malformed_json", path, now_ms):
            data = b"{'code': 0, " + data[1:]
        return Reply(status, data, "application/json", headers)


def _refused(path: str, refusal: RefusedError) -> dict[str, Any]:
    """A refusal as each of the services words it."""
    if path.startswith("/api/v2/public/"):
        error = {"code": -32602 if refusal.code == 400 else 10_028, "message": refusal.message}
        return {"jsonrpc": "2.0", "error": error, "testnet": False}
    if path in FREE_ENDPOINTS:
        return {"name": "Fear and Greed Index", "data": [], "metadata": {"error": refusal.message}}
    return {"code": str(refusal.code), "msg": refusal.message}


def _encoded(body: Any) -> bytes:
    """JSON; spoilt values come out as the words NaN and Infinity, as from careless services."""
    with suppress(TypeError):  # what the quick way does not take
        quick = orjson.dumps(body)
        if b"null" not in quick:  # which is also what it makes of spoilt values
            return quick
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
