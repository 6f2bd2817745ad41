"""Funding and long/short ratios: what the perpetual's premium says of the crowd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.intelligence_columns import CLOSE, HOUR_MS, MINUTE_MS, PREMIUM, Bars, rolling_mean
from tradingbot.simulator.intelligence_scale import EXCHANGES, Exchange
from tradingbot.simulator.intelligence_world import RECORDED, Series, World, published
from tradingbot.simulator.scan import FloatArray

PERIOD_MS: Final = 8 * HOUR_MS
_RECORDED_AGE_MS: Final = 9 * HOUR_MS
_USUAL_PREMIUM: Final = 0.00008
_WIDE_PREMIUM: Final = 0.0003
_LARGEST: Final = 0.0075
_FUNDED: Final = tuple(exchange for exchange in EXCHANGES if exchange.funding_hours)
KINDS: Final = {"global_account": (52.0, 14.0), "top_account": (52.0, 10.0), "top_position": (51.0, 6.0)}
"""Long/short ratios: the usual share of longs in percent, and how far crowding moves it."""


@dataclass(frozen=True, slots=True)
class ExchangeFunding:
    """Funding of one exchange: a fraction per its own interval, and when it is due next."""

    exchange: Exchange
    rate: float
    coin_rate: float | None
    next_ms: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Values at the ends of steps, oldest first."""

    end_ms: NDArray[np.int64]
    values: FloatArray


class Crowd:
    """Answers for any moment from what was published by then. Raises KeyError for an asset the market lacks."""

    def __init__(self, world: World) -> None:
        self._world = world

    def funding(self, asset: str, now_ms: int) -> tuple[Sequence[ExchangeFunding], str]:
        """Funding of every exchange that has it; and where it comes from."""
        at_ms = published(now_ms, self._world.delays.funding_s)
        return self._world.memory.recall(("funding", asset, at_ms), lambda: self._funding(asset, at_ms))

    def rate(self, asset: str, now_ms: int) -> float:
        """Funding that follows from the premium of the last 8 hours, a fraction per 8 hours."""
        return self._rate(asset, published(now_ms, self._world.delays.funding_s))

    def history(
        self, asset: str, exchange: str | None, step_ms: int, since_ms: int, now_ms: int
    ) -> tuple[NDArray[np.int64], FloatArray, str]:
        """Bars of the 8-hour rate, one exchange's or the weighted mean: open times, rows (open, high, low, close)."""
        at_ms = published(now_ms, self._world.delays.funding_s)
        curve, origin = self._rates(asset, exchange, min(step_ms, HOUR_MS), since_ms, at_ms)
        times, rows = _candles(curve, step_ms)
        whole = times >= since_ms
        return times[whole], rows[:, whole], origin

    def ratios(
        self, kind: str, asset: str, exchange: str, step_ms: int, since_ms: int, now_ms: int
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Open times of closed bars and the share of longs at their ends, percent."""
        at_ms = published(now_ms, self._world.delays.ratios_s)
        curve = self._crowding(asset, min(step_ms, HOUR_MS), since_ms, at_ms)
        ends = np.flatnonzero((curve.end_ms % step_ms == 0) & (curve.end_ms - step_ms >= since_ms))
        times = curve.end_ms[ends] - step_ms
        usual, reach = KINDS[kind]
        own = self._world.noise.wave(f"{kind}:{asset}:{exchange}", times, 2 * PERIOD_MS)
        share: FloatArray = (usual + reach * np.tanh(0.8 * curve.values[ends]) + 1.2 * own).clip(5.0, 95.0)
        return times, share

    def crowding(self, asset: str, now_ms: int) -> float:
        """How much the crowd leans to one side now: about -2 (short) to 2 (long)."""
        at_ms = published(now_ms, self._world.delays.ratios_s, HOUR_MS)
        curve = self._crowding(asset, HOUR_MS, at_ms - HOUR_MS, at_ms)
        return float(curve.values[-1]) if len(curve.values) else 0.0

    def _funding(self, asset: str, at_ms: int) -> tuple[Sequence[ExchangeFunding], str]:
        names = [f"funding:{asset}:{one.name}" for one in _FUNDED]
        tilt = 1.0 + 0.12 * self._world.noise.wave_row(names, at_ms, 10 * PERIOD_MS)
        own = 0.00001 * self._world.noise.wave_row(names, at_ms, PERIOD_MS)
        base, origin = self._base(asset, at_ms)
        known = self._recorded(asset)
        result = []
        for exchange, factor, extra in zip(_FUNDED, tilt.tolist(), own.tolist(), strict=True):
            series = known.get(exchange.name)
            exact = series.newest(at_ms, _RECORDED_AGE_MS) if series is not None else None
            rate = (exact[1] if exact else _limited(base * factor + extra)) * exchange.funding_hours / 8.0
            step_ms = exchange.funding_hours * HOUR_MS
            coin_rate = _limited(base * 0.8 * factor - extra) if exchange.coin_margin else None
            result.append(ExchangeFunding(exchange, rate, coin_rate, (at_ms // step_ms + 1) * step_ms))
        return tuple(result), origin

    def _rate(self, asset: str, at_ms: int) -> float:
        rows = self._world.tables.of(asset, at_ms).minutes(at_ms // MINUTE_MS, PERIOD_MS // MINUTE_MS)
        return _limited(float(rows[PREMIUM].mean())) if rows.shape[1] else 0.0

    def _base(self, asset: str, at_ms: int) -> tuple[float, str]:
        for series in self._recorded(asset).values():
            newest = series.newest(at_ms, _RECORDED_AGE_MS)
            if newest is not None:
                return newest[1], RECORDED
        return self._rate(asset, at_ms), self._world.origin

    def _recorded(self, asset: str) -> dict[str, Series]:
        return dict(self._world.recordings.funding.get(asset, {}))

    def _rates(self, asset: str, exchange: str | None, step_ms: int, since_ms: int, at_ms: int) -> tuple[Curve, str]:
        bars = self._bars(asset, step_ms, since_ms, at_ms)
        ends = np.minimum(bars.time_ms + step_ms, at_ms)
        values = rolling_mean(bars[PREMIUM], PERIOD_MS // step_ms).clip(-_LARGEST, _LARGEST)
        if exchange is not None:
            values = values * (1.0 + 0.12 * self._world.noise.wave(f"funding:{asset}:{exchange}", ends, 10 * PERIOD_MS))
        known = self._recorded(asset)
        series = known.get(exchange or "") or next(iter(known.values()), None)
        origin = self._world.origin
        if series is not None and len(ends):
            place = np.searchsorted(series.known_ms, ends, side="right") - 1
            fresh = (place >= 0) & (ends - series.known_ms[place.clip(0)] <= _RECORDED_AGE_MS)
            values = np.where(fresh, series.values[place.clip(0)], values)
            origin = RECORDED if fresh[-1] else origin
        return Curve(ends, values), origin

    def _crowding(self, asset: str, step_ms: int, since_ms: int, at_ms: int) -> Curve:
        bars = self._bars(asset, step_ms, since_ms, at_ms // step_ms * step_ms)
        premium = rolling_mean(bars[PREMIUM], PERIOD_MS // step_ms)
        moves = np.diff(np.log(bars[CLOSE]), prepend=np.log(bars[CLOSE][:1]))
        size = np.sqrt(rolling_mean(np.square(moves), 5 * PERIOD_MS // step_ms) + 1e-10)
        momentum = rolling_mean(moves / size, PERIOD_MS // step_ms) * np.sqrt(PERIOD_MS // step_ms)
        return Curve(bars.time_ms + step_ms, (premium - _USUAL_PREMIUM) / _WIDE_PREMIUM + 0.25 * momentum.clip(-4, 4))

    def _bars(self, asset: str, step_ms: int, since_ms: int, at_ms: int) -> Bars:
        """Bars from long enough before `since_ms` that the first value there has its whole past."""
        since_ms = (since_ms - 6 * PERIOD_MS) // HOUR_MS * HOUR_MS
        return self._world.tables.of(asset, at_ms).bars(step_ms, since_ms, at_ms)


def _limited(rate: float) -> float:
    return max(-_LARGEST, min(_LARGEST, rate))


def _candles(curve: Curve, step_ms: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Open, high, low and close of a curve; a bar opens where the one before closed."""
    if not len(curve.values):
        return np.empty(0, dtype=np.int64), np.empty((4, 0))
    bucket = (curve.end_ms - 1) // step_ms
    starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
    close = curve.values[np.append(starts[1:], len(bucket)) - 1]
    open_ = np.concatenate((curve.values[:1], close[:-1]))
    high = np.maximum(np.maximum.reduceat(curve.values, starts), open_)
    low = np.minimum(np.minimum.reduceat(curve.values, starts), open_)
    return bucket[starts] * step_ms, np.stack([open_, high, low, close])
