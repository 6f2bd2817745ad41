"""What the engine keeps between cycles to read a market: features, own readings, judged intelligence, the bus."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tests.fakes import FakeIntel, FakeVenue, MemoryDocument, a_collector
from tests.support import BTC, ETH, NOW, a_snapshot, a_spec, a_stamp, a_symbol, a_ticker, an_inverse_spec, candles_of
from tradingbot.clock import SteppedClock
from tradingbot.core.records import FundingRate
from tradingbot.core.types import Asset, Regime, Symbol, Timeframe
from tradingbot.decision import DecisionParams, decide
from tradingbot.engine.cycle_record import ensemble_records, signal_records
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.models import LatestSignalsState, RegimeState
from tradingbot.engine.signal_bus import SignalBus, SignalsDecided
from tradingbot.engine.signal_desk import SignalDesk
from tradingbot.engine.venue_readings import VenueReadings, changes_pct, funding_stats
from tradingbot.exits.params import ExitParams, GraceParams
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.candles import resample
from tradingbot.market.data_contracts import ContractParams, OwnMarket
from tradingbot.market.frame_features import FrameParams, frame_features
from tradingbot.market.intelligence import Feed, FeedHealth, IntelState, SymbolIntel, TakerFlow
from tradingbot.market.minute_features import minute_features
from tradingbot.market.universe import LiquidityParams
from tradingbot.portfolio.book import Book
from tradingbot.reading import ReadingParams
from tradingbot.risk.params import RiskParams
from tradingbot.signals.params import SignalParams

WALK = 2000 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.001, 900)))

# ---------------------------------------------------------------- features


def test_kept_features_are_those_of_the_candles() -> None:
    """One-minute features and every timeframe with enough bars, whatever came before."""
    keeper = FeatureKeeper(SignalParams().windows, FrameParams(), [BTC, ETH])
    for end in (700, 701, 760, 900):
        minutes = {BTC: candles_of(WALK[:end], BTC), ETH: candles_of(WALK[:end] / 10)}
        series = [minutes[ETH], resample(minutes[ETH], Timeframe.M5), resample(minutes[ETH], Timeframe.H4)]
        made = keeper.minute(ETH, minutes)
        frames = keeper.frames(ETH, series)
        assert made == minute_features(minutes[ETH], minutes[BTC], SignalParams().windows)
        expected = {one.timeframe: frame_features(one, FrameParams()) for one in series}
        assert frames == {frame: found for frame, found in expected.items() if found is not None}
        assert Timeframe.H4 not in frames


# ---------------------------------------------------------------- the venue's own readings


def test_open_interest_changes_over_windows_that_were_watched() -> None:
    """A window without a sample at its beginning is not told."""
    times, values = [minute * 60_000 for minute in range(80)], [1000.0 + minute for minute in range(80)]
    found = changes_pct(times, values)
    assert found == pytest.approx(
        {"5m": (1079 / 1074 - 1) * 100, "15m": (1079 / 1064 - 1) * 100, "1h": (1079 / 1019 - 1) * 100}
    )
    assert changes_pct([], []) == {}
    assert changes_pct(times[:1], values[:1]) == {}


def test_funding_statistics_are_per_eight_hours_and_know_no_future() -> None:
    """Hourly fractions times eight; a rate of tomorrow does not count."""
    rates = [FundingRate(ETH, NOW - timedelta(hours=n), 0.00001 * n) for n in range(4, 0, -1)]
    rates.append(FundingRate(ETH, NOW + timedelta(hours=1), 9.0))
    stats = funding_stats(rates, NOW, "venue")
    assert stats is not None
    assert (stats.count, stats.mean_8h) == (4, pytest.approx(0.0002))
    assert stats.std_8h == pytest.approx(np.std([0.00008 * n for n in range(1, 5)]))
    assert funding_stats([], NOW, "venue") is None


async def test_funding_history_is_asked_for_hourly_few_at_a_time() -> None:
    """And a venue that fails keeps what was known."""
    clock = SteppedClock(NOW)
    symbols = [ETH, BTC, *(Symbol(f"S{n}USDT") for n in range(4))]
    venue = FakeVenue(clock, {symbol: a_spec(symbol) for symbol in symbols}, dict.fromkeys(symbols, "2000"))
    readings = VenueReadings(venue, clock, 6.0, symbols)
    await readings.refresh()
    assert venue.asked_funding == symbols[:3]
    await readings.refresh()
    await readings.refresh()
    assert venue.asked_funding == symbols
    venue.down = True
    await clock.sleep(4000)
    await readings.refresh()
    assert all(readings.funding_stats(symbol) is not None for symbol in symbols)
    venue.down = False
    await clock.sleep(4000)
    await readings.refresh()
    assert len(venue.asked_funding) == len(symbols) + 3


def test_the_tickers_funding_is_hourly_on_the_wire_and_eight_hourly_here() -> None:
    clock = SteppedClock(NOW)
    readings = VenueReadings(FakeVenue(clock, {ETH: a_spec()}, {ETH: "2000"}), clock, 6.0, [ETH])
    told = readings.funding(replace(a_ticker(), funding_rate_relative=0.00002))
    assert told is not None
    assert told.median_8h == pytest.approx(0.00016)
    assert readings.funding(None) is None


@pytest.mark.parametrize(("spec", "total"), [(a_spec(), 2_000_000.0), (an_inverse_spec(), 1000.0)])
def test_open_interest_in_usd_depends_on_the_kind_of_contract(spec: Any, total: float) -> None:
    """Base units times the mark, or USD already."""
    clock = SteppedClock(NOW)
    readings = VenueReadings(FakeVenue(clock, {ETH: a_spec()}, {ETH: "2000"}), clock, 6.0, [ETH])
    ticker = replace(a_ticker(), open_interest=Decimal(1000))
    readings.note(ETH, ticker)
    told = readings.interest(ETH, ticker, spec)
    assert told is not None
    assert (told.total_usd, told.in_usd) == (total, False)


# ---------------------------------------------------------------- judged intelligence


def test_the_desk_tells_what_holds_and_what_does_not() -> None:
    """One row per feed: for how many it holds, and the problems of the others."""
    good = SymbolIntel(taker=TakerFlow(a_stamp(), 300, 6e6, 5e6))
    bad = SymbolIntel(taker=TakerFlow(a_stamp(3600), 300, 6e6, 5e6))
    feeds = {feed: FeedHealth(feed, off="no_api_key") for feed in Feed if feed is not Feed.TAKER_FLOW}
    source = FakeIntel(IntelState({Asset("BTC"): good, Asset("ETH"): bad}, feeds=feeds, left_out=("a", "b")))
    desk = IntelDesk(source, {BTC: Asset("BTC"), ETH: Asset("ETH")}, ContractParams())
    symbols, market = desk.judge(NOW, {BTC: OwnMarket(), ETH: OwnMarket()})
    assert not symbols[BTC].problems.get(Feed.TAKER_FLOW)
    assert symbols[ETH].problems[Feed.TAKER_FLOW][0].code == "stale"
    assert market.problems[Feed.FEAR_GREED][0].code == "no_api_key"
    rows = {row["feed"]: row for row in desk.report()}
    assert (rows["taker_flow"]["ok"], rows["taker_flow"]["of"], rows["taker_flow"]["problems"]) == (1, 2, {"stale": 1})
    assert (rows["fear_greed"]["ok"], rows["fear_greed"]["of"]) == (0, 1)
    assert desk.left_out == ("a", "b")


async def test_a_snapshot_carries_everything_that_is_read() -> None:
    """Features, frames, the venue's funding and interest, judged intelligence, the regime of before."""
    clock = SteppedClock(NOW)
    venue = FakeVenue(clock, {ETH: a_spec()}, {ETH: "2000"})
    venue.candle_sets[ETH] = candles_of(WALK / WALK[-1] * 2000)
    source = FakeIntel(IntelState({Asset("ETH"): SymbolIntel(taker=TakerFlow(a_stamp(), 300, 6e6, 5e6))}))
    collector = a_collector(venue, clock, source)
    await collector.refresh()
    part = (await collector.snapshot("c1", None)).symbols[ETH]
    assert part.features == minute_features(part.candles, None, SignalParams().windows)
    assert part.frames[Timeframe.M1] == frame_features(part.candles, FrameParams())
    assert part.intel.taker is not None
    venue.candle_sets[ETH] = candles_of(WALK / WALK[-1] * 2500, end=NOW + timedelta(minutes=3))
    await clock.sleep(180)
    await collector.refresh()
    doubted = (await collector.snapshot("c2", None)).symbols[ETH]
    assert "candles_far_from_mark" in {why.code for why in doubted.candle_problems}
    assert "candles" in doubted.stale, "what is far from the mark opens nothing"


# ---------------------------------------------------------------- the bus


def an_event(cycle_id: str = "c1") -> SignalsDecided:
    snapshot = replace(a_snapshot(a_symbol(BTC, WALK), a_symbol(ETH, WALK)), cycle_id=cycle_id)
    params = DecisionParams(ReadingParams(), RiskParams(), ExitParams(), GraceParams(), LiquidityParams(), NOW)
    decision = decide(snapshot, Book(), params, EntryPermission())
    records = list(signal_records(snapshot, decision))
    assert [one["symbol"] for one in ensemble_records(records, decision)] == [one["symbol"] for one in records]
    return SignalsDecided(cycle_id, NOW, decision, records)


async def test_a_slow_listener_loses_the_oldest_and_it_is_counted() -> None:
    bus = SignalBus()
    slow = bus.subscribe("slow", capacity=2)
    for number in range(4):
        bus.publish(replace(an_event(), cycle_id=f"c{number}"))
    assert [(await slow.take()).cycle_id, (await slow.take()).cycle_id] == ["c2", "c3"]
    assert slow.dropped == 2


def test_a_listener_that_fails_harms_nobody() -> None:
    """It is counted, the others hear everything."""
    bus, heard = SignalBus(), []

    def failing(event: SignalsDecided) -> None:
        raise ValueError("no")

    bus.attach("failing", failing)
    bus.attach("fine", lambda event: heard.append(event.cycle_id))
    bus.publish(an_event("a"))
    bus.publish(an_event("b"))
    assert (heard, bus.failures) == (["a", "b"], {"failing": 2})


def test_the_newest_readings_are_kept_and_the_regime_when_it_changes() -> None:
    """Every symbol's line with ten components; one write of an unchanged regime."""
    latest, regime = MemoryDocument(), CountingDocument()
    desk = IntelDesk(FakeIntel(), {BTC: Asset("BTC"), ETH: Asset("ETH")}, ContractParams())
    listener, event = SignalDesk(latest, regime, desk), an_event()
    listener.listen(event)
    listener.listen(replace(event, cycle_id="c2"))
    kept = latest.value
    assert isinstance(kept, LatestSignalsState)
    assert kept.cycle_id == "c2"
    assert {len(one["components"]) for one in kept.symbols.values()} == {10}
    assert isinstance(regime.value, RegimeState)
    assert (regime.value.regime, regime.puts) == (Regime.NEUTRAL, 1)
    assert LatestSignalsState.model_validate(kept.model_dump(mode="json")).symbols.keys() == {BTC, ETH}
    again = RegimeState.model_validate_json(regime.value.model_dump_json())
    assert again == regime.value, "a restart goes on where this one was"


class CountingDocument(MemoryDocument):
    """Counts how often it was written."""

    puts = 0

    def put(self, value: Any) -> None:
        self.puts += 1
        super().put(value)
