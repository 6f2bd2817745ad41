"""Signs of life of the daemon's subsystems: how long each has been silent (SPEC 13.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tradingbot.core.records import StreamHealth
from tradingbot.engine.models import JobStatus
from tradingbot.ports import Clock


class Heartbeats:
    """Remembers the newest sign of life of each subsystem; one that never gave any counts from the start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._beats_s: dict[str, float] = {}
        self._started_at = clock.now()

    def beat(self, name: str) -> None:
        """The subsystem is alive now."""
        self._beats_s[name] = self._clock.monotonic_s()

    def age_s(self, turned_s: float | None) -> float:
        """Seconds since a moment of the monotonic scale; since the start, where there was none yet."""
        return self._clock.monotonic_s() - (self._since_s if turned_s is None else turned_s)

    def silent_s(self, names: Iterable[str]) -> dict[str, float]:
        """Seconds since the newest beat of each."""
        now_s = self._clock.monotonic_s()
        return {name: now_s - self._beats_s.get(name, self._since_s) for name in names}

    def streams(self, streams: Iterable[StreamHealth]) -> dict[str, float]:
        """Seconds since each stream's newest message."""
        return {f"{one.name} stream": self.since(one.last_message_at) for one in streams}

    def since(self, moment: datetime | None) -> float:
        """Seconds since a moment, or since the start where that was later."""
        return (self._clock.now() - max(moment or self._started_at, self._started_at)).total_seconds()


def overdue_s(jobs: Iterable[JobStatus], now: datetime) -> float:
    """How long the longest overdue job has not been started; 0 when none is due. A job that runs has a deadline."""
    waiting = [
        (now - job.next_run_at).total_seconds()
        for job in jobs
        if job.next_run_at is not None and (job.last_started_at is None or job.last_started_at < job.next_run_at)
    ]
    return max([0.0, *waiting])


def together(*parts: Mapping[str, float]) -> dict[str, float]:
    """All ages in one mapping."""
    return {name: age_s for part in parts for name, age_s in part.items()}
