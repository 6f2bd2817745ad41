"""Figures made from histories and snapshots: change of open interest, funding z-score, sums of liquidations. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tradingbot.intel.histories import BAR, Bar, complete
from tradingbot.market.intelligence import FundingRates, FundingStats, Liquidations, LongShort, OpenInterest, Stamp

HISTORY: Final = "coinglass"
FEWEST_PERIODS: Final = 10
"""A mean of fewer funding periods says nothing."""
WINDOWS_S: Final = {"1h": 3600, "4h": 14_400, "24h": 86_400}


@dataclass(frozen=True, slots=True)
class Derived:
    """Derived figures of one asset; a window or figure that nothing tells is absent or None."""

    oi_delta_pct: dict[str, float] = field(default_factory=dict)
    funding_z: float | None = None
    liquidation_long_usd: dict[str, float] = field(default_factory=dict)
    liquidation_short_usd: dict[str, float] = field(default_factory=dict)


def funding_stats(bars: Sequence[Bar], now: datetime, received_at: datetime, origin: str = "") -> FundingStats | None:
    """Mean and standard deviation over the ended bars; None when they are too few."""
    ended = complete(bars, now)
    if len(ended) < FEWEST_PERIODS:
        return None
    values = [bar.values[0] for bar in ended]
    stamp = Stamp(ended[-1].end, received_at, HISTORY, origin)
    return FundingStats(stamp, statistics.fmean(values), statistics.pstdev(values), len(values))


def newest_long_short(bars: Sequence[Bar], received_at: datetime, origin: str = "") -> LongShort | None:
    """The newest bar's share; an unfinished bar was true when it arrived."""
    if not bars:
        return None
    newest = bars[-1]
    return LongShort(Stamp(min(newest.end, received_at), received_at, HISTORY, origin), newest.values[0])


def funding_z(rates: FundingRates | None, stats: FundingStats | None) -> float | None:
    """How many standard deviations funding is above its mean; None without both, or when it never moved."""
    if rates is None or stats is None or stats.std_8h <= 0:
        return None
    return (rates.median_8h - stats.mean_8h) / stats.std_8h


def change_pct(bars: Sequence[Bar], window_s: int, now: datetime) -> float | None:
    """Change of the first value over a window that ends with the newest ended bar; None when bars do not reach."""
    ended = complete(bars, now)
    span = timedelta(seconds=window_s)
    if not ended or span < BAR or ended[-1].end + BAR < now:
        return None
    before = next((bar for bar in ended if bar.start == ended[-1].start - span), None)
    if before is None or before.values[0] <= 0:
        return None
    return (ended[-1].values[0] / before.values[0] - 1.0) * 100.0


def bar_sums(bars: Sequence[Bar], window_s: int, now: datetime) -> tuple[float, ...] | None:
    """Sums of each value over the ended bars that fill a window up to the newest; None unless all are there."""
    ended = complete(bars, now)
    count = window_s // round(BAR.total_seconds())
    chosen = ended[-count:] if count else ()
    if not chosen or len(chosen) < count or chosen[-1].end + BAR < now:
        return None
    if chosen[-1].start - chosen[0].start != BAR * (count - 1):
        return None
    return tuple(sum(column) for column in zip(*(bar.values for bar in chosen), strict=True))


def derive(
    now: datetime,
    open_interest: OpenInterest | None,
    rates: FundingRates | None,
    stats: FundingStats | None,
    liquidations: Liquidations,
    open_interest_bars: Sequence[Bar],
    liquidation_bars: Sequence[Bar],
) -> Derived:
    """All derived figures of an asset. A snapshot younger than the window goes before the history."""
    deltas = {name: _delta(open_interest, open_interest_bars, name, now) for name in WINDOWS_S}
    told = {"1h": liquidations.hour, "4h": liquidations.four_hours, "24h": liquidations.day}
    longs: dict[str, float] = {}
    shorts: dict[str, float] = {}
    for name, window in told.items():
        if window is not None and window.stamp.age_s(now) < WINDOWS_S[name]:
            sums: tuple[float, ...] | None = (window.long_usd, window.short_usd)
        else:
            sums = bar_sums(liquidation_bars, WINDOWS_S[name], now)
        if sums is not None:
            longs[name], shorts[name] = sums
    return Derived(
        {name: delta for name, delta in deltas.items() if delta is not None}, funding_z(rates, stats), longs, shorts
    )


def _delta(snapshot: OpenInterest | None, bars: Sequence[Bar], name: str, now: datetime) -> float | None:
    if snapshot is not None and name in snapshot.change_pct and snapshot.stamp.age_s(now) < WINDOWS_S[name]:
        return snapshot.change_pct[name]
    return change_pct(bars, WINDOWS_S[name], now)
