"""Features of a whole stretch of bars are those of each bar alone, bit by bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import BTC, ETH
from tests.unit.market.test_minute_features import MINUTE_MS, SMALL, series
from tradingbot.market.candles import Candles, part_of
from tradingbot.market.frame_features import FrameParams, frame_features
from tradingbot.market.frame_series import frame_features_of
from tradingbot.market.minute_features import minute_features
from tradingbot.market.minute_series import minute_features_of

FRAMES = FrameParams(window_bars=60, min_bars=40, ema_fast_bars=10, ema_slow_bars=30, channel_bars=12)


def looks(length: int, pieces: int) -> list[range]:
    edges = np.linspace(0, length, pieces + 1).astype(int).tolist()
    return [range(first, last) for first, last in pairwise(edges)]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gap=st.sampled_from([0.0, 0.05, 0.4]),
    flat=st.sampled_from([0.0, 0.5, 1.0]),
    pieces=st.sampled_from([1, 3]),
)
def test_minute_features_of_a_stretch(seed: int, gap: float, flat: float, pieces: int) -> None:
    btc, eth = series(BTC, seed, 420, gap, flat), series(ETH, seed + 1, 420, gap, flat)
    for own, leader in ((eth, btc), (btc, None)):
        found = [one for rows in looks(len(own), pieces) for one in minute_features_of(own, leader, SMALL, rows, 260)]
        assert len(found) == len(own)
        for row in range(0, len(own), 7):
            known = part_of(own, slice(max(0, row + 1 - 260), row + 1))
            ahead = None if leader is None else leader.until(int(own.open_ms[row]) + MINUTE_MS).tail(260)
            assert repr(found[row]) == repr(minute_features(known, ahead, SMALL)), row


def test_windows_longer_than_what_is_kept_are_refused() -> None:
    with pytest.raises(ValueError, match="241"):
        minute_features_of(series(ETH, 1, 300), None, SMALL, range(300), 200)


def bars(seed: int, count: int, flat: float) -> Candles:
    base = series(ETH, seed, count, 0.1, flat)
    wick = np.random.default_rng(seed).random((2, len(base))) * 0.001 * (flat < 1)
    opens = np.concatenate((base.close[:1], base.close[:-1]))
    high, low = np.maximum(opens, base.close) * (1 + wick[0]), np.minimum(opens, base.close) * (1 - wick[1])
    return Candles(base.symbol, base.timeframe, base.open_ms, opens, high, low, base.close, base.volume)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), flat=st.sampled_from([0.0, 0.6, 1.0]), pieces=st.sampled_from([1, 3]))
def test_frame_features_of_a_stretch(seed: int, flat: float, pieces: int) -> None:
    candles = bars(seed, 260, flat)
    found = [one for rows in looks(len(candles), pieces) for one in frame_features_of(candles, FRAMES, rows)]
    alone = [frame_features(part_of(candles, slice(0, row + 1)), FRAMES) for row in range(len(candles))]
    assert list(map(repr, found)) == list(map(repr, alone))


@pytest.mark.parametrize("broken", [-1.0, float("nan"), float("inf")])
def test_bars_that_are_none_are_judged_one_by_one(broken: float) -> None:
    candles = bars(5, 200, 0.0)
    candles.close[150] = broken
    with np.errstate(all="ignore"):
        found = frame_features_of(candles, FRAMES, range(len(candles)))
        alone = [frame_features(part_of(candles, slice(0, row + 1)), FRAMES) for row in range(len(candles))]
    assert list(map(repr, found)) == list(map(repr, alone))
