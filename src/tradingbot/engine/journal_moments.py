"""When a line of a journal was written: each journal has a name of its own for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from tradingbot.core.types import parse_utc
from tradingbot.storage.journal_reader import JournalReader

Line = TypeVar("Line", bound=Mapping[str, Any])

MOMENTS: Final = ("ts", "at", "exit_time", "time", "as_of", "created_at", "started_at")
"""Fields that say when, the first one that is there counts."""
NESTED: Final = ("intent",)
"""Records within a record: what they say counts as said by it."""
WRITTEN_LATER: Final = timedelta(minutes=10)
"""A line may stand in a file that began so long after the moment that the line tells of."""


def moment_of(record: Mapping[str, Any]) -> datetime | None:
    """When it happened; None when the record does not say."""
    places = (record, *(one for key in NESTED if isinstance(one := record.get(key), Mapping)))
    for place in places:
        for key in MOMENTS:
            value = place.get(key)
            if isinstance(value, str):
                try:
                    return parse_utc(value)
                except (ValueError, OverflowError):
                    continue
    return None


def within(lines: Iterable[Line], since: datetime, until: datetime | None = None) -> Iterator[Line]:
    """Lines of [since, until], one at a time: a day of them is large. Those without a time are left out."""
    for line in lines:
        at = moment_of(line)
        if at is not None and at >= since and (until is None or at <= until):
            yield line


def newest_until(reader: JournalReader, count: int, until: datetime) -> list[dict[str, Any]]:
    """The newest `count` lines that are not later than a moment, oldest first; those without a time are taken."""

    def known_by_then(line: Mapping[str, Any]) -> bool:
        at = moment_of(line)
        return at is None or at <= until

    return reader.newest_of(count, until + WRITTEN_LATER, known_by_then)
