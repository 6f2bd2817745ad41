"""The door for HTTP: routing, faults, signatures, nonces, budgets, latency, answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from tradingbot.sim_server.account_rest import ACCOUNT_ENDPOINTS
from tradingbot.sim_server.auth import verified
from tradingbot.sim_server.call import Call, Endpoint, parse_arguments
from tradingbot.sim_server.charts_rest import charts
from tradingbot.sim_server.errors import ApiError, unknown_path
from tradingbot.sim_server.history_rest import HISTORY_ENDPOINTS
from tradingbot.sim_server.order_rest import ORDER_ENDPOINTS
from tradingbot.sim_server.public_rest import PUBLIC_ENDPOINTS
from tradingbot.sim_server.service import Service

_TRADING: Final = PUBLIC_ENDPOINTS | ACCOUNT_ENDPOINTS | ORDER_ENDPOINTS
_CHARTS: Final = Endpoint(charts)
_LOST_ANSWER_S: Final = 120.0
_HTML: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

_BLUNT_FAULTS: Final[dict[str, Callable[[], web.Response]]] = {
    "maintenance": lambda: _page(503, "Scheduled maintenance"),
    "redirect": lambda: web.Response(status=301, headers={"Location": "https://www.kraken.com/features/futures"}),
    "http_502_html": lambda: _page(502, "Bad Gateway"),
    "html_page": lambda: _page(200, "Kraken"),
}
# Made anew each time: an exception that is raised again keeps every request it was ever raised for.
_ERROR_FAULTS: Final[dict[str, Callable[[], ApiError]]] = {
    "http_500": lambda: ApiError(
        "Server Error",
        500,
        {"status": "INTERNAL_SERVER_ERROR", "result": "error", "errors": [{"code": 0, "message": "Server Error"}]},
    ),
    "http_429": lambda: ApiError("apiLimitExceeded", 429),
    "api_limit_exceeded": lambda: ApiError("apiLimitExceeded"),
    "unavailable": lambda: ApiError("Unavailable"),
    "auth_error": lambda: ApiError("authenticationError"),
    "nonce_error": lambda: ApiError("nonceBelowThreshold"),
}


def _page(status: int, title: str) -> web.Response:
    return web.Response(status=status, text=_HTML.format(title), content_type="text/html")


@dataclass(frozen=True, slots=True)
class _Raw:
    """What was sent, exactly."""

    method: str
    path: str
    query: str
    body: str
    api_key: str
    authent: str
    nonce: str


class HttpGate:
    """Answers every HTTP request outside ``/control`` and ``/ws``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, from receipt to answer."""
        service, clock = self._service, self._service.clock
        clock.touch()
        try:
            raw = await _taken_apart(request)
            blunt = await self._blunt_fault(raw.path)
            if blunt is not None:
                return blunt
            try:
                status, body = 200, await self._answer(raw)
            except ApiError as error:
                status, body = error.http_status, self._refusal(error)
            return await self._deliver(raw.path, status, body)
        finally:
            service.clock.touch()

    async def _blunt_fault(self, path: str) -> web.Response | None:
        service = self._service
        faults, now_ms = service.venue.state.faults, service.now_ms()
        if faults.hit("timeout_before", path, now_ms):
            with service.clock.parked():
                await service.clock.sleep(_LOST_ANSWER_S)
            return _page(504, "Gateway Timeout")
        for name, make in _BLUNT_FAULTS.items():
            if faults.hit(name, path, now_ms):
                return make()
        return None

    async def _answer(self, raw: _Raw) -> Any:
        service = self._service
        for name, refusal in _ERROR_FAULTS.items():
            if service.venue.state.faults.hit(name, raw.path, service.now_ms()):
                raise refusal()
        endpoint, rest = _route(raw)
        call = Call(service, raw.method, raw.path, rest, parse_arguments(raw.query, raw.body))
        service.requests["/".join(rest[:1]) or raw.path] += 1
        if endpoint.private:
            self._admit(raw, endpoint, call)
        await self._wait(endpoint, raw.path)
        service.catch_up()
        made = endpoint.handler(call)
        answer = await made if isinstance(made, Awaitable) else made
        if endpoint.matches or endpoint.commits:
            service.commit(force=True)
        if raw.path.startswith("/derivatives") and isinstance(answer, dict):
            return {"result": "success", "serverTime": service.server_time(), **answer}
        return answer

    def _admit(self, raw: _Raw, endpoint: Endpoint, call: Call) -> None:
        service = self._service
        data = raw.query + raw.body
        if not verified(service.credentials, raw.api_key, raw.authent, data, raw.nonce, raw.path):
            raise _unauthorised(endpoint)
        problem = service.nonces.problem(raw.nonce)
        if problem is not None:
            raise ApiError(problem)
        if service.frozen and (endpoint.matches or endpoint.commits):
            raise ApiError("Unavailable")
        budget = service.history_budget if endpoint.history else service.trading_budget
        # A frozen venue's time stands still, so a spent budget would never come back.
        if not service.frozen and not budget.spend(endpoint.price(call), service.now_ms()):
            raise ApiError("apiLimitExceeded")

    async def _wait(self, endpoint: Endpoint, path: str) -> None:
        service = self._service
        delay_ms = float(service.venue.next_latency_ms()) if endpoint.matches else 0.0
        slow = service.venue.state.faults.hit("slow", path, service.now_ms())
        delay_ms += slow.ms if slow else 0.0
        if delay_ms > 0:
            with service.clock.parked():
                await service.clock.sleep(delay_ms / 1000)

    def _refusal(self, error: ApiError) -> Any:
        if isinstance(error.body, str):
            return error.body
        body = {"result": "error", "error": error.error, "serverTime": self._service.server_time()}
        if isinstance(error.body, dict):
            own = dict(error.body)
            if "status" in own:
                body.pop("error")
            if "reason" in own:
                return own
            body |= own
        return body

    async def _deliver(self, path: str, status: int, body: Any) -> web.StreamResponse:
        service = self._service
        faults, now_ms = service.venue.state.faults, service.now_ms()
        if faults.hit("timeout_after", path, now_ms):
            with service.clock.parked():
                await service.clock.sleep(_LOST_ANSWER_S)
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        data = orjson.dumps(body)
        if faults.hit("truncated_json", path, now_ms):
            data = data[: len(data) // 2]
        if faults.hit("malformed_json", path, now_ms):
            data = b"{'result': success" + data[1:]
        content_type = "text/plain" if faults.hit("wrong_content_type", path, now_ms) else "application/json"
        headers = {"rate-limit-reset": "5"} if status == 429 else {}
        if isinstance(body, dict) and "continuationToken" in body:
            headers |= {"Next-Continuation-Token": body["continuationToken"], "is-truncated": "true"}
        return web.Response(status=status, body=data, content_type=content_type, charset="utf-8", headers=headers)


def _unauthorised(endpoint: Endpoint) -> ApiError:
    if not endpoint.history:
        return ApiError("authenticationError")
    reason = "You are not authorized to access this endpoint."
    return ApiError("unauthorized", 401, {"status": "unauthorized", "reason": reason})


async def _taken_apart(request: web.Request) -> _Raw:
    target = request.raw_path
    path, _, query = target.partition("?")
    return _Raw(
        method=request.method,
        path=path,
        query=query,
        body=(await request.read()).decode("utf-8", "replace"),
        api_key=request.headers.get("APIKey", ""),
        authent=request.headers.get("Authent", ""),
        nonce=request.headers.get("Nonce", ""),
    )


_ROOTS: Final = (
    ("/derivatives/api/v3/", _TRADING),
    ("/derivatives/api/v4/", {key: _TRADING[key] for key in [("GET", "historicalfundingrates")]}),
    ("/api/history/v3/", HISTORY_ENDPOINTS),
    ("/api/history/v2/", HISTORY_ENDPOINTS),
)


def _route(raw: _Raw) -> tuple[Endpoint, tuple[str, ...]]:
    if raw.path.startswith("/api/charts/v1"):
        return _CHARTS, tuple(raw.path.removeprefix("/api/charts/v1").strip("/").split("/"))
    for root, table in _ROOTS:
        if not raw.path.startswith(root):
            continue
        rest = tuple(raw.path.removeprefix(root).strip("/").split("/"))
        for name in (*_with_parameter(rest), "/".join(rest)):
            endpoint = table.get((raw.method, name))
            if endpoint is not None:
                return endpoint, rest
    raise unknown_path()


def _with_parameter(rest: tuple[str, ...]) -> tuple[str, ...]:
    """The endpoint's name when a segment of the path is a parameter."""
    if len(rest) == 2 and rest[0] == "tickers":
        return ("tickers",)
    if len(rest) == 3 and rest[0] == "instruments" and rest[2] == "status":
        return ("instruments/status",)
    return ("market",) if rest[0] == "market" else ()
