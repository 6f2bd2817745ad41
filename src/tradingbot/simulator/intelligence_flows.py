"""Coins that move to and from exchanges: balances by the hour, single transfers on chain.

Flows follow a drive made of what is going on: coins come in while prices fall and holders panic, and leave while prices
rise calmly. A synthetic market's regime says so before the price has done all of it, so inflows also lead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradingbot.simulator.intelligence_columns import CLOSE, DAY_MS, HOUR_MS, MOOD, rolling_mean
from tradingbot.simulator.intelligence_scale import WALLETS
from tradingbot.simulator.intelligence_world import RECORDED, World, published
from tradingbot.simulator.scan import FloatArray

WINDOWS: Final = {"1d": 24, "7d": 168, "30d": 720}
"""Windows over which changes of balances are told, hours."""
_MEMORY_HOURS: Final = 720
_RECORDED_AGE_MS: Final = 3 * DAY_MS
_NAMES: Final = tuple(name for name, _ in WALLETS)
_SHARES: Final = np.array([share for _, share in WALLETS]) / sum(share for _, share in WALLETS)


@dataclass(frozen=True, slots=True)
class _Holding:
    """What exchanges hold of a coin: total and a usual day's net flow (both in coins); `stable` is a dollar."""

    total: float
    daily: float
    stable: bool = False


HOLDINGS: Final = {
    "BTC": _Holding(2_400_000.0, 4_000.0),
    "ETH": _Holding(15_500_000.0, 70_000.0),
    "USDT": _Holding(42.0e9, 3.0e8, stable=True),
    "USDC": _Holding(8.5e9, 1.2e8, stable=True),
}


@dataclass(frozen=True, slots=True)
class Balance:
    """What one exchange holds, in coins, and how that changed by window."""

    exchange: str
    total: float
    change: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Balances of one coin by day: midnights, prices at them, and each exchange's coins."""

    times: list[int]
    prices: list[float]
    held: Mapping[str, list[float]]


class Flows:
    """Answers for any moment from what was published by then."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._charts: dict[str, tuple[tuple[int, int], Chart]] = {}

    def balances(self, coin: str, now_ms: int) -> tuple[Sequence[Balance], str]:
        """Balances of every exchange as of the last published hour; nothing for a coin that is not followed."""
        at_ms = published(now_ms, self._world.delays.balances_s, HOUR_MS)
        if coin not in HOLDINGS:
            return (), self._world.origin
        return self._world.memory.recall(("balances", coin, at_ms), lambda: self._balances(coin, at_ms))

    def chart(self, coin: str, now_ms: int, days: int = 180) -> Chart:
        """Midnights, prices and each exchange's coins at them, oldest first; empty for a coin that is not followed.

        A day's chart is asked for every hour, so the newest of each coin is kept.
        """
        at_ms = published(now_ms, self._world.delays.balances_s, HOUR_MS)
        if coin not in HOLDINGS:
            return Chart([], [], {})
        today, kept = at_ms // DAY_MS, self._charts.get(coin)
        if kept is None or kept[0] != (today, days):
            yesterdays = kept[1] if kept is not None and kept[0] == (today - 1, days) else None
            made = self._chart(coin, today, days) if yesterdays is None else self._one_more(yesterdays, coin, today)
            kept = self._charts[coin] = (today, days), made
        return kept[1]

    def _one_more(self, chart: Chart, coin: str, today: int) -> Chart:
        """The chart of the day before with one more day at its end and one less at its beginning."""
        day = self._chart(coin, today, 1)
        held = {name: [*values[1:], *day.held[name]] for name, values in chart.held.items()}
        return Chart([*chart.times[1:], *day.times], [*chart.prices[1:], *day.prices], held)

    def _chart(self, coin: str, today: int, days: int) -> Chart:
        times = [day * DAY_MS for day in range(today - days + 1, today + 1)]
        held = [self.split(coin, self._total(coin, time_ms)[0], time_ms) for time_ms in times]
        world = self._world
        prices = [world.past_price(coin, time_ms) if world.has(coin) else 1.0 for time_ms in times]
        return Chart(times, prices, {name: [round(part[name], 5) for part in held] for name in _NAMES})

    def split(self, coin: str, total: float, at_ms: int) -> dict[str, float]:
        """A total as the sum of the exchanges' balances."""
        names = [f"wallet:{coin}:{name}" for name in _NAMES]
        own = 0.002 * self._world.noise.wave_row(names, at_ms, 6 * DAY_MS)
        parts = total * _SHARES * (1.0 + own - float(_SHARES @ own))
        return dict(zip(_NAMES, parts.tolist(), strict=True))

    def drive(self, asset: str, at_ms: int) -> float:
        """How much holders want to sell in the hour that ended at `at_ms`: -3 (leaving) to 6 (panic)."""
        at_ms = at_ms // HOUR_MS * HOUR_MS
        if not self._world.has(asset):
            asset = self._world.tables.leader
        return float(self._drives(asset, at_ms, 1)[-1])

    def _balances(self, coin: str, at_ms: int) -> tuple[Sequence[Balance], str]:
        total, origin = self._total(coin, at_ms)
        now = self.split(coin, total, at_ms)
        before = {}
        for window, hours in WINDOWS.items():
            then_ms = at_ms - hours * HOUR_MS
            before[window] = self.split(coin, self._total(coin, then_ms)[0], then_ms)
        return tuple(
            Balance(name, held, {window: held - before[window][name] for window in WINDOWS})
            for name, held in now.items()
        ), origin

    def _total(self, coin: str, at_ms: int) -> tuple[float, str]:
        """Coins on all exchanges at the end of an hour."""
        series = self._world.recordings.reserves.get(coin)
        newest = series.newest(at_ms, _RECORDED_AGE_MS) if series is not None else None
        if newest is not None:
            return newest[1], RECORDED
        key = ("total", coin, at_ms)
        return self._world.memory.recall(key, lambda: self._made_total(coin, at_ms)), self._world.origin

    def _made_total(self, coin: str, at_ms: int) -> float:
        """The usual total, slowly wandering, and the flows of 30 days, the older ones ever less."""
        holding = HOLDINGS[coin]
        slow = 1.0 + 0.02 * float(self._world.noise.wave(f"holding:{coin}", at_ms, 120 * DAY_MS))
        fading = np.arange(1, _MEMORY_HOURS + 1) / _MEMORY_HOURS
        return holding.total * slow + float(self._flows(coin, at_ms) @ fading)

    def _flows(self, coin: str, at_ms: int) -> FloatArray:
        """Net inflow of each of the 720 hours before `at_ms`, coins."""
        holding, hour = HOLDINGS[coin], at_ms // HOUR_MS
        steps = np.arange(hour - _MEMORY_HOURS, hour)
        noise = self._world.noise.normals(f"flow:{coin}", steps)
        drives = np.zeros(_MEMORY_HOURS)
        asset = coin if self._world.has(coin) else self._world.tables.leader
        known = self._drives(asset, at_ms, _MEMORY_HOURS)
        drives[_MEMORY_HOURS - len(known) :] = known
        if holding.stable:
            drives = 0.25 * np.abs(drives) - 0.45 * drives
        flows: FloatArray = holding.daily / np.sqrt(24.0) * (0.4 * noise + drives)
        return flows

    def _drives(self, asset: str, at_ms: int, count: int) -> FloatArray:
        """One per known hour before `at_ms`, at most `count`, at least one."""
        hours = self._world.tables.lasting(asset, at_ms).hours(at_ms // HOUR_MS, count + 168)
        if hours.shape[1] < 2:
            return np.zeros(1)
        moves = np.diff(np.log(hours[CLOSE]), prepend=np.log(hours[CLOSE, :1]))
        size = np.sqrt(rolling_mean(np.square(moves), 168) + 1e-8)
        surprise = moves / size
        panic = 0.5 * (-surprise - 1.0).clip(0.0, 6.0)
        drives: FloatArray = (0.55 * hours[MOOD] - 0.35 * surprise.clip(-3.0, 3.0) + panic).clip(-3.0, 6.0)
        return drives[-count:]
