"""Open options of BTC and ETH: sizes that follow the price, puts that follow fear, expiries on Fridays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradingbot.core.types import utc_from_ms
from tradingbot.simulator.intelligence_columns import DAY_MS, HOUR_MS
from tradingbot.simulator.intelligence_crowd import Crowd
from tradingbot.simulator.intelligence_world import World, published

EXCHANGE_SHARES: Final = {"Deribit": 0.74, "CME": 0.07, "OKX": 0.08, "Binance": 0.06, "Bybit": 0.05}
_COINS: Final = {"BTC": (350_000.0, 30_000.0, 1_000.0), "ETH": (2_600_000.0, 260_000.0, 50.0)}
"""Open contracts in coins, coins traded a day, distance of strikes in USD."""


@dataclass(frozen=True, slots=True)
class OptionRow:
    """Options of one exchange; open interest and volume in coins, changes over 24 hours in percent."""

    exchange: str
    share_pct: float
    interest: float
    interest_change_pct: float
    volume: float
    volume_change_pct: float


@dataclass(frozen=True, slots=True)
class Expiry:
    """Options of one day: ``YYMMDD``, open calls and puts in coins, their worth per notional, max pain in USD."""

    date: str
    calls: float
    puts: float
    call_value: float
    put_value: float
    max_pain: float


class Options:
    """Answers for any moment from what was published by then."""

    def __init__(self, world: World, crowd: Crowd) -> None:
        self._world = world
        self._crowd = crowd

    def has(self, coin: str) -> bool:
        """Whether options of this coin are told."""
        return coin in _COINS and self._world.has(coin)

    def info(self, coin: str, now_ms: int) -> Sequence[OptionRow]:
        """All exchanges together, then each."""
        at_ms = published(now_ms, self._world.delays.options_s, HOUR_MS)
        contracts, traded, _ = _COINS[coin]
        now, before = self._wander(coin, at_ms), self._wander(coin, at_ms - DAY_MS)
        busy, quiet = self._activity(coin, at_ms), self._activity(coin, at_ms - DAY_MS)
        change, volume_change = 100.0 * (now / before - 1.0), 100.0 * (busy / quiet - 1.0)
        rows = [
            OptionRow(name, 100.0 * share, contracts * now * share, change, traded * busy * share, volume_change)
            for name, share in EXCHANGE_SHARES.items()
        ]
        return (OptionRow("All", 100.0, contracts * now, change, traded * busy, volume_change), *rows)

    def history(self, coin: str, now_ms: int, days: int) -> tuple[list[int], Mapping[str, list[float]]]:
        """Midnights and each exchange's open coins at them."""
        at_ms = published(now_ms, self._world.delays.options_s, HOUR_MS)
        today = at_ms // DAY_MS
        return self._world.memory.recall(("options", coin, today, days), lambda: self._history(coin, today, days))

    def _history(self, coin: str, today: int, days: int) -> tuple[list[int], Mapping[str, list[float]]]:
        times = [day * DAY_MS for day in range(today - days + 1, today + 1)]
        total = [_COINS[coin][0] * self._wander(coin, time_ms) for time_ms in times]
        return times, {name: [share * one for one in total] for name, share in EXCHANGE_SHARES.items()}

    def max_pain(self, coin: str, now_ms: int) -> Sequence[Expiry]:
        """The next days, weeks and months on which options expire."""
        at_ms = published(now_ms, self._world.delays.options_s, HOUR_MS)
        price = self._world.price(coin, at_ms)
        lean = 0.12 * max(-2.0, min(2.0, self._crowd.crowding(coin, at_ms)))
        return [self._expiry(coin, day, at_ms, price, lean) for day in expiries(at_ms // DAY_MS)]

    def _expiry(self, coin: str, day: int, at_ms: int, price: float, lean: float) -> Expiry:
        contracts, _, step = _COINS[coin]
        ahead = max(0.3, day - at_ms / DAY_MS)
        noise = self._world.noise
        size = (
            contracts
            * 0.03
            * (3.0 if _friday(day) else 0.25)
            * (1.0 + 0.3 * float(noise.uniforms(f"expiry:{coin}", day)))
        )
        put_share = 0.38 - lean + 0.05 * float(noise.normals(f"puts:{coin}", day))
        put_share = min(0.75, max(0.15, put_share))
        drift = 0.02 * min(3.0, ahead**0.5 / 3.0) * float(noise.normals(f"pain:{coin}", day))
        worth = 0.4 * 0.5 * (ahead / 365.0) ** 0.5
        pain = round(price * (1.0 + drift) / step) * step
        date = utc_from_ms(day * DAY_MS).strftime("%y%m%d")
        return Expiry(
            date, size * (1 - put_share), size * put_share, worth, worth * (1.0 + 2.0 * max(0.0, -lean)), pain
        )

    def _wander(self, coin: str, at_ms: int) -> float:
        noise = self._world.noise
        slow = 0.10 * float(noise.wave(f"options:{coin}", at_ms, 20 * DAY_MS))
        return 1.0 + max(-0.4, slow + 0.02 * float(noise.wave(f"options:{coin}:day", at_ms, DAY_MS)))

    def _activity(self, coin: str, at_ms: int) -> float:
        return float(2.0 ** self._world.noise.wave(f"options:{coin}:volume", at_ms, DAY_MS))


def _friday(day: int) -> bool:
    return (day + 3) % 7 == 4  # the epoch began on a Thursday


def expiries(today: int) -> list[int]:
    """Days (numbered from the epoch) after today on which options expire, soonest first."""
    days = [today + ahead for ahead in (1, 2, 3)]
    fridays = [day for day in range(today + 1, today + 150) if _friday(day)]
    return sorted({*days, *fridays[:4], *fridays[7::4]})
