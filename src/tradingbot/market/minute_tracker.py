"""The same features as `minute_features`, carried from minute to minute: a new candle costs a few additions per lag.

A tracker checks that what it is given continues what it has seen; anything else (a gap at the front, a corrected
candle, a jump) makes it start anew from the candles, so it can never drift away from them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tradingbot.market.candles import Candles, IntArray
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


class _Line:
    """Whole numbers in time order with contiguous views; old ones fall off at the front."""

    def __init__(self, values: IntArray, kept: int) -> None:
        self._kept = kept
        self._room = np.zeros(_ROOM * kept, dtype=np.int64)
        tail = values[-kept:]
        self._end = tail.shape[0]
        self._room[: self._end] = tail

    @property
    def values(self) -> IntArray:
        """The newest numbers, `kept` at most."""
        return self._room[max(0, self._end - self._kept) : self._end]

    def append(self, value: int) -> None:
        if self._end == self._room.shape[0]:
            self._room[: self._kept] = self._room[self._end - self._kept : self._end].copy()
            self._end = self._kept
        self._room[self._end] = value
        self._end += 1


class _LeadTracker:
    """Sums of the leader's and the follower's returns over the minutes that both have."""

    def __init__(self, leader: Candles, follower: Candles, windows: FeatureWindows) -> None:
        self._windows = windows
        _, lead_at, follow_at = np.intersect1d(
            leader.open_ms, follower.open_ms, assume_unique=True, return_indices=True
        )
        bars = windows.lead_bars
        lead_at, follow_at = lead_at[-bars:], follow_at[-bars:]
        self._times = _Line(follower.open_ms[follow_at], bars)
        lead_logs, follow_logs = (
            log_ticks(leader.close[lead_at].tolist()),
            log_ticks(follower.close[follow_at].tolist()),
        )
        self._last = (int(lead_logs[-1]), int(follow_logs[-1])) if lead_logs.shape[0] else None
        self._lead = _Line(np.diff(lead_logs), bars - 1)
        self._follow = _Line(np.diff(follow_logs), bars - 1)
        self._bars = int(lead_at.shape[0])
        self._sums: LeadSums | None = None
        self._total = self._squares = 0

    @property
    def last_ms(self) -> int:
        """Open of the newest common minute; 0 without any."""
        times = self._times.values
        return int(times[-1]) if times.shape[0] else 0

    def reaches_before(self, leader: Candles, follower: Candles) -> bool:
        """Whether a minute counts that the candles no longer hold, so that their own answer would be another."""
        times = self._times.values
        first = max((int(one.open_ms[0]) for one in (leader, follower) if len(one)), default=0)
        return bool(times.shape[0]) and int(times[0]) < first

    def _made(self) -> LeadSums:
        if self._sums is None:
            lead, follow = self._lead.values, self._follow.values
            self._sums = lead_sums(lead, follow, self._windows.lead_max_lag)
            self._total, self._squares = int(lead.sum()), int(np.dot(lead, lead))
        return self._sums

    def append(self, open_ms: int, lead_log: int, follow_log: int) -> None:
        """One more common minute."""
        if self._last is not None:
            self._slide(lead_log - self._last[0], follow_log - self._last[1])
        self._last = (lead_log, follow_log)
        self._times.append(open_ms)
        self._bars = min(self._bars + 1, self._windows.lead_bars)

    def _slide(self, lead: int, follow: int) -> None:
        sums, lags = self._sums, self._windows.lead_max_lag
        leads, follows = self._lead.values, self._follow.values
        full = leads.shape[0] == self._windows.lead_bars - 1
        if sums is None or leads.shape[0] < lags:
            self._sums = None
        else:
            before = leads[: -lags - 1 : -1]  # the leader 1..lags minutes before the new follower
            sums.x += before
            sums.xx += before * before
            sums.xy += before * follow
            sums.y += follow
            sums.yy += follow * follow
            self._total, self._squares = self._total + lead, self._squares + lead * lead
            if full:
                oldest, gone = int(leads[0]), follows[1 : lags + 1]
                sums.x -= oldest
                sums.xx -= oldest * oldest
                sums.xy -= oldest * gone
                sums.y -= gone
                sums.yy -= gone * gone
                self._total, self._squares = self._total - oldest, self._squares - oldest * oldest
        self._lead.append(lead)
        self._follow.append(follow)

    def record(self) -> LeadLag | None:
        """As `minute_features.lead_lag_of`."""
        if not enough_in_common(self._bars, self._windows):
            return None
        sums = self._made()
        close_ms = int(self._times.values[-1]) + 60_000
        return lead_lag_record(close_ms, sums, self._lead.values, self._total, self._squares, self._windows)


class MinuteTracker:
    """Keeps one symbol's features up to date. `update` with its candles after every refresh."""

    def __init__(self, windows: FeatureWindows) -> None:
        self._windows = windows
        self._times: _Line | None = None
        self._logs: _Line | None = None
        self._hurst: IntArray | None = None
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
        known, candles = candles, candles.tail(self._windows.longest)
        leader_ms = leader.last_close_ms if leader is not None else None
        fresh = self._fresh(candles)
        if fresh is None:
            self._rebuild(candles)
        elif fresh == 0 and self._known is not None and leader_ms == self._known_lead_ms:
            return self._known
        else:
            for row in range(len(candles) - fresh, len(candles)):
                self._append(int(candles.open_ms[row]), log_tick(float(candles.close[row])))
        lead_lag = self._lead_lag(known, leader)
        self._known, self._known_lead_ms = self._finish(candles, lead_lag), leader_ms
        return self._known

    def _fresh(self, candles: Candles) -> int | None:
        """How many candles at the end are new; None when they do not continue what is known."""
        if self._times is None or self._logs is None:
            return None
        last_ms = int(self._times.values[-1])
        row = int(np.searchsorted(candles.open_ms, last_ms))
        if row >= len(candles) or int(candles.open_ms[row]) != last_ms:
            return None
        fresh = len(candles) - 1 - row
        overlap = min(row + 1, self._times.values.shape[0])
        expected = min(self._times.values.shape[0] + fresh, self._windows.longest)
        if fresh > _CATCH_UP_BARS or expected != len(candles):
            return None
        first = self._times.values[-overlap]
        same = first == candles.open_ms[row + 1 - overlap] and log_tick(float(candles.close[row])) == int(
            self._logs.values[-1]
        )
        return fresh if same else None

    def _rebuild(self, candles: Candles) -> None:
        windows = self._windows
        self.rebuilt += 1
        logs = log_ticks(candles.close.tolist())
        self._times, self._logs = _Line(candles.open_ms, windows.longest), _Line(logs, windows.longest)
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
        assert self._times is not None
        assert self._logs is not None
        windows, logs = self._windows, self._logs.values
        step = log - int(logs[-1])
        self._slide_hurst(logs, log, step)
        down, up = self._semi
        down, up = (down + step * step, up) if step < 0 else (down, up + step * step)
        if logs.shape[0] > windows.skew_bars:
            gone = int(logs[-windows.skew_bars]) - int(logs[-windows.skew_bars - 1])
            down, up = (down - gone * gone, up) if gone < 0 else (down, up - gone * gone)
        self._semi = (down, up)
        self._times.append(open_ms)
        self._logs.append(log)

    def _slide_hurst(self, logs: IntArray, log: int, step: int) -> None:
        windows = self._windows
        bars, lags = windows.hurst_bars, windows.hurst_max_lag
        total, squares = self._steps[0] + step, self._steps[1] + step * step
        if self._hurst is not None:
            reach = log - logs[: -lags - 1 : -1]
            self._hurst += reach * reach
        if logs.shape[0] >= bars:
            part = logs[-bars:]
            first = int(part[1]) - int(part[0])
            total, squares = total - first, squares - first * first
            if self._hurst is not None:
                lost = part[1 : lags + 1] - part[0]
                self._hurst -= lost * lost
        self._steps = (total, squares)
        if self._hurst is None and enough_for_hurst(logs.shape[0] + 1, windows):
            whole = np.append(logs, log)[-bars:]
            self._hurst = hurst_sums(whole, lags)

    def _lead_lag(self, candles: Candles, leader: Candles | None) -> LeadLag | None:
        if leader is None:
            return None
        if self._lead is None or self._lead.reaches_before(leader, candles):
            self._lead = _LeadTracker(leader, candles, self._windows)
            self._last_common_ms = self._lead.last_ms
            return self._lead.record()
        start = int(np.searchsorted(leader.open_ms, self._last_common_ms, side="right"))
        for row in range(start, len(leader)):
            open_ms = int(leader.open_ms[row])
            at = int(np.searchsorted(candles.open_ms, open_ms))
            if at < len(candles) and int(candles.open_ms[at]) == open_ms:
                self._lead.append(open_ms, log_tick(float(leader.close[row])), log_tick(float(candles.close[at])))
                self._last_common_ms = open_ms
        return self._lead.record()

    def _finish(self, candles: Candles, lead_lag: LeadLag | None) -> MinuteFeatures:
        assert self._logs is not None
        logs, windows = self._logs.values, self._windows
        bars = min(logs.shape[0], windows.hurst_bars)
        sigma = exponent = None
        if self._hurst is not None and enough_for_hurst(bars, windows):
            sigma = sigma_of_sums(self._steps[0], self._steps[1], bars - 1)
            exponent = hurst_of_sums(self._hurst, bars)
        enough = min(logs.shape[0] - 1, windows.skew_bars) >= windows.skew_bars // 2
        return finish(candles, logs, (sigma, exponent), self._semi if enough else None, lead_lag, windows)
