"""One successful answer of a source, as parsers get it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tradingbot.market.intelligence import Stamp


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` as decoded, None when there is none; when it arrived; how a simulated source came by it."""

    data: Any
    received_at: datetime
    origin: str = ""

    def stamp(self, source: str, as_of: datetime | None = None) -> Stamp:
        """Stamp of a value; without a time of its own, or with one ahead of us, it was true when it arrived."""
        true_at = self.received_at if as_of is None else min(as_of, self.received_at)
        return Stamp(true_at, self.received_at, source, self.origin)
