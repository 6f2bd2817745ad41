"""What was mended at files on the way, for whoever counts repairs (SPEC 13.2). Files mend themselves in any thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kind = Literal["missing", "corrupt", "torn", "lock"]
KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair: what was found, and what it was made into, in words."""

    kind: Kind
    path: Path
    before: str
    after: str


class RepairLog:
    """Repairs that nobody has taken yet. Thread-safe; the oldest are forgotten when nobody ever takes them."""

    def __init__(self) -> None:
        self._repairs: deque[Repair] = deque(maxlen=KEPT)

    def note(self, repair: Repair) -> None:
        """A file was mended."""
        self._repairs.append(repair)

    def take(self) -> list[Repair]:
        """All that is new since the last call."""
        found = []
        while self._repairs:
            found.append(self._repairs.popleft())
        return found
