"""The synthetic resting interest around the market's price.

Levels stand on a fixed grid, so that small moves change few of them, and a price keeps its size within a minute.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Side
from tradingbot.simulator.grid import Grid, grid_of
from tradingbot.simulator.instruments import Instrument

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Quote = TypeVar("Quote", float, Floats)
Level = tuple[Decimal, Decimal]
FloatLevels = tuple[tuple[float, float], ...]

_THIN_DEPTH_DIVISOR: Final = 1000.0
_WIDE_BID: Final = 0.35
_WIDE_ASK: Final = 1.6
_TOUCH_SHARE: Final = 0.2
_LEAST: Final = 0.6
_SPAN: Final = 0.8
"""Sizes are the usual one times a number in 0.6 to 1.4."""
_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB


@dataclass(frozen=True, slots=True)
class BookShape:
    """What shapes a book: spread in bps, USD within 1 % of mid per side, distance of levels in bps, their number."""

    spread_bps: float
    depth_usd: float
    level_bps: float
    level_count: int
    extreme: bool


@lru_cache(maxsize=4096)
def key_of(seed: int, symbol: str, minute: int) -> int:
    """What the sizes of a minute's books follow from."""
    digest = hashlib.blake2b(f"{seed}|{symbol}|{minute}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def spacing_of(mid: float, level_bps: float, ticks: Grid) -> int:
    """Ticks between two levels of books around a price."""
    apart = mid * level_bps / 10_000 / ticks.size
    return 1 << max(0, round(math.log2(max(1.0, apart))))


def usual_usd_of(depth_usd: float, spacing: int, ticks: Grid, *, extreme: bool) -> float:
    """USD of a usual level, where so many rest within 1 % of mid."""
    thin = depth_usd / (_THIN_DEPTH_DIVISOR if extreme else 1.0)
    return thin * (spacing * ticks.size) / 0.01


class BookMaker:
    """Makes the books of one contract within one minute."""

    def __init__(self, instrument: Instrument, mid: float, shape: BookShape, seed: int, minute: int) -> None:
        self.shape = shape
        self.ticks = grid_of(instrument.tick)
        self.steps = grid_of(instrument.step)
        self._inverse = instrument.inverse
        self.key = key_of(seed, instrument.symbol, minute)
        self.spacing = spacing_of(mid, shape.level_bps, self.ticks)
        self.usual_usd = usual_usd_of(shape.depth_usd, self.spacing, self.ticks, extreme=shape.extreme)

    def best(self, mid: float) -> tuple[int, int]:
        """Best bid and ask around a price, in ticks."""
        if self.shape.extreme:
            low, high = wide_quotes(mid)
        else:
            half = max(self.ticks.size / 2, mid * self.shape.spread_bps / 20_000)
            low, high = mid - half, mid + half
        bid, ask = max(1, self.ticks.floor(low)), self.ticks.ceil(high)
        return bid, ask if ask > bid else bid + 1

    def touch_size(self, price_ticks: int) -> int:
        """What rests at a best price, in steps: less than on the levels behind it."""
        return self._size(price_ticks, _TOUCH_SHARE)

    def _size(self, price_ticks: int, share: float) -> int:
        z = (self.key + price_ticks * _GOLDEN) & _MASK
        z = ((z ^ (z >> 30)) * _FIRST) & _MASK
        z = ((z ^ (z >> 27)) * _SECOND) & _MASK
        noise = ((z ^ (z >> 31)) >> 11) / 9007199254740992.0
        price = self.ticks.number(price_ticks)
        usd = self.usual_usd / price * share * (_LEAST + _SPAN * noise)
        contracts = usd if self._inverse else usd / price
        return max(1, int(contracts / self.steps.size))

    def side(self, best_ticks: int, sign: int) -> tuple[Ints, Ints]:
        """Prices in ticks, best first, and sizes in steps, of all levels of one side. `sign` -1: bids."""
        count, spacing = self.shape.level_count, self.spacing
        first = (best_ticks - 1) // spacing * spacing if sign < 0 else -(-(best_ticks + 1) // spacing) * spacing
        behind = first + sign * spacing * np.arange(count - 1, dtype=np.int64)
        prices = np.concatenate((np.array([best_ticks], dtype=np.int64), behind[behind > 0]))
        return prices, self._sizes(prices, 0)

    def sides(self, bid: int, ask: int, count: int) -> tuple[Ints, Ints, int]:
        """The first levels of both sides as `side` has them, bids before asks, and where the asks begin."""
        spacing, most = self.spacing, min(count, self.shape.level_count)
        behind = spacing * np.arange(most - 1, dtype=np.int64)
        bids = (bid - 1) // spacing * spacing - behind
        asks = -(-(ask + 1) // spacing) * spacing + behind
        prices = np.concatenate((np.array([bid]), bids[bids > 0], np.array([ask]), asks))
        first_ask = len(prices) - most
        return prices, self._sizes(prices, 0, first_ask), first_ask

    def _sizes(self, prices: Ints, *best: int) -> Ints:
        keys, usual = np.uint64(self.key), np.float64(self.usual_usd)
        share = np.ones(len(prices))
        for place in best:
            share[place] = _TOUCH_SHARE
        return _sized(prices, keys, usual, self.ticks, self.steps, share, inverse=self._inverse)


def wide_quotes(mid: Quote) -> tuple[Quote, Quote]:
    """Where the best quotes of an extreme book are."""
    return mid * _WIDE_BID, mid * _WIDE_ASK


def touch_sizes(prices: Ints, keys: Keys, usual_usd: Floats, ticks: Grid, steps: Grid, *, inverse: bool) -> Ints:
    """`BookMaker.touch_size` of many best prices, each with the key and the usual USD of its own maker."""
    return _sized(prices, keys, usual_usd, ticks, steps, np.full(len(prices), _TOUCH_SHARE), inverse=inverse)


def sizes_behind(prices: Ints, keys: Keys, usual_usd: Floats, ticks: Grid, steps: Grid, *, inverse: bool) -> Ints:
    """Sizes of many levels behind the best, each with the key and the usual USD of its own maker."""
    return _sized(prices, keys, usual_usd, ticks, steps, np.ones(len(prices)), inverse=inverse)


def _sized(
    prices: Ints,
    keys: Keys | np.uint64,
    usual_usd: Floats | np.float64,
    ticks: Grid,
    steps: Grid,
    share: Floats,
    *,
    inverse: bool,
) -> Ints:
    z = keys + prices.astype(np.uint64) * np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    noise = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0
    price = prices * ticks.unit / ticks.scale
    usd = usual_usd / price * share * (_LEAST + _SPAN * noise)
    contracts = usd if inverse else usd / price
    sizes: Ints = np.maximum(1, (contracts / steps.size).astype(np.int64))
    return sizes


class SyntheticBook:
    """A book around a price; what is not asked for is not made."""

    def __init__(self, mid: float, maker: BookMaker) -> None:
        self._maker = maker
        self._bid, self._ask = maker.best(mid)
        self._touch: tuple[float, float, float, float] | None = None

    @property
    def touch(self) -> tuple[float, float, float, float]:
        """Best bid, contracts there, best ask, contracts there."""
        if self._touch is None:
            ticks, steps, maker = self._maker.ticks, self._maker.steps, self._maker
            bid_size, ask_size = steps.number(maker.touch_size(self._bid)), steps.number(maker.touch_size(self._ask))
            self._touch = ticks.number(self._bid), bid_size, ticks.number(self._ask), ask_size
        return self._touch

    @cached_property
    def bids(self) -> tuple[Level, ...]:
        """Levels (price, contracts), best first."""
        return self._exact(self._bid, -1)

    @cached_property
    def asks(self) -> tuple[Level, ...]:
        """Levels (price, contracts), best first."""
        return self._exact(self._ask, 1)

    def side(self, side: Side) -> tuple[Level, ...]:
        """The levels that rest on this side."""
        return self.bids if side is Side.BUY else self.asks

    def floats(self, side: Side, count: int) -> FloatLevels:
        """The first levels of a side as floats, equal to the exact ones."""
        return self.both_floats(count)[0 if side is Side.BUY else 1]

    def both_floats(self, count: int) -> tuple[FloatLevels, FloatLevels]:
        """The first bids and asks as floats, equal to the exact ones."""
        prices, sizes, first_ask = self._maker.sides(self._bid, self._ask, count)
        ticks, steps = self._maker.ticks, self._maker.steps
        told = (prices * ticks.unit / ticks.scale).tolist(), (sizes * steps.unit / steps.scale).tolist()
        levels = tuple(zip(*told, strict=True))
        return levels[:first_ask], levels[first_ask:]

    def _exact(self, best: int, sign: int) -> tuple[Level, ...]:
        prices, sizes = self._maker.side(best, sign)
        ticks, steps = self._maker.ticks, self._maker.steps
        return tuple(
            (ticks.exact(price), steps.exact(size)) for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)
        )
