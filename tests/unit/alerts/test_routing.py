"""Who is told what and when: severities, events, quiet hours, throttle, reminders, each change once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tradingbot.alerts import texts
from tradingbot.alerts.book import MAX_HELD, MAX_PENDING, MAX_TAKEN, AlertBook
from tradingbot.alerts.delivering import delivered, failed, pause
from tradingbot.alerts.params import AlertParams
from tradingbot.alerts.routing import UNDELIVERED, Audience, Note, digest, fitted, missed, take, turn
from tradingbot.guards.issues import Finding, Issue, IssueBook, IssueChange, Severity, note, observe

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def audience(names: tuple[str, ...] = ("ops",), **settings: Any) -> Audience:
    return Audience(AlertParams(**settings), names, "tradingbot paper")


def an_issue(kind: str = "stream_down", subject: str = "public", severity: str = "error", **more: Any) -> Issue:
    return Issue(kind, subject, Severity(severity), "closed", T0, T0, **more)


def change(event: str = "raised", minutes: float = 0, **more: Any) -> IssueChange:
    return IssueChange(at(minutes), event, an_issue(**more))


def fed(book: AlertBook, who: Audience, *changes: IssueChange) -> tuple[AlertBook, list[Note]]:
    notes: list[Note] = []
    for one in changes:
        book, told = take(book, one, who, one.at)
        notes += told
    return book, notes


def titles(book: AlertBook, channel: str = "ops") -> list[str]:
    return [one.title for one in book.pending if one.channel == channel]


def test_a_message_says_what_since_when_what_to_do_and_how_to_acknowledge() -> None:
    issue = an_issue("venue_degraded", "", "critical", acknowledged_at=None)
    book, _ = take(AlertBook(), IssueChange(T0, "raised", issue), audience(), T0)
    (message,) = book.pending
    assert message.title == "[CRITICAL] tradingbot paper: the exchange does not answer as it should"
    for part in (
        "since: 2026-01-05 12:00:00 UTC",
        "detail: closed",
        "what to do: look at the exchange's status page",
        "runbook: docs/runbooks/venue_degraded.md",
        "id: venue_degraded",
        "tradingbot issues --ack venue_degraded --reason",
    ):
        assert part in message.body


def test_a_change_is_taken_once_also_when_it_is_told_again_in_a_later_life() -> None:
    who = audience()
    book, _ = fed(AlertBook(), who, change(), change(minutes=3), change("worsened", severity="critical"))
    again, notes = fed(AlertBook.of(book.to_state(T0)), who, change(), change("worsened", severity="critical"))
    assert (len(again.pending), notes) == (2, [])


def test_severity_and_events_choose_the_channel() -> None:
    rows = {"boss": {"min_severity": "critical"}, "log": {"events": ["acknowledged", "cleared"]}}
    who = audience(("boss", "log", "ops"), channels=rows)
    book, _ = fed(
        AlertBook(), who, change(), change("worsened", severity="critical"), change("cleared", severity="critical")
    )
    assert [title.split()[0] for title in titles(book, "boss")] == ["[CRITICAL]", "[CRITICAL]"]
    assert len(titles(book, "log")) == 1
    assert "OVER" in titles(book, "log")[0]
    assert len(titles(book)) == 3
    acknowledged = an_issue(acknowledged_at=T0, acknowledged_by="ann")
    book, _ = take(AlertBook(), IssueChange(T0, "acknowledged", acknowledged), who, T0)
    assert [one.channel for one in book.pending] == ["log"]
    assert "acknowledged by: ann" in book.pending[0].body


def test_quiet_hours_hold_back_and_tell_once_when_they_end() -> None:
    who = audience(("loud", "ops"), quiet_start="22:00", quiet_end="06:30", channels={"loud": {"quiet_hours": False}})
    late = T0.replace(hour=23)
    changes = [
        IssueChange(late + timedelta(minutes=n), "raised", an_issue(subject=f"s{n}", severity="warning"))
        for n in range(3)
    ]
    urgent = IssueChange(late, "raised", an_issue("storage_unavailable", "", "critical"))
    book, notes = fed(AlertBook(), who, *changes, urgent)
    assert len(titles(book, "loud")) == 4
    assert titles(book) == ["[CRITICAL] tradingbot paper: the disk refuses writes"]
    assert [one.event for one in notes if one.channel == "ops"] == ["held_back"] * 3 + ["queued"]
    early = (late + timedelta(days=1)).replace(hour=6, minute=29)
    quiet_who = replace(who, params=who.params.model_copy(update={"reminder_min": 0}))
    book, told = turn(book, quiet_who, early)
    assert told == ()
    for _ in range(2):
        book, _ = turn(book, quiet_who, early + timedelta(minutes=1))
    (summary,) = [one for one in book.pending if one.kind == "summary"]
    assert summary.title == "[QUIET HOURS] tradingbot paper: 3 changes of issues"
    assert "23:01 raised [warning] a live stream of the exchange is not connected: s1 (closed)" in summary.body


def test_a_night_of_many_changes_is_bounded() -> None:
    who = audience(quiet_start="00:00", quiet_end="23:59")
    changes = [change(subject=f"s{n}", severity="warning") for n in range(MAX_HELD + 50)]
    book, _ = fed(AlertBook(), who, *changes)
    book, _ = turn(book, who, T0.replace(hour=23, minute=59))
    (summary,) = book.pending
    assert f"{MAX_HELD + 50} changes" in summary.title
    assert f"and {MAX_HELD + 50 - texts.SHOWN_LINES} more" in summary.body


def test_the_throttle_lets_critical_ones_through_and_counts_the_rest_in_one_message() -> None:
    who = audience(burst=3, messages_per_hour=6, reminder_min=0)
    few = [change(subject=f"s{n}") for n in range(10)]
    urgent = [change(subject=f"c{n}", severity="critical") for n in range(20)]
    book, notes = fed(AlertBook(), who, *few, *urgent)
    assert [one.event for one in notes].count("throttled") == 7
    assert sum(one.severity is Severity.CRITICAL for one in book.pending) == 20
    assert len(book.pending) == 23
    book, _ = turn(book, who, at(9))
    assert len(book.pending) == 23
    book, _ = turn(book, who, at(11))
    assert book.pending[-1].title == "[MORE] tradingbot paper: 7 more changes, see `tradingbot issues`"
    book, told = turn(book, who, at(60))
    assert told == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 30), st.sampled_from(list(Severity))), max_size=150))
def test_no_critical_raise_is_lost_and_the_rest_keeps_the_limit(events: list[tuple[int, int, Severity]]) -> None:
    who = audience(burst=5, messages_per_hour=10, reminder_min=0)
    book, critical = AlertBook(), set()
    for number, (minutes, subject, severity) in enumerate(sorted(events, key=lambda one: one[0])):
        issue = replace(
            an_issue(subject=str(subject), severity=severity), since=at(minutes) + timedelta(seconds=number)
        )
        book, _ = take(book, IssueChange(at(minutes), "raised", issue), who, at(minutes))
        book, _ = turn(book, who, at(minutes))
        critical |= {number} if severity is Severity.CRITICAL else set()
    assert sum(one.severity is Severity.CRITICAL for one in book.pending) == len(critical)
    assert sum(one.severity is not Severity.CRITICAL for one in book.pending) <= 5 + 10 * 2
    assert len({one.message_id for one in book.pending}) == len(book.pending)


def test_critical_ones_are_told_again_until_somebody_acknowledges() -> None:
    who = audience(reminder_min=60)
    book, _ = fed(AlertBook(), who, change(severity="critical"), change(subject="private", severity="error"))
    book = replace(book, pending=())
    book, told = turn(book, who, at(59))
    assert told == ()
    book, _ = turn(book, who, at(60))
    assert titles(book) == [
        "[CRITICAL] tradingbot paper: STILL OPEN: a live stream of the exchange is not connected: public"
    ]
    book, told = turn(book, who, at(125))
    assert told == ()  # the one before was not even delivered
    book = replace(book, pending=())
    book, _ = turn(book, who, at(186))
    assert len(book.pending) == 1
    known = an_issue(severity="critical", acknowledged_at=at(190), acknowledged_by="ann")
    book, _ = take(replace(book, pending=()), IssueChange(at(190), "acknowledged", known), who, at(190))
    assert turn(book, who, at(900))[1] == ()
    off = audience(reminder_min=0)
    book, _ = fed(AlertBook(), off, change(severity="critical"))
    assert turn(book, off, at(9000))[1] == ()


def test_an_unreachable_channel_is_told_to_every_other_one_and_not_to_itself() -> None:
    who = audience(("boss", "ops"), channels={"boss": {"min_severity": "critical"}})
    book, _ = fed(AlertBook(), who, change(kind=UNDELIVERED, subject="ops"))
    assert [one.channel for one in book.pending] == ["boss"]


def test_what_a_crash_kept_from_being_taken_is_made_up_for_once() -> None:
    who = audience(reminder_min=0)
    first, second = Finding("stream_down", "public", "x"), Finding("clock_skew", "", "y")
    issues, changes = observe(IssueBook(), "cycle", [first, second], T0)
    book, _ = take(AlertBook(), changes[0], who, T0)
    later = missed(book, issues.open, at(5))
    assert [(one.event, one.issue.kind) for one in later] == [("raised", "clock_skew")]
    book, _ = fed(book, who, *later)
    assert missed(book, issues.open, at(6)) == []
    over, _ = observe(issues, "cycle", [second], at(7))
    gone = missed(book, over.open, at(8))
    assert [(one.event, one.issue.issue_id) for one in gone] == [("cleared", "stream_down:public")]
    book, _ = fed(book, who, *gone)
    worse, _ = observe(over, "cycle", [replace(second, severity=Severity.CRITICAL)], at(9))
    assert [(one.event, one.issue.severity) for one in missed(book, worse.open, at(9))] == [
        ("worsened", Severity.CRITICAL)
    ]


def test_everything_is_bounded() -> None:
    who = audience(burst=200, messages_per_hour=1000)
    book = AlertBook()
    for number in range(700):
        severity = "critical" if number % 50 == 0 else "warning"
        book, _ = take(book, change(minutes=number, subject=f"s{number}", severity=severity), who, at(number))
    assert len(book.pending) == MAX_PENDING
    assert len(book.taken) == MAX_TAKEN
    assert sum(one.severity is Severity.CRITICAL for one in book.pending) == 14
    assert book.channels["ops"].dropped == 500


def test_another_life_drops_what_waits_for_a_channel_that_is_gone_and_mends_times_of_another_clock() -> None:
    both = audience(("old", "ops"))
    book, _ = fed(AlertBook(), both, change(minutes=60 * 24 * 30))
    book, notes = fitted(book, audience(), T0)
    assert [(one.event, one.channel) for one in notes] == [("dropped", "old")]
    assert book.due("ops", T0) == book.pending
    assert book.channels["ops"].counted_at == T0


def test_pauses_double_and_the_last_attempt_gives_up() -> None:
    params = AlertParams(attempts=4, first_retry_s=10, longest_retry_s=30)
    assert [pause(params, n).total_seconds() for n in (1, 2, 3, 50)] == [10, 20, 30, 30]
    book, _ = fed(AlertBook(), audience(), change())
    for number in range(3):
        book, given_up = failed(book, book.pending[0], "refused", params, at(number))
        assert not given_up
    assert (book.pending[0].attempts, book.pending[0].next_at) == (3, at(2) + timedelta(seconds=30))
    book, given_up = failed(book, book.pending[0], "refused", params, at(9))
    assert given_up
    assert (book.pending, book.channels["ops"].dropped, book.channels["ops"].last_error) == ((), 1, "refused")
    book, _ = fed(book, audience(), change(subject="x"))
    assert delivered(book, book.pending[0], params, at(10)).channels["ops"].last_error == ""


def test_the_digest_waits_for_the_end_of_the_quiet_hours() -> None:
    who = audience(("no", "ops"), quiet_start="06:00", quiet_end="08:00", channels={"no": {"digest": False}})
    seven = T0.replace(hour=7)
    book, _ = digest(AlertBook(), "[DIGEST] x", "text", "logs/digests/d.html", who, seven)
    (message,) = book.pending
    assert (message.channel, message.next_at) == ("ops", T0.replace(hour=8))
    assert book.due("ops", seven) == ()


def test_flapping_as_the_registry_tells_it_is_told_a_few_times() -> None:
    who, issues, book = audience(reminder_min=0), IssueBook(), AlertBook()
    for minute in range(300):
        findings = [Finding("stream_down", "public", "flaps")] if minute % 2 else []
        issues, changes = observe(issues, "cycle", findings, at(minute))
        book, _ = fed(book, who, *changes)
    assert 2 <= len(book.pending) <= 20
    issues, changes = note(issues, Finding("repair_failed", "x", "no"), at(301))
    book, _ = fed(book, who, *changes)
    assert book.pending[-1].severity is Severity.CRITICAL
