"""What the venue does not look at closely, because it cannot matter, does not: with and without, all is equal."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from tests.builders_sim import START_MS
from tradingbot.core.types import Side
from tradingbot.simulator import ticking
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.order_desk import NewOrder
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns, RecordedTrack
from tradingbot.simulator.rounding import floor_to
from tradingbot.simulator.venue import SimulatedVenue

CONTRACTS = ("PI_XBTUSD", "PF_XBTUSD", "PF_ETHUSD")
BARS = 150


def columns(seed: int, count: int, price: float) -> RecordedColumns:
    """A wild walk with holes."""
    chance = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(chance.normal(0, 0.004, count)))
    opened = np.concatenate(([price], close[:-1]))
    high = np.maximum(opened, close) * (1 + abs(chance.normal(0, 0.002, count)))
    low = np.minimum(opened, close) * (1 - abs(chance.normal(0, 0.002, count)))
    times = START_MS + 60_000 * np.arange(count, dtype=np.int64)
    kept = chance.random(count) > 0.03
    kept[0] = True
    volume = chance.uniform(50, 150, count) * 60_000 / price
    return RecordedColumns(*(one[kept] for one in (times, opened, high, low, close, volume)))


def traded(
    seed: int, contracts: Sequence[str] = CONTRACTS, often: float = 0.25, equity_usd: int = 3000
) -> tuple[str, int, int]:
    """Everything that an account came to that sent orders of all kinds at random, fills, and liquidations."""
    dice = random.Random(seed)
    params = SimulatorParams(
        contracts=contracts,
        traded_contracts=contracts,
        starting_equity_usd=Decimal(equity_usd),
        history_days=1,
        seed=seed,
        tick_interval_s=dice.choice((10, 60)) if often > 0.1 else 10,
    )
    feed = RecordedMarket({"BTC": columns(seed, BARS, 60_000.0), "ETH": columns(seed + 1, BARS, 2_000.0)}, 0)
    venue = SimulatedVenue(params, feed, START_MS)
    venue.state.has_tape = False
    for second in range(0, (BARS - 1) * 60, 31):
        venue.advance(START_MS + second * 1000)
        if dice.random() < often:
            _send(venue, dice, contracts)
    fills = venue.state.fresh.fills
    told = repr((venue.account.to_json(), venue.state.fresh.log, fills, venue.state.fresh.events))
    return told, len(fills), sum("iquidation" in one.fill_type for one in fills)


def _send(venue: SimulatedVenue, dice: random.Random, contracts: Sequence[str]) -> None:
    symbol = dice.choice(contracts)
    one, mark = venue.instruments[symbol], venue.market(symbol).mark
    usd = Decimal(dice.choice((300, 3000, 9000, 30_000)))
    kind = dice.choice(("mkt", "mkt", "lmt", "stp", "take_profit"))
    price = floor_to(mark * Decimal(repr(1 + dice.uniform(-0.02, 0.02))), one.tick)
    venue.send(
        NewOrder(
            symbol,
            dice.choice((Side.BUY, Side.SELL)),
            kind,
            floor_to(usd if one.inverse else usd / mark, one.step),
            limit_price=price if kind == "lmt" else None,
            stop_price=price if kind in ("stp", "take_profit") else None,
            signal=dice.choice(("mark", "index")),
            reduce_only=dice.random() < 0.3,
        )
    )


def test_what_is_not_looked_at_closely_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Margin that is covered by far, and stops beyond the minute's reach."""
    quick = [traded(seed) for seed in (1, 2, 4)]
    monkeypatch.setattr(ticking, "covered_by_far", lambda *_: False)
    monkeypatch.setattr(ContractMarket, "may_reach", lambda *_, **__: True)
    assert [traded(seed) for seed in (1, 2, 4)] == quick
    assert sum(fills for _, fills, _ in quick) > 30
    assert sum(forced for _, _, forced in quick) > 0


def test_a_market_in_strides_does_what_it_does_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it goes to a minute's last tick at once, none before it could do anything; nor can it in no stride."""
    strides = []
    stride = SimulatedVenue._stride

    def noted(self: SimulatedVenue, next_ms: int, now_ms: int) -> int:
        found = stride(self, next_ms, now_ms)
        strides.append(found > next_ms)
        return found

    monkeypatch.setattr(SimulatedVenue, "_stride", noted)
    few = ("PF_XBTUSD", "PF_ETHUSD")
    quick = [traded(seed, few, 0.05, 100_000) for seed in (2, 3, 4, 6)]
    assert 50 < sum(strides) < len(strides)
    assert sum(fills for _, fills, _ in quick) > 30
    monkeypatch.setattr(SimulatedVenue, "is_quiet", lambda *_: False)
    strides.clear()
    assert [traded(seed, few, 0.05, 100_000) for seed in (2, 3, 4, 6)] == quick
    assert not any(strides)


def test_what_is_derived_of_a_bar_depends_on_the_bars_before_it_alone() -> None:
    """Also beyond the edge of the stretches in which it is derived, and in whatever pieces it is asked for."""
    whole = columns(3, 9_000, 100.0)
    count = len(whole.open_ms)
    all_at_once = RecordedTrack(whole).fields(0, count)
    for end in (1, 700, 4_096, 4_097, 8_300):
        first = RecordedColumns(
            *(getattr(whole, name)[:end] for name in ("open_ms", "open", "high", "low", "close", "volume"))
        )
        assert np.array_equal(RecordedTrack(first).fields(0, end), all_at_once[:end])
    pieces = RecordedTrack(whole)
    for begin, end in ((8_000, 8_200), (4_000, 4_200), (0, 5), (4_095, 4_097)):
        assert np.array_equal(pieces.fields(begin, end), all_at_once[begin:end])
    assert pieces.row(4_096) == all_at_once[4_096].tolist()
