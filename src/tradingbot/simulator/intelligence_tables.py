"""Past minutes and hours of every asset as columns, read from a market once, as far as asked and never further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.intelligence_columns import (
    BUYS,
    CLOSE,
    DAY_MS,
    HIGH,
    INTEREST,
    LONGS,
    LOW,
    MINUTE_COLUMNS,
    MINUTE_MS,
    MOOD,
    OPEN,
    PREMIUM,
    SHORTS,
    VOLUME,
    AssetTable,
)
from tradingbot.simulator.intelligence_scale import INTEREST_DAMPING
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.scan import FloatArray
from tradingbot.simulator.synthetic_profiles import PROFILES

LOOKBACK_MS: Final = 62 * DAY_MS
_REACH_MINUTES: Final = 1441
"""How far before a moment its minutes may be asked for; longer windows are made of hours."""
_MOODS: Final = {"panic": 2.5, "trend_down": 0.8, "recovery": -0.4, "trend_up": -0.7, "calm": -0.25}
"""How much a regime makes holders send coins to exchanges."""
_SMALL_LIQUIDATIONS: Final = 0.0008
"""Of the volume, in quiet minutes."""


@runtime_checkable
class TableFeed(Protocol):
    """A market that can give many minutes at once."""

    def table(self, asset: str, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], FloatArray, Sequence[str]]:
        """Open times in [since, until), the bars' fields after `open_ms` as rows, and the regimes."""


class Tables:
    """Tables of all assets of a market, filled as they are asked for; nothing from that moment on is read."""

    def __init__(self, feed: MarketFeed, moving_interest: bool = False) -> None:
        self._feed = feed
        self._moving = moving_interest
        self._usual = {} if moving_interest else {asset: _usual_interest(asset) for asset in feed.assets}
        self._tables: dict[str, AssetTable] = {}
        self._past: dict[str, AssetTable] = {}

    @property
    def assets(self) -> Sequence[str]:
        """Assets of the market."""
        return self._feed.assets

    @property
    def leader(self) -> str:
        """The asset whose moves make the mood of the whole market."""
        return "BTC" if "BTC" in self._feed.assets else self._feed.assets[0]

    def warm(self, now_ms: int) -> None:
        """Read the past of all assets, day by day: markets that are made day by day are then made once."""
        end_ms = now_ms // MINUTE_MS * MINUTE_MS
        day_ms = (now_ms - LOOKBACK_MS) // DAY_MS * DAY_MS
        while day_ms < end_ms:
            day_ms += DAY_MS
            for asset in self._feed.assets:
                self.of(asset, min(day_ms, end_ms))

    def of(self, asset: str, now_ms: int) -> AssetTable:
        """The table of an asset, with the minutes of the day before `now_ms`. Raises KeyError for an unknown asset."""
        table, until = self.lasting(asset, now_ms), now_ms // MINUTE_MS
        if not table.forgot(until - _REACH_MINUTES):
            return table
        table = self._past.get(asset, table)
        if table.forgot(until - _REACH_MINUTES):
            table = self._past[asset] = AssetTable()
        return self._filled(asset, table, until)

    def lasting(self, asset: str, now_ms: int) -> AssetTable:
        """The table of an asset for questions about hours, however long ago. Raises KeyError for an unknown asset."""
        table = self._tables.get(asset)
        if table is None:
            if asset not in self._feed.assets:
                raise KeyError(asset)
            table = self._tables[asset] = AssetTable()
        return self._filled(asset, table, now_ms // MINUTE_MS)

    def day(self, asset: str, day: int) -> FloatArray:
        """All minutes of a UTC day (numbered from the epoch) that is over, straight from the market."""
        times, fields, _ = read(self._feed, asset, day * DAY_MS, (day + 1) * DAY_MS)
        return fields if len(times) else np.empty((0, 12))

    def _filled(self, asset: str, table: AssetTable, until: int) -> AssetTable:
        if table.end_minute < until:
            self._fill(asset, table, until)
        return table

    def _fill(self, asset: str, table: AssetTable, until: int) -> None:
        oldest = (until * MINUTE_MS - LOOKBACK_MS) // DAY_MS * DAY_MS // MINUTE_MS
        at = table.end_minute or max(oldest, table.nothing_before)
        while at < until:
            end = min(until, (at // 1440 + 1) * 1440)
            times, fields, regimes = read(self._feed, asset, at * MINUTE_MS, end * MINUTE_MS)
            if len(times) or table.end_minute:
                first = at if table.end_minute else int(times[0]) // MINUTE_MS
                rows = _rows(times // MINUTE_MS - first, fields, regimes, end - first, table.newest)
                table.newest = rows[:, -1:].copy()
                if self._moving:
                    _swell(table, rows)
                else:
                    _damp(rows, self._usual[asset])
                table.append(first, rows)
            else:
                table.nothing_before = end
            at = end


def _usual_interest(asset: str) -> float:
    """Open interest of a synthetic market in the long run, coins; 0 when there is no profile."""
    profile = PROFILES.get(asset)
    return 1.5 * profile.open_interest_usd / profile.price_usd if profile else 0.0


def _damp(rows: FloatArray, usual_coins: float) -> None:
    """Bring open interest nearer to the usual."""
    usual = usual_coins * rows[CLOSE]
    if usual_coins > 0:
        rows[INTEREST] = usual * (rows[INTEREST] / usual) ** INTEREST_DAMPING


def _swell(table: AssetTable, rows: FloatArray) -> None:
    """Let a constant open interest grow with crowding and shrink with liquidations; half is forgotten in a day.

    A recording knows liquidations in violent minutes alone; some are part of any trading.
    """
    span = np.maximum(rows[HIGH] - rows[LOW], 1e-12)
    fallen = ((rows[OPEN] - rows[LOW]) / span).clip(0.0, 1.0)
    rows[LONGS] += _SMALL_LIQUIDATIONS * rows[VOLUME] * fallen
    rows[SHORTS] += _SMALL_LIQUIDATIONS * rows[VOLUME] * (1.0 - fallen)
    swelling = table.swelling
    keep = float(np.exp(-1.0 / 2_000.0))
    growth = 0.00003 * (np.abs(rows[PREMIUM]) / 0.0003).clip(0.0, 3.0)
    closed = (rows[LONGS] + rows[SHORTS]) / np.maximum(rows[INTEREST], 1.0)
    for place, drive in enumerate((growth - closed).tolist()):
        swelling = keep * swelling + drive
        rows[INTEREST, place] *= np.exp(min(0.8, max(-0.8, swelling)))
    table.swelling = swelling


def read(
    feed: MarketFeed, asset: str, since_ms: int, until_ms: int
) -> tuple[NDArray[np.int64], FloatArray, Sequence[str]]:
    """Minutes that open in [since, until): times, fields after `open_ms`, regimes."""
    if isinstance(feed, TableFeed):
        return feed.table(asset, since_ms, until_ms)
    bars = [bar for bar in feed.history(asset, until_ms, (until_ms - since_ms) // MINUTE_MS) if bar.open_ms >= since_ms]
    times = np.array([bar.open_ms for bar in bars], dtype=np.int64)
    fields = np.array(
        [
            (
                bar.open, bar.high, bar.low, bar.close, bar.volume_base, bar.buy_fraction, bar.premium,
                bar.open_interest_base, bar.spread_bps, bar.depth_usd, bar.long_liquidations_usd,
                bar.short_liquidations_usd,
            )
            for bar in bars
        ]
    ).reshape(len(bars), 12)  # fmt: skip
    return times, fields, [bar.regime for bar in bars]


def _rows(
    places: NDArray[np.int64], fields: FloatArray, regimes: Sequence[str], count: int, before: FloatArray | None
) -> FloatArray:
    """Table rows of `count` minutes; a minute without a bar stands still at what was before."""
    known = np.empty((MINUTE_COLUMNS, len(places)))
    known[:4] = fields[:, :4].T
    close = fields[:, 3]
    known[VOLUME] = fields[:, 4] * close
    known[BUYS] = known[VOLUME] * fields[:, 5]
    known[PREMIUM] = fields[:, 6]
    known[INTEREST] = fields[:, 7] * close
    known[LONGS], known[SHORTS] = fields[:, 10], fields[:, 11]
    known[MOOD] = [_MOODS.get(regime, 0.0) for regime in regimes]
    if len(places) == count:
        return known
    source = np.searchsorted(places, np.arange(count), side="right") - 1
    padded = np.concatenate([known[:, :1] if before is None else before, known], axis=1)
    rows = padded[:, source + 1]
    silent = np.ones(count, dtype=bool)
    silent[places] = False
    rows[[[OPEN], [HIGH], [LOW]], np.flatnonzero(silent)] = rows[CLOSE, silent]
    rows[[[VOLUME], [BUYS], [LONGS], [SHORTS]], np.flatnonzero(silent)] = 0.0
    return rows
