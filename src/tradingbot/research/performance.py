"""What an equity curve is worth: return, risk and their ratios, by the day. Pure.

Crypto trades every day, so a year has 365 returns. A day's return is the equity at its end over the one at the end of
the day before. Ratios take no risk-free rate off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAYS_OF_A_YEAR: Final = 365
LEAST_RETURNS: Final = 2
Floats = NDArray[np.float64]


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
    mean = float(returns.mean()) if enough else 0.0
    spread = float(returns.std(ddof=1)) if enough else 0.0
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean())) if enough else 0.0
    yearly = (1 + total) ** (days_of_a_year / len(returns)) - 1 if enough and total > -1 else None
    root = math.sqrt(days_of_a_year)
    ordered = np.sort(returns)
    return Ratios(
        total_return=total,
        return_per_year=yearly,
        volatility_per_year=spread * root if enough else None,
        sharpe=mean / spread * root if spread > 0 else None,
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
