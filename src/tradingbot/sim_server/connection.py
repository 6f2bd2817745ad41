"""One WebSocket connection: what it asked for, what it is owed, when it was last heard."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from tradingbot.ports import Clock

_TOO_MANY_WAITING = 50_000


class Connection:
    """Messages are queued without waiting and sent in order."""

    def __init__(self, socket: web.WebSocketResponse, clock: Clock, now_ms: int) -> None:
        self._socket = socket
        self._clock = clock
        self._waiting: deque[str | None] = deque()
        self._news = asyncio.Event()
        self.challenge: str | None = None
        self.subscriptions: set[tuple[str, str]] = set()
        self.heard_ms = now_ms
        self.silent = False
        self._second = 0
        self._in_second = 0

    def push(self, message: dict[str, Any] | str) -> None:
        """Queue a message. A client that does not read is dropped."""
        if self.silent:
            return
        if len(self._waiting) >= _TOO_MANY_WAITING:
            self.drop()
            return
        self._waiting.append(message if isinstance(message, str) else orjson.dumps(message).decode())
        self._news.set()

    def drop(self) -> None:
        """Close once what is queued has been sent."""
        self._waiting.append(None)
        self._news.set()

    def too_busy(self, now_ms: int, limit: int) -> bool:
        """Count a client message; True when there were too many within this second."""
        if now_ms // 1000 != self._second:
            self._second, self._in_second = now_ms // 1000, 0
        self._in_second += 1
        return self._in_second > limit

    async def send_all(self) -> None:
        """Send what is queued until the connection is dropped or lost."""
        while not self._socket.closed:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                text = self._waiting.popleft()
                if text is None:
                    await self._socket.close()
                    return
                self._clock.touch()
                try:
                    await self._socket.send_str(text)
                except ConnectionError:
                    return

    async def next_text(self) -> str | None:
        """The next text of the client; pings are answered on the way. None when it has gone."""
        while True:
            message = await self._socket.receive()
            self._clock.touch()
            if message.type is WSMsgType.TEXT:
                return str(message.data)
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
                return ""
            if message.type is WSMsgType.PONG:
                return ""
            if message.type is WSMsgType.BINARY:
                continue
            return None
