"""The process's own vitals: how late the event loop is, and how much memory it occupies."""

from __future__ import annotations

import resource
import time
from collections import deque
from pathlib import Path

import structlog

from tradingbot.clock import SystemClock

log = structlog.get_logger(__name__)

PAGE_BYTES = resource.getpagesize()
STALL_MS = 20.0
"""No single call on the event loop may take longer than this."""


class LoopLag:
    """Wakes at a steady pace and notes how late our own work made it, in real milliseconds.

    Lateness beyond the CPU time that this thread used meanwhile is the machine's doing (other processes, a suspended
    host), not a stall of ours, and does not count.
    """

    def __init__(self, interval_s: float = 0.02, kept: int = 15_000) -> None:
        self._interval_s = interval_s
        self._late_ms: deque[float] = deque(maxlen=kept)
        self._worst_ms = 0.0
        self.max_ms = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        clock = SystemClock()
        while True:
            before_s, used_s = clock.perf_s(), time.thread_time()
            await clock.sleep(self._interval_s)
            late_s = max(0.0, clock.perf_s() - before_s - self._interval_s)
            late_ms = min(late_s, time.thread_time() - used_s) * 1000
            self._late_ms.append(late_ms)
            self.max_ms = max(self.max_ms, late_ms)
            self._worst_ms = max(self._worst_ms, late_ms)
            if late_ms > STALL_MS:
                log.warning("loop.stalled", late_ms=round(late_ms, 1), limit_ms=STALL_MS)

    def p99_ms(self) -> float:
        """99th percentile of the newest measurements; 0 before the first."""
        ordered = sorted(self._late_ms)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0

    def take_worst_ms(self) -> float:
        """The worst measurement since this was asked last; 0 without any."""
        worst_ms, self._worst_ms = self._worst_ms, 0.0
        return worst_ms


def rss_mb() -> float:
    """Resident memory in MB (10^6 bytes); 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * PAGE_BYTES / 1e6
