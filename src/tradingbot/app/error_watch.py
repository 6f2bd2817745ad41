"""Makes an issue of every error that was logged and that no condition stands for (SPEC 13.5)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.guards.issues import Finding, Severity

CONDITIONS: Final = frozenset(
    {
        # Each of these has an issue of its own, raised by whoever looks at the condition.
        "cycle.failed",
        "cycle.overran",
        "exchange.degraded",
        "reconcile.difference",
        "storage.unavailable",
        "resources.limit_reached",
        "positions.not_durable",
        "settle.not_durable",
        "healing.not_durable",
        "kill_switches.not_durable",
        "kill_switches.review_needed",
        "job.done",
        # Repairs at the start, counted as such.
        "state.repaired",
        "kill_switches.state_damaged",
        "instance.rebuilt",
        "positions.rebuilt",
    }
)
OWN: Final = ("issue.", "alerts.", "healing.", "kill_switch.", "stop.")
"""Events that tell of issues, repairs and switches themselves, or of the end."""
DETAILS: Final = ("error", "detail", "problem", "why", "reason", "path")
MAX_DETAIL: Final = 300


class ErrorWatch:
    """Called with every line that is logged; never logs itself."""

    def __init__(self, issues: IssueRegistry) -> None:
        self._issues = issues

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Note an error or critical event."""
        level, name = event.get("level"), str(event.get("event", ""))
        if level not in ("error", "critical") or name in CONDITIONS or name.startswith(OWN):
            return
        detail = "; ".join(f"{key} {event[key]}" for key in DETAILS if event.get(key))[:MAX_DETAIL]
        with suppress(StorageUnavailableError):  # the files are closed already: the last words are for the console
            self._issues.note(Finding("logged_error", name, detail, Severity(level)))
