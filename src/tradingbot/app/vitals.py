"""The process's own vitals: how late the event loop is, and how much memory is held."""

from __future__ import annotations

import resource
from collections import deque
from pathlib import Path

from tradingbot.clock import SystemClock

PAGE_BYTES = resource.getpagesize()


class LoopLag:
    """Wakes at a steady pace and notes how late it was woken, in real milliseconds."""

    def __init__(self, interval_s: float = 0.02, kept: int = 15_000) -> None:
        self._interval_s = interval_s
        self._late_ms: deque[float] = deque(maxlen=kept)
        self.max_ms = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        clock = SystemClock()
        while True:
            before_s = clock.perf_s()
            await clock.sleep(self._interval_s)
            late_ms = max(0.0, (clock.perf_s() - before_s - self._interval_s) * 1000)
            self._late_ms.append(late_ms)
            self.max_ms = max(self.max_ms, late_ms)

    def p99_ms(self) -> float:
        """99th percentile of the newest measurements; 0 before the first."""
        ordered = sorted(self._late_ms)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


def rss_mb() -> float:
    """Resident memory in MB (10^6 bytes); 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * PAGE_BYTES / 1e6
