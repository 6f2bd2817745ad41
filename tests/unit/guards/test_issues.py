"""Issues: raised, worsened, cleared, each told once; storms and flapping stay quiet; nothing critical is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tradingbot.guards.issue_kinds import KINDS
from tradingbot.guards.issues import (
    MAX_OPEN,
    MAX_OPEN_CRITICAL,
    OTHERS,
    Finding,
    IssueBook,
    IssueChange,
    Severity,
    acknowledge,
    note,
    observe,
    settle_time,
    tick,
)

T0 = datetime(2026, 1, 5, 8, tzinfo=UTC)
DOWN = Finding("stream_down", "public", "closed")
BAD = Finding("logged_error", "intel.step_broken", "KeyError")


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def told(changes: tuple[IssueChange, ...]) -> list[tuple[str, str]]:
    return [(change.event, change.issue.issue_id) for change in changes]


def test_a_condition_is_told_when_it_comes_and_when_it_goes() -> None:
    book, changes = observe(IssueBook(), "cycle", [DOWN], at(0))
    assert told(changes) == [("raised", "stream_down:public")]
    for minute in range(1, 10):
        book, changes = observe(book, "cycle", [DOWN], at(minute))
        assert changes == ()
    issue = book.find("stream_down:public")
    assert issue is not None
    assert (issue.count, issue.since, issue.last_seen) == (10, at(0), at(9))
    book, changes = observe(book, "cycle", [], at(10))
    assert told(changes) == [("cleared", "stream_down:public")]
    assert book.open == ()


def test_a_source_clears_only_what_it_looks_at_itself() -> None:
    book, _ = observe(IssueBook(), "cycle", [DOWN], at(0))
    book, changes = observe(book, "watchdog", [], at(1))
    assert changes == ()
    assert book.find("stream_down:public") is not None


def test_getting_worse_is_told_once_and_forgets_that_it_was_acknowledged() -> None:
    book, _ = observe(IssueBook(), "cycle", [Finding("cycle_failing", "", "boom")], at(0))
    book, changes = acknowledge(book, "cycle_failing", "anna", at(1))
    assert told(changes) == [("acknowledged", "cycle_failing")]
    assert acknowledge(book, "cycle_failing", "anna", at(1)) == (book, ())
    worse = Finding("cycle_failing", "", "boom", Severity.CRITICAL)
    book, changes = observe(book, "cycle", [worse], at(2))
    assert told(changes) == [("worsened", "cycle_failing")]
    assert changes[0].issue.severity is Severity.CRITICAL
    assert changes[0].issue.acknowledged_at is None
    book, changes = observe(book, "cycle", [Finding("cycle_failing", "", "boom")], at(3))
    assert changes == (), "what became less bad is not told"


def test_a_storm_of_a_thousand_equal_errors_is_one_issue_and_two_messages() -> None:
    book, messages = IssueBook(), 0
    for number in range(1000):
        book, changes = note(book, BAD, T0 + timedelta(seconds=number))
        messages += len(changes)
    (issue,) = book.open
    assert (messages, issue.count) == (1, 1000)
    book, changes = tick(book, at(30))
    assert changes == ()
    book, changes = tick(book, issue.last_seen + timedelta(seconds=KINDS["logged_error"].quiet_s))
    assert told(changes) == [("cleared", "logged_error:intel.step_broken")]


def test_what_flaps_every_minute_for_a_day_is_told_of_a_few_times() -> None:
    book, messages = IssueBook(), 0
    for minute in range(1440):
        book, changes = observe(book, "cycle", [DOWN] if minute % 2 else [], at(minute))
        messages += len(changes)
    assert messages <= 5
    assert settle_time(1) == timedelta(0)
    assert settle_time(2) == timedelta(minutes=2)
    assert settle_time(50) == timedelta(hours=1)


def test_a_storm_of_many_subjects_is_bounded_and_loses_no_critical_one() -> None:
    findings = [Finding("unprotected_position", f"S{number}USDT", "no stop") for number in range(1000)]
    noise = [Finding("market_data_stale", f"S{number}USDT", "ticker") for number in range(1000)]
    book, changes = observe(IssueBook(), "cycle", [*noise, *findings], at(0))
    assert len(book.open) == MAX_OPEN + 1 + MAX_OPEN_CRITICAL + 1
    assert len(changes) == len(book.open)
    others = book.find(f"unprotected_position:{OTHERS}")
    assert others is not None
    assert others.severity is Severity.CRITICAL
    assert others.count == 1000 - MAX_OPEN_CRITICAL


def test_a_critical_one_is_told_in_the_middle_of_a_storm() -> None:
    book = IssueBook()
    for number in range(1000):
        book, _ = note(book, BAD, T0 + timedelta(seconds=number))
    book, changes = observe(book, "cycle", [Finding("storage_unavailable", "", "full")], at(20))
    assert told(changes) == [("raised", "storage_unavailable")]


@settings(max_examples=100)
@given(st.lists(st.sets(st.sampled_from(["a", "b", "c"])), max_size=60))
def test_messages_alternate_and_open_issues_are_those_last_told_of(looks: list[set[str]]) -> None:
    """Whatever comes and goes: no issue is raised twice without being cleared, none cleared that was not raised."""
    book, state = IssueBook(), dict.fromkeys("abc", False)
    for minute, found in enumerate(looks):
        book, changes = observe(book, "cycle", [Finding("stream_down", name) for name in sorted(found)], at(minute))
        for change in changes:
            assert state[change.issue.subject] is (change.event == "cleared")
            state[change.issue.subject] = change.event == "raised"
        assert {issue.subject for issue in book.open} == {name for name, is_open in state.items() if is_open}
        assert found <= {issue.subject for issue in book.open}
