"""The web server of the page: routes, who may, what is cached, and errors that say what to do."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from aiohttp import web

from tradingbot.beside import in_thread
from tradingbot.core.errors import ConfigurationError, StateError
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.dashboard.api import Api
from tradingbot.dashboard.assets import serve_asset
from tradingbot.dashboard.live import Live
from tradingbot.dashboard.moment import Moment
from tradingbot.dashboard.pages import PAGES, Page
from tradingbot.dashboard.render import as_json, render, warm
from tradingbot.dashboard.security import COOKIE, HEADERS, Guard
from tradingbot.dashboard.sources import Look, Sources
from tradingbot.dashboard.subsystems import subsystems, worst
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

CACHED: Final = 64
MAX_BODY: Final = 16_384
MAX_ARGUMENT: Final = 200
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dashboard:
    """Serves pages, events, the interface for programs and figures of one daemon. `token` empty: reading alone."""

    def __init__(
        self,
        sources: Sources,
        clock: Clock,
        guard: Guard,
        figures: Callable[[str], tuple[bytes, str]],
        stuck_after_s: float,
    ) -> None:
        """`figures` gives body and content type of ``/metrics`` for what a client accepts."""
        self._sources = sources
        self._clock = clock
        self._guard = guard
        self._figures = figures
        self._api = Api(sources, guard, self.look, self._values, stuck_after_s)
        self.live = Live()
        self._made: OrderedDict[tuple[str, ...], tuple[bytes, str]] = OrderedDict()
        self._making: dict[tuple[str, ...], asyncio.Lock] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; the address. Raises OSError when the port is taken."""
        await in_thread(self._clock, warm, PAGES)
        app = web.Application(middlewares=[self._admit], client_max_size=MAX_BODY)
        app.router.add_get("/", self._page)
        app.router.add_get("/events", self._events)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/login", self._login_page)
        app.router.add_post("/login", self._login)
        app.router.add_get("/static/{name}", serve_asset)
        self._api.add_routes(app.router)
        app.router.add_get("/{page}", self._page)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        return f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}/"

    async def stop(self) -> None:
        """End every stream and stop listening."""
        self.live.end()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def tell(self, moment: Moment) -> None:
        """A cycle has ended: every open page hears of it."""
        self.live.tell("cycle", self._event(moment))

    # ------------------------------------------------------------ answers

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await self._admitted(request, handler)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            unknown = error.status == 404 and request.match_info.http_exception is error
            why = "there is nothing here; endpoints are listed in /api/v1/openapi.json" if unknown else error.reason
            answer = self._refused(request, error.status, why)
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
        except ConfigurationError as error:  # what was asked for is not there
            answer = self._refused(request, 404, str(error))
        except StateError as error:
            answer = self._refused(request, 409, str(error))
        except Exception as error:  # noqa: BLE001 - a page that fails must be said; it must not end the daemon
            log.error("dashboard.failed", path=request.path[:MAX_ARGUMENT], error=f"{type(error).__name__}: {error}")
            answer = self._refused(request, 500, "this page failed; the log says why")
        if not answer.prepared:
            answer.headers.update(HEADERS)
            if not request.path.startswith("/static/"):
                answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    async def _admitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        guard = self._guard
        if not guard.known_host(request):
            return self._refused(request, 421, "unknown host name: add it to dashboard.hosts")
        open_to_all = request.path in ("/healthz", "/readyz", "/login") or request.path.startswith("/static/")
        if open_to_all or guard.may_read(request):
            return await handler(request)
        if guard.locked:
            return self._refused(request, 429, "too many wrong tokens; wait a minute")
        if request.path.startswith("/api/") or request.path in ("/metrics", "/events"):
            return self._refused(request, 401, "the token is needed: Authorization: Bearer ...")
        return self._html(render("login.html", {"wrong": False, "locked": False}), 401)

    @staticmethod
    def _refused(request: web.Request, status: int, why: str) -> web.Response:
        if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
            return web.json_response({"error": why, "status": status}, status=status)
        page = render("error.html", {"status": status, "why": why})
        return web.Response(text=page, content_type="text/html", status=status)

    @staticmethod
    def _html(text: str, status: int = 200) -> web.Response:
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)

    async def _login_page(self, _: web.Request) -> web.Response:
        return self._html(render("login.html", {"wrong": False, "locked": self._guard.locked}))

    async def _login(self, request: web.Request) -> web.Response:
        offered = (await request.post()).get("token", "")
        if not self._guard.fits(str(offered)):
            locked = self._guard.locked
            return self._html(render("login.html", {"wrong": True, "locked": locked}), 429 if locked else 401)
        answer = web.Response(status=303, headers={"Location": "."})
        answer.set_cookie(COOKIE, self._guard.cookie(), httponly=True, samesite="Strict", secure=request.secure)
        return answer

    async def _events(self, request: web.Request) -> web.StreamResponse:
        def first() -> bytes | None:
            moment = self._sources.newest()
            return self._event(moment) if moment is not None else None

        return await self.live.serve(request, first)

    @staticmethod
    def _event(moment: Moment) -> bytes:
        facts = {"as_of": moment.as_of, "cycle_id": moment.cycle_id, "health": worst(subsystems(moment))}
        return as_json(facts).encode()

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._figures(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    # ------------------------------------------------------------ pages

    async def _page(self, request: web.Request) -> web.Response:
        page = PAGES.get(request.match_info.get("page", "overview"))
        if page is None:
            raise web.HTTPNotFound(reason="there is no such page")
        part = "fragment" if request.query.get("fragment") == "1" else "page"
        look = await self.look(request.query)
        if look is None:
            return self._html(render("waiting.html", {"pages": PAGES, "page": page}), 503)
        arguments = sorted((name, look.text(name)) for name in page.arguments)
        key = (page.name, part, look.moment.cycle_id, str(look.past), *(f"{k}={v}" for k, v in arguments))
        body, tag = await self._cached(key, lambda: self._rendered(page, part, look))
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers={"ETag": tag})

    async def look(self, query: Mapping[str, str]) -> Look | None:
        """What a request wants to see; None before the first cycle. Raises HTTPBadRequest, HTTPNotFound."""
        if any(len(value) > MAX_ARGUMENT for value in query.values()):
            raise web.HTTPBadRequest(reason=f"an argument is longer than {MAX_ARGUMENT} characters")
        at = query.get("at", "")
        if not at:
            newest = self._sources.newest()
            return Look(self._sources, newest, False, dict(query)) if newest is not None else None
        moment = await self._past(_moment(at))
        return Look(self._sources, moment, True, dict(query))

    async def _past(self, at: datetime) -> Moment:
        found = await in_thread(self._clock, self._sources.past, at)
        if found is None:
            raise web.HTTPNotFound(reason=f"no minute is on file at or before {iso_utc(at)[:16]}")
        return found

    async def _cached(self, key: tuple[str, ...], make: Callable[[], str]) -> tuple[bytes, str]:
        """One page is made once per cycle, however many look at it; in a thread, so that no cycle waits."""
        lock = self._making.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if key not in self._made:
                    body = (await in_thread(self._clock, make)).encode()
                    self._made[key] = body, f'"{blake2b(body, digest_size=12).hexdigest()}"'
                    while len(self._made) > CACHED:
                        self._made.popitem(last=False)
                return self._made[key]
        finally:
            self._making.pop(key, None)

    async def _values(self, page: Page, look: Look) -> dict[str, Any]:
        return await in_thread(self._clock, page.view, look)

    def _rendered(self, page: Page, part: str, look: Look) -> str:
        values = page.view(look)
        shown = {
            "v": values,
            "page": page,
            "pages": PAGES,
            "moment": look.moment,
            "past": look.past,
            "health": worst(subsystems(look.moment)),
            "can_act": bool(self._guard.token) and not look.past,
            "query": dict(look.query),
            "to": partial(address, iso_utc(look.moment.as_of) if look.past else ""),
        }
        return render(f"{page.name}.html", {**shown, "part": part})


def address(at: str, page: str, /, **arguments: object) -> str:
    """A relative address; within the past it stays in it."""
    chosen = {**arguments, **({"at": at} if at else {})}
    return ("." if page == "overview" else page) + (f"?{urlencode(chosen)}" if chosen else "")


def _moment(text: str) -> datetime:
    try:
        return parse_utc(text)
    except ValueError:
        raise web.HTTPBadRequest(reason="at must be a time such as 2026-01-05T09:00:00Z") from None
