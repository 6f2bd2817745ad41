"""Candles as columns of numbers are the candles as texts."""

from __future__ import annotations

import numpy as np
import pytest

from tradingbot.simulator.bars import Candle
from tradingbot.simulator.instruments import CATALOGUE
from tradingbot.simulator.trade_candles import trade_columns, trade_numbers

NAMES = ("PF_XBTUSD", "PI_XBTUSD", "PI_ETHUSD", "PF_ETHUSD", "PF_PEPEUSD", "PF_DOGEUSD")


@pytest.mark.parametrize("name", [name for name in NAMES if name in CATALOGUE])
def test_numbers_are_the_floats_of_the_texts(name: str) -> None:
    one, chance = CATALOGUE[name], np.random.default_rng(5)
    count = 3_000
    prices = float(one.tick) * 10 ** chance.uniform(1, 7, (count, 4))
    on_tick = np.round(prices / float(one.tick)) * float(one.tick)
    prices = np.where(chance.random((count, 1)) < 0.3, on_tick, prices)
    premium = np.where(chance.random(count) < 0.4, 0.0, chance.normal(0, 3e-4, count))
    volume = 10 ** chance.uniform(-6, 6, count)
    rows = np.column_stack((np.arange(count) * 60_000.0, prices, volume, premium))
    candles = [Candle(int(row[0]), *row[1:].tolist()) for row in rows]
    texts = trade_columns(one, candles)
    for numbers, told in zip(trade_numbers(one, rows), texts, strict=True):
        assert numbers.tolist() == [float(text) for text in told]
