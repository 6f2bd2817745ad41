"""The interface for programs: every page's values as JSON, actions with the token, health for supervisors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.types import iso_utc
from tradingbot.dashboard.openapi import document
from tradingbot.dashboard.pages import PAGES, Page
from tradingbot.dashboard.render import as_json
from tradingbot.dashboard.security import Guard
from tradingbot.dashboard.sources import Look, Sources
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.guards.switch_state import SwitchName

PREFIX: Final = "/api/v1"
MAX_ISSUE_ID: Final = 200


class Asked(BaseModel):
    """The body of an action. All fields are optional; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reason: str = Field(default="", max_length=500, description="Why; stands in the audit.")
    by: str = Field(default="", max_length=80, description="Who asks, in their own words.")
    switches: tuple[SwitchName, ...] = Field(default=(), description="resume: only these; empty: operator_pause.")
    every: bool = Field(default=False, description="resume: every tripped switch.")


class Api:
    """Routes under ``/api/v1``, and ``/healthz`` and ``/readyz``."""

    def __init__(
        self,
        sources: Sources,
        guard: Guard,
        look: Callable[[Mapping[str, str]], Awaitable[Look | None]],
        values: Callable[[Page, Look], Awaitable[dict[str, Any]]],
        stuck_after_s: float,
    ) -> None:
        """`look` finds what a request wants to see, `values` makes a page's values of it beside the event loop."""
        self._sources = sources
        self._guard = guard
        self._look = look
        self._values = values
        self._stuck_after_s = stuck_after_s

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Everything this part answers."""
        router.add_get("/healthz", self._healthz)
        router.add_get("/readyz", self._readyz)
        router.add_get(f"{PREFIX}/openapi.json", self._document)
        router.add_get(f"{PREFIX}/status", self._status)
        router.add_post(f"{PREFIX}/pause", self._pause)
        router.add_post(f"{PREFIX}/resume", self._resume)
        router.add_post(f"{PREFIX}/flatten", self._flatten)
        router.add_post(f"{PREFIX}/issues/{{issue_id}}/acknowledge", self._acknowledge)
        # By name, so that what is no page is not said to be readable.
        router.add_get(f"{PREFIX}/{{page:{'|'.join(PAGES)}}}", self._page)

    # ------------------------------------------------------------ reading

    async def _page(self, request: web.Request) -> web.Response:
        page = PAGES[request.match_info["page"]]
        look = await self._looked(request)
        values = await self._values(page, look)
        return answer({"as_of": look.moment.as_of, "cycle_id": look.moment.cycle_id, "past": look.past, **values})

    async def _status(self, request: web.Request) -> web.Response:
        look = await self._looked(request)
        return answer(look.moment.model_dump(mode="json"))

    async def _looked(self, request: web.Request) -> Look:
        look = await self._look(request.query)
        if look is None:
            raise web.HTTPServiceUnavailable(reason="the first cycle has not ended yet")
        return look

    async def _document(self, _: web.Request) -> web.Response:
        return answer(document(PAGES, Asked.model_json_schema(ref_template="#/components/schemas/{model}")))

    async def _healthz(self, _: web.Request) -> web.Response:
        """Alive: this process answers."""
        return answer({"alive": True, "now": iso_utc(self._sources.now())})

    async def _readyz(self, _: web.Request) -> web.Response:
        """Ready: cycles end, and the newest one did so not long ago."""
        moment = self._sources.newest()
        age_s = (self._sources.now() - moment.as_of).total_seconds() if moment is not None else None
        ready = age_s is not None and age_s <= self._stuck_after_s
        facts = {"ready": ready, "last_cycle_age_s": age_s, "limit_s": self._stuck_after_s}
        return answer(facts, 200 if ready else 503)

    # ------------------------------------------------------------ acting

    async def _pause(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        return await self._act(OperatorOrder("pause", asked.reason, _by(asked)))

    async def _resume(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        return await self._act(OperatorOrder("resume", asked.reason, _by(asked), asked.switches, asked.every))

    async def _flatten(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        return await self._act(OperatorOrder("flatten", asked.reason, _by(asked)))

    async def _acknowledge(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        issue = request.match_info["issue_id"]
        if len(issue) > MAX_ISSUE_ID:
            raise web.HTTPBadRequest(reason=f"an id has at most {MAX_ISSUE_ID} characters")
        return await self._act(OperatorOrder("acknowledge", asked.reason, _by(asked), issue=issue))

    async def _asked(self, request: web.Request) -> Asked:
        if not self._guard.token:
            raise web.HTTPForbidden(reason="actions need a token: set TRADINGBOT_DASHBOARD_TOKEN and start again")
        if self._guard.locked:
            raise web.HTTPTooManyRequests(reason="too many wrong tokens; wait a minute")
        if not self._guard.may_act(request):
            raise web.HTTPUnauthorized(reason="the token is needed: Authorization: Bearer ...")
        body = await request.read()
        try:
            return Asked.model_validate_json(body if body.strip() else b"{}")
        except ValidationError as error:
            raise web.HTTPBadRequest(reason=f"the body is not as the document says: {_first_line(error)}") from None

    async def _act(self, order: OperatorOrder) -> web.Response:
        try:
            done: Answer = await self._sources.operate(order)
        except StorageUnavailableError:
            raise web.HTTPServiceUnavailable(reason="the disk refuses writes: nothing was changed") from None
        facts = {"done": done.done, "text": done.text, "lines": list(done.lines), "facts": done.facts}
        return answer(facts, 200 if done.done else 409)


def _by(asked: Asked) -> str:
    return f"page {asked.by or 'unknown'}"


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"


def answer(facts: Mapping[str, Any], status: int = 200) -> web.Response:
    """Facts as JSON."""
    return web.Response(body=as_json(facts).encode(), content_type="application/json", status=status)
