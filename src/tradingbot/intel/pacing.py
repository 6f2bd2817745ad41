"""One limiter for everything that uses the key: never faster than the plan, and silent after a 429."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from tradingbot.intel.params import CoinglassParams
from tradingbot.ports import Clock

MINUTE_S: Final = 60.0
SAFE_SHARE: Final = 0.8
"""Share of a limit told by the source that calls are spaced for."""
SHORTEST_SLEEP_S: Final = 0.001
"""A rounding remainder is slept over, not spun on."""
LARGEST_LIMIT: Final = 100_000


class Pace:
    """Lets one call at a time through: `limit_per_min` in any rolling minute, and `interval_s` between two."""

    def __init__(self, clock: Clock, params: CoinglassParams) -> None:
        self._clock = clock
        self._params = params
        self._told: int | None = None
        self._sent_s: deque[float] = deque()
        self._closed_until_s = 0.0
        self._lock = asyncio.Lock()

    @property
    def limit_per_min(self) -> int:
        """Calls that any rolling minute may carry."""
        own = self._params.requests_per_min
        if self._told is None:
            return own
        return self._told if self._params.widen_to_plan else min(own, self._told)

    @property
    def interval_s(self) -> float:
        """Seconds between two calls."""
        floor_s = self._params.min_interval_s
        if self._told is None:
            return floor_s
        spaced_s = MINUTE_S / (SAFE_SHARE * self._told)
        may_widen = self._params.widen_to_plan and self._told > self._params.requests_per_min
        return spaced_s if may_widen else max(floor_s, spaced_s)

    @property
    def budget_per_min(self) -> float:
        """Calls a minute that may be planned with."""
        budget = self._params.polling.budget_share * self.limit_per_min
        return min(budget, MINUTE_S / self.interval_s) if self.interval_s > 0 else budget

    def told_limit(self, limit_per_min: int) -> bool:
        """The source said what its plan allows a minute; True when that changes anything. Nonsense is ignored."""
        if not 1 <= limit_per_min <= LARGEST_LIMIT or limit_per_min == self._told:
            return False
        self._told = limit_per_min
        return True

    def pause(self, delay_s: float) -> None:
        """Nothing goes out for this long."""
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic_s() + delay_s)

    async def turn(self) -> None:
        """Return when one call may be sent now; it is counted as sent."""
        async with self._lock:
            while (wait_s := self._wait_s(self._clock.monotonic_s())) > 0:
                await self._clock.sleep(max(wait_s, SHORTEST_SLEEP_S))
            self._sent_s.append(self._clock.monotonic_s())

    def _wait_s(self, now_s: float) -> float:
        sent_s = self._sent_s
        while sent_s and sent_s[0] + MINUTE_S <= now_s:
            sent_s.popleft()
        wait_s = self._closed_until_s - now_s
        if sent_s:
            wait_s = max(wait_s, sent_s[-1] + self.interval_s - now_s)
        if len(sent_s) >= self.limit_per_min:
            wait_s = max(wait_s, sent_s[-self.limit_per_min] + MINUTE_S - now_s)
        return wait_s
