"""What `tradingbot doctor` finds: one line each, with what a person can do and where to read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; in this order also the exit codes 0, 1, 2."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` and `runbook` (a page of docs) are empty where all is well."""

    area: str
    subject: str
    level: Level
    detail: str
    remedy: str = ""
    runbook: str = ""


def fine(area: str, subject: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(area, subject, Level.OK, detail)


def warning(area: str, subject: str, detail: str, remedy: str, runbook: str) -> Finding:
    """It goes on, but somebody should look."""
    return Finding(area, subject, Level.WARNING, detail, remedy, runbook)


def problem(area: str, subject: str, detail: str, remedy: str, runbook: str) -> Finding:
    """It does not work, or will not after the next start."""
    return Finding(area, subject, Level.PROBLEM, detail, remedy, runbook)


def worst(findings: Sequence[Finding]) -> int:
    """The exit code: 0 all is well, 1 a warning, 2 a problem."""
    order = list(Level)
    return max((order.index(one.level) for one in findings), default=0)
