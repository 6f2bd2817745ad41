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


def synthetic_book(instrument: Instrument, mid: float, shape: BookShape, seed: int, minute: int) -> SyntheticBook:
    """A book around `mid`. Levels stand on a fixed grid, so that small moves change few of them."""
    half = max(float(instrument.tick) / 2, mid * shape.spread_bps / 20_000)
    low, high = (mid * _WIDE_BID, mid * _WIDE_ASK) if shape.extreme else (mid - half, mid + half)
    best_bid = max(instrument.tick, floor_to(Decimal(repr(low)), instrument.tick))
    best_ask = ceil_to(Decimal(repr(high)), instrument.tick)
    if best_ask <= best_bid:
        best_ask = best_bid + instrument.tick
    grid = _grid(instrument, mid, shape.level_bps)
    return SyntheticBook(
        tuple(_levels(instrument, best_bid, -1, grid, shape, seed, minute)),
        tuple(_levels(instrument, best_ask, 1, grid, shape, seed, minute)),
    )


def _grid(instrument: Instrument, mid: float, level_bps: float) -> Decimal:
    ticks = mid * level_bps / 10_000 / float(instrument.tick)
    return instrument.tick * Decimal(1 << max(0, round(math.log2(max(1.0, ticks)))))


def _levels(
    instrument: Instrument, best: Decimal, sign: int, grid: Decimal, shape: BookShape, seed: int, minute: int
) -> list[Level]:
    depth_usd = shape.depth_usd / (_THIN_DEPTH_DIVISOR if shape.extreme else 1.0)
    per_level_usd = depth_usd * float(grid) / (float(best) * 0.01)
    levels = [(best, _size(instrument, best, per_level_usd * _TOUCH_SHARE, seed, minute))]
    price = floor_to(best - instrument.tick, grid) if sign < 0 else ceil_to(best + instrument.tick, grid)
    while len(levels) < shape.level_count and price > 0:
        levels.append((price, _size(instrument, price, per_level_usd, seed, minute)))
        price += sign * grid
    return levels


def _size(instrument: Instrument, price: Decimal, usd: float, seed: int, minute: int) -> Decimal:
    usd *= 0.6 + 0.8 * unit_noise(seed, instrument.symbol, price, minute)
    contracts = usd if instrument.inverse else usd / float(price)
    return max(instrument.step, down_to(Decimal(repr(round(contracts, 6))), instrument.step))
