"""The control desk of the market-data service: faults and figures. Not part of its protocol."""

from __future__ import annotations

import orjson
from aiohttp import web
from pydantic import ValidationError

from tradingbot.core.types import iso_utc, utc_from_ms
from tradingbot.sim_server.coinglass.gate import Gate
from tradingbot.sim_server.control import json_answer, local_only
from tradingbot.simulator.coinglass_faults import COINGLASS_FAULTS, CoinglassFault
from tradingbot.simulator.faults import FaultPlan


class Desk:
    """Handlers under ``/control``."""

    def __init__(self, gate: Gate, faults: FaultPlan[CoinglassFault]) -> None:
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """What the server mounts."""
        return [
            web.get("/control/faults", local_only(self._listing)),
            web.post("/control/faults", local_only(self._switch_on)),
            web.delete("/control/faults", local_only(self._switch_off)),
            web.delete("/control/faults/{name}", local_only(self._switch_off)),
            web.get("/control/state", local_only(self._state)),
        ]

    async def _listing(self, _: web.Request) -> web.Response:
        return json_answer({"active": self._faults.listing(self._gate.now_ms()), "known": COINGLASS_FAULTS})

    async def _switch_on(self, request: web.Request) -> web.Response:
        try:
            spec = CoinglassFault.model_validate(orjson.loads(await request.read()))
        except (ValidationError, orjson.JSONDecodeError) as error:
            return json_answer({"error": str(error)}, 400)
        self._faults.switch_on(spec, self._gate.now_ms())
        return json_answer({"on": spec.name})

    async def _switch_off(self, request: web.Request) -> web.Response:
        self._faults.switch_off(request.match_info.get("name"))
        return json_answer({"off": request.match_info.get("name", "all")})

    async def _state(self, _: web.Request) -> web.Response:
        gate = self._gate
        return json_answer(
            {
                "now": iso_utc(utc_from_ms(gate.now_ms())),
                "requests": dict(gate.requests),
                "limit": gate.limit,
                "used": gate.used(),
            }
        )
