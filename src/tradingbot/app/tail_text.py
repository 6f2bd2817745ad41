"""A line of a journal as people read it: when, how bad, what, the facts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tradingbot.app.plain_text import plain_text
from tradingbot.core.number_text import number_text
from tradingbot.engine.journal_moments import MOMENTS, NESTED

Record = Mapping[str, Any]

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
COLOURS: Final = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "issues": ("id", "severity", "title", "detail", "count", "acknowledged_by"),
    "executed_trades": (
        "symbol",
        "direction",
        "exit_rule",
        "size",
        "entry_price",
        "exit_price",
        "net_pnl_usd",
        "return_fraction",
        "duration_s",
        "trade_id",
    ),
    "kill_switches": ("switch", "reason", "numbers", "lifts_at", "by", "why"),
    "fills": ("symbol", "side", "size", "price", "fee", "purpose", "effect", "client_order_id"),
    "cycles": ("cycle_id", "duration_ms", "equity_usd", "open_positions"),
}
"""Facts of journals whose lines hold too much to be read; all facts of the others."""
LONGEST: Final = 240
"""Characters of one fact; what is cut ends in an ellipsis. ``--json`` cuts nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of one journal. `moment` is when it happened, or when the one before it did; None: not known."""

    journal: str
    record: Record
    moment: datetime | None

    @property
    def event(self) -> str:
        """``cycle.completed`` in the log of the daemon, else the journal's name and the event: ``issues.raised``."""
        name = self.record.get("event")
        if not isinstance(name, str) or not name:
            return self.journal
        return name if self.journal == "daemon" else f"{self.journal}.{name}"

    @property
    def level(self) -> str:
        """Level of a log line; severity of what was raised or worsened; a tripped switch is an error; else info."""
        known = self.record.get("level")
        if known is None and self.record.get("event") in ("raised", "worsened"):
            known = self.record.get("severity")
        if self.journal == "kill_switches" and self.record.get("event") in ("trip", "worsened"):
            known = "error"
        return str(known) if known in LEVELS else "info"

    @property
    def symbols(self) -> frozenset[str]:
        """Symbols that it is about."""
        places = (self.record, *(one for key in NESTED if isinstance(one := self.record.get(key), Mapping)))
        return frozenset(str(one[key]) for one in places for key in ("symbol", "subject") if one.get(key))


def line_of(entry: Entry, *, named: bool, coloured: bool) -> str:
    """One line, and the lines of a failure below it. `named`: with the journal's name."""
    record = entry.record
    stamp = "-" * 19 if entry.moment is None else f"{entry.moment:%Y-%m-%d %H:%M:%S}"
    wanted = SHOWN.get(entry.journal)
    hidden = {"event", "level", "exception", *MOMENTS[:2]}
    facts = [(key, record[key]) for key in wanted or record if key in record and key not in hidden]
    said = "  ".join(f"{plain_text(key)}={_fact(value)}" for key, value in facts if value not in (None, ""))
    where = f"{entry.journal:15} " if named else ""
    line = f"{stamp} {entry.level[:4].upper():4} {where}{plain_text(entry.event):22} {said}".rstrip()
    failure = record.get("exception")
    if isinstance(failure, str) and failure:
        line += "".join(f"\n    {plain_text(one)}" for one in failure.splitlines())
    colour = COLOURS.get(entry.level, "") if coloured else ""
    return f"\x1b[{colour}m{line}\x1b[0m" if colour else line


def json_of(entry: Entry) -> str:
    """The whole record as one JSON object with its journal's name, in ASCII: no terminal is steered by it."""
    return json.dumps({"journal": entry.journal, **entry.record})


def _fact(value: Any) -> str:
    text = plain_text(_text(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number_text(value, 6)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items() if one not in (None, "")) or "none"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "none"
    return str(value)
