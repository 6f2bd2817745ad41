"""What came of every signal, traded or not: the move of its price after 1, 5, 15, 30 and 60 minutes (SPEC 10.1). Pure.

A return is that of the mark price, from the cycle of the signal to the cycle at the horizon, in bps, signed by the
price and not by the side: ``(price then / price at the signal - 1) * 10,000``. Prices are those that cycles saw. The
cycle at the horizon is the one nearest to it, within a tolerance; where there is none, or it had no fresh price, the
return is None and a word says why. Nothing is guessed and nothing is read later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import Field

from tradingbot.core.params import Params

HORIZONS_MIN: Final = (1, 5, 15, 30, 60)
"""Minutes after a signal at which its outcome is known (SPEC 10.1)."""
LONGEST: Final = timedelta(minutes=HORIZONS_MIN[-1])
BPS: Final = 10_000
MOST_AT_ONCE: Final = 300
"""Signals that one step resolves: after a pause all of them are due in the same moment."""
JITTER: Final = timedelta(seconds=5)
"""A cycle may come so much earlier than a whole minute after another one and still be the one at the horizon."""

NO_PRICE: Final = "no_price"
"""The signal's own cycle knew no mark price, or only a stale one."""
NO_CYCLE: Final = "no_cycle"
"""No cycle near the horizon: the daemon was down, or its cycle failed."""
NO_PRICE_THEN: Final = "no_price_then"
STALE_THEN: Final = "stale_price_then"


class OutcomeParams(Params):
    """How forward returns of signals are measured (SPEC 10.1)."""

    tolerance_s: float = Field(
        default=30.0, ge=1, le=300, description="A cycle so far from a horizon, at most, gives its price, seconds."
    )


@dataclass(frozen=True, slots=True)
class PendingSignal:
    """A signal whose longest horizon is not over. `price` is None where its cycle had no fresh one.

    `facts` stand in the resolved line as they are.
    """

    signal_id: str
    as_of: datetime
    symbol: str
    price: float | None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CyclePrices:
    """Mark prices that one cycle saw, by symbol; those in `stale` were too old to count."""

    as_of: datetime
    prices: Mapping[str, float]
    stale: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Signals that wait, oldest first, and the prices of the cycles since the oldest of them."""

    pending: tuple[PendingSignal, ...] = ()
    seen: tuple[CyclePrices, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A signal with its forward returns in bps by horizon in minutes; `unknown` says why one is None."""

    signal: PendingSignal
    returns_bps: Mapping[int, float | None]
    unknown: Mapping[int, str]


def step(
    known: Outcomes, cycle: CyclePrices, signals: Sequence[PendingSignal], params: OutcomeParams
) -> tuple[Outcomes, tuple[Resolved, ...]]:
    """Take in one cycle's prices and signals; give back what its moment makes due, at most `MOST_AT_ONCE`."""
    seen = known.seen
    if not seen or cycle.as_of > seen[-1].as_of:  # a clock that was set back tells no new prices
        seen = (*seen, cycle)
    waiting = (*known.pending, *signals)
    due = 0
    while due < min(len(waiting), MOST_AT_ONCE) and waiting[due].as_of + LONGEST - JITTER <= cycle.as_of:
        due += 1
    times = [one.as_of for one in seen]
    resolved = tuple(_resolved(one, times, seen, params) for one in waiting[:due])
    pending = waiting[due:]
    return Outcomes(pending, _needed(seen, pending)), resolved


def _needed(seen: tuple[CyclePrices, ...], pending: tuple[PendingSignal, ...]) -> tuple[CyclePrices, ...]:
    """Prices that some horizon may still ask for, and the newest ones."""
    if not pending:
        return seen[-1:]
    first = 0
    while first < len(seen) - 1 and seen[first].as_of < pending[0].as_of:
        first += 1
    return seen[first:]


def _resolved(
    signal: PendingSignal, times: Sequence[datetime], seen: Sequence[CyclePrices], params: OutcomeParams
) -> Resolved:
    returns: dict[int, float | None] = {}
    unknown: dict[int, str] = {}
    for minutes in HORIZONS_MIN:
        found = _price_at(signal, signal.as_of + timedelta(minutes=minutes), times, seen, params)
        if isinstance(found, str):
            returns[minutes], unknown[minutes] = None, found
        else:
            returns[minutes] = round((found - 1) * BPS, 3)
    return Resolved(signal, returns, unknown)


def _price_at(
    signal: PendingSignal,
    moment: datetime,
    times: Sequence[datetime],
    seen: Sequence[CyclePrices],
    params: OutcomeParams,
) -> float | str:
    """The price then over the signal's own, or why there is none."""
    if signal.price is None:
        return NO_PRICE
    place = bisect_left(times, moment)
    near = [one for one in seen[max(0, place - 1) : place + 1] if one.as_of > signal.as_of]
    cycle = min(near, key=lambda one: abs(one.as_of - moment), default=None)
    if cycle is None or abs((cycle.as_of - moment).total_seconds()) > params.tolerance_s:
        return NO_CYCLE
    if signal.symbol in cycle.stale:
        return STALE_THEN
    price = cycle.prices.get(signal.symbol)
    return NO_PRICE_THEN if price is None else price / signal.price
