"""The contract of one-minute candles: range, order, gaps, and agreement with the mark price (SPEC 3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import epoch_ms
from tradingbot.market.candles import Candles, part_of
from tradingbot.market.data_contracts import ContractParams

_LOOKED_AT: Final = 60


@dataclass(frozen=True, slots=True)
class HourShape:
    """What the newest hour of candles is like by itself: what is wrong with it, and how many minutes are missing."""

    wrong: tuple[Reason, ...]
    missing: int


def candle_problems(
    candles: Candles,
    mark: float | None,
    now: datetime,
    max_delay_s: float,
    params: ContractParams,
    hour: HourShape | None = None,
) -> tuple[Reason, ...]:
    """Everything that speaks against the newest hour of candles; empty when they may be used.

    `hour`: its shape where that is known already.
    """
    last_ms = candles.last_close_ms
    if last_ms is None:
        return (reason("no_candles"),)
    found = []
    age_s = (epoch_ms(now) - last_ms) / 1000
    if age_s > max_delay_s:
        found.append(reason("candles_stale", age_s=age_s, limit_s=max_delay_s))
    if age_s < -params.max_future_s:
        found.append(reason("candles_from_the_future", ahead_s=-age_s))
    hour = hour_shape(candles) if hour is None else hour
    found += hour.wrong
    if hour.missing > params.max_missing_minutes:
        found.append(reason("candles_missing", missing=hour.missing, limit=params.max_missing_minutes))
    if mark is not None and age_s <= max_delay_s:
        gap_pct = abs(float(candles.close[-1]) / mark - 1) * 100
        if not gap_pct <= params.max_mark_gap_pct:
            found.append(reason("candles_far_from_mark", gap_pct=gap_pct, limit_pct=params.max_mark_gap_pct))
    return tuple(found)


def hour_shape(candles: Candles) -> HourShape:
    """Of at least one candle."""
    looked_at = min(len(candles), _LOOKED_AT)
    span = int(candles.open_ms[-1] - candles.open_ms[-looked_at]) // candles.timeframe.ms + 1
    return HourShape(tuple(_shape(candles)), span - looked_at)


def hour_shapes(candles: Candles, bars: range) -> list[HourShape]:
    """`hour_shape` of the candles up to each of these bars, rows of `candles` one after the other."""
    good = (candles.low <= candles.open) & (candles.low <= candles.close)
    good &= (candles.open <= candles.high) & (candles.close <= candles.high)
    good &= (candles.volume >= 0) & (candles.low > 0) & (candles.high < np.inf)
    rising = np.diff(candles.open_ms, prepend=candles.open_ms[:1] - 1) > 0
    bad = np.add.accumulate(np.concatenate(([0], ~good)))
    back = np.add.accumulate(np.concatenate(([0], ~rising)))
    rows = np.arange(bars.start, bars.stop)
    first = np.maximum(0, rows + 1 - _LOOKED_AT)
    clean = (bad[rows + 1] == bad[first]) & (back[rows + 1] == back[first + 1])
    spans = (candles.open_ms[rows] - candles.open_ms[first]) // candles.timeframe.ms + 1
    missing = (spans - (rows + 1 - first)).tolist()
    return [
        HourShape((), lacking) if fine else hour_shape(part_of(candles, slice(0, row + 1)))
        for row, fine, lacking in zip(bars, clean.tolist(), missing, strict=True)
    ]


def _shape(candles: Candles) -> list[Reason]:
    times, low, high = candles.open_ms[-_LOOKED_AT:], candles.low[-_LOOKED_AT:], candles.high[-_LOOKED_AT:]
    opens, close = candles.open[-_LOOKED_AT:], candles.close[-_LOOKED_AT:]
    whole = low <= opens
    whole &= low <= close
    whole &= opens <= high
    whole &= close <= high
    whole &= candles.volume[-_LOOKED_AT:] >= 0
    found = []
    # With low <= high throughout, the ends of the range say whether all is positive and finite.
    if not (np.logical_and.reduce(whole) and np.minimum.reduce(low) > 0 and np.maximum.reduce(high) < np.inf):
        row = int(np.flatnonzero(~(whole & (low > 0) & np.isfinite(high)))[0])
        found.append(reason("candle_out_of_range", open_ms=int(times[row])))
    if not np.logical_and.reduce(times[1:] > times[:-1]):
        found.append(reason("candles_out_of_order"))
    return found
