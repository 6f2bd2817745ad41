"""The limiter never exceeds a limit, and exits never starve."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tradingbot.clock import SteppedClock
from tradingbot.net.rate_limiter import Lane, LimiterParams, LocalRateLimitError, RateLimiter

START = datetime(2026, 1, 1, tzinfo=UTC)
Sent = list[tuple[float, float, Lane]]


def clock() -> SteppedClock:
    return SteppedClock(START, settle_rounds=4)


async def play(plan: Sequence[tuple[float, float, Lane]], params: LimiterParams) -> Sent:
    """Every request (arrival time, cost, lane) goes through one limiter; returns (sent time, cost, lane)."""
    time = clock()
    limiter = RateLimiter(time, params)
    sent: Sent = []

    async def one(at_s: float, cost: float, lane: Lane) -> None:
        await time.sleep(at_s)
        await limiter.acquire("derivatives", cost, lane)
        sent.append((time.monotonic_s(), cost, lane))

    async with asyncio.TaskGroup() as group:
        for at_s, cost, lane in plan:
            group.create_task(one(at_s, cost, lane))
    return sent


def most_in_any_window(sent: Sent, period_s: float, by_cost: bool) -> float:
    """The greatest use of any half-open window of this length."""
    return max(
        sum((cost if by_cost else 1) for at, cost, _ in sent if start <= at < start + period_s) for start, _, _ in sent
    )


_requests = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from([0, 1, 2, 10, 25, 100]), st.sampled_from(list(Lane))),
    min_size=1,
    max_size=60,
)


@settings(max_examples=25, deadline=None)
@given(_requests)
def test_no_window_ever_carries_more_than_the_limit(plan: list[tuple[float, float, Lane]]) -> None:
    """Cost, requests a second and requests a minute, wherever the window starts; and everything is sent at last."""
    params = LimiterParams.model_validate({"rates": [{"limit": 10, "period_s": 1}, {"limit": 40, "period_s": 60}]})
    sent = asyncio.run(play(plan, params))
    assert len(sent) == len(plan)
    assert most_in_any_window(sent, 10 - 1e-6, by_cost=True) <= 500 + 1e-6
    assert most_in_any_window(sent, 1 - 1e-6, by_cost=False) <= 10
    assert most_in_any_window(sent, 60 - 1e-6, by_cost=False) <= 40


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 20), st.integers(1, 4))
def test_an_exit_passes_a_flood_of_data_at_once(at_s: float, exits: int) -> None:
    """The reserve of exits is there whenever they come, however much data waits."""
    flood = [(0.0, 10.0, Lane.DATA)] * 120
    leaving = [(at_s, 10.0, Lane.EXITS)] * exits
    sent = asyncio.run(play(flood + leaving, LimiterParams()))
    assert [at for at, _, lane in sent if lane is Lane.EXITS] == pytest.approx([at_s] * exits, abs=1e-6)


async def test_a_lower_lane_cannot_eat_the_reserve_of_a_higher_one() -> None:
    """Each lane gets its share of an empty pool and no more."""
    free = LimiterParams.model_validate({"rates": [{"limit": 10_000, "period_s": 1}]})
    for lane, share in zip(Lane, free.lane_shares, strict=True):
        limiter = RateLimiter(clock(), free)
        for _ in range(round(50 * share)):
            await limiter.acquire("derivatives", 10, lane, max_wait_s=0.5)
        with pytest.raises(LocalRateLimitError):
            await limiter.acquire("derivatives", 10, lane, max_wait_s=0.5)


async def test_waiters_are_served_by_lane_then_by_arrival() -> None:
    """After a pause that the venue asked for, exits go first."""
    time = clock()
    limiter = RateLimiter(time, LimiterParams())
    limiter.back_off("derivatives", 5)
    order: list[str] = []

    async def one(name: str, lane: Lane) -> None:
        await limiter.acquire("derivatives", 10, lane)
        order.append(f"{name}@{time.monotonic_s():.1f}")

    async with asyncio.TaskGroup() as group:
        for name, lane in (("data", Lane.DATA), ("order", Lane.ORDERS), ("exit1", Lane.EXITS), ("exit2", Lane.EXITS)):
            group.create_task(one(name, lane))
    assert [entry.partition("@")[0] for entry in order] == ["exit1", "exit2", "order", "data"]
    assert float(order[0].partition("@")[2]) >= 5


async def test_a_cancelled_waiter_makes_room_for_the_next() -> None:
    """Nobody waits for somebody who has left."""
    time = clock()
    limiter = RateLimiter(time, LimiterParams())
    limiter.back_off("derivatives", 1)
    done: list[str] = []

    async def second() -> None:
        await limiter.acquire("derivatives", 1, Lane.DATA)
        done.append("second")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(limiter.acquire("derivatives", 1, Lane.EXITS))
        group.create_task(second())
        await time.sleep(0.5)
        first.cancel()
    assert done == ["second"]


async def test_pools_do_not_block_one_another() -> None:
    """An exhausted history pool leaves trading alone."""
    limiter = RateLimiter(clock(), LimiterParams())
    limiter.back_off("history", 600)
    await limiter.acquire("derivatives", 10, Lane.ORDERS, max_wait_s=0.1)
    with pytest.raises(LocalRateLimitError, match="pool history"):
        await limiter.acquire("history", 1, Lane.RECONCILIATION, max_wait_s=0.1)
    assert limiter.usage() == {"derivatives": 0.02, "history": 0.0}


async def test_a_cost_above_the_lanes_share_can_never_be_sent() -> None:
    """A programming error, said at once."""
    limiter = RateLimiter(clock(), LimiterParams())
    limiter.back_off("derivatives", 1)
    with pytest.raises(ValueError, match="above the data share"):
        await limiter.acquire("derivatives", 301, Lane.DATA)


def test_shares_must_fall() -> None:
    """A lower lane with a greater share would be a contradiction."""
    with pytest.raises(ValidationError, match="lane_shares must fall"):
        LimiterParams(lane_shares=(1.0, 0.5, 0.6, 0.4, 0.3))
