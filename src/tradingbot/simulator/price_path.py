"""How a price moves inside one minute: a continuous path through open, high, low and close."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from tradingbot.simulator.market_feed import MinuteBar

POINTS_PER_LEG = 4


@dataclass(frozen=True, slots=True)
class MinutePath:
    """Corner points (fraction of the minute, price), straight lines between them. Never outside low and high."""

    points: tuple[tuple[float, float], ...]

    def at(self, fraction: float) -> float:
        """Price at a fraction of the minute in [0, 1]."""
        for (left, low), (right, high) in pairwise(self.points):
            if fraction <= right:
                return low + (high - low) * (fraction - left) / (right - left)
        return self.points[-1][1]

    def extremes(self, start: float, end: float) -> tuple[float, float]:
        """Lowest and highest price within [start, end]."""
        prices = [self.at(start), self.at(end)]
        prices += [price for fraction, price in self.points if start < fraction < end]
        return min(prices), max(prices)

    def first_reach(self, start: float, end: float, level: float, *, above: bool) -> float | None:
        """First fraction within [start, end] at which the price is at or beyond `level`; None when it never is."""
        stops = [start, *(fraction for fraction, _ in self.points if start < fraction < end), end]
        sign = 1.0 if above else -1.0
        for left, right in pairwise(stops):
            low, high = self.at(left), self.at(right)
            if sign * (low - level) >= 0:
                return left
            if sign * (high - level) >= 0:
                return left + (right - left) * (level - low) / (high - low)
        return end if sign * (self.at(end) - level) >= 0 else None


def minute_path(bar: MinuteBar, seed: int, asset: str) -> MinutePath:
    """The path of a bar; the same bar, seed and asset give the same path."""
    dice = random.Random(minute_dice(seed, asset, bar.open_ms))
    rising = bar.close >= bar.open
    low_first = (dice.random() < 0.7) == rising
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    one, two = sorted((dice.uniform(0.08, 0.92), dice.uniform(0.08, 0.92)))
    two = max(two, one + 0.05)
    corners = [(0.0, bar.open), (one, first), (two, second), (1.0, bar.close)]
    points = [corners[0]]
    for left, right in pairwise(corners):
        points += _wiggle(left, right, bar, dice)
        points.append(right)
    return MinutePath(tuple(points))


def minute_dice(seed: int, asset: str, open_ms: int) -> str:
    """What the dice of a minute's path are seeded with."""
    return f"path:{seed}:{asset}:{open_ms}"


def _wiggle(
    left: tuple[float, float], right: tuple[float, float], bar: MinuteBar, dice: random.Random
) -> list[tuple[float, float]]:
    reach = (bar.high - bar.low) * 0.15
    points = []
    for number in range(1, POINTS_PER_LEG):
        share = number / POINTS_PER_LEG
        price = left[1] + (right[1] - left[1]) * share + dice.uniform(-reach, reach)
        points.append((left[0] + (right[0] - left[0]) * share, min(bar.high, max(bar.low, price))))
    return points
