"""Past minutes and hours of every asset as columns, read from a market once, as far as asked and never further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.intelligence_scale import INTEREST_DAMPING
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.scan import FloatArray
from tradingbot.simulator.synthetic_profiles import PROFILES

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
LOOKBACK_MS: Final = 62 * DAY_MS
_KEEP_MINUTES: Final = 16 * 1440
_SPARE_MINUTES: Final = 4 * 1440
_REACH_MINUTES: Final = 1441
"""How far before a moment its minutes may be asked for; longer windows are made of hours."""
_MOODS: Final = {"panic": 2.5, "trend_down": 0.8, "recovery": -0.4, "trend_up": -0.7, "calm": -0.25}
"""How much a regime makes holders send coins to exchanges."""

OPEN, HIGH, LOW, CLOSE, VOLUME, BUYS, PREMIUM, INTEREST, LONGS, SHORTS, MOOD, I_OPEN, I_HIGH, I_LOW = range(14)
"""Columns. Volume, buys, liquidations and open interest in USD; premium and mood are means over a bar."""
_SMALL_LIQUIDATIONS: Final = 0.0008
"""Of the volume, in quiet minutes."""
_MINUTE_COLUMNS: Final = I_OPEN
_COLUMNS: Final = I_LOW + 1
_SUMS: Final = (VOLUME, BUYS, LONGS, SHORTS)
_MEANS: Final = (PREMIUM, MOOD)
_LASTS: Final = (CLOSE, INTEREST)


@runtime_checkable
class TableFeed(Protocol):
    """A market that can give many minutes at once."""

    def table(self, asset: str, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], FloatArray, Sequence[str]]:
        """Open times in [since, until), the bars' fields after `open_ms` as rows, and the regimes."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one length, oldest first: open times in ms and one row of `columns` per column number."""

    time_ms: NDArray[np.int64]
    columns: FloatArray

    def __len__(self) -> int:
        return len(self.time_ms)

    def __getitem__(self, column: int) -> FloatArray:
        values: FloatArray = self.columns[column]
        return values

    def last(self, count: int) -> Bars:
        """The newest `count` of them."""
        return Bars(self.time_ms[-count:], self.columns[:, -count:])


class AssetTable:
    """One asset: minutes of the last weeks and every hour since the first. Times before the first have no rows."""

    def __init__(self) -> None:
        self.first_ms = 0
        self._minutes = np.empty((_MINUTE_COLUMNS, _SPARE_MINUTES))
        self._first_minute = 0
        self._count = 0
        self._hours = np.empty((_COLUMNS, 512))
        self._hour_count = 0
        self.newest: FloatArray | None = None
        """The last minute as the market gave it."""
        self.swelling = 0.0
        """How much open interest has grown by itself."""

    @property
    def end_minute(self) -> int:
        """Number of the first minute that is not known; 0 when none is."""
        return self._first_minute + self._count

    def forgot(self, minute: int) -> bool:
        """Whether this minute has been let go."""
        return self.first_ms // MINUTE_MS <= minute < self._first_minute

    def append(self, first_minute: int, rows: FloatArray) -> None:
        """Rows that follow without a gap."""
        if not self._count and not self._hour_count:
            skipped = -first_minute % 60
            first_minute, rows = first_minute + skipped, rows[:, skipped:]
            self._first_minute, self.first_ms = first_minute, first_minute * MINUTE_MS
        added = rows.shape[1]
        self._make_room(added)
        self._minutes[:, self._count : self._count + added] = rows
        self._count += added
        self._close_hours()
        self._forget()

    def minutes(self, until_minute: int, count: int) -> FloatArray:
        """The last `count` known minutes before `until_minute`; fewer when there are fewer."""
        end = min(self._count, max(0, until_minute - self._first_minute))
        return self._minutes[:, max(0, end - count) : end]

    def hours(self, until_hour: int, count: int) -> FloatArray:
        """The last `count` whole hours before `until_hour`; fewer when there are fewer."""
        end = min(self._hour_count, max(0, until_hour - self.first_ms // HOUR_MS))
        return self._hours[:, max(0, end - count) : end]

    def bars(self, step_ms: int, since_ms: int, until_ms: int) -> Bars:
        """Bars that open at or after `since_ms`, from minutes that closed by `until_ms`; the last may be unfinished."""
        since_ms, until_ms = max(since_ms, self.first_ms), min(until_ms, self.end_minute * MINUTE_MS)
        if until_ms <= since_ms or not self._count:
            return Bars(np.empty(0, dtype=np.int64), np.empty((_COLUMNS, 0)))
        times, rows = self._pieces(step_ms, since_ms, until_ms)
        shift_ms = 3 * DAY_MS if step_ms == 7 * DAY_MS else 0
        bucket = (times + shift_ms) // step_ms
        starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
        opens = bucket[starts] * step_ms - shift_ms
        folded = _folded(rows, starts)
        whole = opens >= since_ms
        return Bars(opens[whole], folded[:, whole])

    def _pieces(self, step_ms: int, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], FloatArray]:
        minute, until = since_ms // MINUTE_MS, until_ms // MINUTE_MS
        if step_ms % HOUR_MS:
            rows = _widened(self.minutes(until, until - minute))
            return _times(until - rows.shape[1], rows.shape[1], MINUTE_MS), rows
        until_hour = until // 60
        hours = self.hours(until_hour, until_hour - since_ms // HOUR_MS)
        times = _times(until_hour - hours.shape[1], hours.shape[1], HOUR_MS)
        if until % 60:
            rest = _folded(_widened(self.minutes(until, until % 60)), np.zeros(1, dtype=np.intp))
            hours = np.concatenate([hours, rest], axis=1)
            times = np.append(times, until_hour * HOUR_MS)
        return times, hours

    def _make_room(self, added: int) -> None:
        if self._count + added > self._minutes.shape[1]:
            wider = np.empty((_MINUTE_COLUMNS, self._count + added + _SPARE_MINUTES))
            wider[:, : self._count] = self._minutes[:, : self._count]
            self._minutes = wider

    def _close_hours(self) -> None:
        from_minute = self.first_ms // MINUTE_MS + self._hour_count * 60 - self._first_minute
        fresh = (self._count - from_minute) // 60
        if fresh <= 0:
            return
        rows = _widened(self._minutes[:, from_minute : from_minute + fresh * 60])
        if self._hour_count + fresh > self._hours.shape[1]:
            wider = np.empty((_COLUMNS, 2 * (self._hour_count + fresh)))
            wider[:, : self._hour_count] = self._hours[:, : self._hour_count]
            self._hours = wider
        self._hours[:, self._hour_count : self._hour_count + fresh] = _folded(rows, np.arange(0, fresh * 60, 60))
        self._hour_count += fresh

    def _forget(self) -> None:
        if self._count > _KEEP_MINUTES + _SPARE_MINUTES:
            gone = self._count - _KEEP_MINUTES
            self._minutes = self._minutes[:, gone:].copy()
            self._first_minute += gone
            self._count -= gone


def _times(first: int, count: int, step_ms: int) -> NDArray[np.int64]:
    return (first + np.arange(count, dtype=np.int64)) * step_ms


def _widened(minutes: FloatArray) -> FloatArray:
    """Minutes as bars: open interest is known at their end alone."""
    return np.concatenate([minutes, minutes[[INTEREST, INTEREST, INTEREST]]])


def _folded(rows: FloatArray, starts: NDArray[np.intp]) -> FloatArray:
    """Bars of bars."""
    ends = np.append(starts[1:], rows.shape[1]) - 1
    result = np.empty((_COLUMNS, len(starts)))
    result[OPEN], result[I_OPEN] = rows[OPEN, starts], rows[I_OPEN, starts]
    for column in (HIGH, I_HIGH):
        result[column] = np.maximum.reduceat(rows[column], starts)
    for column in (LOW, I_LOW):
        result[column] = np.minimum.reduceat(rows[column], starts)
    for column in _SUMS:
        result[column] = np.add.reduceat(rows[column], starts)
    for column in _MEANS:
        result[column] = np.add.reduceat(rows[column], starts) / (ends - starts + 1)
    for column in _LASTS:
        result[column] = rows[column, ends]
    return result


class Tables:
    """Tables of all assets of a market, filled by `advance`. Nothing at or after the moment asked for is read."""

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
        at = table.end_minute or (until * MINUTE_MS - LOOKBACK_MS) // DAY_MS * DAY_MS // MINUTE_MS
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
    known = np.empty((_MINUTE_COLUMNS, len(places)))
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
