"""Trend of a frame and alignment of frames."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_thinking import NOW, a_frame, bars, path, trending
from tradingbot.core.types import Direction, Timeframe
from tradingbot.market.frame_features import FrameParams, frame_features
from tradingbot.market.multi_timeframe import FrameWeights, MtfParams, alignment, frame_trend

PARAMS = MtfParams()


def test_a_rising_market_aligns_long_and_its_mirror_short() -> None:
    """Real indicators of a drifting path: all frames up, score near 1; upside down, near 0."""
    up = {}
    down = {}
    for frame in Timeframe:
        closes = path(3, 200, sigma=0.002, drift=0.0015)
        up[frame] = frame_features(bars(closes, frame), FrameParams())
        down[frame] = frame_features(bars(10_000 / closes, frame), FrameParams())
    rising, falling = alignment(up, NOW, PARAMS), alignment(down, NOW, PARAMS)
    assert rising.long > 0.85
    assert falling.short > 0.85
    assert rising.score(Direction.LONG) == rising.long
    assert falling.score(Direction.NEUTRAL) is None


def test_frames_without_trend_are_undecided() -> None:
    assert alignment({frame: a_frame(frame) for frame in Timeframe}, NOW, PARAMS).long == 0.5


def test_a_market_without_range_has_no_trend() -> None:
    assert frame_trend(a_frame(atr=0.0, ema_fast=105.0)) == 0.0


def test_stale_and_future_frames_are_missing() -> None:
    """Older than 2.5 bars, or not closed yet."""
    frames = {frame: trending(frame, 1) for frame in Timeframe}
    frames[Timeframe.H1] = trending(Timeframe.H1, -1, as_of=NOW - timedelta(hours=2.6))
    frames[Timeframe.M5] = trending(Timeframe.M5, -1, as_of=NOW + timedelta(minutes=1))
    found = alignment(frames, NOW, PARAMS)
    assert found.missing == (Timeframe.M5, Timeframe.H1)
    assert all(trend > 0 for trend in found.trends.values())


def test_too_few_frames_say_nothing() -> None:
    found = alignment({frame: trending(frame, 1) for frame in (Timeframe.H1, Timeframe.H4)}, NOW, PARAMS)
    assert (found.trends, found.score(Direction.LONG), found.as_of) == ({}, None, None)
    assert len(found.missing) == 4


def test_as_of_is_that_of_the_oldest_frame_used() -> None:
    frames = {frame: trending(frame, 1) for frame in Timeframe}
    frames[Timeframe.D1] = trending(Timeframe.D1, 1, as_of=NOW - timedelta(hours=20))
    assert alignment(frames, NOW, PARAMS).as_of == NOW - timedelta(hours=20)


def test_a_heavier_frame_moves_the_score_more() -> None:
    """1 h has five times the weight of 1 m."""
    base = {frame: a_frame(frame) for frame in Timeframe}
    by_minute = alignment({**base, Timeframe.M1: trending(Timeframe.M1, 1)}, NOW, PARAMS).long - 0.5
    by_hour = alignment({**base, Timeframe.H1: trending(Timeframe.H1, 1)}, NOW, PARAMS).long - 0.5
    assert by_hour == pytest.approx(5 * by_minute)


@given(
    gaps=st.lists(st.floats(-50, 50), min_size=6, max_size=6),
    slopes=st.lists(st.floats(-5, 5), min_size=6, max_size=6),
)
def test_scores_are_within_0_and_1_and_add_up_to_1(gaps: list[float], slopes: list[float]) -> None:
    frames = {
        frame: a_frame(frame, ema_fast=100 + gap, ema_slow_slope_pct=slope)
        for frame, gap, slope in zip(Timeframe, gaps, slopes, strict=True)
    }
    found = alignment(frames, NOW, PARAMS)
    assert 0 <= found.long <= 1
    assert found.long + found.short == pytest.approx(1.0)
    assert all(-1 <= trend <= 1 for trend in found.trends.values())


@given(low=st.floats(-5, 5), high=st.floats(-5, 5))
def test_more_distance_is_never_less_trend(low: float, high: float) -> None:
    below, above = sorted((low, high))
    assert frame_trend(a_frame(ema_fast=100 + below)) <= frame_trend(a_frame(ema_fast=100 + above))


@given(low=st.floats(-2, 2), high=st.floats(-2, 2))
def test_a_steeper_slope_is_never_less_trend(low: float, high: float) -> None:
    below, above = sorted((low, high))
    assert frame_trend(a_frame(ema_slow_slope_pct=below)) <= frame_trend(a_frame(ema_slow_slope_pct=above))
    assert frame_trend(a_frame(ema_slow_slope_pct=0.05)) > 0.1


def test_weights_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up"):
        FrameWeights(m1=0.5)
