"""Whether a run knew its future: the same run on data whose future is garbage must have decided the same. Pure.

The minute that runs is the market itself, not its future: the venue moves through it while the cycle looks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tradingbot.core.types import epoch_ms, iso_utc, utc_from_ms
from tradingbot.research.backtest.result import BacktestResult
from tradingbot.simulator.recorded_track import RecordedColumns

SEED = 20_260_101


def poisoned(columns: RecordedColumns, after_ms: int) -> RecordedColumns:
    """The same candles up to the one that runs at `after_ms`; each later one is of another scale, yet a candle."""
    late = columns.open_ms > after_ms
    chance = np.random.default_rng(SEED)
    factor = np.where(late, np.exp(chance.uniform(-1.0, 1.0, len(late))), 1.0)
    prices = {name: getattr(columns, name) * factor for name in ("open", "high", "low", "close")}
    volume = np.where(late, columns.volume * np.exp(chance.uniform(-3.0, 3.0, len(late))), columns.volume)
    return replace(columns, **prices, volume=volume)


def differences(whole: BacktestResult, cut: BacktestResult) -> list[str]:
    """What a run on poisoned data did otherwise before its end, which must be where the garbage begins."""
    until = cut.facts.until
    found = []
    for at_ms, ours, theirs in zip(cut.equity.time_ms.tolist(), whole.checkpoints, cut.checkpoints, strict=False):
        if ours != theirs:
            at, end = iso_utc(utc_from_ms(at_ms)), iso_utc(until)
            found.append(f"the cycle of {at} decided otherwise when the future from {end} on changed")
            break
    count = int(np.searchsorted(whole.equity.time_ms, epoch_ms(until)))
    same = np.array_equal(whole.equity.equity_usd[:count], cut.equity.equity_usd[:count], equal_nan=True)
    if not same:
        found.append(f"the equity before {iso_utc(until)} is another one when the future changes")
    return found
