"""What is remembered from cycle to cycle changes no decision: of copies, which nothing remembers, follows the same."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from benchmarks.reading import World, _part, a_world, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import NOW
from tests.unit.test_decision import PARAMS as CAREFUL
from tests.unit.test_leaving import a_book
from tradingbot.core.records import reason
from tradingbot.core.types import Direction, Regime, Symbol, Timeframe, epoch_ms
from tradingbot.decision import decide
from tradingbot.engine.cycle_record import digest_of
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.candle_contract import candle_problems
from tradingbot.market.candles import Candles
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.indicators import order_flow_imbalance
from tradingbot.market.intelligence import Feed, IntelState, Liquidations, SymbolIntel
from tradingbot.market.microstructure import order_flow
from tradingbot.market.regime import RegimeReading
from tradingbot.market.snapshot import BookSamples, MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.reading import ReadingParams
from tradingbot.signals.params import ConvictionLevel, ConvictionParams, SignalParams

CYCLES = 9
EAGER = ConvictionLevel(min_aligned=2, min_confidence=0.01, size_multiplier=0.5)
CONVICTION = ConvictionParams(high=EAGER, medium=EAGER, low=EAGER)
PARAMS = replace(CAREFUL, reading=ReadingParams(signals=SignalParams(min_live_components=2, conviction=CONVICTION)))
"""Whatever has a side is reviewed, sized and perhaps opened."""


def a_snapshot(world: World, step: int, previous: RegimeReading | None) -> MarketSnapshot:
    """One more minute; intelligence is told anew every fourth one, and one feed of one symbol cannot be used."""
    now, minutes = NOW + timedelta(minutes=step), world.minutes(step)
    if step % 4 == 0:
        told = everything(now, minutes, step)
        one_sided = {
            name: replace(one, liquidations=Liquidations()) for name, one in told.assets.items() if name != "BTC"
        }
        world.intel.known = IntelState({**told.assets, **one_sided}, told.market)
    parts = {symbol: _part(world, symbol, minutes, now) for symbol in minutes}
    judged, market = world.desk.judge(now, {})
    parts = {symbol: replace(part, intel=judged[symbol]) for symbol, part in parts.items()}
    if step % 3 == 0:
        first = next(iter(parts))
        bad = replace(parts[first].intel, problems={Feed.TAKER_FLOW: (reason("stale"),)})
        parts[first] = replace(parts[first], intel=bad)
    return MarketSnapshot(
        now, f"c{step}", parts, None, Decimal(2_000_000), {"flex": Decimal(900_000)}, market, previous
    )


def _without_shorts(told: SymbolIntel) -> SymbolIntel:
    """Of what is told, only what speaks for rising prices."""
    return replace(told, liquidations=Liquidations(), funding=None)


def held(symbol: Symbol, snapshot: MarketSnapshot, direction: Direction) -> Book:
    """A position of a symbol that is near its entry."""
    (position,) = a_book(direction=direction).open_positions
    mark = snapshot.symbols[symbol].mark_price
    assert mark is not None
    return Book((replace(position, symbol=symbol, entry_price=mark * Decimal("1.004"), stop_price=mark),))


@pytest.mark.parametrize("regime", list(Regime))
def test_decisions_do_not_depend_on_what_was_decided_before(regime: Regime) -> None:
    world = a_world(3)
    metrics = {"volatility_index": 20.0, "confidence_read": 0.8}
    previous = RegimeReading(regime, 0.8, NOW - timedelta(minutes=50), NOW - timedelta(minutes=5), metrics, ())
    stages: set[str] = set()
    for step in range(CYCLES):
        snapshot = a_snapshot(world, step, previous)
        book = held(list(snapshot.symbols)[step // 3], snapshot, Direction.LONG if step % 2 else Direction.SHORT)
        decision = decide(snapshot, book, PARAMS, EntryPermission())
        alone = decide(*copy.deepcopy((snapshot, book, PARAMS)), EntryPermission())
        assert repr(alone) == repr(decision)
        assert digest_of(alone) == digest_of(decision)
        stages |= {verdict.stage for verdict in decision.signals}
        previous = decision.regime
    assert "entered" in stages, "nothing was opened: this would compare little of the gates and sizes"


def plain_imbalance(samples: BookSamples) -> list[float]:
    """The formula of Cont, Kukanov and Stoikov, written down quote by quote."""
    found = []
    quotes = list(zip(samples.bid, samples.bid_size, samples.ask, samples.ask_size, strict=True))
    for (bid0, bids0, ask0, asks0), (bid1, bids1, ask1, asks1) in pairwise(quotes):
        gained_bid = (bids1 if bid1 >= bid0 else 0.0) - (bids0 if bid1 <= bid0 else 0.0)
        gained_ask = (asks1 if ask1 <= ask0 else 0.0) - (asks0 if ask1 >= ask0 else 0.0)
        found.append(float(gained_bid - gained_ask))
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 90), slow_s=st.sampled_from([60.0, 300.25]))
def test_order_flow_is_the_plain_formula(seed: int, count: int, slow_s: float) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(epoch_ms(NOW) - 400_000, epoch_ms(NOW), count))
    prices, sizes = rng.integers(100, 103, (2, count)).astype(float), rng.lognormal(0, 1, (2, count))
    samples = BookSamples(times, prices[0], sizes[0], prices[1] + 5, sizes[1])
    assert order_flow_imbalance(samples.bid, sizes[0], samples.ask, sizes[1]).tolist() == plain_imbalance(samples)
    first = int((times < epoch_ms(NOW) - slow_s * 1000).sum())
    found = order_flow(samples, NOW, 30.0, slow_s)
    inside = BookSamples(*(column[first:] for column in (times, samples.bid, sizes[0], samples.ask, sizes[1])))
    recent = inside.time_ms[1:] >= epoch_ms(NOW) - 30_000
    if len(inside) < 2 or not recent.any():
        assert found is None
        return
    assert found is not None
    flow = np.array(plain_imbalance(inside)) / (float((inside.bid_size + inside.ask_size).sum()) / len(inside) / 2)
    assert (found.slow, found.ofi) == (float(flow.sum()) / len(flow), float(flow[recent].sum()) / int(recent.sum()))


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(0, 99),
    column=st.sampled_from(["open", "high", "low", "close", "volume"]),
    value=st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 99.5, 100.5, 1e9]),
)
def test_a_candle_out_of_range_is_found_where_it_is(row: int, column: str, value: float) -> None:
    """Among the newest sixty, whatever is wrong with it."""
    times = epoch_ms(NOW) - 2_000 - 60_000 * np.arange(100, 0, -1, dtype=np.int64)
    values = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 1.0}
    columns = {name: np.full(100, one) for name, one in values.items()}
    columns[column][row] = value
    candles = Candles(Symbol("ETHUSDT"), Timeframe.M1, times, **columns)
    bar = {name: float(one[row]) for name, one in columns.items()}
    body = bar["open"], bar["close"]
    low, high = bar["low"], bar["high"]
    whole = low > 0 and all(low <= price <= high for price in body) and high < float("inf") and bar["volume"] >= 0
    found = candle_problems(candles, None, NOW, 90.0, ContractParams())
    wrong = [why for why in found if why.code == "candle_out_of_range"]
    assert wrong == ([] if whole or row < 40 else [reason("candle_out_of_range", open_ms=int(times[row]))])
