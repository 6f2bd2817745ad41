"""The moods of the synthetic market: regimes, forced trading, and whether the coins lag behind BTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.simulator.scan import FloatArray
from tradingbot.simulator.synthetic_profiles import REGIMES

_CASCADE_MINUTES: Final = 160
_LAG_ON_MINUTES: Final = 90.0
_LAG_OFF_MINUTES: Final = 330.0


@dataclass(frozen=True, slots=True)
class MoodState:
    """What goes over midnight: the regime and what is left of it, of cascades and of the lag."""

    regime: str
    minutes_left: int
    lagging: bool
    lag_minutes_left: int
    forced: FloatArray
    strain: FloatArray


@dataclass(frozen=True, slots=True)
class Moods:
    """One value per minute: the regime's name and numbers, forced returns in minute volatilities, lag 0 or 1."""

    names: tuple[str, ...]
    drift: FloatArray
    volatility: FloatArray
    reversion: FloatArray
    forced: FloatArray
    lag: FloatArray


def first_moods() -> MoodState:
    """A calm beginning."""
    return MoodState("calm", 180, False, 120, np.zeros(_CASCADE_MINUTES), np.zeros(_CASCADE_MINUTES))


def moods_of_day(random: np.random.Generator, minutes: int, state: MoodState) -> tuple[Moods, MoodState]:
    """The moods of `minutes` minutes and the state after them."""
    names, regime, left = _regimes(random, minutes, state)
    lag, lagging, lag_left = _lags(random, minutes, state)
    forced, strain = _cascades(random, names, state)
    table = {name: (one.drift, one.volatility, one.reversion) for name, one in REGIMES.items()}
    drift, volatility, reversion = np.array([table[name] for name in names]).T
    moods = Moods(tuple(names), drift, volatility * (1.0 + strain[:minutes]), reversion, forced[:minutes], lag)
    return moods, MoodState(regime, left, lagging, lag_left, forced[minutes:], strain[minutes:])


def _regimes(random: np.random.Generator, minutes: int, state: MoodState) -> tuple[list[str], str, int]:
    names: list[str] = []
    regime, left = state.regime, state.minutes_left
    while len(names) + left < minutes:
        names += [regime] * left
        follows, chances = zip(*REGIMES[regime].next, strict=True)
        regime = str(random.choice(follows, p=chances))
        left = 5 + int(random.gamma(2.0, REGIMES[regime].mean_minutes / 2.0))
    used = minutes - len(names)
    return names + [regime] * used, regime, left - used


def _lags(random: np.random.Generator, minutes: int, state: MoodState) -> tuple[FloatArray, bool, int]:
    lag = np.empty(minutes)
    lagging, left, at = state.lagging, state.lag_minutes_left, 0
    while at + left < minutes:
        lag[at : at + left] = lagging
        at, lagging = at + left, not lagging
        left = 1 + int(random.exponential(_LAG_ON_MINUTES if lagging else _LAG_OFF_MINUTES))
    lag[at:] = lagging
    return lag, lagging, left - (minutes - at)


def _cascades(random: np.random.Generator, names: list[str], state: MoodState) -> tuple[FloatArray, FloatArray]:
    """Forced returns and extra volatility; both are longer than the day by what a cascade can last."""
    minutes = len(names)
    forced, strain = np.zeros(minutes + _CASCADE_MINUTES), np.zeros(minutes + _CASCADE_MINUTES)
    forced[:_CASCADE_MINUTES] += state.forced
    strain[:_CASCADE_MINUTES] += state.strain
    rates = np.array([REGIMES[name].cascades_per_day for name in names]) / 1440.0
    for start in np.flatnonzero(random.random(minutes) < rates):
        upward = random.random() < REGIMES[names[start]].squeeze
        shape, heat = _cascade(random)
        forced[start : start + _CASCADE_MINUTES] += shape if upward else -shape
        strain[start : start + _CASCADE_MINUTES] += heat
    return forced, strain


def _cascade(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One wave: a few minutes of accelerating forced trades, a climax, then part of the way back."""
    length = int(random.integers(3, 14))
    total = 15.0 * random.lognormal(0.0, 0.55)
    wave = np.zeros(_CASCADE_MINUTES)
    build = np.linspace(0.4, 1.6, length)
    wave[:length] = total * build / build.sum()
    back = int(random.integers(20, 90))
    fade = np.exp(-np.arange(_CASCADE_MINUTES - length) / (back / 2.5))
    wave[length:] -= total * random.uniform(0.2, 0.6) * fade / fade.sum()
    heat = 1.2 * np.exp(-np.maximum(0.0, np.arange(_CASCADE_MINUTES) - length) / 25.0)
    return wave, heat
