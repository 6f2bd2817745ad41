"""The same features as `minute_features`, carried from minute to minute: a new candle costs a few additions per lag.

A tracker checks that what it is given continues what it has seen; anything else (a gap at the front, a corrected
candle, a jump) makes it start anew from the candles, so it can never drift away from them. All it carries are whole
numbers in plain lists: a handful of them is added faster by Python itself than by arrays.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tradingbot.market.candles import Candles
from tradingbot.market.log_ticks import log_tick, log_ticks
from tradingbot.market.minute_features import (
    FeatureWindows,
    LeadLag,
    LeadSums,
    MinuteFeatures,
    enough_for_hurst,
    enough_in_common,
    finish,
    hurst_of_sums,
    hurst_sums,
    lead_lag_record,
    lead_sums,
    sigma_of_sums,
)

_ROOM: Final = 4
_CATCH_UP_BARS: Final = 30
"""More new candles than this are cheaper to compute anew."""


def _add(line: list[int], value: int, kept: int) -> None:
    """One more number at the end of a line of which the newest `kept` count; older ones fall off now and then."""
    line.append(value)
    if len(line) >= _ROOM * kept:
        del line[:-kept]


class _LeadTracker:
    """Sums of the leader's and the follower's returns over the minutes that both have."""

    def __init__(self, leader: Candles, follower: Candles, windows: FeatureWindows) -> None:
        self._windows = windows
        _, lead_at, follow_at = np.intersect1d(
            leader.open_ms, follower.open_ms, assume_unique=True, return_indices=True
        )
        bars = windows.lead_bars
        lead_at, follow_at = lead_at[-bars:], follow_at[-bars:]
        lead_logs = log_ticks(leader.close[lead_at].tolist())
        follow_logs = log_ticks(follower.close[follow_at].tolist())
        self._times: list[int] = follower.open_ms[follow_at].tolist()
        self._last = (int(lead_logs[-1]), int(follow_logs[-1])) if lead_logs.shape[0] else None
        self._lead: list[int] = np.diff(lead_logs).tolist()
        self._follow: list[int] = np.diff(follow_logs).tolist()
        self._bars = len(self._times)
        self._sums: LeadSums | None = None
        self._whole = (0, 0)

    @property
    def last_ms(self) -> int:
        """Open of the newest common minute; 0 without any."""
        return self._times[-1] if self._times else 0

    def reaches_before(self, first_ms: int) -> bool:
        """Whether a minute counts from before the candles begin, so that their own answer would be another."""
        return bool(self._times) and self._times[-self._bars] < first_ms

    def _made(self) -> LeadSums:
        if self._sums is None:
            kept = self._windows.lead_bars - 1
            lead = np.array(self._lead[-kept:], dtype=np.int64)
            follow = np.array(self._follow[-kept:], dtype=np.int64)
            self._sums = lead_sums(lead, follow, self._windows.lead_max_lag)
            self._whole = int(lead.sum()), int(np.dot(lead, lead))
        return self._sums

    def append(self, open_ms: int, lead_log: int, follow_log: int) -> None:
        """One more common minute."""
        bars = self._windows.lead_bars
        if self._last is not None:
            self._slide(lead_log - self._last[0], follow_log - self._last[1])
        self._last = (lead_log, follow_log)
        _add(self._times, open_ms, bars)
        self._bars = min(self._bars + 1, bars)

    def _slide(self, lead: int, follow: int) -> None:
        lags, kept = self._windows.lead_max_lag, self._windows.lead_bars - 1
        leads, follows = self._lead, self._follow
        if self._sums is None or len(leads) < lags:
            self._sums = None
        else:
            full = len(leads) >= kept
            oldest = leads[-kept] if full else 0
            start = len(follows) - kept + 1
            gone = follows[start : start + lags] if full else [0] * lags
            # The leader 1..lags minutes before the new follower.
            _shift(self._sums, (leads[: -lags - 1 : -1], follow), (oldest, gone))
            total, squares = self._whole
            self._whole = total + lead - oldest, squares + lead * lead - oldest * oldest
        _add(leads, lead, kept)
        _add(follows, follow, kept)

    def record(self) -> LeadLag | None:
        """As `minute_features.lead_lag_of`."""
        if not enough_in_common(self._bars, self._windows):
            return None
        sums, count = self._made(), self._bars - 1
        newest = self._lead[: -self._windows.lead_max_lag - 1 : -1]
        return lead_lag_record(self._times[-1] + 60_000, sums, newest, count, self._whole)


def _shift(sums: LeadSums, new: tuple[list[int], int], old: tuple[int, list[int]]) -> None:
    """One pair of returns per lag comes into the sums, `new`, and one falls out, `old`: (the leader's, the follower's).

    The newest return of the follower meets the leader's of each lag, the leader's oldest one met a follower's of each.
    """
    (leads, follow), (oldest, gone) = new, old
    follow_squared, oldest_squared = follow * follow, oldest * oldest
    sums.x = [known + lead - oldest for known, lead in zip(sums.x, leads, strict=True)]
    sums.y = [known + follow - one for known, one in zip(sums.y, gone, strict=True)]
    sums.xx = [known + lead * lead - oldest_squared for known, lead in zip(sums.xx, leads, strict=True)]
    sums.yy = [known + follow_squared - one * one for known, one in zip(sums.yy, gone, strict=True)]
    sums.xy = [known + lead * follow - oldest * one for known, lead, one in zip(sums.xy, leads, gone, strict=True)]


class MinuteTracker:
    """Keeps one symbol's features up to date. `update` with its candles after every refresh."""

    def __init__(self, windows: FeatureWindows) -> None:
        self._windows = windows
        self._longest = windows.longest
        self._times: list[int] = []
        self._logs: list[int] = []
        self._held = 0
        self._hurst: list[int] | None = None
        self._steps: tuple[int, int] = (0, 0)
        self._semi: tuple[int, int] = (0, 0)
        self._lead: _LeadTracker | None = None
        self._last_common_ms = 0
        self._known: MinuteFeatures | None = None
        self._known_lead_ms: int | None = None
        self.rebuilt = 0

    def update(self, candles: Candles, leader: Candles | None) -> MinuteFeatures | None:
        """Features at the newest candle; the same as `minute_features` of the same candles. None without candles."""
        if not len(candles):
            return None
        leader_ms = leader.last_close_ms if leader is not None else None
        fresh = self._fresh(candles)
        if fresh is None:
            self._rebuild(candles.tail(self._longest))
        elif fresh == 0 and self._known is not None and leader_ms == self._known_lead_ms:
            return self._known
        else:
            for row in range(-fresh, 0):
                self._append(int(candles.open_ms[row]), log_tick(float(candles.close[row])))
        lead_lag = self._lead_lag(candles, leader)
        self._known, self._known_lead_ms = self._finish(candles, lead_lag), leader_ms
        return self._known

    def _fresh(self, candles: Candles) -> int | None:
        """How many candles at the end are new; None when they do not continue what is known."""
        if not self._times:
            return None
        bars, last_ms = min(len(candles), self._longest), self._times[-1]
        fresh = _after(candles, last_ms, bars)
        if fresh is None or fresh > _CATCH_UP_BARS or min(self._held + fresh, self._longest) != bars:
            return None
        overlap = min(bars - fresh, self._held)
        newest = len(candles) - 1 - fresh
        same = self._times[-overlap] == int(candles.open_ms[newest + 1 - overlap]) and (
            log_tick(float(candles.close[newest])) == self._logs[-1]
        )
        return fresh if same else None

    def _rebuild(self, candles: Candles) -> None:
        windows = self._windows
        self.rebuilt += 1
        logs = log_ticks(candles.close.tolist())
        self._times, self._logs, self._held = candles.open_ms.tolist(), logs.tolist(), len(candles)
        part = logs[-windows.hurst_bars :]
        enough = enough_for_hurst(part.shape[0], windows)
        self._hurst = hurst_sums(part, windows.hurst_max_lag) if enough else None
        steps = np.diff(part)
        self._steps = (int(steps.sum()), int(np.dot(steps, steps)))
        skew = np.diff(logs[-windows.skew_bars - 1 :])
        falls, rises = skew[skew < 0], skew[skew > 0]
        self._semi = (int(np.dot(falls, falls)), int(np.dot(rises, rises)))
        self._lead = None

    def _append(self, open_ms: int, log: int) -> None:
        windows, logs = self._windows, self._logs
        step = log - logs[-1]
        self._slide_hurst(log, step)
        down, up = self._semi
        down, up = (down + step * step, up) if step < 0 else (down, up + step * step)
        if self._held > windows.skew_bars:
            gone = logs[-windows.skew_bars] - logs[-windows.skew_bars - 1]
            down, up = (down - gone * gone, up) if gone < 0 else (down, up - gone * gone)
        self._semi = (down, up)
        _add(self._times, open_ms, self._longest)
        _add(logs, log, self._longest)
        self._held = min(self._held + 1, self._longest)

    def _slide_hurst(self, log: int, step: int) -> None:
        windows, logs = self._windows, self._logs
        bars, lags = windows.hurst_bars, windows.hurst_max_lag
        total, squares = self._steps[0] + step, self._steps[1] + step * step
        start = len(logs) - bars
        first, after = (logs[start], logs[start + 1 : start + lags + 1]) if self._held >= bars else (0, [0] * lags)
        gone = after[0] - first
        total, squares = total - gone, squares - gone * gone
        if self._hurst is not None:
            self._hurst = [
                known + (came := log - before) * came - (went := one - first) * went
                for known, before, one in zip(self._hurst, logs[: -lags - 1 : -1], after, strict=True)
            ]
        self._steps = (total, squares)
        if self._hurst is None and enough_for_hurst(self._held + 1, windows):
            whole = np.array([*logs[-self._held :], log], dtype=np.int64)[-bars:]
            self._hurst = hurst_sums(whole, lags)

    def _lead_lag(self, candles: Candles, leader: Candles | None) -> LeadLag | None:
        if leader is None:
            return None
        first_ms = int(candles.open_ms[0])
        if len(leader):
            first_ms = max(first_ms, int(leader.open_ms[0]))
        if self._lead is None or self._lead.reaches_before(first_ms):
            self._lead = _LeadTracker(leader, candles, self._windows)
            self._last_common_ms = self._lead.last_ms
            return self._lead.record()
        fresh = _after(leader, self._last_common_ms, len(leader))
        if fresh is None:
            fresh = len(leader) - int(leader.open_ms.searchsorted(self._last_common_ms, side="right"))
        for row in range(len(leader) - fresh, len(leader)):
            open_ms = int(leader.open_ms[row])
            at = _place(candles, open_ms)
            if at is not None:
                self._lead.append(open_ms, log_tick(float(leader.close[row])), log_tick(float(candles.close[at])))
                self._last_common_ms = open_ms
        return self._lead.record()

    def _finish(self, candles: Candles, lead_lag: LeadLag | None) -> MinuteFeatures:
        windows, held = self._windows, self._held
        bars = min(held, windows.hurst_bars)
        sigma = exponent = None
        if self._hurst is not None and enough_for_hurst(bars, windows):
            sigma = sigma_of_sums(self._steps[0], self._steps[1], bars - 1)
            exponent = hurst_of_sums(self._hurst, bars)
        enough = min(held - 1, windows.skew_bars) >= windows.skew_bars // 2
        semi = self._semi if enough else None
        return finish(candles, self._logs, held, (sigma, exponent), semi, lead_lag, windows)


def _after(candles: Candles, open_ms: int, bars: int) -> int | None:
    """How many candles come after the one that opens then; None when it is not among the newest `bars`."""
    at = _place(candles, open_ms)
    return None if at is None or at < len(candles) - bars else len(candles) - 1 - at


def _place(candles: Candles, open_ms: int) -> int | None:
    """Row of the candle that opens then, nearly always the last or the one before; None without it."""
    times, count = candles.open_ms, len(candles)
    for row in range(count - 1, max(-1, count - 3), -1):
        if times[row] == open_ms:
            return row
    at = int(times.searchsorted(open_ms))
    return at if at < count and times[at] == open_ms else None
