"""Owner of the issues: what is wrong now, and one message for each change (SPEC 13.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import structlog

from tradingbot.engine.health_models import IssuesState
from tradingbot.engine.portfolio_keeper import StateDocument
from tradingbot.guards.issue_kinds import KINDS, runbook
from tradingbot.guards.issues import (
    Finding,
    Issue,
    IssueBook,
    IssueChange,
    Severity,
    Step,
    acknowledge,
    note,
    observe,
    tick,
)
from tradingbot.ports import Clock, Journal

log = structlog.get_logger(__name__)


class IssueRegistry:
    """The only writer of `feature_store/issues.json` and `logs/issues.jsonl`.

    `listeners` are told of every change, after it was journalled: alerts and pages hang there.
    """

    def __init__(self, book: IssueBook, document: StateDocument[IssuesState], journal: Journal, clock: Clock) -> None:
        self._book = book
        self._document = document
        self._journal = journal
        self._clock = clock
        self.listeners: list[Callable[[IssueChange], None]] = []

    @property
    def open(self) -> tuple[Issue, ...]:
        """Open issues, the worst first, then the oldest."""
        return tuple(sorted(self._book.open, key=lambda issue: (-issue.severity.rank, issue.since, issue.issue_id)))

    def observe(self, source: str, findings: Iterable[Finding]) -> None:
        """One look of a source at all its conditions: what it no longer finds is over."""
        self._take(observe(self._book, source, findings, self._clock.now()))

    def note(self, finding: Finding) -> None:
        """An event."""
        self._take(note(self._book, finding, self._clock.now()))

    def tick(self) -> None:
        """Clear events that have not happened for a while."""
        self._take(tick(self._book, self._clock.now()))

    def acknowledge(self, issue_id: str, by: str) -> Issue | None:
        """A person took note; the issue, or None when none of that id is open."""
        self._take(acknowledge(self._book, issue_id, by, self._clock.now()))
        return self._book.find(issue_id)

    def _take(self, step: Step) -> None:
        book, changes = step
        if book is self._book:
            return
        self._book = book
        for change in changes:
            self._journal.append(change_line(change))
            _say(change)
        self._document.put(IssuesState.of(book, self._clock.now()))
        for change in changes:
            for listener in self.listeners:
                listener(change)


def issue_record(issue: Issue) -> dict[str, Any]:
    """An open issue as people and pages read it."""
    kind = KINDS[issue.kind]
    return {
        "id": issue.issue_id,
        "kind": issue.kind,
        "subject": issue.subject,
        "title": kind.title,
        "severity": issue.severity.value,
        "detail": issue.detail,
        "since": issue.since,
        "last_seen": issue.last_seen,
        "count": issue.count,
        "remedy": kind.remedy,
        "runbook": runbook(issue.kind),
        "acknowledged_at": issue.acknowledged_at,
        "acknowledged_by": issue.acknowledged_by,
    }


def change_line(change: IssueChange) -> dict[str, Any]:
    """One line of `logs/issues.jsonl`."""
    return {"at": change.at, "event": change.event, **issue_record(change.issue)}


def _say(change: IssueChange) -> None:
    """Critical and error issues are told of as such; what is over or known is information."""
    issue = change.issue
    levels = {Severity.WARNING: log.warning, Severity.ERROR: log.error, Severity.CRITICAL: log.critical}
    say = levels[issue.severity] if change.event in ("raised", "worsened") else log.info
    facts = {"severity": issue.severity.value, "detail": issue.detail, "count": issue.count}
    say(f"issue.{change.event}", id=issue.issue_id, **facts)
