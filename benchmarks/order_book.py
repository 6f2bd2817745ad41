"""Order book: websocket text in, best bid and ask after every message, against orjson alone.

The feed is synthetic, in the proportions of a recorded session: a third of the changes insert, a third delete, a third
change a level; books of 150 levels a side, nine tenths of the changes within 100 levels of the touch, 1.5 % at it.
"""

from __future__ import annotations

import random

import orjson

from benchmarks.harness import Result, median_pairs, seconds
from tradingbot.core.types import Symbol
from tradingbot.market.order_book import decode_change
from tradingbot.venues.kraken_futures.public_feed import BookFeed

PRODUCT = "PI_ETHUSD"
DELTAS = 500_000
TARGET_RATIO = 0.55
LEVELS = 150
MID = 2_036.85
TICK = 0.05


def _price(is_bid: bool, distance: int) -> float:
    return round(MID - distance * TICK if is_bid else MID + distance * TICK, 2)


def _snapshot() -> dict[str, object]:
    sides = [
        [{"price": _price(is_bid, distance), "qty": 1_000 + distance} for distance in range(1, LEVELS + 1)]
        for is_bid in (True, False)
    ]
    header = {"feed": "book_snapshot", "product_id": PRODUCT, "timestamp": 1, "seq": 0}
    return {**header, "bids": sides[0], "asks": sides[1]}


def _deltas(count: int) -> list[str]:
    rng = random.Random(7)
    present = {is_bid: {_price(is_bid, distance) for distance in range(1, LEVELS + 1)} for is_bid in (True, False)}
    texts = []
    for seq in range(1, count + 1):
        is_bid = rng.random() < 0.5
        price = _price(is_bid, 1 + int(rng.expovariate(1 / 40)))
        levels = present[is_bid]
        gone = price in levels and rng.random() < 0.5
        (levels.discard if gone else levels.add)(price)
        size = 0 if gone else rng.randrange(1, 90_000)
        side = "buy" if is_bid else "sell"
        texts.append(
            f'{{"feed":"book","product_id":"{PRODUCT}","side":"{side}","seq":{seq},'
            f'"price":{price:g},"qty":{size},"timestamp":{1_626_994_929_000 + seq}}}'
        )
    return texts


def _follow(texts: list[str], snapshot: dict[str, object]) -> None:
    feed = BookFeed({PRODUCT: Symbol("ETHUSDT")})
    feed.snapshot(snapshot)
    apply = feed.apply
    best = None
    for text in texts:
        change = decode_change(text)
        best = apply[change.product_id](change)
    if best is None or not best[0] < best[1]:
        raise RuntimeError("the book fell out of step")


def _decode(texts: list[str]) -> None:
    loads = orjson.loads
    for text in texts:
        loads(text)


def run() -> list[Result]:
    """Messages per second of the live path, and of decoding alone."""
    texts, snapshot = _deltas(DELTAS), _snapshot()
    ours, reference, ratio = median_pairs(
        lambda: DELTAS / seconds(lambda: _follow(texts, snapshot)),
        lambda: DELTAS / seconds(lambda: _decode(texts)),
    )
    target = f"ratio to orjson alone >= {TARGET_RATIO}"
    return [Result("order_book.delta", ours, "messages/s", reference, ratio, target, ratio >= TARGET_RATIO)]
