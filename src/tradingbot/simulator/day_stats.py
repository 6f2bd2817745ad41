"""What a contract has done in the last 24 hours, as its ticker shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.venue import SimulatedVenue

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DayStats:
    """The last 24 hours; `volume` in contracts, `quote` in USD for linear and coin for inverse contracts."""

    open: float
    high: float
    low: float
    volume: float
    quote: float


class DayFigures:
    """Figures of every contract, taken at the last full minute and once per minute."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self._venue = venue
        self._known: dict[str, tuple[int, DayStats]] = {}

    def of(self, symbol: str) -> DayStats:
        """The contract's last day."""
        minute = self._venue.now_ms // MINUTE_MS
        known = self._known.get(symbol)
        if known is None or known[0] != minute:
            known = self._known[symbol] = (minute, _day_stats(self._venue, symbol))
        return _with_shown_volume(self._venue.market(symbol), known[1])


def _with_shown_volume(market: ContractMarket, stats: DayStats) -> DayStats:
    """A real market says itself what has traded."""
    volume, turnover_usd = market.volume_24h, market.turnover_24h_usd
    if volume is None:
        return stats
    usd = float(volume * market.mark) if turnover_usd is None else turnover_usd
    quote = float(volume) / float(market.index) if market.instrument.inverse else usd
    return replace(stats, volume=float(volume), quote=round(quote, 4))


def _day_stats(venue: SimulatedVenue, symbol: str) -> DayStats:
    one = venue.instruments[symbol]
    rows = venue.bars.minutes(one.asset, venue.now_ms - _DAY_MS)
    rows = rows[: int(np.searchsorted(rows[:, 0], venue.now_ms - MINUTE_MS, side="right"))]
    if not len(rows):
        price = float(venue.market(symbol).mark)
        return DayStats(price, price, price, 0.0, 0.0)
    base = float(np.sum(rows[:, 5]))
    worth = float(np.sum(rows[:, 5] * rows[:, 4]))
    volume, quote = (worth, base) if one.inverse else (base, worth)
    return DayStats(
        float(rows[0, 1]), float(rows[:, 2].max()), float(rows[:, 3].min()), round(volume, 4), round(quote, 4)
    )


def open_interest(market: ContractMarket) -> float:
    """Open interest in contracts."""
    base = market.bar.open_interest_base
    return round(base * float(market.index) if market.instrument.inverse else base, 4)
