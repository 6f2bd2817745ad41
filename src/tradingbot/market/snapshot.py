"""Everything one cycle may know, frozen: the only input of a decision besides the book and the parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np

from tradingbot.core.records import AccountState, BookView, Reason, Ticker
from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.market.candles import Candles, FloatArray, IntArray
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.intelligence import (
    NO_INTEL,
    NO_MARKET_INTEL,
    FundingRates,
    FundingStats,
    MarketIntel,
    OpenInterest,
    SymbolIntel,
)
from tradingbot.market.minute_features import MinuteFeatures
from tradingbot.market.order_book import depth_usd, touch_of
from tradingbot.market.regime import RegimeReading


@dataclass(frozen=True, slots=True)
class BookSamples:
    """The best quotes of one book sampled in time, oldest first.

    `time_ms` UTC epoch milliseconds; prices in USD; sizes in contracts resting at the best price.
    """

    time_ms: IntArray
    bid: FloatArray
    bid_size: FloatArray
    ask: FloatArray
    ask_size: FloatArray

    def __len__(self) -> int:
        return int(self.time_ms.shape[0])


def empty_samples() -> BookSamples:
    """No samples yet."""
    none = np.empty(0, dtype=np.float64)
    return BookSamples(np.empty(0, dtype=np.int64), none, none, none, none)


@dataclass(frozen=True, slots=True)
class BookStats:
    """What a book looks like: spread in percent of mid, depth within 1 % of mid in USD, imbalance in [-1, 1]."""

    as_of: datetime
    best_bid: float
    best_ask: float
    spread_pct: float
    bid_depth_usd: float
    ask_depth_usd: float

    @property
    def mid(self) -> float:
        """Mid price in USD."""
        return (self.best_bid + self.best_ask) / 2


def book_stats(book: BookView, spec: ContractSpec, within_pct: float = 1.0) -> BookStats | None:
    """Statistics of a book, or None when a side is empty (SPEC 3.5)."""
    best = touch_of(book)
    if best is None:
        return None
    bid_usd, ask_usd = depth_usd(book, within_pct, spec.kind, float(spec.contract_size))
    return BookStats(book.as_of, best.bid, best.ask, best.spread_pct, bid_usd, ask_usd)


@dataclass(frozen=True, slots=True)
class SymbolSnapshot:
    """One symbol at one moment. `stale` names every input that is older than its limit: such a symbol opens nothing.

    `candles` are of one minute; `higher` has those of 5 m to 1 d; `features` and `frames` are what follows from them.
    `candle_problems` says why neither may be used. `venue_*` are the traded venue's own word, `intel` that of others.
    """

    symbol: Symbol
    spec: ContractSpec
    candles: Candles
    samples: BookSamples
    ticker: Ticker | None = None
    book: BookStats | None = None
    stale: tuple[str, ...] = ()
    higher: Mapping[Timeframe, Candles] = field(default_factory=dict)
    features: MinuteFeatures | None = None
    frames: Mapping[Timeframe, FrameFeatures] = field(default_factory=dict)
    candle_problems: tuple[Reason, ...] = ()
    intel: SymbolIntel = NO_INTEL
    venue_funding: FundingRates | None = None
    venue_funding_stats: FundingStats | None = None
    venue_interest: OpenInterest | None = None

    @property
    def mark_price(self) -> Decimal | None:
        """Mark price, or None while unknown."""
        return self.ticker.mark_price if self.ticker else None

    def with_intel(self, intel: SymbolIntel) -> SymbolSnapshot:
        """The same with what others tell; `replace` takes several times as long."""
        if intel is self.intel:
            return self
        return SymbolSnapshot(
            self.symbol,
            self.spec,
            self.candles,
            self.samples,
            self.ticker,
            self.book,
            self.stale,
            self.higher,
            self.features,
            self.frames,
            self.candle_problems,
            intel,
            self.venue_funding,
            self.venue_funding_stats,
            self.venue_interest,
        )


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """All symbols, the account's worth and the moment. `equity_usd` is None while the account is unknown.

    `previous_regime` is the regime of the cycle before: the only memory that a decision has beside the book.
    """

    as_of: datetime
    cycle_id: str
    symbols: Mapping[Symbol, SymbolSnapshot]
    account: AccountState | None = None
    equity_usd: Decimal | None = None
    available_usd: Mapping[str, Decimal] = field(default_factory=dict)
    intel: MarketIntel = NO_MARKET_INTEL
    previous_regime: RegimeReading | None = None

    def digest(self) -> str:
        """Hash of all inputs, equal exactly when a decision would see the same."""
        state = hashlib.blake2b(digest_size=16)
        state.update(f"{epoch_ms(self.as_of)}|{self.equity_usd}|{sorted(self.available_usd.items())}".encode())
        state.update(f"{self.intel}|{self.previous_regime}".encode())
        for symbol in sorted(self.symbols):
            _feed(state, self.symbols[symbol])
        return state.hexdigest()


def _feed(state: hashlib.blake2b, part: SymbolSnapshot) -> None:
    state.update(f"{part.symbol}|{part.spec}|{part.ticker}|{part.book}|{part.stale}".encode())
    state.update(f"{part.features}|{part.frames}|{part.candle_problems}|{part.intel}".encode())
    state.update(f"{part.venue_funding}|{part.venue_funding_stats}|{part.venue_interest}".encode())
    samples = part.samples
    for candles in (part.candles, *part.higher.values()):
        for column in (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume):
            state.update(np.ascontiguousarray(column).tobytes())
    for column in (samples.time_ms, samples.bid, samples.bid_size, samples.ask, samples.ask_size):
        state.update(np.ascontiguousarray(column).tobytes())
