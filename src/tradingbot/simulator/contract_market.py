"""One contract's market at a moment: prices, book, tape and funding, all following from the feed and the time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from tradingbot.core.types import Side
from tradingbot.simulator.book import BookMaker, BookShape, Floats, Level, SyntheticBook
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.market_feed import MinuteBar
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.price_path import MinutePath, minute_path
from tradingbot.simulator.rounding import ZERO, wire
from tradingbot.simulator.tape import MINUTE_MS, Print, minute_tape

_EMA_S = 30.0
_EMA_STEP_MS = 5_000
_EMA_WEIGHTS = tuple((ms, math.exp(-ms / 1000 / _EMA_S)) for ms in range(0, MINUTE_MS, _EMA_STEP_MS))
_EMA_WEIGHT = sum(weight for _, weight in _EMA_WEIGHTS)
_MARK_CLAMP = 0.01
_TAPE_MEMORY = 100
_ROUNDINGS = 1e-4
"""More than all roundings of a price together come to, as a fraction."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the running minute has done so far; `volume` in base units."""

    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Funding:
    """Funding of the running hour. `rate` is absolute (USD per base unit, or coin per USD contract) per hour."""

    relative: float
    relative_next: float
    rate: Decimal
    rate_next: Decimal


NO_FUNDING = Funding(0.0, 0.0, ZERO, ZERO)


class ContractMarket:
    """The market of one contract. `enter_minute` gives it a bar, `refresh` moves it to a moment inside."""

    def __init__(self, instrument: Instrument, params: SimulatorParams) -> None:
        self.instrument = instrument
        self._params = params
        self._bar: MinuteBar | None = None
        self._made_path: MinutePath | None = None
        self._made_prints: tuple[Print, ...] | None = None
        self._premium_before = 0.0
        self._taken: dict[Side, Decimal] = {}
        self._print_seq = 0
        self._origin = f"{params.seed}:{instrument.symbol}"
        self.now_ms = 0
        self._prices: tuple[Decimal, Decimal] | None = (ZERO, ZERO)
        self._book: SyntheticBook | None = None
        self._maker: BookMaker | None = None
        self.tape: deque[Print] = deque(maxlen=_TAPE_MEMORY)
        self.last: Print | None = None
        self._funding: Funding | Callable[[], Funding] = NO_FUNDING
        self.extreme = params.testnet_spreads
        self.post_only = False
        self.volume_24h: Decimal | None = None
        self.turnover_24h_usd: float | None = None

    @property
    def alive(self) -> bool:
        """True once the contract has had a price."""
        return self._bar is not None and self._bar.close > 0

    @property
    def bar(self) -> MinuteBar:
        """The running minute. Only when `alive`."""
        if self._bar is None:
            raise RuntimeError(f"{self.instrument.symbol} has no market yet")
        return self._bar

    @property
    def index(self) -> Decimal:
        """Price of the index at the last refresh."""
        return (self._prices or self._found())[0]

    @property
    def mark(self) -> Decimal:
        """Mark price at the last refresh."""
        return (self._prices or self._found())[1]

    def _found(self) -> tuple[Decimal, Decimal]:
        """Prices are found when somebody wants to know: most moments nobody does."""
        index = self._index_at(self.now_ms)
        exact = wire(Decimal(repr(round(index, price_digits(index)))))
        self._prices = exact, wire(Decimal(repr(self.mark_of(index, self.now_ms))))
        return self._prices

    def _index_at(self, now_ms: int) -> float:
        fraction = self._fraction(now_ms)
        return self._path.at(fraction) if fraction else self.bar.open

    @property
    def _path(self) -> MinutePath:
        if self._made_path is None:
            self._made_path = minute_path(self.bar, self._params.seed, self.instrument.asset)
        return self._made_path

    @property
    def _prints(self) -> tuple[Print, ...]:
        if self._made_prints is None:
            count, seed = self._params.tape_prints_per_minute, self._params.seed
            self._made_prints = minute_tape(self.instrument, self.bar, self._path, self._premium_before, count, seed)
        return self._made_prints

    @property
    def book(self) -> SyntheticBook:
        """The synthetic book of the last refresh, untouched by takers."""
        if self._book is None:
            mid = self._index_at(self.now_ms) * (1 + self._premium(self.now_ms))
            self._book = SyntheticBook(mid, self._book_maker())
        return self._book

    def _book_maker(self) -> BookMaker:
        bar, params = self.bar, self._params
        if self._maker is None or self._maker.shape.extreme != self.extreme:  # the bar stays until another comes
            shape = BookShape(bar.spread_bps, bar.depth_usd, params.slippage_bps, params.level_count, self.extreme)
            minute = bar.open_ms // MINUTE_MS
            self._maker = BookMaker(self.instrument, bar.open, shape, params.seed, minute)
        return self._maker

    @property
    def funding(self) -> Funding:
        """Funding of the running hour, as of the running minute."""
        if not isinstance(self._funding, Funding):
            self._funding = self._funding()
        return self._funding

    @funding.setter
    def funding(self, now: Funding | Callable[[], Funding]) -> None:
        """Set it, or how it is found: when somebody wants to know, most minutes nobody does."""
        self._funding = now

    @property
    def is_taken(self) -> bool:
        """Whether takers of ours took something since the last full refresh."""
        return bool(self._taken)

    def look(self, now_ms: int) -> None:
        """Learn whether there is a market at this moment: a synthetic one always is, once it has begun."""

    def seen_ms(self, now_ms: int) -> int:
        """When the prices were true that are shown at this moment."""
        return now_ms

    def shown_funding(self) -> Funding:
        """Funding as it should be from now on."""
        return self.funding

    def enter_minute(self, bar: MinuteBar) -> None:
        """Take the next minute's bar."""
        self._premium_before = self._bar.premium if self._bar else bar.premium
        if self._bar is None:
            self._print_seq = bar.open_ms // MINUTE_MS % 10_000_000 * self._params.tape_prints_per_minute
        self._bar = bar
        self._maker = self._made_path = self._made_prints = None

    def prints_between(self, after_ms: int, until_ms: int) -> list[Print]:
        """The minute's public trades in (after, until]."""
        return [entry for entry in self._prints if after_ms < entry.time_ms <= until_ms]

    def played(self, now_ms: int) -> Played:
        """The running minute up to a moment."""
        fraction = self._fraction(now_ms)
        low, high = self._path.extremes(0.0, fraction)
        return Played(high, low, self._path.at(fraction), self.bar.volume_base * fraction)

    def record_print(self, entry: Print) -> Print:
        """Put a trade on the tape; returns it with its number and id."""
        self._print_seq += 1
        entry = replace(entry, seq=self._print_seq, origin=self._origin)
        self.tape.append(entry)
        self.last = entry
        return entry

    def refresh(self, now_ms: int, *, keep_taken: bool = False) -> None:
        """Move prices and book to a moment within the running minute.

        What takers took is there again, unless `keep_taken`.
        """
        self.now_ms = now_ms
        self._prices = self._book = None
        if not keep_taken:
            self._taken.clear()

    def mark_of(self, index: float, now_ms: int) -> float:
        """Mark price at a moment: index and the smoothed premium of the last half minute."""
        smooth = self._smooth_premium(now_ms)
        price = index * (1 + max(-_MARK_CLAMP, min(_MARK_CLAMP, smooth)))
        return round(price, price_digits(price))

    def first_signal(self, after_ms: int, until_ms: int, level: Decimal, *, above: bool, mark: bool) -> int | None:
        """First moment in (after, until] at which index (or mark) is at or beyond `level`."""
        if not self.may_reach(level, above=above, mark=mark):
            return None
        factor = 1 + self._smooth_premium(until_ms) if mark else 1.0
        reached = self._path.first_reach(
            self._fraction(after_ms), self._fraction(until_ms), float(level) / factor, above=above
        )
        if reached is None:
            return None
        return min(until_ms, max(after_ms + 1, math.ceil(self.bar.open_ms + reached * MINUTE_MS)))

    def may_reach(self, level: Decimal, *, above: bool, mark: bool) -> bool:
        """False when index (or mark) stays on its side of `level` for the whole minute, by more than roundings."""
        low, high = self._bounds(mark=mark)
        return float(level) <= high if above else float(level) >= low

    def mark_bounds(self) -> tuple[float, float] | None:
        """What mark and index are never below, and never above, in the running minute; None when nobody knows."""
        return self._bounds(mark=True)

    def _bounds(self, *, mark: bool) -> tuple[float, float]:
        bar, before = self.bar, self._premium_before
        low, high = min(bar.open, bar.high, bar.low, bar.close), max(bar.open, bar.high, bar.low, bar.close)
        if mark:
            low *= 1 + min(before, bar.premium, 0.0)
            high *= 1 + max(before, bar.premium, 0.0)
        return low * (1 - _ROUNDINGS), high * (1 + _ROUNDINGS)

    def available(self, side: Side) -> list[Level]:
        """What still rests on a side of the synthetic book, best first."""
        taken = self._taken.get(side, ZERO)
        if not taken:
            return list(self.book.side(side))
        left = []
        for price, size in self.book.side(side):
            gone = min(size, taken)
            taken -= gone
            if size > gone:
                left.append((price, size - gone))
        return left

    def take(self, side: Side, size: Decimal) -> None:
        """Takers consumed this much of a side, best prices first: it is missing until the next full refresh."""
        self._taken[side] = self._taken.get(side, ZERO) + size

    def _fraction(self, now_ms: int) -> float:
        return min(1.0, max(0.0, (now_ms - self.bar.open_ms) / MINUTE_MS))

    def _premium(self, now_ms: int) -> float:
        share = max(0.0, min(1.0, (now_ms - self.bar.open_ms) / MINUTE_MS))
        return self._premium_before + (self.bar.premium - self._premium_before) * share

    def _smooth_premium(self, now_ms: int) -> float:
        # As a sum of `_premium`, the same to the last bit, without twelve calls.
        bar, before, total = self.bar, self._premium_before, 0.0
        moved, since_ms = bar.premium - before, now_ms - bar.open_ms
        for back_ms, weight in _EMA_WEIGHTS:
            gone_ms = since_ms - back_ms
            share = 0.0 if gone_ms <= 0 else 1.0 if gone_ms >= MINUTE_MS else gone_ms / MINUTE_MS
            total += weight * (before + moved * share)
        return total / _EMA_WEIGHT


def smooth_premiums(before: Floats, premium: Floats, since_ms: int) -> Floats:
    """The smoothed premium of the last half minute, so many ms into minutes with these premiums before and at the end.

    As `ContractMarket` finds it of one minute, to the last bit.
    """
    total, moved = np.zeros_like(before), premium - before
    for back_ms, weight in _EMA_WEIGHTS:
        share = min(1.0, max(0.0, (since_ms - back_ms) / MINUTE_MS))
        total = total + weight * (before + moved * share)
    return total / _EMA_WEIGHT


def with_premium(index: Floats, premium: Floats) -> Floats:
    """Mark prices before they are rounded."""
    marks: Floats = index * (1 + np.maximum(-_MARK_CLAMP, np.minimum(_MARK_CLAMP, premium)))
    return marks


def price_digits(price: float) -> int:
    """Places that a price is rounded to: ten digits, but two at least."""
    return max(2, min(14, 9 - math.floor(math.log10(price)))) if price > 0 else 8
