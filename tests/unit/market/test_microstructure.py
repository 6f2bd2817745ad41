"""Spread, depth, order-flow imbalance and its pulse from the venue's own book."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support import NOW, a_symbol, samples_of
from tradingbot.core.types import utc_from_ms
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.microstructure import microstructure, order_flow, order_flows
from tradingbot.market.snapshot import BookSamples, BookStats


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


@pytest.mark.parametrize(("fast_s", "slow_s"), [(60.0, 300.0), (15.0, 35.0), (120.0, 1200.0)])
def test_flows_of_many_moments_are_those_of_one_moment_each(fast_s: float, slow_s: float) -> None:
    chance = np.random.default_rng(3)
    count = 1_500
    times = 1_767_600_005_000 + 5_000 * np.arange(count, dtype=np.int64)
    bid = np.round(100 + np.cumsum(chance.choice((-0.1, 0.0, 0.1), count)), 1)
    ask = np.round(bid + chance.choice((0.1, 0.2), count), 1)
    sizes = chance.integers(1, 40, (2, count)) / 8
    sizes[:, 700:960] = 0.0  # nothing rests at the touch: no flow
    samples = BookSamples(times, bid, sizes[0], ask, sizes[1])
    moments = np.arange(times[0] + 1_217_000, times[-1], 60_000, dtype=np.int64)
    ends = times.searchsorted(moments, side="right")
    together = order_flows(samples, ends, moments, fast_s, slow_s)
    alone = []
    for end, moment_ms in zip(ends.tolist(), moments.tolist(), strict=True):
        known = BookSamples(*(column[:end] for column in (times, bid, sizes[0], ask, sizes[1])))
        alone.append(order_flow(known, utc_from_ms(moment_ms), fast_s, slow_s))
    assert together == alone
    assert len(alone) > 80
    assert 0 < alone.count(None) < len(alone) or slow_s > 1000


def test_windows_of_unequal_samples_are_refused() -> None:
    times = 1_767_600_005_000 + 5_000 * np.delete(np.arange(300, dtype=np.int64), 120)
    ones = np.ones(len(times))
    samples = BookSamples(times, ones, ones, ones * 2, ones)
    moments = np.arange(times[0] + 350_000, times[-1], 60_000, dtype=np.int64)
    with pytest.raises(ValueError, match="equally many"):
        order_flows(samples, times.searchsorted(moments, side="right"), moments, 60.0, 300.0)
