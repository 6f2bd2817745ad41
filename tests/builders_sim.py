"""Builders of a small simulated venue: a deterministic feed and ready-made venues."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tradingbot.simulator.market_feed import MinuteBar
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.venue import SimulatedVenue

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000
BASE = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0, "DOGE": 0.2, "PEPE": 0.00001, "LTC": 80.0}


class SineFeed:
    """Prices on a sine: the same minute is always the same. `moves` overrides closes: minute number -> factor."""

    def __init__(
        self,
        assets: Sequence[str] = ("BTC", "ETH", "SOL", "PEPE"),
        amplitude: float = 0.01,
        minutes: int | None = None,
        premium: float = 0.0002,
        moves: Mapping[int, float] | None = None,
    ) -> None:
        self._assets = tuple(assets)
        self._amplitude = amplitude
        self._minutes = minutes
        self._premium = premium
        self._moves = dict(moves or {})

    @property
    def assets(self) -> Sequence[str]:
        return self._assets

    @property
    def start_ms(self) -> int:
        return START_MS

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        number = (open_ms - START_MS) // MINUTE_MS
        if self._minutes is not None and number >= self._minutes:
            return None
        return {asset: self._bar(asset, number) for asset in self._assets}

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        last = (until_ms - START_MS) // MINUTE_MS
        return [self._bar(asset, number) for number in range(last - count, last)]

    def _price(self, asset: str, number: int) -> float:
        factor = 1.0
        for minute, move in self._moves.items():
            if number > minute:
                factor *= move
        return BASE[asset] * factor * (1 + self._amplitude * math.sin(number / 40))

    def _bar(self, asset: str, number: int) -> MinuteBar:
        first, last = self._price(asset, number), self._price(asset, number + 1)
        return MinuteBar(
            open_ms=START_MS + number * MINUTE_MS,
            open=first,
            high=max(first, last) * 1.0002,
            low=min(first, last) * 0.9998,
            close=last,
            volume_base=2_000_000 / first / 1440 * 100,
            buy_fraction=0.5,
            premium=self._premium,
            open_interest_base=1_000_000 / first,
            spread_bps=2.0,
            depth_usd=2_000_000.0,
        )


def make_venue(feed: SineFeed | None = None, **settings: object) -> SimulatedVenue:
    """A venue at the feed's start. `settings` are those of SimulatorParams."""
    feed = feed or SineFeed()
    params = SimulatorParams.model_validate({"latency_min_ms": 0, "latency_max_ms": 0, **settings})
    return SimulatedVenue(params, feed, START_MS)
