"""Changes of open interest as they are defined: from the sample nearest to one window before the newest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.engine.venue_readings import KEPT_SAMPLES, TOLERANCE_MS, WINDOWS_MIN, InterestSamples, changes_pct

GAPS = st.lists(st.integers(30_000, 1_000_000), max_size=120)


def plainly(times_ms: list[int], values: list[float]) -> dict[str, float]:
    found = {}
    for name, minutes in WINDOWS_MIN.items() if times_ms else ():
        wanted_ms = times_ms[-1] - minutes * 60_000
        row = min(range(len(times_ms)), key=lambda place: (abs(times_ms[place] - wanted_ms), place))
        if abs(times_ms[row] - wanted_ms) <= min(TOLERANCE_MS, minutes * 15_000):
            found[name] = (values[-1] / values[row] - 1) * 100
    return found


@given(GAPS, st.integers(0, 10))
def test_any_samples(gaps: list[int], first: int) -> None:
    times = [1_000_000_000_000 + sum(gaps[:place]) for place in range(len(gaps))]
    values = [1000.0 + (place * 7919) % 101 for place in range(len(gaps))]
    assert changes_pct(times, values, first) == plainly(times[first:], values[first:])


@pytest.mark.parametrize("count", [0, 1, KEPT_SAMPLES, 2 * KEPT_SAMPLES - 1, 2 * KEPT_SAMPLES, 5 * KEPT_SAMPLES + 17])
def test_only_the_newest_samples_count(count: int) -> None:
    samples, times, values = InterestSamples(), [], []
    for number in range(count):
        times.append(number * 35_000)
        values.append(500.0 + number % 13)
        samples.add(times[-1], values[-1])
    assert samples.changes_pct() == plainly(times[-KEPT_SAMPLES:], values[-KEPT_SAMPLES:])
    assert len(samples.values) < 2 * KEPT_SAMPLES
