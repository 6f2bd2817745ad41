"""The exchange integration test (SPEC 19): price, book and candles of a venue's public API, judged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tradingbot.app.bootstrap import completed, load, open_venue
from tradingbot.app.options import RunOptions
from tradingbot.core.errors import VenueError
from tradingbot.core.records import BookView
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles
from tradingbot.ports import Clock, Venue

CANDLES_ASKED: Final = timedelta(minutes=60)
FEWEST_CANDLES: Final = 30
OLDEST_CANDLE_S: Final = 300.0
MAX_BOOK_AGE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class SymbolTest:
    """One symbol: what was seen, and every fault; none means passed."""

    symbol: str
    seen: str
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Passed."""
        return not self.faults


async def ask_exchange(options: RunOptions, environ: Mapping[str, str]) -> list[SymbolTest]:
    """Every symbol of the options, asked at the venue that they name. Raises ConfigurationError, VenueError.

    Prices, books and candles are public: no keys are used.
    """
    settings, secrets = load(options, environ)
    bare = replace(secrets, kraken_futures_key=None, kraken_futures_secret=None)
    async with AsyncExitStack() as stack:
        parts = await open_venue(completed(options, settings), settings, bare, stack, frozen=True)
        await parts.venue.server_time()
        return [await _test_symbol(parts.venue, symbol, parts.clock) for symbol in parts.symbols]


async def _test_symbol(venue: Venue, symbol: Symbol, clock: Clock) -> SymbolTest:
    faults: list[str] = []
    seen: list[str] = []
    now = clock.now()
    try:
        book = await venue.order_book(symbol)
        faults += book_faults(book)
        seen.append(_book_text(book))
    except VenueError as error:
        faults.append(f"order book: {error}")
    try:
        candles = await venue.candles(symbol, Timeframe.M1, now - CANDLES_ASKED, now)
        faults += candle_faults(candles, now)
        seen.append(f"{len(candles)} candles, close {candles.close[-1]:.8g}" if len(candles) else "no candles")
    except VenueError as error:
        faults.append(f"candles: {error}")
    return SymbolTest(str(symbol), ", ".join(seen) or "nothing", tuple(faults))


def _book_text(book: BookView) -> str:
    bid = f"{book.bids[0][0]}" if book.bids else "none"
    ask = f"{book.asks[0][0]}" if book.asks else "none"
    return f"bid {bid}, ask {ask}"


def book_faults(book: BookView) -> list[str]:
    """Both sides, prices and sizes above 0, not crossed."""
    faults = [f"order book: no {side}" for side, rows in (("bids", book.bids), ("asks", book.asks)) if not rows]
    if any(price <= 0 or size <= 0 for price, size in (*book.bids, *book.asks)):
        faults.append("order book: a price or size that is not above 0")
    if book.bids and book.asks and book.bids[0][0] >= book.asks[0][0]:
        faults.append(f"order book: crossed, bid {book.bids[0][0]} at or above ask {book.asks[0][0]}")
    return faults


def candle_faults(candles: Candles, now: datetime) -> list[str]:
    """Enough, fresh, in order, prices above 0, low <= open, close <= high."""
    if not len(candles):
        return ["candles: none"]
    faults = []
    if len(candles) < FEWEST_CANDLES:
        faults.append(f"candles: {len(candles)} of the last hour, at least {FEWEST_CANDLES} are wanted")
    age_s = now.timestamp() - (float(candles.open_ms[-1]) / 1000 + 60)
    if age_s > OLDEST_CANDLE_S:
        faults.append(f"candles: the newest closed {age_s:.0f} s ago, at most {OLDEST_CANDLE_S:g} s are allowed")
    if (candles.low <= 0).any() or (candles.volume < 0).any():
        faults.append("candles: a price not above 0 or a volume below 0")
    inside = (candles.low <= candles.open) & (candles.open <= candles.high)
    inside &= (candles.low <= candles.close) & (candles.close <= candles.high)
    if not inside.all():
        faults.append("candles: an open or close outside low and high")
    if (candles.open_ms[1:] <= candles.open_ms[:-1]).any():
        faults.append("candles: times that do not rise")
    return faults
