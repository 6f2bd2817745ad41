"""One websocket that is kept alive: connect, talk, notice silence, reconnect with jittered back-off.

What is said on it belongs to a `Conversation`; a new one is begun for every connection, so nothing of a dead connection
can leak into the next.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import structlog
import websockets
from pydantic import Field
from websockets.asyncio.client import ClientConnection, connect

from tradingbot.core.errors import VenueError, VenueProtocolError, VenueTimeoutError, VenueUnavailableError
from tradingbot.core.params import Params
from tradingbot.core.records import StreamHealth
from tradingbot.ports import Clock

TROUBLES: Final = (VenueError, OSError, websockets.WebSocketException, TimeoutError)
"""What ends a connection without being a defect of ours."""
SHORTEST_SLEEP_S: Final = 0.001
"""Added to a wait for a moment, so that rounding cannot make it end just before that moment, again and again."""


class StreamParams(Params):
    """Settings of one kept-alive websocket."""

    connect_timeout_s: float = Field(default=10.0, gt=0, description="deadline for the opening handshake, seconds")
    ping_interval_s: float = Field(default=20.0, gt=0, description="time between pings, seconds")
    silence_limit_s: float = Field(default=45.0, gt=0, description="without any message for this long: reconnect")
    first_delay_s: float = Field(default=0.5, gt=0, description="pause before the first reconnect, seconds")
    longest_delay_s: float = Field(default=30.0, gt=0, description="longest pause between reconnects, seconds")
    max_message_bytes: int = Field(default=16_000_000, ge=1, description="largest message, bytes")


class Sender(Protocol):
    """What a conversation may do with its connection."""

    async def send(self, text: str) -> None:
        """Send one text message."""


class Conversation(Protocol):
    """What is said on one connection."""

    async def talk(self) -> None:
        """Log in, subscribe, repair; runs beside the reader until the connection ends. Must not return early."""

    def hear(self, text: str | bytes) -> None:
        """One message. Raising VenueProtocolError ends the connection."""

    def ended(self) -> None:
        """The connection is gone: distrust what it told."""


@dataclass(slots=True)
class _Facts:
    connected: bool = False
    last_message_at: datetime | None = None
    reconnects: int = 0
    detail: str = "not connected yet"


class _ConnectionSender:
    def __init__(self, connection: ClientConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def send(self, text: str) -> None:
        self._clock.touch()
        await self._connection.send(text)


class Stream:
    """Keeps one websocket alive until `run` is cancelled."""

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        params: StreamParams,
        begin: Callable[[Sender], Conversation],
        rng: random.Random,
    ) -> None:
        self.name = name
        self._url = url
        self._clock = clock
        self._params = params
        self._begin = begin
        self._rng = rng
        self._facts = _Facts()
        self._heard_s = 0.0
        self._log = structlog.get_logger().bind(stream=name)

    def health(self, gaps: int = 0) -> StreamHealth:
        """How this stream is."""
        facts = self._facts
        return StreamHealth(
            self.name,
            facts.connected,
            facts.last_message_at,
            facts.reconnects,
            gaps,
            "" if facts.connected else facts.detail,
        )

    async def run(self) -> None:
        """Connect and reconnect for ever."""
        failures = 0
        while True:
            started_s = self._clock.monotonic_s()
            try:
                await self._one_connection()
            except TROUBLES as error:
                self._lost(f"{type(error).__name__}: {error}")
            lived_s = self._clock.monotonic_s() - started_s
            failures = 0 if lived_s > self._params.silence_limit_s else failures + 1
            await self._clock.sleep(self._delay_s(failures))
            self._facts.reconnects += 1

    def _delay_s(self, failures: int) -> float:
        ceiling_s = min(self._params.longest_delay_s, self._params.first_delay_s * 2.0 ** min(failures, 16))
        return ceiling_s * (0.5 + self._rng.random() / 2)

    def _lost(self, cause: str) -> None:
        was_connected = self._facts.connected
        self._facts.connected = False
        if was_connected or cause != self._facts.detail:
            self._log.warning("stream.lost", cause=cause)
        self._facts.detail = cause

    async def _one_connection(self) -> None:
        connection = await self._connect()
        conversation = self._begin(_ConnectionSender(connection, self._clock))
        self._heard_s = self._clock.monotonic_s()
        self._facts.connected = True
        self._log.info("stream.connected")
        try:
            await _until_one_fails(
                {
                    f"{self.name}-reader": self._listen(connection, conversation),
                    f"{self.name}-keeper": self._keep_alive(connection),
                    f"{self.name}-talk": conversation.talk(),
                }
            )
        finally:
            self._facts.connected = False
            conversation.ended()
            connection.transport.abort()

    async def _connect(self) -> ClientConnection:
        params = self._params
        self._clock.touch()
        try:
            async with self._clock.timeout(params.connect_timeout_s):
                with self._clock.in_flight():
                    return await connect(
                        self._url,
                        open_timeout=None,
                        ping_interval=None,
                        close_timeout=1,
                        max_size=params.max_message_bytes,
                        compression=None,
                        proxy=None,
                    )
        except TimeoutError as error:
            raise VenueTimeoutError(f"{self.name}: no handshake within {params.connect_timeout_s:g} s") from error

    async def _listen(self, connection: ClientConnection, conversation: Conversation) -> None:
        clock = self._clock
        facts = self._facts
        async for text in connection:
            clock.touch()
            self._heard_s = clock.monotonic_s()
            facts.last_message_at = clock.now()
            conversation.hear(text)
        raise VenueUnavailableError(f"{self.name}: the venue closed the connection")

    async def _keep_alive(self, connection: ClientConnection) -> None:
        params = self._params
        while True:
            quiet_s = self._clock.monotonic_s() - self._heard_s
            if quiet_s >= params.silence_limit_s:
                raise VenueTimeoutError(f"{self.name}: silent for {quiet_s:.0f} s")
            await self._clock.sleep(min(params.ping_interval_s, params.silence_limit_s - quiet_s + SHORTEST_SLEEP_S))
            self._clock.touch()
            await connection.ping()


async def _until_one_fails(works: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run all at once; when one fails the others are cancelled, and its error is raised.

    No TaskGroup: with an error of its own it forgets a cancellation that comes in the same moment (until Python 3.13),
    and this task would live on after its end. Of several errors the one that tells most is raised: a defect of ours,
    then what the venue said wrongly.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work, name=name) for name, work in works.items()]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [one for one in ended if isinstance(one, Exception)]
    if errors:
        raise min(errors, key=lambda error: (isinstance(error, TROUBLES), not isinstance(error, VenueProtocolError)))
