"""Signals of a made market: opinions that dwell, prices that walk, with or without a component that knows something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable
from tradingbot.signals.table import COMPONENTS

PARTS = ("flow", "agreement", "alignment", "probability", "intelligence")
DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class MadeMarket:
    """What is made. `drift_bps`: how far a minute's price leans the way a component says, per component; 0: no edge."""

    days: int
    seed: int
    symbols: int = 10
    drift_bps: tuple[tuple[str, float], ...] = ()
    minute_bps: float = 8.0
    common: float = 0.6
    dwell_min: float = 45.0
    speaks: float = 0.35
    cost_bps: float = 12.0


def made_signals(market: MadeMarket, start_ms: int = 1_767_225_600_000) -> SignalTable:
    """One signal per symbol and minute, with outcomes up to an hour; the last hour's are not known."""
    chance = np.random.Generator(np.random.PCG64(market.seed))
    count, names = market.days * DAY_MIN, tuple(COMPONENTS)
    said = _opinions(chance, count, market, len(names))
    leans = np.array([dict(market.drift_bps).get(name, 0.0) for name in names])
    shared = chance.standard_normal((count, 1)) * market.common
    own = chance.standard_normal((count, market.symbols)) * (1 - market.common**2) ** 0.5
    moves = (shared + own) * market.minute_bps
    moves[1:] += (np.sign(said) @ leans)[:-1]
    price = np.vstack([np.zeros((1, market.symbols)), np.cumsum(moves, axis=0)])
    returns = np.full((count, market.symbols, len(HORIZONS_MIN)), np.nan, dtype=np.float32)
    for column, horizon in enumerate(HORIZONS_MIN):
        returns[: count - horizon, :, column] = price[1 + horizon :] - price[1 : count - horizon + 1]
    rows = count * market.symbols
    return SignalTable(
        symbols=tuple(f"S{number}USDT" for number in range(market.symbols)),
        components=names,
        parts=PARTS,
        time_ms=start_ms + 60_000 * np.repeat(np.arange(count, dtype=np.int64), market.symbols),
        symbol=np.tile(np.arange(market.symbols, dtype=np.int16), count),
        said=said.reshape(rows, len(names)).astype(np.float32),
        returns_bps=returns.reshape(rows, len(HORIZONS_MIN)),
        composite=chance.random((rows, len(PARTS)), dtype=np.float32),
        cost_bps=np.full(rows, market.cost_bps, dtype=np.float32),
    )


def _opinions(chance: np.random.Generator, count: int, market: MadeMarket, components: int) -> NDArray[np.float64]:
    """Direction times confidence that holds for a while, then is drawn anew: (minutes, symbols, components)."""
    shape = (count, market.symbols, components)
    fresh = chance.random(shape) < 1 / market.dwell_min
    fresh[0] = True
    speaks = chance.random(shape) < market.speaks
    drawn = np.where(speaks, np.sign(chance.random(shape) - 0.5) * (0.2 + 0.8 * chance.random(shape)), 0.0)
    newest = np.maximum.accumulate(np.where(fresh, np.arange(count)[:, None, None], 0), axis=0)
    return np.take_along_axis(drawn, newest, axis=0)
