"""What a market shows does not depend on who asked for what before."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders_sim import START_MS, SineFeed
from tradingbot.core.types import Side
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.instruments import CATALOGUE
from tradingbot.simulator.params import SimulatorParams

MOMENTS = (START_MS, START_MS + 2_000, START_MS + 31_234, START_MS + 59_999)
QUESTIONS: dict[str, Callable[[ContractMarket], Any]] = {
    "mark": lambda market: market.mark,
    "index": lambda market: market.index,
    "touch": lambda market: market.book.touch,
    "levels": lambda market: market.available(Side.BUY),
    "prints": lambda market: market.prints_between(market.now_ms, START_MS + 60_000),
}


def answers(symbol: str, asked: tuple[str, ...]) -> list[dict[str, Any]]:
    """What is told at every moment to one who asks in this order, of a market that nobody asked before."""
    market, feed = ContractMarket(CATALOGUE[symbol], SimulatorParams()), SineFeed(("BTC",))
    told = []
    for number in (0, 1):
        minute = feed.minute(START_MS + number * 60_000)
        assert minute is not None
        market.enter_minute(minute["BTC"])
        for moment in MOMENTS:
            market.refresh(moment + number * 60_000)
            told.append({name: QUESTIONS[name](market) for name in asked})
    return told


@pytest.mark.parametrize("symbol", ["PF_XBTUSD", "PI_XBTUSD"])
def test_prices_are_the_same_in_any_order(symbol: str) -> None:
    whole = answers(symbol, tuple(QUESTIONS))
    assert len({str(one["mark"]) for one in whole}) > 4
    for asked in itertools.permutations(QUESTIONS, 3):
        assert answers(symbol, asked) == [{name: one[name] for name in asked} for one in whole]
