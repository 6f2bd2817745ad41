"""Volatility skew: does the market fear falls, or move harder down than up? Value: the skew, positive to the downside.

Where an option source tells of the asset: (implied volatility of the 25-delta put - that of the 25-delta call) / that
at the money (`market/option_skew.py`), threshold `skew.min_option_skew`. Otherwise, or while that feed may not be used,
the realised one: (down - up) / (down + up), -1..1, of realised semivariances, the sums of squared negative and positive
one-minute log returns of the window (Barndorff-Nielsen, Kinnebrock, Shephard, "Measuring downside risk: realised
semivariance", 2010), threshold `skew.min_skew`. The reason names the source. Bad volatility tends to go on, so a skew
to the downside is SHORT and one to the upside LONG. Confidence = tanh(|skew| / (2 thresholds)).
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Final

from tradingbot.core.memo import by_identity
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import Feed, OptionSkew, SymbolIntel
from tradingbot.market.snapshot import MarketSnapshot, SymbolSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams, SkewParams

NAME = "volatility_skew"
NOT_CONFIGURED: Final = frozenset({"no_option_source", "no_source", "not_covered", "switched_off"})
"""Reasons for which nobody expects an option skew of an asset."""


def volatility_skew(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """SHORT when falls are feared or are the larger moves, LONG when rises are."""
    part, mine = snapshot.symbols[symbol], params.skew
    told = part.intel.option_skew
    if told is not None and not part.intel.problems.get(Feed.OPTION_SKEW):
        return _option(told, mine)
    return _realised(part, mine, _fallen_back(part.intel))


@by_identity(512)
def _option(told: OptionSkew, params: SkewParams) -> ComponentReading:
    seen = reason(
        "option_skew",
        skew=told.skew,
        threshold=params.min_option_skew,
        expiry_days=told.expiry_days,
        source=told.stamp.said_by,
    )
    return _judged(told.skew, params.min_option_skew, told.stamp.as_of, seen)


def _fallen_back(intel: SymbolIntel) -> tuple[Reason, ...]:
    """Why the option skew that was to be had is not used; nothing where none is configured."""
    unexpected = [why.code for why in intel.problems.get(Feed.OPTION_SKEW, ()) if why.code not in NOT_CONFIGURED]
    unexpected = list(dict.fromkeys(unexpected)) if unexpected else unexpected
    return (reason("option_skew_unusable", why=", ".join(unexpected)),) if unexpected else ()


def _realised(part: SymbolSnapshot, params: SkewParams, fallen_back: tuple[Reason, ...]) -> ComponentReading:
    features = part.features
    if part.candle_problems or features is None:
        return blind(NAME, *(part.candle_problems or (reason("no_candles"),)), *fallen_back)
    down, up = features.down_semivariance, features.up_semivariance
    if down is None or up is None:
        need = params.window_bars // 2
        too_few = reason("too_few_candles", have=features.bars, need=need)
        return blind(NAME, too_few, *fallen_back, as_of=features.as_of)
    if down + up <= 0:
        flat = neutral(NAME, reason("flat_prices"), as_of=features.as_of)
        return replace(flat, reasons=(*flat.reasons, *fallen_back))
    skew = (down - up) / (down + up)
    seen = reason("semivariance_skew", skew=skew, threshold=params.min_skew, source="realised")
    judged = _judged(skew, params.min_skew, features.as_of, seen)
    return replace(judged, reasons=(*judged.reasons, *fallen_back)) if fallen_back else judged


def _judged(skew: float, threshold: float, as_of: datetime, seen: Reason) -> ComponentReading:
    if abs(skew) < threshold:
        return neutral(NAME, seen, skew, as_of)
    return opinion(NAME, -skew, math.tanh(abs(skew) / (2 * threshold)), skew, as_of, seen)
