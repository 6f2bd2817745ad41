"""What the simulated venue shows of its market, as the streams and the public endpoints would tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from tradingbot.core.records import BookView, FundingRate, PublicTrade, Ticker
from tradingbot.core.types import ContractKind, Side, Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.market.candles import Candles
from tradingbot.ports import TouchSizes
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.day_stats import DayFigures, open_interest
from tradingbot.simulator.depth import best, full_depth
from tradingbot.simulator.live_contract import LiveContractMarket
from tradingbot.simulator.past_funding import hourly_funding
from tradingbot.simulator.trade_candles import trade_numbers
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.told import told

NO_TOUCH: Final = (None, None, None, None)


def _exact(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))


class ShownMarket:
    """Tickers, books and candles of one simulated venue. Times of prices are those of the market's last move."""

    def __init__(self, venue: SimulatedVenue, depth: int) -> None:
        self._venue = venue
        self._depth = depth
        self._day = DayFigures(venue)
        self._funding: dict[Symbol, tuple[int, list[FundingRate]]] = {}

    def ticker(self, symbol: Symbol, venue_symbol: str) -> Ticker | None:
        """Prices now; None before the contract has had one."""
        market = self._venue.market(venue_symbol)
        if not market.alive:
            return None
        moved_at, stats = utc_from_ms(market.now_ms), self._day.of(venue_symbol)
        bid, bid_size, ask, ask_size = self.touch(venue_symbol) or NO_TOUCH
        return Ticker(
            symbol=symbol,
            as_of=moved_at,
            received_at=moved_at,
            mark_price=told(market.mark),
            index_price=told(market.index),
            last_price=None if market.last is None or bid is None else told(market.last.price),
            bid=_exact(bid),
            ask=_exact(ask),
            bid_size=_exact(bid_size),
            ask_size=_exact(ask_size),
            funding_rate_relative=market.funding.relative,
            funding_rate_prediction=market.funding.relative_next,
            open_interest=Decimal(repr(open_interest(market))),
            volume_24h=Decimal(repr(stats.volume)),
            volume_24h_usd=_volume_usd(market, stats.volume, stats.quote),
            suspended=False,
            post_only=self._venue.state.post_only(),
        )

    def book(self, symbol: Symbol, venue_symbol: str, depth: int | None = None) -> BookView | None:
        """Its levels, best first; None before the contract has had a price."""
        market = self._venue.market(venue_symbol)
        if not market.alive:
            return None
        moved_at, most = utc_from_ms(market.now_ms), depth or self._depth
        if self.is_plain(market):
            bids, asks = market.book.both_floats(most)
            return BookView(symbol, moved_at, moved_at, bids, asks)
        sides = {side: full_depth(self._venue.state, venue_symbol, side) for side in (Side.BUY, Side.SELL)}
        bids = tuple(sorted(((float(price), float(size)) for price, size in sides[Side.BUY].items()), reverse=True))
        asks = tuple(sorted((float(price), float(size)) for price, size in sides[Side.SELL].items()))
        return BookView(symbol, moved_at, moved_at, bids[:most], asks[:most])

    def touch(self, venue_symbol: str) -> TouchSizes | None:
        """Best quotes; None before the contract has had a price, or when a side is empty."""
        market = self._venue.market(venue_symbol)
        if not market.alive:
            return None
        if self.is_plain(market):
            return market.book.touch
        bid, ask = (best(full_depth(self._venue.state, venue_symbol, side), side) for side in (Side.BUY, Side.SELL))
        return None if bid is None or ask is None else (float(bid[0]), float(bid[1]), float(ask[0]), float(ask[1]))

    def is_plain(self, market: ContractMarket) -> bool:
        """Nobody of ours rests in the book, nor took from it: it is as the market made it."""
        orders = self._venue.account.orders
        if market.is_taken or isinstance(market, LiveContractMarket):
            return False
        return not orders or all(one.is_trigger or one.symbol != market.instrument.symbol for one in orders.values())

    def trades(self, symbol: Symbol, venue_symbol: str) -> Sequence[PublicTrade]:
        """The newest public trades, oldest first."""
        tape = self._venue.market(venue_symbol).tape
        return tuple(
            PublicTrade(symbol, utc_from_ms(one.time_ms), one.side, told(one.size), told(one.price), one.uid)
            for one in tape
        )

    def candles(
        self, symbol: Symbol, venue_symbol: str, timeframe: Timeframe, since: datetime, until: datetime
    ) -> Candles:
        """Closed candles with open time in [since, until)."""
        one, step_ms = self._venue.instruments[venue_symbol], timeframe.ms
        first_ms = math.ceil(since.timestamp() / timeframe.seconds) * step_ms
        last_ms = min(math.ceil(until.timestamp()) * 1000 - 1000, self._venue.now_ms - step_ms)
        rows = self._venue.bars.candle_rows(one.asset, step_ms, first_ms, last_ms)
        rows = rows[(rows[:, 0] >= first_ms) & (rows[:, 0] <= last_ms)]
        return Candles(symbol, timeframe, rows[:, 0].astype(np.int64), *trade_numbers(one, rows))

    def funding(self, symbol: Symbol, venue_symbol: str, since: datetime) -> list[FundingRate]:
        """Hourly funding since a moment, oldest first."""
        since_ms = epoch_ms(since)
        if self._venue.past_funding(venue_symbol) is not None:
            return self._charged(symbol, venue_symbol, since_ms)
        # What a made or recorded market has charged stays as it is, so that only new hours are looked at.
        known = self._funding.get(symbol)
        if known is None or since_ms < known[0]:
            known = self._funding[symbol] = (since_ms, self._charged(symbol, venue_symbol, since_ms))
        rates = known[1]
        if rates:
            rates += self._charged(symbol, venue_symbol, epoch_ms(rates[-1].time) + 1)
        return [rate for rate in rates if epoch_ms(rate.time) >= since_ms]

    def _charged(self, symbol: Symbol, venue_symbol: str, since_ms: int) -> list[FundingRate]:
        rates = hourly_funding(self._venue, venue_symbol, since_ms)
        return [FundingRate(symbol, utc_from_ms(r.time_ms), r.relative) for r in rates if r.time_ms >= since_ms]


def _volume_usd(market: ContractMarket, volume: float, quote: float) -> float:
    """USD traded in 24 h: an inverse contract is one USD."""
    return volume if market.instrument.kind is ContractKind.INVERSE else quote
