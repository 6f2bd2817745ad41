"""Open-interest velocity: is new money following the move? Value: change of open interest over the last hour, percent.

Rising open interest means new positions; they are taken in the direction in which the price went: LONG when price and
open interest rise, SHORT when price falls while open interest rises. Falling open interest is unwinding and says
nothing here (oi_price_divergence judges it). Confidence = tanh(change / (3 thresholds)) x min(1, |price move| / 1
sigma).
"""

from __future__ import annotations

import math

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.open_interest import InterestMove, interest_move
from tradingbot.signals.params import SignalParams

NAME = "oi_velocity"


def oi_velocity(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """With the price's last hour while open interest rises fast."""
    move = interest_move(snapshot.symbols[symbol], params.interest.velocity_window)
    if not isinstance(move, InterestMove):
        return blind(NAME, *move)
    least = params.thresholds.oi_change_pct
    seen = reason(
        "open_interest",
        change_pct=move.interest_pct,
        threshold_pct=least,
        price_sigma=move.price_sigma,
        source=move.source,
    )
    if move.interest_pct < least or abs(move.price_sigma) < params.interest.min_price_sigma:
        return neutral(NAME, seen, move.interest_pct, move.as_of)
    confidence = math.tanh(move.interest_pct / (3 * least)) * min(1.0, abs(move.price_sigma))
    return opinion(NAME, move.price_sigma, confidence, move.interest_pct, move.as_of, seen)
