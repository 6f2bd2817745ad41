"""Spread, depth, order-flow imbalance and its pulse from the venue's own book."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support import NOW, a_symbol, samples_of
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.microstructure import microstructure, order_flow
from tradingbot.market.snapshot import BookStats


def test_the_pulse_is_the_fast_flow_against_the_slow_one() -> None:
    """Both in mean touches of the slow window per sample."""
    bids = [10.0] * 20 + [16, 22, 28, 34, 40, 46]
    samples = samples_of(bids, [10.0] * 26)
    found = order_flow(samples, NOW, 60, 300)
    touch = (np.mean(bids) + 10.0) / 2
    flow = order_flow_imbalance(samples.bid, samples.bid_size, samples.ask, samples.ask_size) / touch
    assert found is not None
    assert found.ofi == pytest.approx(flow[-7:].mean())
    assert found.slow == pytest.approx(flow.mean())
    assert found.pulse == pytest.approx(found.ofi - found.slow)
    assert found.samples == 26


@pytest.mark.parametrize("sizes", [[], [10.0], [0.0] * 20])
def test_too_little_to_go_by_is_none(sizes: list[float]) -> None:
    assert order_flow(samples_of(sizes, sizes), NOW, 60, 300) is None


def test_the_book_alone_and_nothing_at_all() -> None:
    """What is missing is None, not zero."""
    book = BookStats(NOW, 99.0, 101.0, 2.0, 3000.0, 1000.0)
    found = microstructure(a_symbol(book=book), NOW, 60, 300)
    assert (found.spread_pct, found.imbalance, found.flow) == (2.0, 0.5, None)
    assert microstructure(a_symbol(book=replace(book, bid_depth_usd=0, ask_depth_usd=0)), NOW, 60, 300).imbalance == 0.0
    assert microstructure(a_symbol(book=None), NOW, 60, 300).spread_pct is None
