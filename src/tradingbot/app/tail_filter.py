"""Which entries of journals are wanted. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from tradingbot.app.tail_text import LEVELS, Entry


@dataclass(frozen=True, slots=True)
class TailFilter:
    """All that must hold. Empty and None: nothing is asked.

    `level` is the least one. `symbol` may be the asset alone. `event` is a pattern with ``*`` and ``?``, held against
    the event with and without the journal's name. `grep` is searched in the whole record as JSON.
    """

    since: datetime | None = None
    until: datetime | None = None
    level: str = ""
    symbol: str = ""
    event: str = ""
    grep: re.Pattern[str] | None = None

    def wants(self, entry: Entry) -> bool:
        """Whether this one is to be shown. One whose time is not known is shown only without limits of time."""
        return (
            self._in_time(entry.moment)
            and (not self.level or LEVELS.index(entry.level) >= LEVELS.index(self.level))
            and (not self.symbol or self._is_about(entry.symbols))
            and (not self.event or self._is_called(entry))
            and (self.grep is None or self.grep.search(json.dumps(entry.record, ensure_ascii=False)) is not None)
        )

    def _in_time(self, moment: datetime | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if moment is None:
            return False
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)

    def _is_about(self, symbols: frozenset[str]) -> bool:
        name = self.symbol.upper()
        return name in symbols or f"{name}USDT" in symbols

    def _is_called(self, entry: Entry) -> bool:
        names = (entry.event, str(entry.record.get("event", "")), f"{entry.journal}.{entry.event}")
        return any(fnmatchcase(name, self.event) for name in names)
