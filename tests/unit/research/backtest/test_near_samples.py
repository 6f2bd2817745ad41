"""Samples of books from columns are those that are taken one by one, also around orders, stops and gaps."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.research.backtest.test_near_quotes import Moment
from tests.unit.simulator.test_shortcuts import _send, columns
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.engine.params import EngineParams
from tradingbot.engine.sample_ring import SampleRing
from tradingbot.market.microstructure import OrderFlow, order_flow
from tradingbot.market.snapshot import BookSamples
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.research.backtest import near_samples
from tradingbot.research.backtest.near_samples import NearSamples, can_be_near
from tradingbot.signals.params import SignalParams
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.venue import InProcessVenue

MINUTES = 70
CONTRACTS = ("PI_XBTUSD", "PF_ETHUSD", "PF_SOLUSD")
PARAMS = EngineParams(book_samples=70)
OFI = SignalParams().ofi
Seen = list[list[list[float]]]


def late_columns() -> RecordedColumns:
    """An asset that begins while the others are played."""
    late = columns(9, 60, 150.0)
    names = ("open_ms", "open", "high", "low", "close", "volume")
    return RecordedColumns(*(getattr(late, name)[20:] for name in names))


def opened(seed: int) -> tuple[SimulatedVenue, InProcessVenue, Moment]:
    """A market with holes that ends before the play does."""
    recording = {"BTC": columns(seed, 65, 60_000.0), "ETH": columns(seed + 1, 65, 3_000.0), "SOL": late_columns()}
    feed = RecordedMarket(recording, 0)
    begun_ms = int(columns(seed, 1, 1.0).open_ms[0])
    params = SimulatorParams.model_validate({"contracts": CONTRACTS, "history_days": 1, "seed": seed})
    sim, clock = SimulatedVenue(params, feed, begun_ms), Moment()
    clock.at_ms = begun_ms
    return sim, InProcessVenue(sim, Universe(UniverseParams()), clock, tape=False), clock


class Noting:
    """The function, watched while results are noted."""

    def __init__(self, found: list[object]) -> None:
        self._found = found

    def note(self, flow: OrderFlow | None, *about: Any) -> None:
        self._found.append(flow)
        order_flow.note(flow, *about)


def told(samples: BookSamples) -> list[list[float]]:
    return [samples.time_ms.tolist(), *(getattr(samples, n).tolist() for n in ("bid", "bid_size", "ask", "ask_size"))]


def played(seed: int, near: bool) -> tuple[Seen, list[list[str]], int]:
    """What is known of every book at each cycle, and how many orders traded meanwhile."""
    sim, venue, clock = opened(seed)
    begun_ms, dice = clock.at_ms, random.Random(seed)
    symbols = {Symbol(f"{asset}USDT"): name for asset, name in zip(("BTC", "ETH", "SOL"), CONTRACTS, strict=True)}
    rings = {symbol: SampleRing(PARAMS.book_samples) for symbol in symbols}
    samples = NearSamples(sim, venue, symbols, PARAMS, OFI) if near else None
    sampled_ms = begun_ms

    def go(at_ms: int) -> None:
        nonlocal sampled_ms
        while samples is None and sampled_ms + 5_000 <= at_ms:
            sampled_ms = clock.at_ms = sampled_ms + 5_000
            for symbol, ring in rings.items():
                touch = venue.live_touch(symbol)
                if touch is not None:
                    ring.add(sampled_ms, touch)
        clock.at_ms = at_ms
        venue.catch_up()

    def flow_of(symbol: Symbol) -> list[str]:
        known, now = newest(symbol), utc_from_ms(clock.at_ms)
        if samples is not None:
            samples.note_flow(symbol, known, now)
        return [repr(order_flow(known, now, OFI.fast_window_s, OFI.slow_window_s))]

    newest: Callable[[Symbol], BookSamples] = lambda s: rings[s].newest() if samples is None else samples.newest(s)  # noqa: E731
    seen: Seen = []
    flows: list[list[str]] = []
    for minute in range(MINUTES):
        go(begun_ms + minute * 60_000 + (2_000 if minute else 0))
        seen += [told(newest(symbol)) for symbol in symbols]
        flows += [flow_of(symbol) for symbol in symbols]
        for _ in range(dice.choice((0, 0, 1, 3))):
            go(clock.at_ms + dice.choice((53, 417, 7_301)))
            _order(sim, dice)
    return seen, flows, len(sim.rows.fills) + len(sim.state.fresh.fills)


def _order(sim: SimulatedVenue, dice: random.Random) -> None:
    """Sends one, or moves or cancels one that rests."""
    resting = list(sim.account.orders)
    if resting and dice.random() < 0.3:
        sim.cancel(dice.choice(resting))
    elif not sim.ended:
        _send(sim, dice, CONTRACTS[:2])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_are_those_taken_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_samples, "AHEAD", 7)
    found: list[object] = []
    monkeypatch.setattr(near_samples, "order_flow", Noting(found))
    near, flows, fills = played(seed, near=True)
    assert (near, flows) == played(seed, near=False)[:2]
    assert len(found) > MINUTES / 2, "most flows were made ahead"
    assert fills > 5
    assert near[0] == [[], [], [], [], []]
    assert len(near[-1][0]) == PARAMS.book_samples


def test_a_rhythm_that_falls_into_the_moment_of_a_cycle_is_left_to_the_clock() -> None:
    begun = utc_from_ms(1_767_600_000_000)
    assert can_be_near(EngineParams(), begun)
    assert not can_be_near(EngineParams(cycle_offset_s=5.0, cycle_deadline_s=31.0), begun)
    assert not can_be_near(EngineParams(cycle_offset_s=0.0), begun)
    assert not can_be_near(EngineParams(book_sample_s=1.0), begun)
    assert not can_be_near(EngineParams(book_sample_s=7.000_1), begun)
    assert not can_be_near(EngineParams(), begun + timedelta(seconds=10))
