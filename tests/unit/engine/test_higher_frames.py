"""Candles of 5 m to 1 d: the venue's where it has them, built from minutes where not, few at a time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from tests.fakes import FakeVenue, a_collector
from tests.support import ETH, NOW, a_spec, candles_of
from tradingbot.clock import SteppedClock
from tradingbot.core.types import Timeframe
from tradingbot.engine.higher_frames import FRAMES, HigherFrames
from tradingbot.engine.params import EngineParams
from tradingbot.market.candles import Candles, candles_from_rows, disagreeing, resample

MINUTES = candles_of(2000 + np.arange(600.0))


def frames(**params: int) -> tuple[HigherFrames, FakeVenue, SteppedClock]:
    clock = SteppedClock(NOW + timedelta(seconds=2))
    venue = FakeVenue(clock, {ETH: a_spec()}, {ETH: "2000"})
    return HigherFrames(venue, clock, EngineParams(**params), [ETH]), venue, clock


async def test_what_the_venue_lacks_is_built_from_minutes() -> None:
    """Complete bars only."""
    higher, _, _ = frames()
    await higher.refresh({ETH: MINUTES})
    built = higher.of(ETH)[Timeframe.H1]
    assert np.array_equal(built.open_ms, resample(MINUTES, Timeframe.H1).open_ms)
    assert len(built) == 10


async def test_the_venue_s_own_bars_win() -> None:
    """Where both exist and agree, the venue is the truth to the last digit."""
    higher, venue, _ = frames()
    last = resample(MINUTES, Timeframe.H1)
    venue.higher_sets[ETH, Timeframe.H1] = nearly(last)
    await higher.refresh({ETH: MINUTES})
    known = higher.of(ETH)[Timeframe.H1]
    assert len(known) == 10
    assert known.volume[-1] == 7.0
    assert known.volume[-2] == last.volume[-2]


async def test_a_bar_that_its_own_minutes_contradict_is_not_believed() -> None:
    """The built one stands in its place; the venue's other bars are used."""
    higher, venue, _ = frames()
    last = resample(MINUTES, Timeframe.H1)
    wrong = candles_from_rows(ETH, Timeframe.H1, [(int(last.open_ms[-1]), 1.0, 9.0, 1.0, 5.0, 7.0)])
    venue.higher_sets[ETH, Timeframe.H1] = wrong
    await higher.refresh({ETH: MINUTES})
    known = higher.of(ETH)[Timeframe.H1]
    assert np.array_equal(known.close, last.close)
    assert disagreeing(wrong, last, 0.002).tolist() == [int(last.open_ms[-1])]
    assert disagreeing(nearly(last), last, 0.002).tolist() == []


def nearly(bars: Candles) -> Candles:
    """The last bar as another would print it: the same prices but for a rounding, another volume."""
    row = (bars.open[-1], bars.high[-1] * 1.0001, bars.low[-1], bars.close[-1], 7.0)
    return candles_from_rows(ETH, Timeframe.H1, [(int(bars.open_ms[-1]), *map(float, row))])  # type: ignore[list-item]


async def test_a_series_is_asked_for_when_a_bar_has_closed() -> None:
    """Not every minute."""
    higher, venue, clock = frames()
    await higher.refresh({ETH: MINUTES})
    assert {frame for _, frame in venue.asked_frames} == set(FRAMES)
    venue.asked_frames.clear()
    await clock.sleep(60)
    await higher.refresh({ETH: MINUTES})
    assert venue.asked_frames == []
    await clock.sleep(300)
    await higher.refresh({ETH: MINUTES})
    assert venue.asked_frames == [(ETH, Timeframe.M5)]


async def test_a_failing_timeframe_is_built_and_asked_for_again() -> None:
    """The venue's candles of one hour are missing; ours stand in."""
    higher, venue, _ = frames()
    venue.frames_down.add(Timeframe.H1)
    await higher.refresh({ETH: MINUTES})
    assert len(higher.of(ETH)[Timeframe.H1]) == 10
    venue.frames_down.clear()
    venue.asked_frames.clear()
    await higher.refresh({ETH: MINUTES})
    assert venue.asked_frames == [(ETH, Timeframe.H1)]


async def test_few_series_a_cycle() -> None:
    """Orders keep their room in the rate limit."""
    higher, venue, _ = frames(higher_series_per_cycle=2)
    await higher.refresh({ETH: MINUTES})
    await higher.refresh({ETH: MINUTES})
    assert [frame for _, frame in venue.asked_frames] == [Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4]


async def test_built_bars_never_replace_the_venue_s() -> None:
    """Asked for again an hour later, the old bar is still the venue's."""
    higher, venue, clock = frames()
    last = resample(MINUTES, Timeframe.H1)
    venue.higher_sets[ETH, Timeframe.H1] = nearly(last)
    await higher.refresh({ETH: MINUTES})
    venue.higher_sets.clear()
    await clock.sleep(3600)
    await higher.refresh({ETH: MINUTES})
    assert higher.of(ETH)[Timeframe.H1].volume[-1] == 7.0


async def test_where_no_minute_comes_nothing_higher_is_asked() -> None:
    """A venue that hangs costs one budget, not one for each timeframe and the funding."""
    clock = SteppedClock(NOW + timedelta(seconds=2))
    venue = FakeVenue(clock, {ETH: a_spec()}, {ETH: "2000"})
    venue.candle_sets[ETH] = MINUTES
    collector = a_collector(venue, clock)
    await collector.refresh()
    await clock.sleep(600)
    venue.frames_down = {Timeframe.M1}
    asked = len(venue.asked_funding)
    await collector.refresh()
    assert {frame for _, frame in venue.asked_frames} == {Timeframe.M1}
    assert len(venue.asked_funding) == asked
    venue.frames_down = set()
    await collector.refresh()
    assert {frame for _, frame in venue.asked_frames} > {Timeframe.M1}
