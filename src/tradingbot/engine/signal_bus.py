"""The in-process signal bus (SPEC 4.6): every signal of every cycle, to whoever listens.

A listener that is slow loses the oldest events it has not taken, and that is counted; one that fails is logged once and
counted. Neither ever holds up or ends a cycle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tradingbot.decision import Decision

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignalsDecided:
    """One cycle's signals: the decision, and every signal's records as they stand in the logs.

    `records` are lines of `predictive_signals.jsonl`, `universe` those of `signal_universe.jsonl`.
    """

    cycle_id: str
    as_of: datetime
    decision: Decision
    records: Sequence[dict[str, Any]]
    universe: Sequence[dict[str, Any]] = ()


Handler = Callable[[SignalsDecided], None]


class Subscription:
    """Events waiting for one listener; the newest `capacity` are kept."""

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.dropped = 0
        self._events: deque[SignalsDecided] = deque(maxlen=capacity)
        self._arrived = asyncio.Event()

    def put(self, event: SignalsDecided) -> None:
        """Keep an event; the oldest goes when there is no room."""
        self.dropped += len(self._events) == self._events.maxlen
        self._events.append(event)
        self._arrived.set()

    async def take(self) -> SignalsDecided:
        """The oldest event that is kept; waits for one."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()


class SignalBus:
    """Publishes to handlers, at once, and to subscriptions, which are taken from when their owner has time."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._subscriptions: list[Subscription] = []
        self.failures: dict[str, int] = {}

    def attach(self, name: str, handler: Handler) -> None:
        """Call `handler` with every event; it must be quick."""
        self._handlers[name] = handler

    def subscribe(self, name: str, capacity: int = 10) -> Subscription:
        """A queue of its own for one listener."""
        made = Subscription(name, capacity)
        self._subscriptions.append(made)
        return made

    def publish(self, event: SignalsDecided) -> None:
        """Hand an event to everybody."""
        for subscription in self._subscriptions:
            subscription.put(event)
        for name, handler in self._handlers.items():
            try:
                handler(event)
            except Exception as error:
                if name not in self.failures:
                    log.exception("signal_bus.handler_failed", handler=name, error=str(error))
                self.failures[name] = self.failures.get(name, 0) + 1
