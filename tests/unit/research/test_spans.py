"""Spans of time are joined, subtracted and cut without losing or doubling a millisecond."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tradingbot.research.spans import joined, missing, pieces

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def moments(spans: object) -> set[int]:
    return {at for begin, end in spans for at in range(begin, end)}  # type: ignore[attr-defined]


@given(SPANS)
def test_joined_covers_the_same_time_with_gaps_between(spans: list[tuple[int, int]]) -> None:
    found = joined(spans)
    assert moments(found) == moments(spans)
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(st.tuples(st.integers(0, 60), st.integers(0, 60)), SPANS)
def test_missing_is_what_is_wanted_and_not_known(wanted: tuple[int, int], known: list[tuple[int, int]]) -> None:
    assert moments(missing(wanted, known)) == moments([wanted]) - moments(known)


@given(SPANS, st.integers(1, 20))
def test_pieces_are_no_longer_than_asked_and_lose_nothing(spans: list[tuple[int, int]], length: int) -> None:
    whole = joined(spans)
    found = pieces(whole, length)
    assert all(0 < end - begin <= length for begin, end in found)
    assert moments(found) == moments(whole)
    assert sum(end - begin for begin, end in found) == len(moments(whole))
