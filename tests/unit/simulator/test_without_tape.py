"""A venue that tells no public trades matches as one that tells them."""

from __future__ import annotations

import random
from decimal import Decimal as D

import pytest

from tests.builders_sim import START_MS, SineFeed
from tradingbot.core.types import Side
from tradingbot.simulator.order_desk import NewOrder
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.simulator.venue import SimulatedVenue

XBT, ETH = "PF_XBTUSD", "PF_ETHUSD"
MADE = SyntheticMarket(4, start_ms=DEFAULT_START_MS, volatility=3.0)


def order_of(venue: SimulatedVenue, chance: random.Random, number: int) -> NewOrder:
    """A market, limit, stop or profit order near the price."""
    symbol = chance.choice((XBT, ETH))
    side, kind = chance.choice((Side.BUY, Side.SELL)), chance.choice(("mkt", "lmt", "stp", "take_profit"))
    away = venue.market(symbol).mark * D(str(round(chance.uniform(-0.003, 0.003), 5)))
    price = (venue.market(symbol).mark + away) // 1
    size = D("0.01") if symbol == XBT else D("0.1")
    if kind == "mkt":
        return NewOrder(symbol, side, kind, size, client_id=str(number))
    if kind == "lmt":
        return NewOrder(symbol, side, kind, size, limit_price=price, client_id=str(number))
    signal = chance.choice(("mark", "last", "index"))
    if signal == "last":  # it waits: what traded last before it came is not known without the trades
        above = (kind == "stp") is (side is Side.BUY)
        price = (venue.market(symbol).mark + abs(away) * (1 if above else -1) * 2) // 1 + (2 if above else -2)
    return NewOrder(symbol, side, kind, size, stop_price=price, signal=signal, client_id=str(number))


def played(tape: bool, seed: int, minutes: int = 12) -> tuple[list[object], list[str]]:
    """Every fill and what every order was answered, of orders at odd moments."""
    params = SimulatorParams.model_validate({"contracts": (XBT, ETH), "traded_contracts": (XBT, ETH)})
    venue, chance = SimulatedVenue(params, MADE, DEFAULT_START_MS), random.Random(seed)
    venue.state.has_tape = tape
    told, now_ms = [], DEFAULT_START_MS
    for number in range(minutes * 4):
        now_ms += chance.choice((700, 2_000, 15_000, 43_210))
        venue.advance(now_ms)
        if chance.random() < 0.7:
            told.append(venue.send(order_of(venue, chance, number)).status)
        elif venue.account.orders:
            venue.cancel(chance.choice(sorted(venue.account.orders)))
    fills = [
        (fill.time_ms, fill.symbol, fill.side, fill.size, fill.price, fill.client_id)
        for fill in [*venue.rows.fills, *venue.state.fresh.fills]
    ]
    return fills, told


@pytest.mark.parametrize("seed", range(6))
def test_orders_fill_and_fire_at_the_same_times_and_prices(seed: int) -> None:
    with_tape, without = played(True, seed), played(False, seed)
    assert len(with_tape[0]) >= 5
    assert with_tape == without


def test_no_trade_is_told_while_nobody_waits_for_one() -> None:
    venue = SimulatedVenue(SimulatorParams.model_validate({"contracts": (XBT,)}), SineFeed(("BTC",)), START_MS)
    venue.state.has_tape = False
    venue.advance(START_MS + 120_000)
    assert not venue.market(XBT).tape
