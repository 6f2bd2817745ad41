"""Liquidation cascade: is one side being closed by force? Value: share of longs among the last hour's liquidations,
0..1.

Forced selling of longs pushes the price further down and forced buying of shorts further up, so the component goes
with the force: SHORT when longs are liquidated, LONG when shorts are. It speaks when the hour's volume reaches the
threshold (USD, SPEC 4.2) and one side dominates. Confidence = dominance |2 x share - 1|, weighted by how much faster
than over the day the hour's liquidations come: a steady trickle counts half, three times the usual pace nearly whole.
"""

from __future__ import annotations

import math

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import Feed, LiquidationWindow
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "liquidation_cascade"


def liquidation_cascade(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """SHORT while longs are being liquidated, LONG while shorts are."""
    intel = snapshot.symbols[symbol].intel
    hour = intel.liquidations.hour if intel.liquidations is not None else None
    against = intel.problems.get(Feed.LIQUIDATIONS, ())
    if against or intel.liquidations is None or hour is None:
        return blind(NAME, *(against or (reason("no_liquidations"),)), as_of=hour.stamp.as_of if hour else None)
    return _judged(hour, intel.liquidations.day, params)


@by_identity(512)
def _judged(hour: LiquidationWindow, day: LiquidationWindow | None, params: SignalParams) -> ComponentReading:
    """The same until other windows are told."""
    mine = params.liquidation
    as_of, share, least = hour.stamp.as_of, hour.long_share, params.thresholds.liquidation_volume_usd
    if share is None or hour.total_usd < least:
        seen = reason("few_liquidations", total_usd=hour.total_usd, threshold_usd=least)
        return neutral(NAME, seen, share, as_of)
    dominance = abs(2 * share - 1)
    usual_usd = day.total_usd / (day.window_s / hour.window_s) if day is not None else 0.0
    pace = hour.total_usd / usual_usd if usual_usd > 0 else 1.0
    source = hour.stamp.said_by
    seen = reason("liquidations", total_usd=hour.total_usd, long_share=share, pace=pace, source=source)
    if dominance < mine.min_dominance:
        return neutral(NAME, seen, share, as_of)
    weight = 0.5 + 0.5 * math.tanh(max(0.0, pace - 1.0) / (mine.full_pace - 1.0))
    return opinion(NAME, 0.5 - share, dominance * weight, share, as_of, seen)
