"""Implied volatilities of the options of BTC and ETH: a smile that leans to where the market has moved harder.

The level is that of the index of expected volatility; the lean follows the realised semivariances of the last three
days, with a seeded wave. At the distance x from the money, in deviations of the expiry (``ln(K / F) / (s sqrt(T))``),

    volatility = s (1 - lean / 1.349 x + bend x^2),   1.349 = distance of the quartiles of a normal distribution,

so that puts of 25 delta are dearer than calls of 25 delta by about `lean` times the level.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.core.types import utc_from_ms
from tradingbot.simulator.intelligence_columns import CLOSE, DAY_MS, HOUR_MS
from tradingbot.simulator.intelligence_mood import Mood
from tradingbot.simulator.intelligence_options import expiries
from tradingbot.simulator.intelligence_world import World, published

EXPIRY_MS: Final = 8 * HOUR_MS
"""Options expire so long after midnight, UTC."""
DEARER: Final = {"BTC": 1.0, "ETH": 1.25}
"""Expected volatility of a coin as a multiple of the market leader's."""
_OPEN_COINS: Final = {"BTC": 350_000.0, "ETH": 2_600_000.0}
_LOOK_BACK_H: Final = 72
_USUAL_LEAN: Final = 0.02
_LEAN_PER_ASYMMETRY: Final = 0.25
_MOST_LEAN: Final = 0.3
_QUARTILES: Final = 1.349
_BEND: Final = 0.04
_REACH: Final = 3.0
"""Strikes lie so many deviations to either side."""
_STRIKES: Final = 24
_YEAR_MS: Final = 365 * DAY_MS
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its day (``27DEC24``), strike in USD, side, volatility in percent, worth in coins, open coins."""

    day: str
    strike: int
    is_call: bool
    iv_pct: float
    worth: float
    interest: float


@dataclass(frozen=True, slots=True)
class Summaries:
    """All options of a coin at one moment; `price` in USD is the forward of every expiry."""

    time_ms: int
    price: float
    options: Sequence[Option]


class Smiles:
    """Answers for any moment from what was published by then."""

    def __init__(self, world: World, mood: Mood) -> None:
        self._world = world
        self._mood = mood

    def has(self, coin: str) -> bool:
        """Whether options of this coin are told."""
        return coin in DEARER and self._world.has(coin)

    def summaries(self, coin: str, now_ms: int) -> Summaries:
        """All options of a coin that `has` at the newest published minute."""
        at_ms = published(now_ms, self._world.delays.volatility_s)
        return self._world.memory.recall(("smiles", coin, at_ms), lambda: self._summaries(coin, at_ms, now_ms))

    def lean(self, coin: str, at_ms: int) -> float:
        """By how much of the level puts of 25 delta are dearer than calls: realised asymmetry and a slow wave."""
        rows = self._world.tables.lasting(coin, at_ms).hours(at_ms // HOUR_MS, _LOOK_BACK_H + 1)
        moves = np.diff(np.log(rows[CLOSE]))
        down, up = float(np.square(moves[moves < 0]).sum()), float(np.square(moves[moves > 0]).sum())
        asymmetry = (down - up) / (down + up) if down + up > 0 else 0.0
        wave = 0.015 * float(self._world.noise.wave(f"smile:{coin}", at_ms, 3 * DAY_MS))
        return max(-_MOST_LEAN, min(_MOST_LEAN, _USUAL_LEAN + _LEAN_PER_ASYMMETRY * asymmetry + wave))

    def _summaries(self, coin: str, at_ms: int, now_ms: int) -> Summaries:
        price = self._world.price(coin, at_ms)
        if price <= 0:
            return Summaries(at_ms, price, ())
        level = self._mood.expected_volatility(now_ms) * DEARER[coin] / 100.0
        lean = self.lean(coin, at_ms)
        ends = [day * DAY_MS + EXPIRY_MS for day in expiries(at_ms // DAY_MS)]
        found = [one for end in ends for one in self._of_expiry(coin, price, level, lean, end, at_ms)]
        return Summaries(at_ms, price, found)

    def _of_expiry(
        self, coin: str, price: float, level: float, lean: float, end_ms: int, at_ms: int
    ) -> Iterator[Option]:
        spread = level * math.sqrt((end_ms - at_ms) / _YEAR_MS)
        step = _round_step(2 * _REACH * spread * price / _STRIKES)
        lowest, highest = price * math.exp(-_REACH * spread), price * math.exp(_REACH * spread)
        for strike in range(max(step, math.ceil(lowest / step) * step), int(highest) + 1, step):
            x = math.log(strike / price) / spread
            iv = level * max(0.3, 1.0 - lean / _QUARTILES * x + _BEND * x * x)
            interest = 0.002 * _OPEN_COINS[coin] * math.exp(-0.5 * x * x)
            for is_call in (True, False):
                share = float(self._world.noise.uniforms(f"smile:{coin}:{is_call}:{end_ms}", strike))
                worth = _worth(price, strike, spread * iv / level, is_call)
                yield Option(_day(end_ms), strike, is_call, 100.0 * iv, worth, interest * share)


def _day(end_ms: int) -> str:
    when = utc_from_ms(end_ms)
    return f"{when.day}{_MONTHS[when.month - 1]}{when:%y}"


def _worth(forward: float, strike: float, spread: float, is_call: bool) -> float:
    """Black-76 at a rate of zero, in coins."""
    d1 = math.log(forward / strike) / spread + spread / 2.0
    sign = 1.0 if is_call else -1.0
    return max(0.0, sign * (_normal(sign * d1) - strike / forward * _normal(sign * (d1 - spread))))


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _round_step(wanted: float) -> int:
    """The next 1, 2 or 5 times a power of ten, at least 1 USD."""
    size: int = 10 ** max(0, math.floor(math.log10(max(1.0, wanted))))
    return next(size * part for part in (1, 2, 5, 10) if size * part >= wanted)
