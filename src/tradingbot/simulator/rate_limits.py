"""Cost-weighted request budgets, refilled evenly over their window."""

from __future__ import annotations


class Budget:
    """A bucket of `capacity` cost units that refills within `window_s`."""

    def __init__(self, capacity: int, window_s: float) -> None:
        self._capacity = float(capacity)
        self._per_ms = capacity / (window_s * 1000)
        self._left = float(capacity)
        self._seen_ms: int | None = None

    def spend(self, cost: int, now_ms: int) -> bool:
        """Take `cost` units; False, taking nothing, when they are not there."""
        self._refill(now_ms)
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def wait_s(self, cost: int) -> float:
        """Seconds until `cost` units would be there."""
        return max(0.0, (cost - self._left) / self._per_ms / 1000)

    def _refill(self, now_ms: int) -> None:
        if self._seen_ms is not None and now_ms > self._seen_ms:
            self._left = min(self._capacity, self._left + (now_ms - self._seen_ms) * self._per_ms)
        self._seen_ms = now_ms
