"""What a real market shows of a contract, for a simulated venue that plays on it instead of on a synthetic book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Side
from tradingbot.simulator.book import Level
from tradingbot.simulator.instruments import CATALOGUE, Instrument
from tradingbot.simulator.market_feed import MinuteBar, rows_of
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.tape import Print


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """One contract as a real market showed it at `as_of_ms`, epoch milliseconds.

    `bids` and `asks` are (price, contracts), best first. Funding is a fraction of notional per hour. Open interest and
    24 h volume in contracts, the turnover in USD; None means that the market did not say.
    """

    as_of_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    index: Decimal
    mark: Decimal
    last: Decimal | None = None
    funding: float = 0.0
    funding_next: float = 0.0
    open_interest: Decimal = ZERO
    volume_24h: Decimal | None = None
    turnover_24h_usd: float | None = None
    suspended: bool = False
    post_only: bool = False

    def side(self, side: Side) -> tuple[Level, ...]:
        """The levels that rest on this side."""
        return self.bids if side is Side.BUY else self.asks


@dataclass(frozen=True, slots=True)
class PastFunding:
    """Funding that a real market charged; `time_ms` as it writes it, `relative` a fraction of notional per hour."""

    time_ms: int
    relative: float


class LiveQuotes(Protocol):
    """A real market as values. Symbols are the venue's names of contracts. Nothing here waits."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Specifications of those of the contracts that are listed."""

    def quote(self, symbol: str) -> LiveQuote | None:
        """The newest quote, however old; None before the first."""

    def new_prints(self, symbol: str) -> Sequence[Print]:
        """Public trades that became known since the last call, oldest first."""

    def new_bars(self, symbol: str) -> Sequence[MinuteBar]:
        """Closed minutes of trades that became known since the last call. They replace what was thought before."""

    def past_funding(self, symbol: str) -> Sequence[PastFunding]:
        """Hourly funding, oldest first."""


class StandingQuotes:
    """The last known index and mark of every contract and nothing else: for looking at an account without a market.

    A `LiveQuotes` and a `MarketFeed`. Every quote is older than any limit, so nothing can trade on it.
    """

    def __init__(self, prices: Mapping[str, tuple[Decimal, Decimal]]) -> None:
        self._prices = dict(prices)

    @property
    def assets(self) -> Sequence[str]:
        """Assets of the known contracts."""
        return tuple(dict.fromkeys(CATALOGUE[symbol].asset for symbol in self._prices if symbol in CATALOGUE))

    @property
    def start_ms(self) -> int:
        """It has no beginning."""
        return 0

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:  # noqa: ARG002 - the port's signature
        """Nothing is known of any minute."""
        return {}

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:  # noqa: ARG002
        """Nothing is known of the past."""
        return ()

    def rows(self, asset: str, until_ms: int, count: int) -> NDArray[np.float64]:
        """As `MarketFeed.rows`."""
        return rows_of(self.history(asset, until_ms, count))

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The contracts whose prices are known, with the shipped specifications."""
        return {symbol: CATALOGUE[symbol] for symbol in symbols if symbol in self._prices and symbol in CATALOGUE}

    def quote(self, symbol: str) -> LiveQuote | None:
        """Index and mark, as old as can be."""
        known = self._prices.get(symbol)
        return None if known is None else LiveQuote(0, (), (), known[0], known[1])

    def new_prints(self, symbol: str) -> Sequence[Print]:  # noqa: ARG002
        """None come."""
        return ()

    def new_bars(self, symbol: str) -> Sequence[MinuteBar]:  # noqa: ARG002
        """None come."""
        return ()

    def past_funding(self, symbol: str) -> Sequence[PastFunding]:  # noqa: ARG002
        """None is known."""
        return ()
