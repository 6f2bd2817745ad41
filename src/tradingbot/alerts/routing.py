"""From a change of an issue to messages for channels: who is told what, when, and what is held back. Pure.

Every change is taken once, whatever a crash repeats. A critical issue that is raised or gets worse always becomes a
message at once; the rest keeps quiet hours and the throttle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tradingbot.alerts import texts
from tradingbot.alerts.book import (
    MAX_HELD,
    MAX_PENDING,
    MAX_TAKEN,
    MAX_TOLD,
    AlertBook,
)
from tradingbot.alerts.params import AlertParams
from tradingbot.alerts.throttle import has_token, is_quiet, quiet_ends, spent, state_of
from tradingbot.engine.alert_models import HeldBack, Message, Told
from tradingbot.guards.issues import Issue, IssueChange, Severity

UNDELIVERED: Final = "alerts_undelivered"
"""Kind of issue: a channel could not be reached; its subject is the channel."""
FAR: Final = timedelta(days=2)
"""No delivery is put off for so long: a later time is of another clock."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told: channels that have an address, by what settings; `who` is what titles call this daemon."""

    params: AlertParams
    channels: tuple[str, ...]
    who: str


@dataclass(frozen=True, slots=True)
class Note:
    """What was done with something for a channel: ``queued``, ``held_back``, ``throttled``, ``dropped``."""

    event: str
    channel: str
    severity: Severity
    title: str
    why: str = ""
    message_id: str = ""


Step = tuple[AlertBook, tuple[Note, ...]]


def take(book: AlertBook, change: IssueChange, audience: Audience, now: datetime) -> Step:
    """The book after one change; nothing when it was taken before."""
    name = texts.change_id(change)
    if name in book.taken or not audience.channels:
        return book, ()
    book = replace(book, taken=(*book.taken, name)[-MAX_TAKEN:], told=_told(book.told, change, now))
    notes: list[Note] = []
    for channel in audience.channels:
        if _concerns(change, channel, audience.params):
            book, told = _to_channel(book, change, channel, audience, now)
            notes += told
    return book, tuple(notes)


def turn(book: AlertBook, audience: Audience, now: datetime) -> Step:
    """The book after a look at the clock: what was held back is told, then reminders, then what was left out."""
    notes: list[Note] = []
    for step in (_summaries, _reminders, _left_out):
        book, told = step(book, audience, now)
        notes += told
    return book, tuple(notes)


def fitted(book: AlertBook, audience: Audience, now: datetime) -> Step:
    """The book of an earlier life for the channels of this one; what waits for others is dropped."""
    notes = [
        Note("dropped", one.channel, one.severity, one.title, "the channel has no address any more", one.message_id)
        for one in book.pending
        if one.channel not in audience.channels
    ]
    pending = [one for one in book.pending if one.channel in audience.channels]
    pending = [replace(one, next_at=now) if one.next_at > now + FAR else one for one in pending]
    known = {
        name: replace(one, counted_at=now) if one.counted_at > now else one
        for name, one in book.channels.items()
        if name in audience.channels
    }
    told = tuple(replace(one, last_told_at=min(one.last_told_at, now)) for one in book.told)
    return replace(book, pending=tuple(pending), channels=known, told=told), tuple(notes)


def missed(book: AlertBook, open_issues: Iterable[Issue], now: datetime) -> list[IssueChange]:
    """Changes that a crash kept from being taken, by what is open now: raised ones and cleared ones."""
    issues = {issue.issue_id: issue for issue in open_issues}
    told = {one.issue_id: one for one in book.told}
    gone = [
        IssueChange(now, "cleared", texts.as_issue(one))
        for one in book.told
        if one.issue_id not in issues or issues[one.issue_id].since != one.since
    ]
    new = [
        IssueChange(issue.since, "raised", issue)
        for issue in issues.values()
        if issue.issue_id not in told or told[issue.issue_id].since != issue.since
    ]
    worse = [
        IssueChange(issue.last_seen, "worsened", issue)
        for issue in issues.values()
        if (known := told.get(issue.issue_id)) is not None
        and known.since == issue.since
        and issue.severity.rank > known.severity.rank
    ]
    return [*gone, *new, *worse]


def digest(book: AlertBook, title: str, body: str, page: str, audience: Audience, now: datetime) -> Step:
    """The book with the digest for every channel that wants it; in quiet hours for their end."""
    notes: list[Note] = []
    for channel in audience.channels:
        row = audience.params.channel(channel)
        if row.digest:
            at = quiet_ends(audience.params, now) if row.quiet_hours else now
            message = Message("", channel, "digest", Severity.WARNING, title, body, now, at, page=page)
            book, told = _queue(book, message, audience.params, now, free=True)
            notes += told
    return book, tuple(notes)


# ------------------------------------------------------------ one change


def _concerns(change: IssueChange, channel: str, params: AlertParams) -> bool:
    """Whether a channel wants to hear of it. That one is unreachable concerns every other, and not itself."""
    issue, row = change.issue, params.channel(channel)
    if issue.kind == UNDELIVERED:
        return issue.subject != channel and change.event in row.events
    return change.event in row.events and issue.severity.rank >= row.least.rank


def _to_channel(book: AlertBook, change: IssueChange, channel: str, audience: Audience, now: datetime) -> Step:
    params, severity = audience.params, change.issue.severity
    critical = severity is Severity.CRITICAL
    title = texts.change_title(change, audience.who)
    if not critical and params.channel(channel).quiet_hours and is_quiet(params, now):
        return _held(book, change, channel, audience, now), (Note("held_back", channel, severity, title),)
    urgent = critical and change.event in ("raised", "worsened")
    body = texts.change_body(change)
    message = Message("", channel, "change", severity, title, body, now, now, issue_id=change.issue.issue_id)
    return _queue(book, message, params, now, free=urgent)


def _held(book: AlertBook, change: IssueChange, channel: str, audience: Audience, now: datetime) -> AlertBook:
    state = state_of(book, channel, audience.params, now)
    if len(state.held) >= MAX_HELD:
        return book.with_channel(channel, replace(state, held_more=state.held_more + 1))
    line = HeldBack(change.at, texts.held_line(change))
    return book.with_channel(channel, replace(state, held=(*state.held, line)))


def _queue(book: AlertBook, message: Message, params: AlertParams, now: datetime, *, free: bool) -> Step:
    """One more message that waits, when the throttle lets it; `free`: whatever the throttle says.

    While the channel fails it waits for the next try with those before it, unless it is critical.
    """
    channel = message.channel
    state = state_of(book, channel, params, now)
    if not free and not has_token(state):
        book = book.with_channel(channel, replace(state, more=state.more + 1))
        return book, (Note("throttled", channel, message.severity, message.title),)
    book = book.with_channel(channel, spent(state))
    book, dropped = _with_room(book, channel)
    retry_at = book.retry_at(channel)
    if retry_at is not None and message.severity is not Severity.CRITICAL:
        message = replace(message, next_at=max(message.next_at, retry_at))
    book = book.with_message(message)
    return book, (*dropped, Note("queued", channel, message.severity, message.title, "", book.pending[-1].message_id))


def _with_room(book: AlertBook, channel: str) -> Step:
    """The oldest that is not critical makes room, else the oldest."""
    waiting = [one for one in book.pending if one.channel == channel]
    if len(waiting) < MAX_PENDING:
        return book, ()
    lesser = [one for one in waiting if one.severity is not Severity.CRITICAL]
    gone = (lesser or waiting)[0]
    state = book.channels[channel]
    book = book.without([gone.message_id]).with_channel(
        channel, replace(state, dropped=state.dropped + 1, more=state.more + 1)
    )
    why = f"{MAX_PENDING} messages wait for this channel"
    return book, (Note("dropped", channel, gone.severity, gone.title, why, gone.message_id),)


def _told(told: tuple[Told, ...], change: IssueChange, now: datetime) -> tuple[Told, ...]:
    """What reminders and a restart must know after this change."""
    issue = change.issue
    others = tuple(one for one in told if one.issue_id != issue.issue_id)
    if change.event == "cleared":
        return others
    before = next((one for one in told if one.issue_id == issue.issue_id), None)
    fresh = before is None or change.event in ("raised", "worsened")
    at = now if fresh or before is None else before.last_told_at
    known = issue.acknowledged_at is not None
    entry = Told(issue.issue_id, issue.kind, issue.subject, issue.severity, issue.since, at, known)
    return (*others, entry)[-MAX_TOLD:]


# ------------------------------------------------------------ by the clock


def _summaries(book: AlertBook, audience: Audience, now: datetime) -> Step:
    notes: list[Note] = []
    for channel in audience.channels:
        state, params = state_of(book, channel, audience.params, now), audience.params
        still = params.channel(channel).quiet_hours and is_quiet(params, now)
        if still or not state.held:
            continue
        title, body = texts.summary(state.held, state.held_more, audience.who)
        book = book.with_channel(channel, replace(state, held=(), held_more=0))
        message = Message("", channel, "summary", Severity.WARNING, title, body, now, now)
        book, told = _queue(book, message, params, now, free=True)
        notes += told
    return book, tuple(notes)


def _left_out(book: AlertBook, audience: Audience, now: datetime) -> Step:
    """Once the throttle allows a message again: one that says how many there were."""
    notes: list[Note] = []
    for channel in audience.channels:
        state, params = state_of(book, channel, audience.params, now), audience.params
        if not state.more or not has_token(state) or (params.channel(channel).quiet_hours and is_quiet(params, now)):
            continue
        title, body = texts.more(state.more, audience.who)
        book = book.with_channel(channel, replace(state, more=0))
        message = Message("", channel, "more", Severity.WARNING, title, body, now, now)
        book, told = _queue(book, message, params, now, free=False)
        notes += told
    return book, tuple(notes)


def _reminders(book: AlertBook, audience: Audience, now: datetime) -> Step:
    every = timedelta(minutes=audience.params.reminder_min)
    open_ones = [one for one in book.told if one.severity is Severity.CRITICAL and not one.acknowledged]
    due = [one for one in open_ones if now - one.last_told_at >= every]
    if not every or not due:
        return book, ()
    ids = {one.issue_id for one in due}
    told = tuple(replace(one, last_told_at=now) if one.issue_id in ids else one for one in book.told)
    book, notes = replace(book, told=told), list[Note]()
    for channel in audience.channels:
        wanted = _wanted(due, channel, audience.params)
        waits = any(one.kind == "reminder" and one.channel == channel for one in book.pending)
        if wanted and not waits:
            title, body = texts.reminder(wanted, audience.who)
            message = Message("", channel, "reminder", Severity.CRITICAL, title, body, now, now)
            book, queued = _queue(book, message, audience.params, now, free=True)
            notes += queued
    return book, tuple(notes)


def _wanted(due: Sequence[Told], channel: str, params: AlertParams) -> list[Told]:
    if "raised" not in params.channel(channel).events:
        return []
    return [one for one in due if not (one.kind == UNDELIVERED and one.subject == channel)]
