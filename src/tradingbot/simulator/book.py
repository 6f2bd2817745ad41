"""The synthetic resting interest around the market's price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.ids import unit_noise
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.rounding import ceil_to, down_to, floor_to

Level = tuple[Decimal, Decimal]

_THIN_DEPTH_DIVISOR = 1000.0
_WIDE_BID = 0.35
_WIDE_ASK = 1.6
_TOUCH_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class SyntheticBook:
    """Levels (price, contracts), best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def side(self, side: Side) -> tuple[Level, ...]:
        """The levels that rest on this side."""
        return self.bids if side is Side.BUY else self.asks


@dataclass(frozen=True, slots=True)
class BookShape:
    """What shapes a book: spread in bps, USD within 1 % of mid per side, distance of levels in bps, their number."""

    spread_bps: float
    depth_usd: float
    level_bps: float
    level_count: int
    extreme: bool


class LevelSizes:
    """Sizes of levels of one contract within one minute: a price keeps its size while the book moves over it."""

    def __init__(self, instrument: Instrument, shape: BookShape, grid: Decimal, seed: int, minute: int) -> None:
        self.instrument = instrument
        self.shape = shape
        self.grid = grid
        self._seed = seed
        self._minute = minute
        self._known: dict[tuple[Decimal, bool], Decimal] = {}

    def at(self, price: Decimal, *, touch: bool) -> Decimal:
        """Contracts that rest at a price; the touch holds less than the levels behind it."""
        size = self._known.get((price, touch))
        if size is None:
            size = self._known[(price, touch)] = self._made(price, touch)
        return size

    def _made(self, price: Decimal, touch: bool) -> Decimal:
        depth_usd = self.shape.depth_usd / (_THIN_DEPTH_DIVISOR if self.shape.extreme else 1.0)
        usd = depth_usd * float(self.grid) / (float(price) * 0.01) * (_TOUCH_SHARE if touch else 1.0)
        usd *= 0.6 + 0.8 * unit_noise(self._seed, self.instrument.symbol, price, self._minute)
        contracts = usd if self.instrument.inverse else usd / float(price)
        step = self.instrument.step
        return max(step, down_to(Decimal(repr(round(contracts, 6))), step))


def level_sizes(instrument: Instrument, mid: float, shape: BookShape, seed: int, minute: int) -> LevelSizes:
    """The sizes of a minute's levels, on a grid of about `level_bps` around `mid`."""
    ticks = mid * shape.level_bps / 10_000 / float(instrument.tick)
    grid = instrument.tick * Decimal(1 << max(0, round(math.log2(max(1.0, ticks)))))
    return LevelSizes(instrument, shape, grid, seed, minute)


def synthetic_book(mid: float, sizes: LevelSizes) -> SyntheticBook:
    """A book around `mid`. Levels stand on a fixed grid, so that small moves change few of them."""
    shape, tick = sizes.shape, sizes.instrument.tick
    half = max(float(tick) / 2, mid * shape.spread_bps / 20_000)
    low, high = (mid * _WIDE_BID, mid * _WIDE_ASK) if shape.extreme else (mid - half, mid + half)
    best_bid = max(tick, floor_to(Decimal(repr(low)), tick))
    best_ask = ceil_to(Decimal(repr(high)), tick)
    if best_ask <= best_bid:
        best_ask = best_bid + tick
    return SyntheticBook(tuple(_levels(best_bid, -1, sizes)), tuple(_levels(best_ask, 1, sizes)))


def _levels(best: Decimal, sign: int, sizes: LevelSizes) -> list[Level]:
    grid, tick = sizes.grid, sizes.instrument.tick
    levels = [(best, sizes.at(best, touch=True))]
    price = floor_to(best - tick, grid) if sign < 0 else ceil_to(best + tick, grid)
    while len(levels) < sizes.shape.level_count and price > 0:
        levels.append((price, sizes.at(price, touch=False)))
        price += sign * grid
    return levels
