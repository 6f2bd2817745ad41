"""When a job is due, how many due times went by, and the timetable in words."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger

from tests.support import NOW
from tradingbot.jobs.due import first_after, gap_until, in_words
from tradingbot.jobs.routine import JOBS, JobRow

NOON = NOW.replace(second=0)
MINUTELY = CronTrigger.from_crontab("* * * * *", timezone="UTC")


def test_the_first_due_time_lies_strictly_after() -> None:
    assert first_after(MINUTELY, NOON) == NOON.replace(minute=1)


@pytest.mark.parametrize(("until_s", "count"), [(-1, 0), (0, 1), (59, 1), (60, 2), (3601, 61)])
def test_due_times_that_went_by_are_counted_from_the_first_to_the_newest(until_s: int, count: int) -> None:
    gap = gap_until(MINUTELY, NOON, NOON + timedelta(seconds=until_s))
    if gap is None:
        assert count == 0
    else:
        assert (gap.count, gap.newest) == (count, NOON + timedelta(minutes=count - 1))


@pytest.mark.parametrize("row", JOBS, ids=lambda row: row.name)
def test_every_row_is_due_at_even_distances_as_the_count_takes_for_granted(row: JobRow) -> None:
    """Two weeks of due times, one by one, are what the arithmetic says."""
    first = first_after(row.trigger, NOW)
    assert first is not None
    until, due, count = first + timedelta(days=15), first, 0
    newest: datetime = first
    while due is not None and due <= until:
        newest, count = due, count + 1
        due = first_after(row.trigger, due)
    gap = gap_until(row.trigger, first, until)
    assert gap is not None
    assert (gap.count, gap.newest) == (count, newest)


@pytest.mark.parametrize(
    ("cron", "second", "words"),
    [
        ("*/5 * * * *", 0, "every 5 minutes"),
        ("2-59/5 * * * *", 35, "every 5 minutes from :02, second 35"),
        ("8-59/15 * * * *", 0, "every 15 minutes from :08"),
        ("0 * * * *", 0, "hourly at :00"),
        ("5 7 * * *", 0, "07:05"),
        ("0 6 * * sun", 0, "Sundays 06:00"),
    ],
)
def test_a_row_says_in_words_when_it_runs(cron: str, second: int, words: str) -> None:
    assert in_words(cron, second) == words
