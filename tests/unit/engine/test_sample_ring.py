"""Samples that were given out stay as they were; the newest are kept, however many came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.engine.sample_ring import ROOM, SampleRing


def touch(number: int) -> tuple[float, float, float, float]:
    return number + 0.1, number + 0.2, number + 0.3, number + 0.4


@given(st.integers(1, 7), st.integers(0, 200), st.integers(1, 9))
def test_the_newest_are_kept_and_nothing_given_out_changes(kept: int, count: int, every: int) -> None:
    ring, given_out = SampleRing(kept), []
    for number in range(count):
        ring.add(number, touch(number))
        if number % every == 0:
            newest = ring.newest()
            given_out.append((number, newest, [np.array(column) for column in columns(newest)]))
    expected = list(range(max(0, count - kept), count))
    assert ring.newest().time_ms.tolist() == expected
    for number, samples, copies in given_out:
        assert all(np.array_equal(now, then) for now, then in zip(columns(samples), copies, strict=True))
        times = list(range(max(0, number + 1 - kept), number + 1))
        assert samples.time_ms.tolist() == times
        for place, column in enumerate(columns(samples)[1:]):
            assert column.tolist() == [touch(time)[place] for time in times]


def columns(samples: object) -> list[np.ndarray]:
    return [getattr(samples, name) for name in ("time_ms", "bid", "bid_size", "ask", "ask_size")]


def test_the_columns_move_on_when_they_are_full() -> None:
    ring = SampleRing(3)
    for number in range(3 * ROOM):
        ring.add(number, touch(number))
    before = ring.newest()
    ring.add(3 * ROOM, touch(3 * ROOM))
    assert before.time_ms.tolist() == [3 * ROOM - 3, 3 * ROOM - 2, 3 * ROOM - 1]
    assert ring.newest().time_ms.tolist() == [3 * ROOM - 2, 3 * ROOM - 1, 3 * ROOM]
