"""OFI momentum: is order flow turning? Value: mean normalised order-flow imbalance, short minus long window.

Each step's imbalance (Cont, Kukanov, Stoikov 2014) is divided by the mean size at the touch over the long window, so a
value of 1 means that per sample one whole touch more was bought than before. Units: touches per sample.
"""

from __future__ import annotations

import math

import numpy as np

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol, epoch_ms, utc_from_ms
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "ofi_momentum"


def ofi_momentum(snapshot: MarketSnapshot, symbol: Symbol, settings: SignalParams) -> ComponentReading:
    """LONG when buying pressure at the touch rises, SHORT when it falls."""
    params = settings.ofi
    samples = snapshot.symbols[symbol].samples
    now_ms = epoch_ms(snapshot.as_of)
    first = int(np.searchsorted(samples.time_ms, now_ms - params.slow_window_s * 1000))
    count = len(samples) - first
    if count < params.min_samples:
        return blind(NAME, reason("too_few_book_samples", have=count, need=params.min_samples))
    newest = utc_from_ms(int(samples.time_ms[-1]))
    age_s = (snapshot.as_of - newest).total_seconds()
    if age_s > params.max_age_s:
        return blind(NAME, reason("book_samples_stale", age_s=age_s, limit_s=params.max_age_s), as_of=newest)
    bid_size, ask_size = samples.bid_size[first:], samples.ask_size[first:]
    flow = order_flow_imbalance(samples.bid[first:], bid_size, samples.ask[first:], ask_size)
    touch = float(np.mean(bid_size + ask_size)) / 2
    if touch <= 0:
        return neutral(NAME, reason("empty_touch"), as_of=newest)
    recent = samples.time_ms[first + 1 :] >= now_ms - params.fast_window_s * 1000
    if not recent.any():
        return blind(NAME, reason("no_recent_book_samples"), as_of=newest)
    normalised = flow / touch
    momentum = float(normalised[recent].sum()) / int(recent.sum()) - float(normalised.sum()) / normalised.shape[0]
    seen = reason("order_flow_momentum", momentum=momentum, threshold=params.min_change)
    if abs(momentum) < params.min_change:
        return neutral(NAME, seen, momentum, newest)
    return opinion(NAME, momentum, math.tanh(abs(momentum) / params.full_confidence_change), momentum, newest, seen)
