"""What the last hours of one-minute candles say of a symbol, as of the close of the newest one.

`minute_features` computes everything anew from the candles; `MinuteTracker` (minute_tracker.py) carries the sums from
minute to minute. Both add whole numbers (log_ticks.py) and finish with the same arithmetic, so they are equal bit by
bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from tradingbot.core.types import utc_from_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray
from tradingbot.market.log_ticks import TICK, log_ticks


@dataclass(frozen=True, slots=True)
class FeatureWindows:
    """Lengths of the windows in one-minute bars; lags too. `leader` is the symbol that is looked for ahead of
    others."""

    hurst_bars: int
    hurst_max_lag: int
    momentum_bars: int
    lead_bars: int
    lead_max_lag: int
    skew_bars: int
    leader: str

    @property
    def longest(self) -> int:
        """Bars that must be kept."""
        return max(self.hurst_bars, self.skew_bars + 1, self.lead_bars, self.momentum_bars + 1, 241)


@dataclass(frozen=True, slots=True)
class LeadLag:
    """How this symbol's one-minute returns follow the leader's.

    `correlations[k]` is Pearson's r of the leader's return k+1 minutes before with the symbol's, NaN where a side
    does not move. `last_moves` are the leader's newest returns, newest first; `leader_sigma` their standard deviation
    over the window of `sample` common returns.
    """

    as_of: datetime
    correlations: tuple[float, ...]
    last_moves: tuple[float, ...]
    leader_sigma: float
    sample: int


@dataclass(frozen=True, slots=True)
class MinuteFeatures:
    """Features at the close of the newest one-minute candle. None: too few candles, or prices that do not move.

    `sigma` standard deviation of one-minute log returns over the Hurst window; `hurst` the exponent; `momentum` the log
    return of the momentum window; semivariances are sums of squared negative and positive log returns; `returns` are
    log returns over the last 5, 15, 60 and 240 minutes; `volume_5m` in contracts.
    """

    as_of: datetime
    bars: int
    sigma: float | None
    hurst: float | None
    momentum: float | None
    down_semivariance: float | None
    up_semivariance: float | None
    returns: tuple[float | None, float | None, float | None, float | None]
    volume_5m: float
    lead_lag: LeadLag | None


SPANS = (5, 15, 60, 240)
"""Minutes of `MinuteFeatures.returns`."""


@lru_cache(maxsize=1024)
def hurst_weights(max_lag: int, bars: int) -> tuple[FloatArray, FloatArray]:
    """How many differences `bars` prices have at lags 1..max_lag, and the weights whose dot product gives the slope.

    The weights are the centred logarithms of the lags, divided by their sum of squares.
    """
    lags = np.arange(1, max_lag + 1, dtype=np.int64)
    x = np.log(lags) - np.mean(np.log(lags))
    return (bars - lags).astype(np.float64), x / np.dot(x, x)


def hurst_of_sums(squares: Sequence[int], bars: int) -> float | None:
    """Generalised Hurst exponent of order 2 from sums of squared lagged differences over `bars` prices, in 0..1.

    The mean square at lag k grows as k^(2H). Di Matteo, Aste, Dacorogna, "Scaling behaviors in differently developed
    markets", Physica A 324, 2003. None for a constant series.
    """
    if not min(squares) > 0:
        return None
    pairs, weights = hurst_weights(len(squares), bars)
    slope = float(np.dot(np.log(np.array(squares, dtype=np.float64) / pairs), weights))
    return min(1.0, max(0.0, slope / 2))


def sigma_of_sums(total: int, squares: int, count: int) -> float | None:
    """Population standard deviation of `count` returns from sum and sum of squares in ticks; None if constant."""
    variance = squares / count - (total / count) ** 2
    return math.sqrt(variance) * TICK if variance > 0 else None


@dataclass(slots=True)
class LeadSums:
    """Sums over pairs (leader k minutes before, follower now), one entry per lag: x, y, xx, yy, xy; whole numbers."""

    x: list[int]
    y: list[int]
    xx: list[int]
    yy: list[int]
    xy: list[int]


def correlations_of(sums: LeadSums, count: int) -> tuple[float, ...]:
    """Pearson's r per lag over `count` returns; NaN where a side is constant."""
    found = []
    pairs = float(count)
    for x, y, xx, yy, xy in zip(sums.x, sums.y, sums.xx, sums.yy, sums.xy, strict=True):
        pairs -= 1
        spread = (xx - x * (x / pairs)) * (yy - y * (y / pairs))
        found.append((xy - x * (y / pairs)) / math.sqrt(spread) if spread > 0 else math.nan)
    return tuple(found)


def hurst_sums(logs: IntArray, max_lag: int) -> list[int]:
    """Sum of squared differences of log ticks at each lag."""
    return [int(np.dot(step, step)) for lag in range(1, max_lag + 1) for step in [logs[lag:] - logs[:-lag]]]


def lead_sums(leader: IntArray, follower: IntArray, max_lag: int) -> LeadSums:
    """All sums of two return series of the same minutes."""
    columns: list[tuple[int, int, int, int, int]] = []
    for lag in range(1, max_lag + 1):
        x, y = leader[:-lag], follower[lag:]
        columns.append((int(x.sum()), int(y.sum()), int(np.dot(x, x)), int(np.dot(y, y)), int(np.dot(x, y))))
    return LeadSums(*map(list, zip(*columns, strict=True)))


def minute_features(candles: Candles, leader: Candles | None, windows: FeatureWindows) -> MinuteFeatures | None:
    """All features from the newest candles alone; `leader` None for the leader itself. None without candles."""
    if not len(candles):
        return None
    lead_lag = None if leader is None else lead_lag_of(leader, candles, windows)
    candles = candles.tail(windows.longest)
    logs = log_ticks(candles.close.tolist())
    sums = _hurst_part(logs, windows), _semivariances(logs, windows)
    return finish(candles, logs.tolist(), len(candles), *sums, lead_lag, windows)


def finish(
    candles: Candles,
    logs: Sequence[int],
    count: int,
    hurst_part: tuple[float | None, float | None],
    semivariances: tuple[int, int] | None,
    lead_lag: LeadLag | None,
    windows: FeatureWindows,
) -> MinuteFeatures:
    """The record of finished sums; `logs` ends with the log ticks of the newest `count` candles, oldest first."""
    newest = logs[-1]
    down, up = semivariances if semivariances is not None else (None, None)
    enough = count > windows.momentum_bars
    return MinuteFeatures(
        as_of=utc_from_ms(candles.last_close_ms or 0),
        bars=count,
        sigma=hurst_part[0],
        hurst=hurst_part[1],
        momentum=(newest - logs[-1 - windows.momentum_bars]) * TICK if enough else None,
        down_semivariance=None if down is None else down * TICK * TICK,
        up_semivariance=None if up is None else up * TICK * TICK,
        returns=tuple([(newest - logs[-1 - span]) * TICK if count > span else None for span in SPANS]),  # type: ignore[arg-type]
        volume_5m=float(np.add.reduce(candles.volume[-5:])),
        lead_lag=lead_lag,
    )


def _hurst_part(logs: IntArray, windows: FeatureWindows) -> tuple[float | None, float | None]:
    """(sigma, exponent); both None until half the window is there."""
    logs = logs[-windows.hurst_bars :]
    if not enough_for_hurst(logs.shape[0], windows):
        return None, None
    steps = np.diff(logs)
    sigma = sigma_of_sums(int(logs[-1] - logs[0]), int(np.dot(steps, steps)), steps.shape[0])
    return sigma, hurst_of_sums(hurst_sums(logs, windows.hurst_max_lag), logs.shape[0])


def enough_for_hurst(bars: int, windows: FeatureWindows) -> bool:
    """At least half the window, and four times the longest lag."""
    return bars >= max(windows.hurst_bars // 2, 4 * windows.hurst_max_lag)


def _semivariances(logs: IntArray, windows: FeatureWindows) -> tuple[int, int] | None:
    """(down, up) sums of squared returns in square ticks; None until half the window is there."""
    steps = np.diff(logs[-windows.skew_bars - 1 :])
    if steps.shape[0] < windows.skew_bars // 2:
        return None
    falls, rises = steps[steps < 0], steps[steps > 0]
    return int(np.dot(falls, falls)), int(np.dot(rises, rises))


def lead_lag_of(leader: Candles, follower: Candles, windows: FeatureWindows) -> LeadLag | None:
    """Lagged correlations over the minutes that both have; None until half the window is common."""
    _, lead_at, follow_at = np.intersect1d(leader.open_ms, follower.open_ms, assume_unique=True, return_indices=True)
    if not enough_in_common(lead_at.shape[0], windows):
        return None
    lead_at, follow_at = lead_at[-windows.lead_bars :], follow_at[-windows.lead_bars :]
    lead = np.diff(log_ticks(leader.close[lead_at].tolist()))
    follow = np.diff(log_ticks(follower.close[follow_at].tolist()))
    close_ms = int(follower.open_ms[follow_at[-1]]) + follower.timeframe.ms
    sums = lead_sums(lead, follow, windows.lead_max_lag)
    newest = lead[: -windows.lead_max_lag - 1 : -1].tolist()
    return lead_lag_record(close_ms, sums, newest, lead.shape[0], (int(lead.sum()), int(np.dot(lead, lead))))


def enough_in_common(bars: int, windows: FeatureWindows) -> bool:
    """At least half the window, and enough returns for every lag."""
    return bars >= max(windows.lead_bars // 2, 4 * windows.lead_max_lag)


def lead_lag_record(
    close_ms: int, sums: LeadSums, newest: Sequence[int], count: int, whole: tuple[int, int]
) -> LeadLag:
    """The record of finished sums over `count` common returns in ticks.

    `newest` are the leader's last ones, newest first; `whole` is the sum of all of them and that of their squares.
    """
    return LeadLag(
        as_of=utc_from_ms(close_ms),
        correlations=correlations_of(sums, count),
        last_moves=tuple([move * TICK for move in newest]),
        leader_sigma=sigma_of_sums(*whole, count) or 0.0,
        sample=count,
    )
