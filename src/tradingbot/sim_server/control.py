"""The control desk of the simulated venue: faults and figures. Not part of the venue's protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from tradingbot.sim_server.hub import Hub
from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import iso
from tradingbot.simulator.faults import FAULTS, FaultSpec

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Handlers under ``/control``."""

    def __init__(self, service: Service, hub: Hub) -> None:
        self._service = service
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        """What the server mounts."""
        return [
            web.get("/control/faults", local_only(self._listing)),
            web.post("/control/faults", local_only(self._switch_on)),
            web.delete("/control/faults", local_only(self._switch_off)),
            web.delete("/control/faults/{name}", local_only(self._switch_off)),
            web.get("/control/state", local_only(self._state)),
            web.post("/control/disconnect", local_only(self._disconnect)),
        ]

    async def _listing(self, _: web.Request) -> web.Response:
        active = self._service.venue.state.faults.listing(self._service.now_ms())
        return json_answer({"active": active, "known": FAULTS})

    async def _switch_on(self, request: web.Request) -> web.Response:
        self._service.clock.touch()
        try:
            spec = FaultSpec.model_validate(orjson.loads(await request.read()))
        except (ValidationError, orjson.JSONDecodeError) as error:
            return json_answer({"error": str(error)}, 400)
        self._service.venue.state.faults.switch_on(spec, self._service.now_ms())
        self._hub.housekeeping()
        return json_answer({"on": spec.name})

    async def _switch_off(self, request: web.Request) -> web.Response:
        self._service.venue.state.faults.switch_off(request.match_info.get("name"))
        self._hub.housekeeping()
        return json_answer({"off": request.match_info.get("name", "all")})

    async def _state(self, _: web.Request) -> web.Response:
        service = self._service
        account = service.venue.account
        return json_answer(
            {
                "now": iso(service.now_ms()),
                "requests": dict(service.requests),
                "connections": len(self._hub.connections),
                "subscriptions": sum(len(one.subscriptions) for one in self._hub.connections),
                "orders": len(account.orders),
                "positions": {symbol: str(position.size) for symbol, position in account.positions.items()},
                "fills": account.numbers.get("fill", 0),
                "ended": service.venue.ended,
            }
        )

    async def _disconnect(self, _: web.Request) -> web.Response:
        count = len(self._hub.connections)
        self._hub.close_all()
        return json_answer({"disconnected": count})


def local_only(handler: Handler) -> Handler:
    """The desk is for this machine alone, wherever the venue listens."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.remote not in {"127.0.0.1", "::1"}:
            return json_answer({"error": "the control desk answers on loopback only"}, 403)
        return await handler(request)

    return guarded


def json_answer(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
