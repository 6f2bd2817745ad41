"""Open interest against price: is the move made by positions being closed? Value: change of open interest, percent.

A rise while open interest falls is shorts buying back, a fall while it falls is longs giving up: neither brings new
money, so the move is faded. LONG after a fall, SHORT after a rise, over the last four hours. Confidence =
tanh(|change| / (3 thresholds)) x min(1, |price move| / 1 sigma).
"""

from __future__ import annotations

import math

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.open_interest import InterestMove, interest_move
from tradingbot.signals.params import SignalParams

NAME = "oi_price_divergence"


def oi_price_divergence(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """Against the price's move of the last hours while open interest falls."""
    move = interest_move(snapshot.symbols[symbol], params.interest.divergence_window)
    if not isinstance(move, InterestMove):
        return blind(NAME, *move)
    least = params.thresholds.oi_change_pct
    seen = reason(
        "divergence",
        change_pct=move.interest_pct,
        threshold_pct=-least,
        price_sigma=move.price_sigma,
        source=move.source,
    )
    if move.interest_pct > -least or abs(move.price_sigma) < params.interest.min_price_sigma:
        return neutral(NAME, seen, move.interest_pct, move.as_of)
    confidence = math.tanh(-move.interest_pct / (3 * least)) * min(1.0, abs(move.price_sigma))
    return opinion(NAME, -move.price_sigma, confidence, move.interest_pct, move.as_of, seen)
