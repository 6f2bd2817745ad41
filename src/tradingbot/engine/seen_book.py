"""What a snapshot keeps of a book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradingbot.market.snapshot import BookStats


class Received(Protocol):
    """Anything with the moment at which we had it."""

    @property
    def received_at(self) -> datetime:
        """Aware UTC."""


@dataclass(frozen=True, slots=True)
class SeenBook:
    """A book as the snapshot keeps it: when we had it, and its statistics; None of a book without two sides."""

    received_at: datetime
    stats: BookStats | None
