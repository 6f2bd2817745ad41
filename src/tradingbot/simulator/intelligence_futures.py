"""Taker volume, liquidations and open interest of all futures exchanges, from one market's minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from tradingbot.simulator.intelligence_columns import (
    BUYS,
    DAY_MS,
    HIGH,
    HOUR_MS,
    I_HIGH,
    I_LOW,
    I_OPEN,
    INTEREST,
    LONGS,
    LOW,
    MINUTE_MS,
    SHORTS,
    VOLUME,
    Bars,
)
from tradingbot.simulator.intelligence_scale import EXCHANGES, TRADED, Exchange
from tradingbot.simulator.intelligence_world import RECORDED, Memory, World, published
from tradingbot.simulator.scan import FloatArray

CHANGES: Final = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "24h": 1440}
"""Windows over which changes of open interest are told, minutes."""
_RECORDED_AGE_MS: Final = 3 * DAY_MS
_WEEK_MINUTES: Final = 7 * 1440


@dataclass(frozen=True, slots=True)
class Split:
    """Two amounts in USD, of all exchanges and of each: buys and sells, or liquidated longs and shorts."""

    first: float
    second: float
    by_exchange: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Interest:
    """Open interest of one exchange: USD, coins, the share margined in coins, and changes in percent by window."""

    exchange: str
    usd: float
    coins: float
    coin_margin: float
    change_pct: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LiquidationOrder:
    """One position closed by force; a long is closed by a sale."""

    time_ms: int
    exchange: Exchange
    price: float
    usd: float
    long: bool


class Futures:
    """Answers for any moment from what was published by then. Raises KeyError for an asset the market lacks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._memory = Memory(4_096)

    def taker(self, asset: str, minutes: int, now_ms: int) -> Split:
        """Volume of takers over the last minutes: buys, sells."""
        at_ms = published(now_ms, self._world.delays.taker_s)
        return self._world.memory.recall(("taker", asset, minutes, at_ms), lambda: self._taker(asset, minutes, at_ms))

    def turnover(self, asset: str, minutes: int, now_ms: int) -> tuple[float, float]:
        """Volume of takers over the last minutes on all exchanges together: buys, sells."""
        at_ms = published(now_ms, self._world.delays.taker_s)
        rows = self._world.tables.of(asset, at_ms).minutes(at_ms // MINUTE_MS, minutes)
        volume = float(rows[VOLUME].sum()) * self._world.scale.volume
        buys = float(rows[BUYS].sum()) * self._world.scale.volume
        return buys, volume - buys

    def liquidated(self, asset: str, minutes: int, now_ms: int) -> Split:
        """Positions closed by force over the last minutes: longs, shorts."""
        at_ms = published(now_ms, self._world.delays.liquidations_s)
        key = ("liquidated", asset, minutes, at_ms)
        return self._world.memory.recall(key, lambda: self._liquidated(asset, minutes, at_ms))

    def interest(self, asset: str, now_ms: int) -> tuple[Sequence[Interest], str]:
        """Open interest of all exchanges together, then of each; and where it comes from."""
        at_ms = published(now_ms, self._world.delays.open_interest_s)
        return self._world.memory.recall(("interest", asset, at_ms), lambda: self._interest(asset, at_ms))

    def bars(self, asset: str, step_ms: int, since_ms: int, now_ms: int, delay_s: float) -> Bars:
        """The market's own bars as published by now; the last may be unfinished."""
        at_ms = published(now_ms, delay_s)
        return self._world.tables.of(asset, at_ms).bars(step_ms, since_ms, at_ms)

    def interest_bars(self, asset: str, step_ms: int, since_ms: int, now_ms: int) -> tuple[Bars, str]:
        """Bars of which the open-interest columns are of all exchanges; and where they come from."""
        bars = self.bars(asset, step_ms, since_ms, now_ms, self._world.delays.open_interest_s)
        factor, origin = self._interest_factor(asset, published(now_ms, self._world.delays.open_interest_s))
        columns = bars.columns.copy()
        columns[[INTEREST, I_OPEN, I_HIGH, I_LOW]] *= factor
        if len(bars) > 1:
            columns[I_OPEN, 1:] = columns[INTEREST, :-1]
            columns[I_HIGH] = np.maximum(columns[I_HIGH], columns[I_OPEN])
            columns[I_LOW] = np.minimum(columns[I_LOW], columns[I_OPEN])
        return Bars(bars.time_ms, columns), origin

    def volume_share(self, exchange: str) -> float:
        """This exchange's part of all volume; 0 for one that is not known."""
        return next((one.volume for one in TRADED if one.name == exchange), 0.0)

    def interest_share(self, exchange: str) -> float:
        """This exchange's part of all open interest; 0 for one that is not known."""
        return next((one.interest for one in EXCHANGES if one.name == exchange), 0.0)

    def orders(self, asset: str, since_ms: int, until_ms: int, now_ms: int, least_usd: float) -> list[LiquidationOrder]:
        """Single liquidations of at least this much, newest first, at most 200 and 7 days old."""
        at_ms = min(published(now_ms, self._world.delays.liquidations_s), until_ms // MINUTE_MS * MINUTE_MS)
        count = min(_WEEK_MINUTES, max(0, (at_ms - since_ms) // MINUTE_MS))
        rows = self._world.tables.of(asset, at_ms).minutes(at_ms // MINUTE_MS, count)
        found: list[LiquidationOrder] = []
        for place in np.flatnonzero(rows[LONGS] + rows[SHORTS] > 0)[::-1].tolist():
            minute = at_ms // MINUTE_MS - rows.shape[1] + place
            made = self._memory.recall((asset, minute), partial(self._orders_of, asset, minute, rows[:, place]))
            fresh = [one for one in made if one.usd >= least_usd]
            found += sorted(fresh, key=lambda one: -one.time_ms)
            if len(found) >= 200:
                break
        return found[:200]

    def _orders_of(self, asset: str, minute: int, row: FloatArray) -> list[LiquidationOrder]:
        random = self._world.noise.generator(f"orders:{asset}", minute)
        found: list[LiquidationOrder] = []
        for column, long in ((LONGS, True), (SHORTS, False)):
            total = float(row[column]) * self._world.scale.liquidations
            if total < 1.0:
                continue
            pieces = random.lognormal(0.0, 1.4, 1 + min(30, int(total / 40_000.0)))
            for usd in (total * pieces / pieces.sum()).tolist():
                exchange = TRADED[int(random.choice(len(TRADED), p=_VOLUMES))]
                price = float(row[LOW] + (row[HIGH] - row[LOW]) * random.random())
                time_ms = minute * MINUTE_MS + int(random.integers(0, MINUTE_MS))
                found.append(LiquidationOrder(time_ms, exchange, price, usd, long))
        return found

    def _taker(self, asset: str, minutes: int, at_ms: int) -> Split:
        buys, sells = self.turnover(asset, minutes, at_ms + round(self._world.delays.taker_s * 1000))
        return self._split("taker", asset, buys, sells, at_ms, 0.02)

    def _liquidated(self, asset: str, minutes: int, at_ms: int) -> Split:
        rows = self._world.tables.of(asset, at_ms).minutes(at_ms // MINUTE_MS, minutes)
        factor = self._world.scale.liquidations
        return self._split(
            "forced", asset, float(rows[LONGS].sum()) * factor, float(rows[SHORTS].sum()) * factor, at_ms, 0.12
        )

    def _split(self, kind: str, asset: str, first: float, second: float, at_ms: int, spread: float) -> Split:
        key = ("weights", kind, asset, at_ms)
        left, right = self._world.memory.recall(key, partial(self._weights, kind, asset, at_ms, spread))
        pairs = zip((first * left).tolist(), (second * right).tolist(), strict=True)
        return Split(first, second, {one.name: pair for one, pair in zip(TRADED, pairs, strict=True)})

    def _weights(self, kind: str, asset: str, at_ms: int, spread: float) -> tuple[FloatArray, FloatArray]:
        """Shares of the exchanges in the first and in the second amount: their usual ones, wandering."""
        names = [f"{kind}:{asset}:{one.name}" for one in TRADED]
        common = _VOLUMES * np.exp(0.10 * self._world.noise.wave_row(names, at_ms, DAY_MS))
        tilt = spread * self._world.noise.row(names, at_ms // HOUR_MS)
        left, right = common * np.exp(tilt), common * np.exp(-tilt)
        return left / left.sum(), right / right.sum()

    def _interest(self, asset: str, at_ms: int) -> tuple[Sequence[Interest], str]:
        rows = self._world.tables.of(asset, at_ms).minutes(at_ms // MINUTE_MS, 1441)
        if not rows.shape[1]:
            return (), self._world.origin
        factor, origin = self._interest_factor(asset, at_ms)
        price, values = float(rows[3, -1]), rows[INTEREST]
        base = {window: float(values[max(-len(values), -1 - minutes)]) for window, minutes in CHANGES.items()}
        change = {
            window: 100.0 * (float(values[-1]) / before - 1.0) if before else 0.0 for window, before in base.items()
        }
        names = [f"interest:{asset}:{one.name}" for one in EXCHANGES]
        shares = _INTERESTS * np.exp(0.05 * self._world.noise.wave_row(names, at_ms, 10 * DAY_MS))
        usd = float(values[-1]) * factor * shares / shares.sum()
        own = 0.25 * self._world.noise.row(names, at_ms // HOUR_MS)
        parts = [
            Interest(one.name, part, part / price, one.coin_margin, {w: c * (1.0 + tilt) for w, c in change.items()})
            for one, part, tilt in zip(EXCHANGES, usd.tolist(), own.tolist(), strict=True)
        ]
        total = sum(part.usd for part in parts)
        coin_margin = sum(part.usd * part.coin_margin for part in parts) / total if total else 0.0
        return (Interest("All", total, total / price, coin_margin, change), *parts), origin

    def _interest_factor(self, asset: str, at_ms: int) -> tuple[float, str]:
        """From the market's own open interest to that of all exchanges: by the recording if there is one."""
        series = self._world.recordings.interest_usd.get(asset)
        newest = series.newest(at_ms, _RECORDED_AGE_MS) if series is not None else None
        if newest is not None:
            end_ms = newest[0] + DAY_MS
            hours = self._world.tables.lasting(asset, at_ms).hours(end_ms // HOUR_MS, 1)
            if hours.shape[1] and hours[INTEREST, -1] > 0:
                return newest[1] / float(hours[INTEREST, -1]), RECORDED
        return self._world.scale.interest_of(asset), self._world.origin


def _change_pct(values: FloatArray, back: int) -> float:
    before = float(values[max(-len(values), -1 - back)])
    return 100.0 * (float(values[-1]) / before - 1.0) if before else 0.0


_VOLUMES: Final = np.array([one.volume for one in TRADED]) / sum(one.volume for one in TRADED)
_INTERESTS: Final = np.array([one.interest for one in EXCHANGES]) / sum(one.interest for one in EXCHANGES)
