"""The public trades of one contract in one minute."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.ids import derived_uuid
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.market_feed import MinuteBar
from tradingbot.simulator.price_path import MinutePath
from tradingbot.simulator.rounding import ceil_to, down_to, floor_to

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Print:
    """One public trade; `side` is the taker's, `size` in contracts, `kind` in the venue's words."""

    time_ms: int
    side: Side
    price: Decimal
    size: Decimal
    origin: str = ""
    seq: int = 0
    kind: str = "fill"

    @property
    def uid(self) -> str:
        """Its id, which follows from where it traded and its number."""
        return derived_uuid("print", self.origin, self.seq)


def minute_tape(
    instrument: Instrument, bar: MinuteBar, path: MinutePath, premium: float, count: int, seed: int
) -> tuple[Print, ...]:
    """`count` prints whose sizes add up to the bar's volume and whose buys are `buy_fraction` of it."""
    dice = random.Random(f"tape:{seed}:{instrument.symbol}:{bar.open_ms}")
    times = sorted(dice.randrange(MINUTE_MS) for _ in range(count))
    buys = [dice.random() < bar.buy_fraction for _ in range(count)]
    weights = [dice.expovariate(1.0) + 0.05 for _ in range(count)]
    total_by_side = {
        flag: sum(weight for weight, buy in zip(weights, buys, strict=True) if buy is flag) for flag in (True, False)
    }
    share = {True: bar.buy_fraction, False: 1 - bar.buy_fraction}
    half = bar.spread_bps / 20_000
    prints = []
    for time_ms, buy, weight in zip(times, buys, weights, strict=True):
        middle = path.at(time_ms / MINUTE_MS) * (1 + premium)
        base = bar.volume_base * share[buy] * weight / total_by_side[buy]
        prints.append(_print(instrument, bar.open_ms + time_ms, buy, middle, half, base))
    return tuple(_with_liquidations(instrument, bar, [entry for entry in prints if entry.size > 0]))


def _with_liquidations(instrument: Instrument, bar: MinuteBar, prints: list[Print]) -> list[Print]:
    """Enough prints become liquidations to cover what the bar says was liquidated; longs are sold out."""
    left = {Side.SELL: bar.long_liquidations_usd, Side.BUY: bar.short_liquidations_usd}
    marked = []
    for entry in prints:
        forced = left[entry.side] > 0
        left[entry.side] -= float(instrument.notional_usd(entry.size, entry.price))
        marked.append(replace(entry, kind="liquidation") if forced else entry)
    return marked


def _print(instrument: Instrument, time_ms: int, buy: bool, middle: float, half: float, base: float) -> Print:
    raw = Decimal(repr(middle * (1 + half if buy else 1 - half)))
    price = ceil_to(raw, instrument.tick) if buy else max(instrument.tick, floor_to(raw, instrument.tick))
    contracts = base * middle if instrument.inverse else base
    size = down_to(Decimal(repr(round(contracts, 8))), instrument.step)
    return Print(time_ms, Side.BUY if buy else Side.SELL, price, size)
