"""Who may read and who may act: hosts, token, failed attempts, and headers that keep other pages out (SPEC 20)."""

from __future__ import annotations

import hmac
import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from aiohttp import web

MIN_TOKEN: Final = 16
FAILURES: Final = 10
WINDOW_S: Final = 60.0
COOKIE: Final = "tradingbot_session"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(slots=True)
class Guard:
    """Checks one request. Without a token nothing but reading on loopback is possible.

    `real_s` is real seconds on any scale; `hosts` are further names under which a proxy may ask for the page.
    """

    token: str
    on_loopback: bool
    real_s: Callable[[], float]
    hosts: frozenset[str] = frozenset()
    _failed: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))

    def known_host(self, request: web.Request) -> bool:
        """A page elsewhere cannot reach us under a name of its own (DNS rebinding): only addresses and our names."""
        name = _host_of(request.host)
        if name == "localhost" or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def may_read(self, request: web.Request) -> bool:
        """On loopback everybody on this machine; elsewhere only who has the token or its cookie."""
        return self.on_loopback or self._bearer_fits(request) or self._cookie_fits(request)

    def may_act(self, request: web.Request) -> bool:
        """Only the token in the header will do: no browser sends that by itself, so no other page can act for us."""
        return self._bearer_fits(request)

    @property
    def locked(self) -> bool:
        """Too many wrong tokens within a minute."""
        now_s = self.real_s()
        return len(self._failed) == FAILURES and now_s - self._failed[0] < WINDOW_S

    def fits(self, offered: str) -> bool:
        """Whether that is the token; a wrong one is counted. Takes the same time for every wrong one."""
        right = bool(self.token) and not self.locked and hmac.compare_digest(_digest(offered), _digest(self.token))
        if not right:
            self._failed.append(self.real_s())
        return right

    def cookie(self) -> str:
        """What a browser that has shown the token carries: it follows from the token and tells nothing of it."""
        return hmac.new(self.token.encode(), b"session of the page", sha256).hexdigest()

    def _bearer_fits(self, request: web.Request) -> bool:
        kind, _, offered = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.fits(offered.strip())

    def _cookie_fits(self, request: web.Request) -> bool:
        offered = request.cookies.get(COOKIE, "")
        return bool(self.token and offered) and hmac.compare_digest(_digest(offered), _digest(self.cookie()))


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _host_of(host: str) -> str:
    """The name without its port; of ``[::1]:80`` what is in brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()
