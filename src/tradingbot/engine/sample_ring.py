"""The newest samples of one book as columns that grow at their end and are never changed where somebody has them."""

from __future__ import annotations

import numpy as np

from tradingbot.market.snapshot import BookSamples
from tradingbot.ports import TouchSizes

ROOM = 8
"""So many times the samples that are kept fit in before the columns move to new ones."""


class SampleRing:
    """Keeps the newest `kept` samples. What `newest` gave out stays as it was."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._count = 0
        self._times, self._quotes = _room(kept)

    def add(self, at_ms: int, touch: TouchSizes) -> None:
        """One more sample: epoch milliseconds, best bid, contracts there, best ask, contracts there."""
        if self._count == len(self._times):
            times, quotes = _room(self._kept)
            keep = min(self._kept, self._count)
            times[:keep], quotes[:, :keep] = self._times[-keep:], self._quotes[:, -keep:]
            self._times, self._quotes, self._count = times, quotes, keep
        self._times[self._count] = at_ms
        self._quotes[:, self._count] = touch
        self._count += 1

    def newest(self) -> BookSamples:
        """All that are kept, oldest first, without copying."""
        part = slice(max(0, self._count - self._kept), self._count)
        bid, bid_size, ask, ask_size = self._quotes[:, part]
        return BookSamples(self._times[part], bid, bid_size, ask, ask_size)


def _room(
    kept: int,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    return np.empty(ROOM * kept, dtype=np.int64), np.empty((4, ROOM * kept), dtype=np.float64)
