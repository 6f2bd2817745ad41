"""Single transfers on chain: tokens to and from exchanges, whales, and whales' positions on a public exchange."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from tradingbot.simulator.intelligence_columns import DAY_MS, HOUR_MS, MINUTE_MS
from tradingbot.simulator.intelligence_flows import Flows
from tradingbot.simulator.intelligence_scale import WALLETS
from tradingbot.simulator.intelligence_world import Memory, World

BUCKET_MS: Final = 10 * MINUTE_MS
_DAY_BUCKETS: Final = DAY_MS // BUCKET_MS
_WEEK_HOURS: Final = 7 * 24
_POSITION_BUCKETS: Final = 100
INFLOW, OUTFLOW, INTERNAL = 1, 2, 3
_ALIASES: Final = {"MATIC": "POL"}


@dataclass(frozen=True, slots=True)
class _Token:
    """A token of the Ethereum chain: its transfers a day, the median size and the spread of sizes (log)."""

    per_day: float
    median_usd: float
    spread: float = 1.6
    price_usd: float | None = None


TOKENS: Final = {
    "USDT": _Token(4_000.0, 120_000.0, 1.7, 1.0),
    "USDC": _Token(2_500.0, 110_000.0, 1.7, 1.0),
    "LINK": _Token(700.0, 45_000.0),
    "PEPE": _Token(500.0, 40_000.0),
    "POL": _Token(350.0, 30_000.0),
    "ARB": _Token(350.0, 30_000.0),
    "SHIB": _Token(350.0, 30_000.0),
    "UNI": _Token(350.0, 32_000.0),
    "AAVE": _Token(300.0, 35_000.0),
}
"""Those whose price the market does not know are left out, dollars apart."""
_WHALES: Final = {
    "BTC": (26.0, "bitcoin"),
    "ETH": (22.0, "ethereum"),
    "USDT": (30.0, "ethereum"),
    "USDC": (18.0, "ethereum"),
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer to (1), from (2) or within (3) exchanges."""

    time_ms: int
    asset: str
    usd: float
    quantity: float
    exchange: str
    direction: int
    transaction: str
    sender: str
    receiver: str
    block: int
    chain: str = "ethereum"


@dataclass(frozen=True, slots=True)
class WhalePosition:
    """A large position that was opened (1) or closed (2); a negative size is short."""

    time_ms: int
    user: str
    asset: str
    size: float
    entry_price: float
    liquidation_price: float
    usd: float
    action: int


class Transfers:
    """Answers for any moment from what was published by then: at most one day of transfers, a week of whales."""

    def __init__(self, world: World, flows: Flows) -> None:
        self._world = world
        self._flows = flows
        # As much of each as one question asks for, and a little more: what is older is never asked for again.
        self._buckets = Memory(len(TOKENS) * (_DAY_BUCKETS + 8))
        self._hours = Memory(len(_WHALES) * (_WEEK_HOURS + 4))
        self._opened = Memory(_POSITION_BUCKETS + 8)

    def tokens(self) -> tuple[str, ...]:
        """Tokens that have transfers in this market."""
        return tuple(name for name, token in TOKENS.items() if token.price_usd or self._world.has(name))

    def on_exchanges(self, symbol: str | None, since_ms: int, now_ms: int, least_usd: float) -> list[Transfer]:
        """Transfers of a token, or of all, newest first; ``MATIC`` is ``POL``."""
        name = _ALIASES.get(symbol or "", symbol or "")
        names = (name,) if name in self.tokens() else () if symbol else self.tokens()
        until_ms = now_ms - round(self._world.delays.transfers_s * 1000)
        since_ms = max(since_ms, until_ms - DAY_MS)
        found = [one for name in names for one in self._between(name, since_ms, until_ms) if one.usd >= least_usd]
        return sorted(found, key=lambda one: (-one.time_ms, one.transaction))

    def whales(self, symbol: str | None, since_ms: int, until_ms: int, now_ms: int) -> list[Transfer]:
        """Transfers of at least 10 million USD on any chain, newest first."""
        until_ms = min(until_ms, now_ms - round(self._world.delays.transfers_s * 1000))
        since_ms = max(since_ms, until_ms - 7 * DAY_MS)
        names = [name for name in _WHALES if symbol in (None, name) and (name in TOKENS or self._world.has(name))]
        found: list[Transfer] = []
        for name in names:
            for hour in range(since_ms // HOUR_MS, until_ms // HOUR_MS + 1):
                found += self._hours.recall((name, hour), partial(self._whale_hour, name, hour))
        within = [one for one in found if since_ms <= one.time_ms <= until_ms]
        return sorted(within, key=lambda one: (-one.time_ms, one.transaction))

    def positions(self, now_ms: int, count: int = 200) -> list[WhalePosition]:
        """Large positions opened and closed lately, newest first."""
        found: list[WhalePosition] = []
        bucket = now_ms // BUCKET_MS
        while len(found) < count and bucket > now_ms // BUCKET_MS - _POSITION_BUCKETS:
            made = self._opened.recall(bucket, partial(self._positions, bucket))
            found += [one for one in reversed(made) if one.time_ms <= now_ms]
            bucket -= 1
        return found[:count]

    def _between(self, name: str, since_ms: int, until_ms: int) -> list[Transfer]:
        found: list[Transfer] = []
        for bucket in range(since_ms // BUCKET_MS, until_ms // BUCKET_MS + 1):
            found += self._buckets.recall((name, bucket), partial(self._bucket, name, bucket))
        return [one for one in found if since_ms <= one.time_ms <= until_ms]

    def _bucket(self, name: str, bucket: int) -> list[Transfer]:
        """What moves in ten minutes: directions and sizes by the drive of the last whole hour."""
        token, start_ms = TOKENS[name], bucket * BUCKET_MS
        drive = self._flows.drive(name, start_ms)
        drive = -0.5 * drive if token.price_usd else drive
        random = self._world.noise.generator(f"transfers:{name}", bucket)
        count = int(random.poisson(token.per_day / 144.0 * (1.0 + 0.25 * abs(drive))))
        price = token.price_usd or self._world.price(name, start_ms)
        if price <= 0:
            return []
        return [self._transfer(random, name, token, start_ms, drive, price) for _ in range(count)]

    def _transfer(
        self, random: np.random.Generator, name: str, token: _Token, start_ms: int, drive: float, price: float
    ) -> Transfer:
        usd = token.median_usd * float(random.lognormal(0.08 * abs(drive), token.spread))
        return _made(
            random, name, min(usd, 4.0e8), price, start_ms + int(random.integers(BUCKET_MS)), drive, "ethereum"
        )

    def _whale_hour(self, name: str, hour: int) -> list[Transfer]:
        per_day, chain = _WHALES[name]
        stable = name in TOKENS
        drive = self._flows.drive(name, hour * HOUR_MS)
        random = self._world.noise.generator(f"whales:{name}", hour)
        price = 1.0 if stable else self._world.price(name, hour * HOUR_MS)
        count = int(random.poisson(per_day / 24.0 * (1.0 + 0.25 * abs(drive)))) if price > 0 else 0
        sizes = (1.0e7 * (1.0 + random.pareto(1.8, count))).clip(max=9.0e8).tolist()
        lean = -0.5 * drive if stable else drive
        made = [
            _made(random, name, usd, price, hour * HOUR_MS + int(random.integers(HOUR_MS)), lean, chain)
            for usd in sizes
        ]
        return sorted(made, key=lambda one: one.time_ms)

    def _positions(self, bucket: int) -> list[WhalePosition]:
        random = self._world.noise.generator("positions", bucket)
        assets = [asset for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE") if self._world.has(asset)]
        made: list[WhalePosition] = []
        for _ in range(int(random.poisson(4.0)) if assets else 0):
            asset = str(random.choice(assets))
            price = self._world.price(asset, bucket * BUCKET_MS)
            usd = 1.0e6 * (1.0 + float(random.pareto(1.6)))
            side = 1.0 if random.random() < 0.5 - 0.06 * self._flows.drive(asset, bucket * BUCKET_MS) else -1.0
            entry = price * float(np.exp(0.01 * random.standard_normal()))
            made.append(
                WhalePosition(
                    bucket * BUCKET_MS + int(random.integers(BUCKET_MS)),
                    "0x" + random.bytes(20).hex(),
                    asset,
                    side * usd / price if price else 0.0,
                    entry,
                    entry * (1.0 - side / float(random.uniform(2.0, 20.0))),
                    usd,
                    int(random.integers(1, 3)),
                )
            )
        return sorted((one for one in made if one.size), key=lambda one: one.time_ms)


def _made(
    random: np.random.Generator, name: str, usd: float, price: float, time_ms: int, drive: float, chain: str
) -> Transfer:
    """A transfer whose direction follows the drive; one in eight stays within exchanges."""
    inflow = 0.5 + 0.28 * float(np.tanh(0.8 * drive))
    direction = INTERNAL if random.random() < 0.125 else INFLOW if random.random() < inflow else OUTFLOW
    exchange = _EXCHANGES[int(random.integers(len(_EXCHANGES)))]
    return Transfer(
        time_ms,
        name,
        usd,
        usd / price,
        exchange,
        direction,
        ("" if chain == "bitcoin" else "0x") + random.bytes(32).hex(),
        "0x" + random.bytes(20).hex(),
        "0x" + random.bytes(20).hex(),
        (time_ms - 1_438_269_988_000) // 13_000,
        chain,
    )


_EXCHANGES: Final = tuple(name for name, _ in WALLETS)
