"""Microstructure of the traded venue's own book: spread, depth, order-flow imbalance and its pulse (SPEC 3.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tradingbot.core.memo import by_identity
from tradingbot.core.types import epoch_ms, utc_from_ms
from tradingbot.market.candles import IntArray
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


@by_identity(128)
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


def order_flows(
    samples: BookSamples, ends: IntArray, moments_ms: IntArray, fast_s: float, slow_s: float
) -> list[OrderFlow | None]:
    """`order_flow` at many moments, each of the samples before one of `ends`: for whom all samples lie ready.

    Raises ValueError unless the windows of all moments hold equally many samples, at least two in the slow one and one
    in the fast.
    """
    first = samples.time_ms.searchsorted(np.ceil(moments_ms - slow_s * 1000))
    recent = np.maximum(first + 1, samples.time_ms.searchsorted(np.ceil(moments_ms - fast_s * 1000)))
    count, newest = int(ends[0] - first[0]), int(ends[0] - recent[0])
    if count < 2 or newest < 1 or bool(np.any(ends - first != count)) or bool(np.any(ends - recent != newest)):
        raise ValueError("the windows do not hold equally many samples")
    # Each window is added up as one contiguous row, in the same order as if it were alone.
    sizes = sliding_window_view(samples.bid_size + samples.ask_size, count)[first].copy()
    touch = np.add.reduce(sizes, axis=1) / count / 2
    steps = order_flow_imbalance(samples.bid, samples.bid_size, samples.ask, samples.ask_size)
    flow = sliding_window_view(steps, count - 1)[first] / np.where(touch > 0, touch, np.nan)[:, None]
    fast = np.add.reduce(flow[:, -newest:].copy(), axis=1) / newest
    slow = np.add.reduce(flow, axis=1) / (count - 1)
    columns = zip(samples.time_ms[ends - 1].tolist(), touch.tolist(), fast.tolist(), slow.tolist(), strict=True)
    return [
        OrderFlow(utc_from_ms(at_ms), quick, usual, quick - usual, count) if size > 0 else None
        for at_ms, size, quick, usual in columns
    ]


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
