"""What the audit of limits carries from cycle to cycle: positions, rows of losses, winners among the newest trades."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class Held:
    """One position as its fills make it. `opened` is the time of the first of them."""

    sign: int
    size: float
    price: float
    opened: datetime
    stop_fraction: float
    conviction: str
    inverse: bool
    multiplier: float

    def notional_usd(self, mark: float) -> float:
        """USD worth at a mark."""
        return self.size * self.multiplier * (1 if self.inverse else mark)

    def return_pct(self, mark: float) -> float:
        """Unrealised return in per cent."""
        return (mark / self.price - 1) * self.sign * 100


@dataclass(slots=True)
class LossRow:
    """Losing trades in a row, as SPEC 6.3 has it: tripped for a pause, then counted anew."""

    results: list[tuple[datetime, float]] = field(default_factory=list)
    since: datetime | None = None
    tripped_until: datetime | None = None

    def watch(self, now: datetime, limit: int, pause: timedelta) -> None:
        """Lift what is due, trip what has reached the limit."""
        if self.tripped_until is not None and now >= self.tripped_until:
            self.lift(now)
        row = 0
        for ended, net_usd in sorted(self.results, reverse=True):
            if net_usd >= 0 or (self.since is not None and ended <= self.since):
                break
            row += 1
        if row >= limit and self.tripped_until is None:
            self.tripped_until = now + pause

    def lift(self, now: datetime) -> None:
        """What ended until now never counts again."""
        newest = max((ended for ended, _ in self.results), default=now)
        self.tripped_until, self.since = None, max(now, newest)


@dataclass(slots=True)
class WinWindow:
    """Winners among the newest trades; only a person lifts it."""

    results: list[tuple[datetime, float]] = field(default_factory=list)
    since: datetime | None = None
    tripped: bool = False

    def watch(self, window: int, least_pct: float) -> None:
        """Trip below the least share, once there are as many trades as the window holds."""
        counted = [net for ended, net in sorted(self.results) if self.since is None or ended > self.since][-window:]
        if len(counted) == window and sum(net > 0 for net in counted) * 100 < least_pct * window:
            self.tripped = True

    def lift(self, now: datetime) -> None:
        """The window begins anew."""
        newest = max((ended for ended, _ in self.results), default=now)
        self.tripped, self.since = False, max(now, newest)
