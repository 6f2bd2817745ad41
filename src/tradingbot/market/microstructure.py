"""Microstructure of the traded venue's own book: spread, depth, order-flow imbalance and its pulse (SPEC 3.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tradingbot.core.memo import by_identity
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.snapshot import BookSamples, BookStats, SymbolSnapshot


@dataclass(frozen=True, slots=True)
class OrderFlow:
    """Order-flow imbalance in touches per sample: 1 means that each sample one whole touch more was bought than sold.

    `ofi` over the fast window, `slow` over the slow one, `pulse` their difference: pressure that builds or ebbs.
    """

    as_of: datetime
    ofi: float
    slow: float
    pulse: float
    samples: int


@dataclass(frozen=True, slots=True)
class Microstructure:
    """Spread in percent of mid, depth within 1 % of mid in USD, its imbalance in -1..1, and the order flow.

    None: no book, or too few samples.
    """

    spread_pct: float | None
    bid_depth_usd: float | None
    ask_depth_usd: float | None
    imbalance: float | None
    flow: OrderFlow | None


@by_identity(8)
def order_flow(samples: BookSamples, now: datetime, fast_s: float, slow_s: float) -> OrderFlow | None:
    """Order flow over the newest samples; None with fewer than two in the slow window, none in the fast, or no size.

    Each step's imbalance (Cont, Kukanov, Stoikov 2014) is divided by the mean size at the touch over the slow window.
    """
    now_ms = epoch_ms(now)
    first = first_since(samples, now_ms - slow_s * 1000)
    count = len(samples) - first
    if count < 2:
        return None
    bid_size, ask_size = samples.bid_size[first:], samples.ask_size[first:]
    touch = float(np.add.reduce(bid_size + ask_size)) / count / 2
    recent = samples.time_ms[first + 1 :] >= math.ceil(now_ms - fast_s * 1000)
    newest = int(np.count_nonzero(recent))
    if touch <= 0 or not newest:
        return None
    flow = order_flow_imbalance(samples.bid[first:], bid_size, samples.ask[first:], ask_size) / touch
    fast, slow = float(np.add.reduce(flow[recent])) / newest, float(np.add.reduce(flow)) / (count - 1)
    return OrderFlow(utc_from_ms(int(samples.time_ms[-1])), fast, slow, fast - slow, count)


def first_since(samples: BookSamples, moment_ms: float) -> int:
    """The first sample that is not older than a moment."""
    return int(samples.time_ms.searchsorted(math.ceil(moment_ms)))


def microstructure(part: SymbolSnapshot, now: datetime, fast_s: float, slow_s: float) -> Microstructure:
    """Everything the venue's own book says of a symbol."""
    flow, book = order_flow(part.samples, now, fast_s, slow_s), part.book
    if book is None:
        return Microstructure(None, None, None, None, flow)
    return Microstructure(book.spread_pct, book.bid_depth_usd, book.ask_depth_usd, depth_imbalance(book), flow)


def depth_imbalance(book: BookStats) -> float:
    """(bid depth - ask depth) / both; 0 for an empty book."""
    both = book.bid_depth_usd + book.ask_depth_usd
    return (book.bid_depth_usd - book.ask_depth_usd) / both if both else 0.0
