"""The limiter: never above the plan's limit in any minute, never two calls too close, silent after a 429."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.intel.support import clock
from tradingbot.intel.pacing import Pace
from tradingbot.intel.params import CoinglassParams


async def play(params: CoinglassParams, arrivals: list[float], told: int | None = None) -> list[float]:
    """When each of the calls that arrive at these moments went out."""
    time = clock()
    pace = Pace(time, params)
    sent: list[float] = []
    if told is not None:
        pace.told_limit(told)

    async def one(at_s: float) -> None:
        await time.sleep(at_s)
        await pace.turn()
        sent.append(time.monotonic_s())

    async with asyncio.TaskGroup() as group:
        for at_s in arrivals:
            group.create_task(one(at_s))
    return sent


def most_in_a_minute(sent: list[float]) -> int:
    return max(sum(start <= at < start + 60 - 1e-6 for at in sent) for start in sent)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0, 200), min_size=1, max_size=70),
    st.sampled_from([0.0, 1.0, 2.0, 2.5]),
    st.sampled_from([None, 6, 30, 80]),
    st.booleans(),
)
def test_no_minute_and_no_gap_is_ever_too_full(
    arrivals: list[float], interval_s: float, told: int | None, widen: bool
) -> None:
    """Whatever arrives whenever: the limit that holds is kept in every rolling minute, and everything goes out."""
    params = CoinglassParams.model_construct(requests_per_min=30, min_interval_s=interval_s, widen_to_plan=widen)
    sent = asyncio.run(play(params, arrivals, told))
    limit = 30 if told is None or (told > 30 and not widen) else told
    assert len(sent) == len(arrivals)
    assert most_in_a_minute(sent) <= limit
    spacing = interval_s if told is None or (told > 30 and widen) else max(interval_s, 75 / told)
    assert all(later - sooner >= spacing - 1e-6 for sooner, later in itertools.pairwise(sent) if not widen)


async def test_a_flood_goes_out_every_two_and_a_half_seconds() -> None:
    """The configured spacing, exactly: 24 a minute."""
    sent = await play(CoinglassParams(), [0.0] * 30)
    assert sent == pytest.approx([2.5 * n for n in range(30)], abs=0.01)


async def test_a_pause_holds_everybody_back() -> None:
    time = clock()
    pace = Pace(time, CoinglassParams())
    await pace.turn()
    pace.pause(60)
    pace.pause(5)
    await pace.turn()
    assert time.monotonic_s() == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize(
    ("told", "widen", "interval_s", "limit"),
    [
        (30, False, 2.5, 30),
        (80, False, 2.5, 30),
        (80, True, 0.9375, 80),
        (10, False, 7.5, 10),
        (10, True, 7.5, 10),
        (0, True, 2.5, 30),
        (10**9, True, 2.5, 30),
    ],
)
def test_the_told_limit_narrows_always_and_widens_on_request(
    told: int, widen: bool, interval_s: float, limit: int
) -> None:
    """The configured floor holds unless the plan allows more and the settings permit; nonsense changes nothing."""
    pace = Pace(clock(), CoinglassParams(widen_to_plan=widen))
    pace.told_limit(told)
    assert (pace.interval_s, pace.limit_per_min) == (pytest.approx(interval_s), limit)
    assert pace.budget_per_min <= 0.8 * limit + 1e-9


def test_the_usual_budget_is_four_fifths_of_the_plan() -> None:
    assert Pace(clock(), CoinglassParams()).budget_per_min == pytest.approx(24)


async def test_the_limit_holds_without_any_spacing() -> None:
    """Thirty at once, and the next thirty a minute later."""
    sent = await play(CoinglassParams(min_interval_s=0), [0.0] * 70)
    assert sent == pytest.approx([0.0] * 30 + [60.0] * 30 + [120.0] * 10, abs=0.01)
