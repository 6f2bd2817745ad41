"""Every problem is one issue: raised, worsened and cleared, each told once (SPEC 13.5). Pure.

A *condition* is looked at again and again by its source (`observe`): what is found stands, what is no longer found is
cleared. An *event* just happens (`note`): its issue clears when it has not happened for a while (`tick`). One that
comes back soon after it was cleared must stay away longer each time before it is called cleared again, so that
what flaps is told of a few times and not a thousand times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tradingbot.guards.issue_kinds import KINDS

MAX_OPEN: Final = 20
MAX_OPEN_CRITICAL: Final = 60
"""Open issues of one kind; further subjects are told together, as the subject `others`."""
OTHERS: Final = "others"
REMEMBERED: Final = timedelta(hours=6)
"""How long a cleared issue is remembered; one that comes back meanwhile flaps."""
MAX_REMEMBERED: Final = 400
FIRST_SETTLE: Final = timedelta(minutes=2)
LONGEST_SETTLE: Final = timedelta(hours=1)
"""How long one that came back must stay away: doubled with each return, up to this."""


class Severity(StrEnum):
    """How bad an issue is."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong: the kind of issue, what it concerns (may be empty), how bad, and the facts in a sentence."""

    kind: str
    subject: str = ""
    detail: str = ""
    severity: Severity | None = None

    @property
    def judged(self) -> Severity:
        """Its severity, else that of its kind."""
        return self.severity or Severity(KINDS[self.kind].severity)


@dataclass(frozen=True, slots=True)
class Issue:
    """One open problem.

    `count` is how often it was seen, `episode` how often it came back within a few hours, `source` who looks at the
    condition (empty: an event), `absent_since` when it was first not found any more.
    """

    kind: str
    subject: str
    severity: Severity
    detail: str
    since: datetime
    last_seen: datetime
    count: int = 1
    source: str = ""
    episode: int = 1
    absent_since: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""

    @property
    def issue_id(self) -> str:
        """The same problem always has the same id: kind, and after a colon what it concerns."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


@dataclass(frozen=True, slots=True)
class Cleared:
    """An issue that was cleared not long ago."""

    issue_id: str
    at: datetime
    episode: int


@dataclass(frozen=True, slots=True)
class IssueBook:
    """All open issues, and those cleared not long ago."""

    open: tuple[Issue, ...] = ()
    cleared: tuple[Cleared, ...] = ()

    def find(self, issue_id: str) -> Issue | None:
        """The open issue of that id."""
        return next((issue for issue in self.open if issue.issue_id == issue_id), None)


@dataclass(frozen=True, slots=True)
class IssueChange:
    """One message about an issue: ``raised``, ``worsened``, ``cleared`` or ``acknowledged``."""

    at: datetime
    event: str
    issue: Issue


Step = tuple[IssueBook, tuple[IssueChange, ...]]


def observe(book: IssueBook, source: str, findings: Iterable[Finding], now: datetime) -> Step:
    """The book after one look of a source at all its conditions."""
    changes: list[IssueChange] = []
    seen = set()
    for finding in findings:
        book, issue, told = _seen(book, finding, source, now)
        seen.add(issue.issue_id)
        changes += told
    book, cleared = _without_absent(book, source, seen, now)
    return book, (*changes, *cleared)


def note(book: IssueBook, finding: Finding, now: datetime) -> Step:
    """The book after an event."""
    book, _, told = _seen(book, finding, "", now)
    return book, tuple(told)


def tick(book: IssueBook, now: datetime) -> Step:
    """The book after a look at the clock: events that have not happened for a while are cleared."""
    quiet = [issue for issue in book.open if not issue.source and now - issue.last_seen >= _quiet(issue)]
    return _clear(book, quiet, now)


def acknowledge(book: IssueBook, issue_id: str, by: str, now: datetime) -> Step:
    """The book after a person took note: the issue stays open until it is over. Unknown ids change nothing."""
    issue = book.find(issue_id)
    if issue is None or issue.acknowledged_at is not None:
        return book, ()
    known = replace(issue, acknowledged_at=now, acknowledged_by=by)
    return _put(book, known), (IssueChange(now, "acknowledged", known),)


def _seen(book: IssueBook, finding: Finding, source: str, now: datetime) -> tuple[IssueBook, Issue, list[IssueChange]]:
    finding = _folded(book, finding)
    severity = finding.judged
    fresh = Issue(finding.kind, finding.subject, severity, finding.detail, now, now, source=source)
    known = book.find(fresh.issue_id)
    if known is None:
        fresh = replace(fresh, episode=_episode(book, fresh.issue_id, now))
        return _put(book, fresh), fresh, [IssueChange(now, "raised", fresh)]
    worse = severity.rank > known.severity.rank
    issue = replace(
        known,
        severity=severity if worse else known.severity,
        detail=finding.detail,
        last_seen=now,
        count=known.count + 1,
        source=source,
        absent_since=None,
        acknowledged_at=None if worse else known.acknowledged_at,
        acknowledged_by="" if worse else known.acknowledged_by,
    )
    return _put(book, issue), issue, [IssueChange(now, "worsened", issue)] if worse else []


def _folded(book: IssueBook, finding: Finding) -> Finding:
    """The finding itself, or as one of the others when its kind has too many open issues already."""
    alike = [issue for issue in book.open if issue.kind == finding.kind]
    limit = MAX_OPEN_CRITICAL if finding.judged is Severity.CRITICAL else MAX_OPEN
    if len(alike) < limit or any(issue.subject == finding.subject for issue in alike):
        return finding
    return replace(finding, subject=OTHERS, detail=f"{finding.subject}: {finding.detail}")


def _episode(book: IssueBook, issue_id: str, now: datetime) -> int:
    before = [one for one in book.cleared if one.issue_id == issue_id and now - one.at <= REMEMBERED]
    return 1 + max((one.episode for one in before), default=0)


def settle_time(episode: int) -> timedelta:
    """How long an issue must be absent before it is called cleared; nothing for one that never came back."""
    return timedelta(0) if episode <= 1 else min(FIRST_SETTLE * 2 ** min(episode - 2, 10), LONGEST_SETTLE)


def _quiet(issue: Issue) -> timedelta:
    return max(timedelta(seconds=KINDS[issue.kind].quiet_s), settle_time(issue.episode))


def _without_absent(book: IssueBook, source: str, seen: Collection[str], now: datetime) -> Step:
    over = []
    for issue in book.open:
        if issue.source != source or issue.issue_id in seen:
            continue
        since = issue.absent_since or now
        if now - since >= settle_time(issue.episode):
            over.append(issue)
        else:
            book = _put(book, replace(issue, absent_since=since))
    return _clear(book, over, now)


def _clear(book: IssueBook, over: Collection[Issue], now: datetime) -> Step:
    gone = {issue.issue_id for issue in over}
    recent = tuple(one for one in book.cleared if now - one.at <= REMEMBERED and one.issue_id not in gone)
    cleared = (*recent, *(Cleared(issue.issue_id, now, issue.episode) for issue in over))[-MAX_REMEMBERED:]
    if not over and cleared == book.cleared:
        return book, ()
    left = tuple(issue for issue in book.open if issue.issue_id not in gone)
    return IssueBook(left, cleared), tuple(IssueChange(now, "cleared", issue) for issue in over)


def _put(book: IssueBook, issue: Issue) -> IssueBook:
    if book.find(issue.issue_id) is None:
        return replace(book, open=(*book.open, issue))
    return replace(book, open=tuple(issue if one.issue_id == issue.issue_id else one for one in book.open))
