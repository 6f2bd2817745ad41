"""What an equity curve is worth: return, risk and their ratios, by the day. Pure.

Crypto trades every day, so a year has 365 returns. A day's return is the equity at its end over the one at the end of
the day before. Ratios take no risk-free rate off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import numpy as np

from tradingbot.core.types import utc_from_ms
from tradingbot.research.arrays import Floats, Ints
from tradingbot.research.sharpe import sharpe_of

DAYS_OF_A_YEAR: Final = 365
YEAR_ROOT: Final = math.sqrt(DAYS_OF_A_YEAR)
"""What a ratio per day is multiplied with for a year's."""
DAY_S: Final = 86_400
LEAST_RETURNS: Final = 2
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class EquityDays:
    """Equity at the end of each UTC day, of a curve that is shown point by point, oldest first.

    `start_usd` is what the first day's return is measured from: the first point, unless it is given. `by_day` is keyed
    by days since 1970.
    """

    start_usd: float | None = None
    by_day: dict[int, float] = field(default_factory=dict)

    def add(self, at_s: float, usd: float) -> None:
        """The next point: UTC seconds, and what was there then."""
        if self.start_usd is None:
            self.start_usd = usd
        self.by_day[int(at_s // DAY_S)] = usd

    @classmethod
    def of(cls, time_ms: Ints, usd: Floats, start_usd: float) -> EquityDays:
        """The days of a whole curve at once."""
        numbers = time_ms // (DAY_S * 1000)
        lasts = np.flatnonzero(np.diff(numbers, append=np.iinfo(np.int64).max))
        return cls(start_usd, dict(zip(numbers[lasts].tolist(), usd[lasts].tolist(), strict=True)))

    @property
    def dates(self) -> list[date]:
        """The days that have a point."""
        return [date.fromordinal(EPOCH_DAY + number) for number in self.by_day]

    @property
    def values(self) -> list[float]:
        """The start, and the end of each day."""
        return [] if self.start_usd is None else [self.start_usd, *self.by_day.values()]

    @property
    def months(self) -> dict[str, float]:
        """Return of each month."""
        dates = self.dates
        return monthly([dates[0], *dates], self.values) if dates else {}


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall below the highest equity so far. `recovered_at` None: not yet."""

    depth: float
    peak_at: datetime
    trough_at: datetime
    recovered_at: datetime | None


@dataclass(slots=True)
class DrawdownWatch:
    """Finds the deepest fall of a long curve that is shown point by point."""

    worst: Drawdown | None = None
    _peak: float = 0.0
    _peak_at: datetime | None = None
    _open: bool = False

    def add(self, at: datetime, equity: float) -> None:
        """The next point."""
        if self._peak_at is None or equity >= self._peak:
            if self._open and self.worst is not None:
                self.worst = Drawdown(self.worst.depth, self.worst.peak_at, self.worst.trough_at, at)
            self._peak, self._peak_at, self._open = equity, at, False
            return
        depth = equity / self._peak - 1
        if self.worst is None or depth < self.worst.depth:
            self.worst, self._open = Drawdown(depth, self._peak_at, at, None), True


def deepest_fall(time_ms: Ints, equity: Floats) -> Drawdown | None:
    """What a `DrawdownWatch` finds, of a whole curve at once; None when it never fell."""
    peaks = np.maximum.accumulate(equity) if len(equity) else equity
    falls = equity / peaks - 1
    if not len(falls) or falls.min() >= 0:
        return None
    trough = int(falls.argmin())
    again = np.flatnonzero(equity[trough:] >= peaks[trough])
    return Drawdown(
        depth=float(falls[trough]),
        peak_at=utc_from_ms(time_ms[np.flatnonzero(equity[:trough] == peaks[trough])[-1]]),
        trough_at=utc_from_ms(time_ms[trough]),
        recovered_at=utc_from_ms(time_ms[trough + again[0]]) if len(again) else None,
    )


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of daily returns, fractions; per year where the name says so. None: too few days, or nothing to divide by."""

    total_return: float
    return_per_year: float | None
    volatility_per_year: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    value_at_risk_95: float | None
    tail_loss_95: float | None
    tail_loss_99: float | None
    best_day: float | None
    worst_day: float | None
    days_up: int
    days_down: int


def daily_returns(closes: Sequence[float]) -> Floats:
    """Of the equity at the end of each day. Raises ValueError for an equity that is not above 0."""
    values = np.asarray(closes, dtype=np.float64)
    if len(values) and not (np.isfinite(values) & (values > 0)).all():
        raise ValueError("an equity is not above 0")
    return values[1:] / values[:-1] - 1 if len(values) > 1 else np.empty(0)


def ratios(returns: Floats, days_of_a_year: int = DAYS_OF_A_YEAR) -> Ratios:
    """All of them.

    Sharpe (1994): mean over standard deviation. Sortino and van der Meer (1991): mean over the root mean square of the
    negative returns, all days counted. Calmar (Young 1991): return per year over the deepest fall of daily values. Tail
    loss: mean of the worst 5 % and 1 % of days (at least one day), also called expected shortfall.
    """
    growth = np.cumprod(1 + returns)
    total = float(growth[-1] - 1) if len(returns) else 0.0
    deepest = float((growth / np.maximum.accumulate(np.concatenate(([1.0], growth)))[1:] - 1).min(initial=0.0))
    enough = len(returns) >= LEAST_RETURNS
    mean, each = float(returns.mean()) if enough else 0.0, sharpe_of(returns)
    spread = float(returns.std(ddof=1)) if enough else 0.0
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean())) if enough else 0.0
    yearly = (1 + total) ** (days_of_a_year / len(returns)) - 1 if enough and total > -1 else None
    root = math.sqrt(days_of_a_year)
    ordered = np.sort(returns)
    return Ratios(
        total_return=total,
        return_per_year=yearly,
        volatility_per_year=spread * root if enough else None,
        sharpe=None if each is None else each * root,
        sortino=mean / downside * root if downside > 0 else None,
        calmar=yearly / -deepest if yearly is not None and deepest < 0 else None,
        max_drawdown=deepest,
        value_at_risk_95=float(np.percentile(returns, 5)) if enough else None,
        tail_loss_95=_tail(ordered, 0.05) if enough else None,
        tail_loss_99=_tail(ordered, 0.01) if enough else None,
        best_day=float(ordered[-1]) if len(ordered) else None,
        worst_day=float(ordered[0]) if len(ordered) else None,
        days_up=int((returns > 0).sum()),
        days_down=int((returns < 0).sum()),
    )


def _tail(ordered: Floats, share: float) -> float:
    return float(ordered[: int((len(ordered) - 1) * share) + 1].mean())


def monthly(days: Sequence[date], closes: Sequence[float]) -> dict[str, float]:
    """Return of each month, ``2026-01``; the first one from the first day that is known."""
    found: dict[str, float] = {}
    before = closes[0] if closes else 0.0
    for number, (day, close) in enumerate(zip(days, closes, strict=True)):
        last = number + 1 == len(days) or (days[number + 1].year, days[number + 1].month) != (day.year, day.month)
        if last:
            found[f"{day:%Y-%m}"] = close / before - 1
            before = close
    return found
