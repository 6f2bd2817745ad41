"""Best quotes of many moments at once are those of one moment after the other, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from tests.unit.simulator.test_shortcuts import columns
from tradingbot.simulator.book_columns import touches_at
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.instruments import Instrument, listed
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.minute_columns import index_at, minute_columns
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.simulator.venue import SimulatedVenue

MINUTES = 90
MADE = SyntheticMarket(7, start_ms=DEFAULT_START_MS, volatility=4.0)


def recorded() -> RecordedMarket:
    """A wild market with minutes missing, of which one asset begins late."""
    late = columns(5, MINUTES + 20, 3_000.0)
    begun = 12
    parts = (getattr(late, name)[begun:] for name in ("open_ms", "open", "high", "low", "close", "volume"))
    return RecordedMarket({"BTC": columns(4, MINUTES + 20, 60_000.0), "ETH": RecordedColumns(*parts)}, 0)


def stepped(
    feed: MarketFeed, params: SimulatorParams, first_ms: int, times: Sequence[int]
) -> Iterator[Mapping[str, ContractMarket]]:
    """The markets of a venue at each moment, one after the other."""
    venue = SimulatedVenue(params, feed, first_ms)
    venue.state.has_tape = False
    for at_ms in times:
        venue.advance(at_ms)
        yield venue.state.markets


CASES = {
    "made": (MADE, DEFAULT_START_MS, {}),
    "made, wide": (MADE, DEFAULT_START_MS, {"testnet_spreads": True}),
    "made, few ticks": (MADE, DEFAULT_START_MS + 7_200_000, {"tick_interval_s": 25.0, "slippage_bps": 0.7}),
    "recorded": (recorded(), recorded().start_ms, {}),
    "recorded, from before one asset": (recorded(), int(columns(4, 1, 1.0).open_ms[0]), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_touches_are_those_of_the_venue(case: str) -> None:
    feed, first_ms, settings = CASES[case]
    params = SimulatorParams.model_validate({"seed": 3, "history_days": 1, **settings})
    times = np.arange(first_ms, first_ms + MINUTES * 60_000, 4_900, dtype=np.int64)
    alone: dict[str, list[tuple[float, ...]]] = {}
    for markets in stepped(feed, params, first_ms, times.tolist()):
        for name, market in markets.items():
            alone.setdefault(name, []).append(market.book.touch if market.alive else ())
    found = listed(params.contracts, frozenset(feed.assets))
    assert len(found) >= 3
    for name, one in found.items():
        minutes = minute_columns(feed, one.asset, first_ms, MINUTES)
        assert minutes is not None
        known = times[times >= minutes.first_ms]
        together = [tuple(row) for row in touches_at(one, params, minutes, known).T.tolist()]
        assert [()] * (len(times) - len(known)) + together == alone[name]


def test_the_index_is_that_of_the_venue_at_any_millisecond() -> None:
    params = SimulatorParams.model_validate({"seed": 9})
    one = instrument("PF_XRPUSD")
    minutes = minute_columns(MADE, one.asset, DEFAULT_START_MS, MINUTES)
    assert minutes is not None
    market = ContractMarket(one, params)
    chance = np.random.default_rng(2)
    rows, since = np.sort(chance.integers(0, MINUTES, 900)), chance.integers(0, 60_001, 900)
    alone, entered = [], -1
    bars = MADE.history(one.asset, DEFAULT_START_MS + MINUTES * 60_000, MINUTES)
    for row, since_ms in zip(rows.tolist(), since.tolist(), strict=True):
        if row != entered:
            market.enter_minute(bars[row])
            entered = row
        alone.append(market._index_at(bars[row].open_ms + since_ms))
    assert index_at(minutes, params.seed, one.asset, rows, since).tolist() == alone


def instrument(name: str) -> Instrument:
    return listed((name,), frozenset(MADE.assets))[name]


def test_an_asset_without_any_bar_has_no_minutes() -> None:
    market = recorded()
    first_ms = int(columns(4, 1, 1.0).open_ms[0])
    assert minute_columns(market, "ETH", first_ms, 5) is None
    late = minute_columns(market, "ETH", first_ms, 30)
    assert late is not None
    assert (late.first_ms - first_ms) // 60_000 + len(late) == 30
