"""Higher candles that are made ahead are those that the daemon asks for, also around holes and disagreements."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.research.backtest.test_near_quotes import Moment
from tests.unit.simulator.test_shortcuts import columns
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.engine import higher_frames
from tradingbot.engine.higher_frames import FRAMES, HigherFrames
from tradingbot.engine.params import EngineParams
from tradingbot.market.candles import Candles
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.research.backtest import near_frames
from tradingbot.research.backtest.near_frames import NearHigherFrames
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.simulator.trade_candles import trade_numbers
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.venue import InProcessVenue

PLAYED_MIN = 500
BTC, ETH = Symbol("BTCUSDT"), Symbol("ETHUSDT")
NAMES = {BTC: "PI_XBTUSD", ETH: "PF_ETHUSD"}
PARAMS = EngineParams(higher_candle_count=40, higher_series_per_cycle=3)


def recorded() -> RecordedMarket:
    """Minutes of which every second one is missing in one of three stretches of two hours."""
    parts = {}
    for asset, seed, price in (("BTC", 3, 60_000.0), ("ETH", 4, 3_000.0)):
        one = columns(seed, 4_000, price)
        times = _minutes(one)
        names = ("open", "high", "low", "close", "volume")
        filled = (np.interp(times, one.open_ms, getattr(one, name)) for name in names)
        kept = (np.random.default_rng(seed).random(len(times)) > 0.5) | (times // 7_200_000 % 3 > 0)
        parts[asset] = RecordedColumns(*(column[kept] for column in (times, *filled)))
    return RecordedMarket(parts, 2_500)


def _minutes(one: RecordedColumns) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(one.open_ms[0], one.open_ms[-1] + 1, 60_000, dtype=np.int64)


CASES: dict[str, tuple[MarketFeed, float]] = {
    "made": (SyntheticMarket(7, start_ms=DEFAULT_START_MS, volatility=4.0), 0.002),
    "made, bars that their minutes contradict": (SyntheticMarket(8, start_ms=DEFAULT_START_MS), 2e-5),
    "recorded": (recorded(), 0.002),
}


async def played(feed: MarketFeed, near: bool) -> tuple[list[str], int]:
    """All series after every minute, as texts; and how many questions went to the venue."""
    opened_ms, clock = feed.start_ms, Moment()
    clock.at_ms = opened_ms
    sim = SimulatedVenue(SimulatorParams.model_validate({"seed": 5, "history_days": 20}), feed, opened_ms)
    venue = InProcessVenue(sim, Universe(UniverseParams()), clock, tape=False)
    questions, ask = 0, venue.candles

    async def counted(*given: object) -> Candles:
        nonlocal questions
        questions += 1
        return await ask(*given)  # type: ignore[arg-type]

    venue.candles = counted  # type: ignore[method-assign, assignment]
    frames = HigherFrames(venue, clock, PARAMS, NAMES)
    if near:
        frames = NearHigherFrames(venue, clock, PARAMS, NAMES, sim, NAMES)
    seen = []
    for minute in range(PLAYED_MIN):
        clock.at_ms = opened_ms + minute * 60_000 + 2_000
        await frames.refresh({symbol: _known(sim, symbol, clock.at_ms) for symbol in NAMES})
        seen.append("|".join(_told(frames.of(symbol)[frame]) for symbol in NAMES for frame in FRAMES))
    return seen, questions


def _known(sim: SimulatedVenue, symbol: Symbol, now_ms: int) -> Candles:
    one = sim.instruments[NAMES[symbol]]
    rows = sim.feed.rows(one.asset, now_ms // 60_000 * 60_000, 1_000)
    return Candles(symbol, Timeframe.M1, rows[:, 0].astype(np.int64), *trade_numbers(one, rows))


def _told(one: Candles) -> str:
    columns = (one.open, one.high, one.low, one.close, one.volume)
    return f"{one.symbol} {one.timeframe} {one.open_ms.tolist()} {[column.tolist() for column in columns]}"


@pytest.mark.parametrize("case", CASES)
async def test_they_are_those_that_are_asked_for(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, disagreement = CASES[case]
    monkeypatch.setattr(near_frames, "AHEAD", 50)
    for module in (near_frames, higher_frames):
        monkeypatch.setattr(module, "DISAGREEMENT", disagreement)
    monkeypatch.setattr(SimulatedVenue, "is_quiet", lambda *_: True)
    near, asked = await played(feed, near=True)
    far, all_asked = await played(feed, near=False)
    assert near == far
    assert len(set(near)) > PLAYED_MIN / 6
    assert 10 <= asked < all_asked - 50, "some bars are plain, some are not"
