"""One contract's market that follows a real one: its book, prices and trades are looked at, never made up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.book import Level
from tradingbot.simulator.contract_market import ContractMarket, Funding, Played
from tradingbot.simulator.funding import absolute_rate
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.live_quotes import LiveQuote, LiveQuotes
from tradingbot.simulator.market_feed import MinuteBar
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.tape import Print


class LiveContractMarket(ContractMarket):
    """The market of one contract as `LiveQuotes` shows it.

    It is `alive` only while the newest quote is fresh. What takers took of a level stays taken until the real level
    changes: the real market does not know of our trades.
    """

    def __init__(self, instrument: Instrument, params: SimulatorParams, quotes: LiveQuotes, now_ms: int) -> None:
        super().__init__(instrument, params)
        self._quotes = quotes
        self._opened_ms = now_ms
        self._max_age_ms = params.live_max_age_s * 1000
        self._quote: LiveQuote | None = None
        self._fresh = False
        self._consumed: dict[tuple[Side, Decimal], tuple[Decimal, Decimal]] = {}
        self._running = MinuteBar(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.look(now_ms)

    # ------------------------------------------------------------ what is seen

    @property
    def alive(self) -> bool:
        """True while the real market is seen, open, and priced."""
        return self._fresh

    @property
    def bar(self) -> MinuteBar:
        """The running minute as far as public trades have told it."""
        interest = float(self._quote.open_interest) if self._quote else 0.0
        if self.instrument.inverse:
            interest = interest / float(self.index) if self.index else 0.0
        return replace(self._running, open_interest_base=interest)

    def seen_ms(self, now_ms: int) -> int:
        """When the real market showed the newest quote; 0 before the first."""
        return min(now_ms, self._quote.as_of_ms) if self._quote else 0

    @property
    def quote(self) -> LiveQuote | None:
        """The newest quote, however old."""
        return self._quote

    def look(self, now_ms: int) -> None:
        """Take the newest quote; one that is too old is no market."""
        quote = self._quotes.quote(self.instrument.symbol)
        if quote is not None and quote is not self._quote:
            self._adopt(quote)
        self._fresh = (
            quote is not None
            and not quote.suspended
            and quote.index > 0
            and quote.mark > 0
            and now_ms - quote.as_of_ms <= self._max_age_ms
        )

    def _adopt(self, quote: LiveQuote) -> None:
        self._quote = quote
        self._prices, self.post_only = (quote.index, quote.mark), quote.post_only
        self.volume_24h, self.turnover_24h_usd = quote.volume_24h, quote.turnover_24h_usd
        for key in [key for key in self._consumed if self._shown(*key) != self._consumed[key][1]]:
            del self._consumed[key]

    def _shown(self, side: Side, price: Decimal) -> Decimal:
        levels = self._quote.side(side) if self._quote else ()
        return next((size for level, size in levels if level == price), ZERO)

    def refresh(self, now_ms: int, *, keep_taken: bool = False) -> None:  # noqa: ARG002 - taken is remembered here
        """Look at the market now."""
        self.now_ms = now_ms
        self.look(now_ms)

    def available(self, side: Side) -> list[Level]:
        """What rests on a side, best first, less what takers of ours took of unchanged levels."""
        levels = self._quote.side(side) if self._quote else ()
        left = ((price, size - self._consumed.get((side, price), (ZERO, ZERO))[0]) for price, size in levels)
        return [(price, size) for price, size in left if size > 0]

    def take(self, side: Side, size: Decimal) -> None:
        """A taker of ours consumed this much of a side, best prices first; a level stays short until it changes."""
        for price, there in self.available(side):
            part = min(size, there)
            before = self._consumed.get((side, price), (ZERO, ZERO))[0]
            self._consumed[(side, price)] = before + part, self._shown(side, price)
            size -= part
            if size <= 0:
                return

    def first_signal(
        self,
        after_ms: int,  # noqa: ARG002
        until_ms: int,  # noqa: ARG002
        level: Decimal,  # noqa: ARG002
        *,
        above: bool,  # noqa: ARG002
        mark: bool,  # noqa: ARG002
    ) -> int | None:
        """The future of a real price is unknown: triggers fire when a quote shows it there."""
        return None

    def may_reach(self, level: Decimal, *, above: bool, mark: bool) -> bool:  # noqa: ARG002
        """A real price may be anywhere."""
        return True

    def mark_bounds(self) -> tuple[float, float] | None:
        """A real price may be anywhere."""
        return None

    # ------------------------------------------------------------ trades and the running minute

    def prints_between(self, after_ms: int, until_ms: int) -> list[Print]:  # noqa: ARG002 - each comes once
        """Public trades that became known since the last call. What was before the start goes on the tape alone."""
        fresh = []
        for entry in self._quotes.new_prints(self.instrument.symbol):
            self._note(entry)
            if entry.time_ms > self._opened_ms:
                fresh.append(entry)
            else:
                self.record_print(entry)
        return fresh

    def _note(self, entry: Print) -> None:
        bar, price = self._running, float(entry.price)
        if entry.time_ms < bar.open_ms or bar.close <= 0:
            return
        base = float(entry.size) / price if self.instrument.inverse else float(entry.size)
        first = price if bar.volume_base == 0 else bar.open
        high, low = (price, price) if bar.volume_base == 0 else (max(bar.high, price), min(bar.low, price))
        self._running = replace(bar, open=first, high=high, low=low, close=price, volume_base=bar.volume_base + base)

    def enter_minute(self, bar: MinuteBar) -> None:
        """Begin the minute of `bar` at its close; nothing has traded in it yet."""
        if self._running.close <= 0:
            self._print_seq = bar.open_ms // 60_000 % 10_000_000 * self._params.tape_prints_per_minute
        price = bar.close
        self._running = MinuteBar(bar.open_ms, price, price, price, price, 0.0)

    def played(self, now_ms: int) -> Played:  # noqa: ARG002 - trades tell how far the minute is
        """The running minute as far as public trades have told it."""
        bar = self._running
        return Played(bar.high, bar.low, bar.close, bar.volume_base)

    # ------------------------------------------------------------ funding

    def shown_funding(self) -> Funding:
        """Funding as the market shows it; the absolute rate is fixed at the index where the relative one changed."""
        quote, known = self._quote, self.funding
        if quote is None:
            return known
        if known.relative != quote.funding or known.rate == 0:
            rate = absolute_rate(self.instrument, quote.funding, quote.index)
        else:
            rate = known.rate
        ahead = absolute_rate(self.instrument, quote.funding_next, quote.index)
        return Funding(quote.funding, quote.funding_next, rate, ahead)
