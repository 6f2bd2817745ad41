"""The hourly funding that a contract of a made or recorded market has charged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tradingbot.simulator.funding import HOUR_MS, absolute_rate, relative_rate
from tradingbot.simulator.venue import SimulatedVenue


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """Charged for the hour that begins at `time_ms`: a fraction of notional, and USD per unit (coin per contract)."""

    time_ms: int
    relative: float
    rate: Decimal


def hourly_funding(venue: SimulatedVenue, symbol: str, since_ms: int) -> Iterator[HourlyRate]:
    """Rates from the first hour after `since_ms` that is known on, oldest first, up to the running hour."""
    one, params = venue.instruments[symbol], venue.params
    hour_ms = venue.now_ms // HOUR_MS * HOUR_MS
    first_ms = max(hour_ms - params.funding_history_days * 24 * HOUR_MS, since_ms // HOUR_MS * HOUR_MS - HOUR_MS)
    charged = venue.past_funding(symbol)
    if charged is not None:
        index = venue.market(symbol).index  # the index of then is not known
        for past in charged:
            yield HourlyRate(past.time_ms, past.relative, absolute_rate(one, past.relative, index))
        return
    rows = venue.bars.minutes(one.asset, first_ms)
    rows = rows[: int(np.searchsorted(rows[:, 0], hour_ms))]
    hours = (rows[:, 0] // HOUR_MS).astype(np.int64)
    starts = np.flatnonzero(np.diff(hours, prepend=-1))
    for begin, end in itertools.pairwise([*starts.tolist(), len(rows)]):
        premiums = rows[begin:end, 6].tolist()
        relative = relative_rate(premiums, params.funding_coefficient, params.max_relative_funding)
        rate = absolute_rate(one, relative, Decimal(repr(float(rows[end - 1, 4]))))
        yield HourlyRate((int(hours[begin]) + 1) * HOUR_MS, relative, rate)
