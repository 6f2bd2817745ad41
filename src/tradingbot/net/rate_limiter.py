"""One limiter per key: cost-weighted tokens, request rates, and lanes so that leaving a position never waits for data.

A token comes back one whole period after it was taken, so no window of that length ever carries more than the limit,
wherever it starts. A lane may use only its share of a limit; what is above a lane's share is reserved for the lanes
before it. Waiters are served by lane, then in order of arrival.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Final

from pydantic import Field, model_validator

from tradingbot.core.errors import VenueRateLimitedError
from tradingbot.core.params import Params
from tradingbot.ports import Clock


class Lane(IntEnum):
    """Who goes first; a smaller number is served before a larger one."""

    EXITS = 0
    CANCELS = 1
    ORDERS = 2
    RECONCILIATION = 3
    DATA = 4


class LocalRateLimitError(VenueRateLimitedError):
    """Our own limiter has no room within the allowed wait: nothing was sent."""


class WindowParams(Params):
    """At most `limit` units in any `period_s` seconds."""

    limit: float = Field(gt=0, description="units per period")
    period_s: float = Field(gt=0, description="length of the period, seconds")


class LimiterParams(Params):
    """Limits of one key."""

    pools: dict[str, WindowParams] = Field(
        default={
            "derivatives": WindowParams(limit=500, period_s=10),
            "history": WindowParams(limit=100, period_s=600),
        },
        description="cost pools by name",
    )
    rates: tuple[WindowParams, ...] = Field(
        default=(WindowParams(limit=10, period_s=1), WindowParams(limit=1000, period_s=60)),
        description="limits on the number of requests, over all pools",
    )
    lane_shares: tuple[float, float, float, float, float] = Field(
        default=(1.0, 0.9, 0.8, 0.7, 0.6),
        description="share of every limit that exits, cancels, orders, reconciliation and data may use",
    )
    lane_stagger_s: float = Field(default=0.1, ge=0, description="after a back-off each lane restarts this much later")

    @model_validator(mode="after")
    def _shares_fall(self) -> LimiterParams:
        shares = self.lane_shares
        if shares[0] > 1 or shares[-1] <= 0 or any(a < b for a, b in pairwise(shares)):
            raise ValueError(f"lane_shares must fall from at most 1 and stay above 0, got {shares}")
        return self


_EPSILON: Final = 1e-9
SHORTEST_SLEEP_S: Final = 0.001
"""A rounding remainder is slept over, not spun on."""


class _Window:
    """Units taken during the last period. Two columns of floats: the garbage collector need not walk them."""

    __slots__ = ("_costs", "_times_s", "limit", "period_s", "used")

    def __init__(self, params: WindowParams) -> None:
        self.limit = params.limit
        self.period_s = params.period_s
        self.used = 0.0
        self._times_s: deque[float] = deque()
        self._costs: deque[float] = deque()

    def wait_s(self, now_s: float, cost: float, share: float) -> float:
        """Seconds until `cost` fits into `share` of the limit; 0 when it does now."""
        times_s = self._times_s
        while times_s and times_s[0] + self.period_s <= now_s:
            times_s.popleft()
            self.used -= self._costs.popleft()
        if not times_s:
            self.used = 0.0
        excess = self.used + cost - self.limit * share
        if excess <= _EPSILON:
            return 0.0
        for at_s, units in zip(times_s, self._costs, strict=True):
            excess -= units
            if excess <= _EPSILON:
                return max(at_s + self.period_s - now_s, _EPSILON)
        return self.period_s

    def take(self, now_s: float, cost: float) -> None:
        self._times_s.append(now_s)
        self._costs.append(cost)
        self.used += cost


@dataclass(order=True, slots=True)
class _Waiter:
    lane: Lane
    number: int
    turn: asyncio.Future[None] | None = field(default=None, compare=False)


class _Pool:
    __slots__ = ("closed_until_s", "waiters", "window")

    def __init__(self, params: WindowParams) -> None:
        self.window = _Window(params)
        self.waiters: list[_Waiter] = []
        self.closed_until_s = 0.0


class RateLimiter:
    """Admits requests one by one; never more than any of the limits allows."""

    def __init__(self, clock: Clock, params: LimiterParams) -> None:
        self._clock = clock
        self._params = params
        self._shares = params.lane_shares
        self._pools = {name: _Pool(window) for name, window in params.pools.items()}
        self._rates = [_Window(rate) for rate in params.rates]
        self._numbers = 0

    async def acquire(self, pool_name: str, cost: float, lane: Lane, max_wait_s: float | None = None) -> None:
        """Return once a request of this cost may be sent.

        Raises LocalRateLimitError when that takes longer than `max_wait_s`, and ValueError for a cost that could never
        fit into the lane's share.
        """
        pool = self._pools[pool_name]
        if not pool.waiters:
            now_s = self._clock.monotonic_s()
            if self._wait_s(pool, cost, lane, now_s) <= 0:
                self._take(pool, cost, now_s)
                return
        if cost > pool.window.limit * self._shares[lane] + _EPSILON:
            raise ValueError(f"cost {cost:g} is above the {lane.name.lower()} share of pool {pool_name}")
        if max_wait_s is None:
            await self._queue(pool, cost, lane)
            return
        try:
            async with self._clock.timeout(max_wait_s):
                await self._queue(pool, cost, lane)
        except TimeoutError as error:
            raise LocalRateLimitError(
                f"no room for cost {cost:g} in pool {pool_name} within {max_wait_s:g} s; not sent", max_wait_s
            ) from error

    def back_off(self, pool_name: str, delay_s: float) -> None:
        """The venue asked for a pause: nothing of this pool goes out before it ends, then exits first."""
        pool = self._pools[pool_name]
        pool.closed_until_s = max(pool.closed_until_s, self._clock.monotonic_s() + delay_s)

    def usage(self) -> Mapping[str, float]:
        """Used fraction of each pool, for the health page."""
        now_s = self._clock.monotonic_s()
        for pool in self._pools.values():
            pool.window.wait_s(now_s, 0, 1.0)
        return {name: pool.window.used / pool.window.limit for name, pool in self._pools.items()}

    def _wait_s(self, pool: _Pool, cost: float, lane: Lane, now_s: float) -> float:
        share = self._shares[lane]
        wait_s = pool.window.wait_s(now_s, cost, share)
        for rate in self._rates:
            wait_s = max(wait_s, rate.wait_s(now_s, 1, share))
        if pool.closed_until_s:
            wait_s = max(wait_s, pool.closed_until_s + lane * self._params.lane_stagger_s - now_s)
        return wait_s

    def _take(self, pool: _Pool, cost: float, now_s: float) -> None:
        if cost:
            pool.window.take(now_s, cost)
        for rate in self._rates:
            rate.take(now_s, 1)

    async def _queue(self, pool: _Pool, cost: float, lane: Lane) -> None:
        self._numbers += 1
        waiter = _Waiter(lane, self._numbers)
        insort(pool.waiters, waiter)
        try:
            while True:
                if pool.waiters[0] is not waiter:
                    waiter.turn = asyncio.get_running_loop().create_future()
                    await waiter.turn
                    continue
                now_s = self._clock.monotonic_s()
                wait_s = self._wait_s(pool, cost, lane, now_s)
                if wait_s <= 0:
                    self._take(pool, cost, now_s)
                    return
                await self._clock.sleep(max(wait_s, SHORTEST_SLEEP_S))
        finally:
            pool.waiters.remove(waiter)
            self._call_next(pool)

    @staticmethod
    def _call_next(pool: _Pool) -> None:
        if pool.waiters:
            turn = pool.waiters[0].turn
            if turn is not None and not turn.done():
                turn.set_result(None)
