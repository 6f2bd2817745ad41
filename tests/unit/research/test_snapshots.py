"""A snapshot out of recorded inputs is the one that the daemon would have put together."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tradingbot.core.types import Timeframe, epoch_ms
from tradingbot.market.candles import resample
from tradingbot.market.intelligence import Feed
from tradingbot.market.minute_tracker import MinuteTracker
from tradingbot.research.recorded_inputs import RecordedInputs, Told, minute_candles
from tradingbot.research.snapshots import DAEMON, higher_frames, snapshot_at
from tradingbot.research.synthetic_inputs import FOLLOWER, LEADER, synthetic_inputs, synthetic_moments

PANIC = synthetic_moments()[-2]


@pytest.fixture(scope="module")
def store() -> RecordedInputs:
    return synthetic_inputs()


def test_only_closed_candles_that_have_arrived_are_in_it(store: RecordedInputs) -> None:
    part = snapshot_at(store, PANIC).symbols[FOLLOWER]
    assert part.candles.last_close_ms == epoch_ms(PANIC - timedelta(seconds=2))
    early = snapshot_at(store, PANIC - timedelta(seconds=1.5)).symbols[FOLLOWER]
    assert early.candles.last_close_ms == epoch_ms(PANIC - timedelta(seconds=62))
    for frame, candles in part.higher.items():
        assert candles.last_close_ms is not None
        assert epoch_ms(PANIC) - frame.ms < candles.last_close_ms <= epoch_ms(PANIC)


def test_bars_built_from_hours_are_those_built_from_minutes(store: RecordedInputs) -> None:
    minutes = minute_candles(FOLLOWER, store.cut(PANIC).series[FOLLOWER, Told.MINUTES])
    made = higher_frames(minutes)
    for frame in (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1):
        direct = resample(minutes, frame).tail(len(made[frame]))
        for name in ("open_ms", "open", "high", "low", "close"):
            assert np.array_equal(getattr(made[frame], name), getattr(direct, name)), (frame, name)
        assert made[frame].volume == pytest.approx(direct.volume)
        assert len(made[frame]) >= min(300, len(resample(minutes, frame)))


def test_features_are_those_that_a_daemon_carries_from_minute_to_minute(store: RecordedInputs) -> None:
    tracker = MinuteTracker(DAEMON.reading.signals.windows)
    for minute in range(30, -1, -1):
        snapshot = snapshot_at(store, PANIC - timedelta(minutes=minute))
        part = snapshot.symbols[FOLLOWER]
        assert tracker.update(part.candles, snapshot.symbols[LEADER].candles) == part.features


def test_nothing_is_stale_or_doubted_while_everything_arrives(store: RecordedInputs) -> None:
    snapshot = snapshot_at(store, PANIC)
    assert snapshot.intel.problems == {}
    for part in snapshot.symbols.values():
        assert (part.stale, part.candle_problems, part.intel.problems) == ((), (), {})
        assert set(part.frames) == set(Timeframe)


def test_what_stops_arriving_is_stale_or_quarantined(store: RecordedInputs) -> None:
    last = store.cut(PANIC)
    later = snapshot_at(last, PANIC + timedelta(hours=12)).symbols[FOLLOWER]
    assert later.stale == ("candles", "ticker", "book")
    assert [why.code for why in later.intel.problems[Feed.TAKER_FLOW]] == ["stale"]
    assert [why.code for why in later.candle_problems] == ["candles_stale"]
    assert snapshot_at(last, PANIC + timedelta(days=3)).intel.problems.keys() == {Feed.FEAR_GREED}


def test_an_empty_store_gives_a_snapshot_that_knows_nothing(store: RecordedInputs) -> None:
    empty = RecordedInputs(store.specs, {})
    part = snapshot_at(empty, PANIC).symbols[FOLLOWER]
    assert part.stale == ("candles", "ticker", "book")
    assert (part.features, part.venue_funding, part.venue_interest, len(part.samples)) == (None, None, None, 0)
    assert not part.frames
