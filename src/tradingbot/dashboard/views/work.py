"""Jobs of the timetable, and the newest lines of the log."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from tradingbot.dashboard.sources import Look
from tradingbot.engine.catalog import JOURNALS
from tradingbot.engine.journal_moments import moment_of

LINES: Final = 200
LOOKED_AT: Final = 5_000
LEVELS: Final = ("debug", "info", "warning", "error", "critical")


def jobs(look: Look) -> dict[str, Any]:
    """Last run, next run, duration, result, counts."""
    rows = [job.model_dump(mode="json") for job in look.moment.runtime.jobs]
    return {
        "jobs": rows,
        "failing": [row["name"] for row in rows if row["last_result"] not in ("ok", "never")],
        "downtime": look.moment.downtime,
    }


def logs(look: Look) -> dict[str, Any]:
    """Newest lines first; `journal` chooses the file, `level` the least level, `find` a text in the line."""
    journal = look.text("journal", "daemon") if look.text("journal", "daemon") in JOURNALS else "daemon"
    level = look.text("level", "info") if look.text("level", "info") in LEVELS else "info"
    find = look.text("find").lower()
    reader = look.journal(journal)
    rows = (row for row in reversed(look.newest(reader, LOOKED_AT)) if _wanted(row, level, find))
    return {
        "journal": journal,
        "journals": sorted(JOURNALS),
        "level": level,
        "levels": list(LEVELS),
        "find": look.text("find"),
        "lines": [_line(row) for row in islice(rows, LINES)],
        "bad_lines": reader.bad_lines,
        "looked_at": LOOKED_AT,
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """`rest` is the line without what stands before it."""
    shown = ("event", "level", "ts")
    rest = {name: value for name, value in row.items() if name not in shown}
    return {"at": moment_of(row), "level": row.get("level", ""), "event": row.get("event", ""), "rest": rest}


def _wanted(row: dict[str, Any], level: str, find: str) -> bool:
    known = str(row.get("level", ""))
    if known in LEVELS and LEVELS.index(known) < LEVELS.index(level):
        return False
    return not find or find in str(row).lower()
