"""Market-intelligence score of one symbol (SPEC 3.4): taker flow, liquidations, fear & greed, each in -1..1.

- taker flow: ln(buy / sell) over ln(1.15) when buyers lead, over ln(1 / 0.87) when sellers do: +1 or -1 at the
  thresholds;
- liquidations: share of longs 0.40 is +1 (shorts are squeezed), 0.60 is -1, evenly in between;
- fear & greed, contrarian: 0 inside 25..75, +0.5 at 25 rising to +1 at 0, -0.5 at 75 falling to -1 at 100.

A part without usable data drops out and the others keep their proportion; `coverage` says how much weight spoke.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import FearGreed, Feed, LiquidationWindow, TakerFlow
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.params import IntelligenceParams

BULLISH, BEARISH, NEUTRAL = "bullish", "bearish", "neutral"
_LABEL_AT = 0.25


@dataclass(frozen=True, slots=True)
class IntelligenceScore:
    """`score` in -1 (bearish) to 1 (bullish), None when nothing could be read; `coverage` 0..1 of the weights."""

    score: float | None
    label: str
    coverage: float
    as_of: datetime | None
    parts: tuple[tuple[str, float], ...]
    reasons: tuple[Reason, ...]


Part = tuple[str, float, float, datetime]


def intelligence_score(snapshot: MarketSnapshot, symbol: Symbol, params: IntelligenceParams) -> IntelligenceScore:
    """The score with what went into it and what was missing."""
    intel, market = snapshot.symbols[symbol].intel, snapshot.intel
    hour = intel.liquidations.hour if intel.liquidations is not None else None
    return _score(
        None if intel.problems.get(Feed.TAKER_FLOW) else intel.taker,
        None if intel.problems.get(Feed.LIQUIDATIONS) else hour,
        None if market.problems.get(Feed.FEAR_GREED) else market.fear_greed,
        params,
    )


@by_identity(512)
def _score(
    taker: TakerFlow | None, hour: LiquidationWindow | None, index: FearGreed | None, params: IntelligenceParams
) -> IntelligenceScore:
    """Of what may be used; the same until one of them tells something new."""
    said = (_taker(taker, params), _liquidations(hour, params), _fear_greed(index, params))
    parts = [one for one in said if not isinstance(one, Reason)]
    missing = tuple(one for one in said if isinstance(one, Reason))
    coverage = math.fsum(weight for _, _, weight, _ in parts)
    if coverage <= 0:
        return IntelligenceScore(None, NEUTRAL, 0.0, None, (), missing)
    score = math.fsum(value * weight for _, value, weight, _ in parts) / coverage
    label = BULLISH if score >= _LABEL_AT else BEARISH if score <= -_LABEL_AT else NEUTRAL
    as_of = min(one[3] for one in parts)
    return IntelligenceScore(score, label, coverage, as_of, tuple((one[0], one[1]) for one in parts), missing)


def _taker(taker: TakerFlow | None, params: IntelligenceParams) -> Part | Reason:
    ratio = taker.ratio if taker is not None else None
    if taker is None or ratio is None or ratio <= 0:
        return reason("no_taker_flow")
    scale = math.log(params.taker_bullish_above) if ratio >= 1 else -math.log(params.taker_bearish_below)
    return "taker_flow", _clipped(math.log(ratio) / scale), params.taker_weight, taker.stamp.as_of


def _liquidations(hour: LiquidationWindow | None, params: IntelligenceParams) -> Part | Reason:
    share = hour.long_share if hour is not None else None
    if hour is None or share is None:
        return reason("no_liquidations")
    middle = (params.long_share_bearish_above + params.long_share_bullish_below) / 2
    half = (params.long_share_bearish_above - params.long_share_bullish_below) / 2
    return "liquidations", _clipped((middle - share) / half), params.liquidation_weight, hour.stamp.as_of


def _fear_greed(index: FearGreed | None, params: IntelligenceParams) -> Part | Reason:
    if index is None:
        return reason("no_fear_greed")
    value = 0.0
    if index.value < params.fear_below:
        value = 0.5 + 0.5 * (params.fear_below - index.value) / params.fear_below
    elif index.value > params.greed_above:
        value = -0.5 - 0.5 * (index.value - params.greed_above) / (100 - params.greed_above)
    return "fear_greed", value, params.fear_greed_weight, index.stamp.as_of


def _clipped(value: float) -> float:
    return max(-1.0, min(1.0, value))
