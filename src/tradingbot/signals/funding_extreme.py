"""Funding extreme: is one side paying unusually much to hold? Value: funding minus its own mean, fraction per 8 hours.

Contrarian: when longs pay far more than usual the crowd is long, and SHORT; the reverse for shorts. It speaks when the
deviation reaches the threshold (SPEC 4.2) and is at least `min_z` of its own standard deviations. Confidence =
tanh(|deviation| / (3 thresholds)) x min(1, |z| / 2). The rate is the traded venue's own where it tells one, else the
median of all venues; its mean and spread come from the same side's history.
"""

from __future__ import annotations

import math

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import Feed, FundingRates, FundingStats
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "funding_extreme"


def funding_extreme(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """SHORT when longs pay unusually much, LONG when shorts do."""
    rate, stats, against = _sources(snapshot.symbols[symbol], params.funding.min_history)
    if rate is None or stats is None:
        return blind(NAME, *against, as_of=rate.stamp.as_of if rate else None)
    return _judged(rate, stats, params)


@by_identity(512)
def _judged(rate: FundingRates, stats: FundingStats, params: SignalParams) -> ComponentReading:
    """The same until another rate is told."""
    threshold, deviation = params.thresholds.funding_deviation, rate.median_8h - stats.mean_8h
    z = deviation / stats.std_8h if stats.std_8h > 0 else math.copysign(math.inf, deviation) if deviation else 0.0
    seen = reason(
        "funding",
        rate_8h=rate.median_8h,
        mean_8h=stats.mean_8h,
        z=max(-99.0, min(99.0, z)),
        threshold=threshold,
        source=rate.stamp.said_by,
    )
    as_of = rate.stamp.as_of
    if abs(deviation) < threshold or abs(z) < params.funding.min_z:
        return neutral(NAME, seen, deviation, as_of)
    confidence = math.tanh(abs(deviation) / (3 * threshold)) * min(1.0, abs(z) / 2)
    return opinion(NAME, -deviation, confidence, deviation, as_of, seen)


def _sources(
    part: SymbolSnapshot, min_history: int
) -> tuple[FundingRates | None, FundingStats | None, tuple[Reason, ...]]:
    """The rate and its history from one side: the venue's own first."""
    intel = part.intel
    if part.venue_funding is not None and _enough(part.venue_funding_stats, min_history):
        return part.venue_funding, part.venue_funding_stats, ()
    against = (*intel.problems.get(Feed.FUNDING, ()), *intel.problems.get(Feed.FUNDING_HISTORY, ()))
    if against:
        return None, None, against
    if intel.funding is None:
        return None, None, (reason("no_funding_rate"),)
    if not _enough(intel.funding_stats, min_history):
        have = intel.funding_stats.count if intel.funding_stats else 0
        return None, None, (reason("too_little_funding_history", have=have, need=min_history),)
    return intel.funding, intel.funding_stats, ()


def _enough(stats: FundingStats | None, min_history: int) -> bool:
    return stats is not None and stats.count >= min_history
