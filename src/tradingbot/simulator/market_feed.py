"""What drives a simulated market: one bar per asset and minute, from a generator, a recording or a live source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """What one asset does in one minute.

    Prices in USD per base unit (the index); `volume_base` in base units; `buy_fraction` of it is taker buys.
    `premium` is the perpetual's relative premium over the index at the minute's end, `open_interest_base` its open
    interest. `spread_bps` and `depth_usd` (resting within 1 % of mid, per side) shape the book. Liquidations in USD.
    """

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    buy_fraction: float = 0.5
    premium: float = 0.0
    open_interest_base: float = 0.0
    spread_bps: float = 2.0
    depth_usd: float = 1_000_000.0
    long_liquidations_usd: float = 0.0
    short_liquidations_usd: float = 0.0
    regime: str = "normal"


class MarketFeed(Protocol):
    """A market that can be asked for any minute, deterministically: the same minute gives the same bars, always."""

    @property
    def assets(self) -> Sequence[str]:
        """Canonical assets (``BTC``, ...) that this market has."""

    @property
    def start_ms(self) -> int:
        """Open time of the first minute that is played live; everything before it is history."""

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        """Bars of the minute that opens at `open_ms` (a multiple of 60,000); None when the market has ended.

        An asset without data in that minute is absent from the mapping. Cheap for ascending minutes.
        """

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        """Up to `count` bars that open before `until_ms`, oldest first."""

    def rows(self, asset: str, until_ms: int, count: int) -> NDArray[np.float64]:
        """The same bars as rows of (open_ms, open, high, low, close, volume_base, premium); quick for many."""


ROW_FIELDS: Final = (0, 1, 2, 3, 4, 6)
"""Places of open, high, low, close, volume_base and premium among a bar's fields after `open_ms`."""


def rows_of(bars: Sequence[MinuteBar]) -> NDArray[np.float64]:
    """Bars as rows of `MarketFeed.rows`."""
    if not bars:
        return np.empty((0, 1 + len(ROW_FIELDS)))
    return np.array(
        [(one.open_ms, one.open, one.high, one.low, one.close, one.volume_base, one.premium) for one in bars],
        dtype=np.float64,
    )
