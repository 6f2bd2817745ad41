"""Option skew: how much dearer, in implied volatility, puts are than calls of the same distance from the money.

Of one expiry, with Black-76 (Black, "The pricing of commodity contracts", 1976) at a rate of zero, F the forward, K the
strike, s the implied volatility as a fraction and T the years to expiry:

    d1 = (ln(F / K) + s^2 T / 2) / (s sqrt(T)),  delta of a call = N(d1),  delta of a put = N(d1) - 1

The volatility of a delta is interpolated linearly in delta between the two nearest strikes of that side. The skew is
(put of -0.25 - call of 0.25) / (call of 0.5), the 25-delta risk reversal as a share of the volatility at the money
(Xing, Zhang, Zhao, "What does the individual option volatility smirk tell us about future equity returns?", 2010, take
the same difference by moneyness). A dearer put is what those pay who fear a fall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import Final

WING_DELTA: Final = 0.25
ATM_DELTA: Final = 0.5
FEWEST_STRIKES: Final = 4
"""Fewer of a side are no smile."""
MOST_GAP: Final = 0.25
"""Between two strikes that lie further apart in delta nothing is interpolated."""
YEAR: Final = timedelta(days=365)
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """One option of an expiry: strike and forward in the same currency, implied volatility in annualised percent."""

    is_call: bool
    strike: float
    forward: float
    iv_pct: float


@dataclass(frozen=True, slots=True)
class Smile:
    """Implied volatilities in annualised percent at 25 delta on both sides and at the money."""

    put_25d_iv_pct: float
    call_25d_iv_pct: float
    atm_iv_pct: float


@dataclass(frozen=True, slots=True)
class Tenor:
    """The time to expiry that is wanted, and what is allowed; days."""

    days: float = 30.0
    min_days: float = 7.0
    max_days: float = 90.0


def black76_delta(quote: OptionQuote, years: float) -> float:
    """Undiscounted delta: 0..1 of a call, -1..0 of a put. All numbers of the quote and `years` must be positive."""
    spread = quote.iv_pct / 100.0 * math.sqrt(years)
    d1 = math.log(quote.forward / quote.strike) / spread + spread / 2.0
    return _NORMAL.cdf(d1) if quote.is_call else -_NORMAL.cdf(-d1)


def by_nearness(expiries: Iterable[datetime], now: datetime, tenor: Tenor) -> list[datetime]:
    """The allowed expiries, the nearest to the tenor first; of two as near the earlier."""
    days = {expiry: (expiry - now) / timedelta(days=1) for expiry in expiries}
    allowed = [expiry for expiry, left in days.items() if tenor.min_days <= left <= tenor.max_days]
    return sorted(allowed, key=lambda expiry: (abs(days[expiry] - tenor.days), expiry))


def read_smile(quotes: Sequence[OptionQuote], years: float) -> Smile | None:
    """The smile of one expiry; None when its strikes are too few or too far apart to read it."""
    calls = _by_delta([quote for quote in quotes if quote.is_call], years)
    puts = _by_delta([quote for quote in quotes if not quote.is_call], years)
    put, call, middle = _at(puts, -WING_DELTA), _at(calls, WING_DELTA), _at(calls, ATM_DELTA)
    if put is None or call is None or middle is None:
        return None
    return Smile(put, call, middle)


def _by_delta(quotes: Sequence[OptionQuote], years: float) -> list[tuple[float, float]]:
    """Delta and volatility of a side, by delta; nothing of a side that has too few strikes."""
    if years <= 0 or len({quote.strike for quote in quotes}) < FEWEST_STRIKES:
        return []
    return sorted((black76_delta(quote, years), quote.iv_pct) for quote in quotes)


def _at(points: Sequence[tuple[float, float]], delta: float) -> float | None:
    """The volatility at a delta, on the line between its neighbours; None outside of them."""
    for (below, low), (above, high) in pairwise(points):
        if below <= delta <= above and above - below <= MOST_GAP:
            share = (delta - below) / (above - below) if above > below else 0.5
            return low + share * (high - low)
    return None
