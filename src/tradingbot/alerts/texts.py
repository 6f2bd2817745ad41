"""How alerts read. Plain text, complete in itself, nothing but what the issue says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

from tradingbot.engine.alert_models import HeldBack, Told
from tradingbot.guards.issue_kinds import KINDS, IssueKind, runbook
from tradingbot.guards.issues import Issue, IssueChange

VERBS = {"raised": "", "worsened": "WORSE: ", "cleared": "OVER: ", "acknowledged": "ACKNOWLEDGED: "}
SHOWN_LINES = 40
_UNKNOWN = IssueKind("", "", "error", "see `tradingbot issues`")


def kind_of(name: str) -> IssueKind:
    """The kind; one that this version does not know is called by its name."""
    return KINDS.get(name, _UNKNOWN)


def one_line(text: str) -> str:
    """Without line breaks and control characters: terminals and mail headers of others will show this."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def moment(at: datetime) -> str:
    """A moment for people."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def what(kind: str, subject: str) -> str:
    """An issue in few words."""
    title = kind_of(kind).title or kind
    return f"{title}: {subject}" if subject else title


def change_title(change: IssueChange, who: str) -> str:
    """``[CRITICAL] tradingbot paper: the disk refuses writes``."""
    issue = change.issue
    return f"[{issue.severity.value.upper()}] {who}: {VERBS.get(change.event, '')}{what(issue.kind, issue.subject)}"


def change_body(change: IssueChange) -> str:
    """What, since when, the facts, what to do, where to read on, and how to acknowledge."""
    issue, kind = change.issue, kind_of(change.issue.kind)
    lines = [
        what(issue.kind, issue.subject),
        f"since: {moment(issue.since)}",
        *([f"detail: {issue.detail}"] if issue.detail else []),
    ]
    if change.event == "cleared":
        lines += [f"over: {moment(change.at)}", f"seen: {issue.count} times"]
    else:
        lines += [f"what to do: {kind.remedy}", f"runbook: {runbook(issue.kind)}"]
    lines.append(f"id: {issue.issue_id}")
    if change.event in ("raised", "worsened"):
        lines.append(f"acknowledge: {acknowledging(issue.issue_id)}")
    if change.event == "acknowledged":
        lines.append(f"acknowledged by: {issue.acknowledged_by or 'unknown'}")
    return "\n".join(lines)


def acknowledging(issue_id: str) -> str:
    """The command that acknowledges an issue."""
    return f"tradingbot issues --ack {quote(issue_id)} --reason TEXT"


def held_line(change: IssueChange) -> str:
    """One change in one line of the summary."""
    issue = change.issue
    detail = f" ({issue.detail})" if issue.detail else ""
    return f"{change.at:%H:%M} {change.event} [{issue.severity.value}] {what(issue.kind, issue.subject)}{detail}"[:300]


def summary(held: Sequence[HeldBack], more: int, who: str) -> tuple[str, str]:
    """Title and body of what came in the quiet hours."""
    count = len(held) + more
    noun = "change" if count == 1 else "changes"
    left = max(0, len(held) - SHOWN_LINES) + more
    lines = [one.line for one in held[:SHOWN_LINES]] + ([f"and {left} more"] if left else [])
    body = "\n".join([*lines, "", "What is open now: tradingbot issues"])
    return f"[QUIET HOURS] {who}: {count} {noun} of issues", body


def more(count: int, who: str) -> tuple[str, str]:
    """Title and body of what the throttle left out."""
    noun = "change" if count == 1 else "changes"
    title = f"[MORE] {who}: {count} more {noun}, see `tradingbot issues`"
    return title, f"{count} more {noun} of issues came than this channel may get.\nWhat is open now: tradingbot issues"


def reminder(due: Sequence[Told], who: str) -> tuple[str, str]:
    """Title and body about critical issues that nobody acknowledged."""
    if len(due) == 1:
        title = f"[CRITICAL] {who}: STILL OPEN: {what(due[0].kind, due[0].subject)}"
    else:
        title = f"[CRITICAL] {who}: STILL OPEN: {len(due)} critical issues"
    parts = []
    for one in due[:SHOWN_LINES]:
        parts += [
            what(one.kind, one.subject),
            f"since: {moment(one.since)}",
            f"what to do: {kind_of(one.kind).remedy}",
            f"runbook: {runbook(one.kind)}",
            f"acknowledge: {acknowledging(one.issue_id)}",
            "",
        ]
    left = len(due) - SHOWN_LINES
    parts += [f"and {left} more: tradingbot issues"] if left > 0 else []
    return title, "\n".join(parts).rstrip()


def change_id(change: IssueChange) -> str:
    """The same change always has the same id, also in a later life."""
    issue = change.issue
    extra = {"worsened": issue.severity.value, "acknowledged": str(issue.acknowledged_at)}.get(change.event, "")
    return "|".join((issue.issue_id, change.event, issue.since.isoformat(), extra))


def as_issue(told: Told) -> Issue:
    """What is known of an issue that was told of and is no longer in the registry."""
    return Issue(told.kind, told.subject, told.severity, "", told.since, told.since)
