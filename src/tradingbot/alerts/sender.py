"""Delivery by apprise, in a thread of its own for each attempt: nothing that hangs there is ever waited for longer.

A daemon thread and not the loop's pool: threads that hang would fill the pool, and hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import SecretStr

from tradingbot.alerts.addresses import HTML_SCHEMES, hidden, secret_pieces
from tradingbot.ports import Clock

LOGGER: Final = "apprise"
MAX_WHY: Final = 300


class Sender(Protocol):
    """What delivers."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all channels that have an address."""

    async def send(self, channel: str, title: str, body: str, page: Path | None = None) -> str:
        """Deliver once. Empty when it was delivered, else why not, without anything secret. Raises nothing."""

    def is_busy(self, channel: str) -> bool:
        """Whether an attempt that took too long still hangs."""


class _Said(logging.Handler):
    """Keeps what apprise says of a failure, by thread; nothing of it reaches a log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Only for threads that listen."""
        with suppress(Exception):
            lines = self.lines.get(threading.get_ident())
            if lines is not None and len(lines) < 5:
                lines.append(record.getMessage())

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """The lines of this thread."""
        lines = self.lines[threading.get_ident()] = []
        try:
            yield lines
        finally:
            self.lines.pop(threading.get_ident(), None)


_SAID: Final = _Said()
_LOADING: Final = threading.Lock()
_READY: Final[list[Any]] = []


def quiet_logger() -> None:
    """Apprise names addresses in what it logs: it is kept from every log. May be called often."""
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    if _SAID not in logger.handlers:
        logger.addHandler(_SAID)
    logger.setLevel(logging.WARNING)


def _loaded() -> Any:
    """Apprise with all its services. Some of them import what the standard library has deprecated: their affair."""
    quiet_logger()
    with _LOADING:
        if _READY:
            return _READY[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import apprise

            apprise.Apprise.instantiate("json://localhost")
        _READY.append(apprise)
        return apprise


def instance_of(address: str) -> Any:
    """The apprise service of an address, None for one that it cannot read. Takes a moment the first time."""
    apprise = _loaded()
    # Without a timeout of its own it works in our thread; its pool's threads would hold up the end of the process.
    asset = apprise.AppriseAsset(
        app_id="tradingbot", async_mode=False, storage_mode="memory", secure_logging=True, service_timeout=0
    )
    try:
        return apprise.Apprise.instantiate(address, asset=asset)
    except Exception:  # noqa: BLE001 - whatever a plugin stumbles over, the address cannot be used
        return None


class AppriseSender:
    """Delivers to the addresses that it was given, each channel by itself."""

    def __init__(self, addresses: Mapping[str, SecretStr], clock: Clock, deadline_s: float) -> None:
        self._addresses = dict(addresses)
        self._clock = clock
        self._deadline_s = deadline_s
        self._instances: dict[str, Any] = {}
        self._busy: set[str] = set()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all channels that have an address."""
        return tuple(sorted(self._addresses))

    async def send(self, channel: str, title: str, body: str, page: Path | None = None) -> str:
        """Deliver once. Empty when it was delivered, else why not, without anything secret. Raises nothing."""
        if self.is_busy(channel):
            return "an earlier delivery still hangs"
        outcome = asyncio.get_running_loop().create_future()
        thread = threading.Thread(
            target=self._work,
            args=(asyncio.get_running_loop(), outcome, channel, title, body, page),
            name=f"alert-{channel}",
            daemon=True,
        )
        self._busy.add(channel)
        with self._clock.hold():
            thread.start()
            try:
                # Real seconds: the thread and the network live in real time, whatever our clock does.
                async with asyncio.timeout(self._deadline_s):
                    why: str = await outcome
            except TimeoutError:
                return f"no answer within {self._deadline_s:g} s"
        return why

    def is_busy(self, channel: str) -> bool:
        """Whether an attempt that took too long still hangs."""
        return channel in self._busy

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        outcome: asyncio.Future[str],
        channel: str,
        title: str,
        body: str,
        page: Path | None,
    ) -> None:
        """In the thread."""
        address = self._addresses[channel].get_secret_value()
        try:
            why = self._deliver(channel, address, title, body, page)
        except Exception as error:  # noqa: BLE001 - a plugin may fail in any way; it is said and tried again
            why = f"{type(error).__name__}: {error}"
        why = hidden(why, secret_pieces(address))[:MAX_WHY]

        def told() -> None:
            self._busy.discard(channel)
            if not outcome.done():
                outcome.set_result(why)

        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(told)

    def _deliver(self, channel: str, address: str, title: str, body: str, page: Path | None) -> str:
        apprise = _loaded()
        with _SAID.listening() as lines:
            service = self._instances.get(channel)
            if service is None:
                service = self._instances[channel] = instance_of(address)
            if service is None:
                return "apprise cannot read the address"
            service.overflow_mode = apprise.OverflowMode.SPLIT
            html = _page(page, address)
            form = apprise.NotifyFormat.HTML if html else apprise.NotifyFormat.TEXT
            one = apprise.Apprise(asset=service.asset)
            one.add(service)
            done = one.notify(body=html or body, title=title, body_format=form)
            return "" if done else "; ".join(lines) or "apprise could not deliver it"


def _page(path: Path | None, address: str) -> str:
    """The page for channels that show one; empty for others, and where it is gone."""
    if path is None or address.partition("://")[0].lower() not in HTML_SCHEMES:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
