"""Which trades (or orders) a learning file already holds: a bounded list that never counts one twice. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

REMEMBERED: Final = 500
"""The newest; what closed before them is known by its time, so that more would only cost room."""


@dataclass(frozen=True, slots=True)
class Handled:
    """`newest` ids, oldest first. An id that is not among them counts as handled when its time is not after `until`.

    `until` is the newest time among the ids that were dropped; it stays None until the list has been full.
    """

    count: int = 0
    newest: tuple[str, ...] = ()
    times: tuple[datetime, ...] = ()
    until: datetime | None = None

    def holds(self, item_id: str, at: datetime) -> bool:
        """Whether this one was handled."""
        return (self.until is not None and at <= self.until) or item_id in self.newest

    def with_one(self, item_id: str, at: datetime) -> Handled:
        """With one more."""
        newest, times, until = (*self.newest, item_id), (*self.times, at), self.until
        if len(newest) > REMEMBERED:
            until = times[0] if until is None else max(until, times[0])
            newest, times = newest[1:], times[1:]
        return Handled(self.count + 1, newest, times, until)
