"""OFI momentum: is order flow turning? Value: order-flow imbalance of the fast window minus that of the slow one.

Units: touches per sample; a value of 1 means that per sample one whole touch more was bought than before. The imbalance
is that of Cont, Kukanov, Stoikov (2014), see `market.microstructure`.
"""

from __future__ import annotations

import math

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol, epoch_ms, utc_from_ms
from tradingbot.market.microstructure import first_since, order_flow
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "ofi_momentum"


def ofi_momentum(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """LONG when buying pressure at the touch rises, SHORT when it falls."""
    samples, mine = snapshot.symbols[symbol].samples, params.ofi
    count = len(samples)
    if count:
        count -= first_since(samples, epoch_ms(snapshot.as_of) - mine.slow_window_s * 1000)
    if count < mine.min_samples:
        return blind(NAME, reason("too_few_book_samples", have=count, need=mine.min_samples))
    newest = utc_from_ms(int(samples.time_ms[-1]))
    age_s = (snapshot.as_of - newest).total_seconds()
    if age_s > mine.max_age_s:
        return blind(NAME, reason("book_samples_stale", age_s=age_s, limit_s=mine.max_age_s), as_of=newest)
    flow = order_flow(samples, snapshot.as_of, mine.fast_window_s, mine.slow_window_s)
    if flow is None:
        return blind(NAME, reason("no_recent_book_samples"), as_of=newest)
    seen = reason("order_flow_momentum", momentum=flow.pulse, ofi=flow.ofi, threshold=mine.min_change)
    if abs(flow.pulse) < mine.min_change:
        return neutral(NAME, seen, flow.pulse, newest)
    confidence = math.tanh(abs(flow.pulse) / mine.full_confidence_change)
    return opinion(NAME, flow.pulse, confidence, flow.pulse, newest, seen)
