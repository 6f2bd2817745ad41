"""A book is the same however it is asked for: its touch, its floats, its exact levels."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tradingbot.core.types import Side
from tradingbot.simulator.book import BookMaker, BookShape, SyntheticBook
from tradingbot.simulator.instruments import CATALOGUE

NAMES = ("PF_XBTUSD", "PI_XBTUSD", "PF_ETHUSD", "PF_PEPEUSD", "PF_DOGEUSD", "PF_SOLUSD")


def made(seed: int) -> tuple[BookMaker, float]:
    """A random contract at a random price in a random minute."""
    chance = random.Random(seed)
    one = CATALOGUE[chance.choice([name for name in NAMES if name in CATALOGUE])]
    mid = float(one.tick) * 10 ** chance.uniform(2, 6)
    shape = BookShape(
        chance.uniform(0.5, 50), 10 ** chance.uniform(3, 8), chance.uniform(0.5, 20), 25, chance.random() < 0.2
    )
    return BookMaker(one, mid, shape, seed, chance.randrange(10**8)), mid


@pytest.mark.parametrize("seed", range(40))
def test_every_way_of_asking_tells_the_same_book(seed: int) -> None:
    maker, mid = made(seed)
    book = SyntheticBook(mid, maker)
    bid, bid_size, ask, ask_size = book.touch
    assert 0 < bid < ask
    assert ((bid, bid_size), (ask, ask_size)) == (book.floats(Side.BUY, 1)[0], book.floats(Side.SELL, 1)[0])
    for side, falling in ((Side.BUY, True), (Side.SELL, False)):
        exact, floats = book.side(side), book.floats(side, maker.shape.level_count)
        assert tuple((float(price), float(size)) for price, size in exact) == floats
        assert book.floats(side, 3) == floats[:3]
        prices = [price for price, _ in exact]
        assert prices == sorted(set(prices), reverse=falling)
        assert all(size > 0 for _, size in exact)


@pytest.mark.parametrize("seed", range(20))
def test_sizes_one_by_one_are_those_of_a_column(seed: int) -> None:
    maker, mid = made(seed)
    for best, sign in zip(maker.best(mid), (-1, 1), strict=True):
        prices, sizes = maker.side(best, sign)
        assert sizes[0] == maker.touch_size(best)
        alone = [int(maker._sizes(np.array([best, price]))[1]) for price in prices[1:].tolist()]
        assert sizes[1:].tolist() == alone
        assert [maker._size(price, 1.0) for price in prices[1:].tolist()] == alone


def test_a_level_keeps_its_size_while_the_price_moves_by_little() -> None:
    maker, mid = made(3)
    first, second = SyntheticBook(mid, maker), SyntheticBook(mid * 1.0002, maker)
    common = {price for price, _ in first.asks[1:]} & {price for price, _ in second.asks[1:]}
    assert len(common) >= 20
    sizes = dict(second.asks)
    assert all(size == sizes[price] for price, size in first.asks[1:] if price in common)
