"""Server-sent events: each open page hears of each cycle, and never holds anybody up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

MAX_LISTENERS: Final = 200
WAITING: Final = 4
"""Events that wait for a slow page; beyond, the oldest is dropped: only the newest cycle matters."""


class Live:
    """Who listens."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes]] = set()

    @property
    def listeners(self) -> int:
        """Open pages."""
        return len(self._queues)

    def tell(self, event: str, data: bytes) -> None:
        """One event for everybody."""
        message = b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    def end(self) -> None:
        """The daemon stops: every stream ends."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(b"")

    async def serve(self, request: web.Request, first: Callable[[], bytes | None]) -> web.StreamResponse:
        """One page's stream, until it goes away."""
        if len(self._queues) >= MAX_LISTENERS:
            return web.json_response({"error": "too many open pages"}, status=503)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        answer = web.StreamResponse(headers=headers)
        with suppress(ConnectionError), self._listening() as queue:  # a page that was closed is no trouble
            await answer.prepare(request)
            await answer.write(b"retry: 3000\n\n")
            if (data := first()) is not None:
                await answer.write(b"event: cycle\ndata: " + data + b"\n\n")
            while message := await queue.get():
                await answer.write(message)
        return answer

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Queue[bytes]]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
