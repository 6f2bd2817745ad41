"""The simulated venue: one market, one account, moved on in time and given commands by whoever speaks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

import numpy as np

from tradingbot.simulator.account import Account, RowCounts, Rows, book_transfer
from tradingbot.simulator.bars import BarStore
from tradingbot.simulator.contract_market import ContractMarket, Funding
from tradingbot.simulator.faults import FaultPlan
from tradingbot.simulator.funding import HOUR_MS, absolute_rate, relative_rate
from tradingbot.simulator.ids import derived_uuid, unit_noise
from tradingbot.simulator.instruments import Instrument, listed
from tradingbot.simulator.live_contract import LiveContractMarket
from tradingbot.simulator.live_quotes import LiveQuotes, PastFunding
from tradingbot.simulator.market_feed import MarketFeed, MinuteBar
from tradingbot.simulator.minute_columns import standing
from tradingbot.simulator.order_desk import Change, NewOrder, Outcome, cancel, edit, send
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.quiet import is_quiet
from tradingbot.simulator.records import Order
from tradingbot.simulator.rounding import booked, wire
from tradingbot.simulator.state import VenueState
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.ticking import play, play_happenings, settle_funding, settle_funding_of
from tradingbot.simulator.triggers import fire, fired_now


class SimulatedVenue:
    """Rules and state of the venue. Times are epoch milliseconds and never run back.

    With `quotes` its contracts follow a real market, and `feed` gives no more than the past.
    """

    def __init__(
        self,
        params: SimulatorParams,
        feed: MarketFeed,
        now_ms: int,
        account: Account | None = None,
        rows: Rows | None = None,
        quotes: LiveQuotes | None = None,
    ) -> None:
        self.params = params
        self.feed = feed
        self.rows = rows or Rows()
        self.quotes = quotes
        self.ended = False
        if quotes is None:
            instruments = listed(params.contracts, frozenset(feed.assets))
        else:
            instruments = dict(quotes.instruments(params.contracts))
        if not instruments:
            raise ValueError("none of the contracts has a market; choose contracts of the feed's assets")
        self.state = VenueState(
            params=params,
            instruments=instruments,
            markets={symbol: _market(one, params, quotes, now_ms) for symbol, one in instruments.items()},
            account=account or Account(uid=derived_uuid("account", params.seed)),
            faults=FaultPlan(params.faults, params.seed, now_ms),
            now_ms=now_ms,
        )
        self._assets = tuple(dict.fromkeys(one.asset for one in instruments.values()))
        self._remember_client_ids()
        self.bars = BarStore(feed, now_ms // MINUTE_MS * MINUTE_MS, params.history_days)
        self._latencies = 0
        self._charged: dict[str, tuple[int, float, Decimal]] = {}
        """Hour, relative and absolute rate that each contract charges in it."""
        self._ticked_ms = now_ms
        if quotes is None:
            self._open_market()
        else:
            self._open_live_market()
        if account is None:
            self._grant_starting_equity()

    # ------------------------------------------------------------ reading

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return self.state.now_ms

    @property
    def account(self) -> Account:
        """The one account."""
        return self.state.account

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Listed contracts by venue symbol."""
        return self.state.instruments

    def market(self, symbol: str) -> ContractMarket:
        """Market of a listed contract."""
        return self.state.markets[symbol]

    def find(self, uid: str | None, client_id: str | None) -> Order | None:
        """A resting order or trigger by either id."""
        if uid:
            return self.account.orders.get(uid)
        return next((o for o in self.account.orders.values() if client_id and o.client_id == client_id), None)

    def next_latency_ms(self) -> int:
        """How long the next order takes from receipt to matching."""
        self._latencies += 1
        low, high = self.params.latency_min_ms, self.params.latency_max_ms
        share = unit_noise(self.params.seed, "latency", self.account.numbers.get("order", 0), self._latencies)
        return low + round((high - low) * share)

    def drop(self, counts: RowCounts) -> None:
        """Let go of the oldest rows: they are in a book that is closed. Ids of their orders may be used again."""
        self.rows.drop(counts)
        self._remember_client_ids()

    # ------------------------------------------------------------ time

    def advance(self, now_ms: int) -> bool:
        """Let the market run up to `now_ms`. True when it moved; once the feed has ended it stands still."""
        moved = False
        while not self.ended:
            next_ms = self.next_tick_ms()
            if next_ms > now_ms:
                break
            next_ms = self._stride(next_ms, now_ms)
            self._dead_man(next_ms)
            play(self.state, next_ms)
            self._ticked_ms = next_ms
            moved = True
            if next_ms % MINUTE_MS == 0:
                self._next_minute(next_ms)
        if not self.ended:
            self._dead_man(now_ms)
            play_happenings(self.state, now_ms)
            self._follow_live_market()
        return moved

    def next_tick_ms(self) -> int:
        """When the market moves next."""
        step_ms = int(self.params.tick_interval_s * 1000)
        here = self._ticked_ms // MINUTE_MS * MINUTE_MS
        return min(here + ((self._ticked_ms - here) // step_ms + 1) * step_ms, here + MINUTE_MS)

    def _stride(self, next_ms: int, now_ms: int) -> int:
        """The last tick of the running minute up to now, where those before it change nothing; else the next one."""
        minute_ms = self._ticked_ms // MINUTE_MS * MINUTE_MS
        step_ms = int(self.params.tick_interval_s * 1000)
        past_ms = min(now_ms - minute_ms, MINUTE_MS)
        last_ms = minute_ms + (MINUTE_MS if past_ms == MINUTE_MS else past_ms // step_ms * step_ms)
        return last_ms if last_ms > next_ms and self.is_quiet(last_ms) else next_ms

    def is_quiet(self, until_ms: int) -> bool:
        """Whether nothing can happen to the account up to a moment of the running minute; never of a real market."""
        return self.quotes is None and not self.ended and is_quiet(self.state, until_ms)

    def is_as_made(self, symbol: str) -> bool:
        """Whether a contract's book is that of the last tick: no command has moved it since, no taker took from it."""
        market = self.market(symbol)
        return market.now_ms == self._ticked_ms and not market.is_taken

    def set_extreme(self, extreme: bool) -> None:
        """Switch extreme spreads on or off; books change at the next refresh."""
        for market in self.state.markets.values():
            if market.extreme != (extreme or self.params.testnet_spreads):
                market.extreme = extreme or self.params.testnet_spreads
                if market.alive:
                    market.refresh(market.now_ms)

    # ------------------------------------------------------------ commands

    def send(self, request: NewOrder) -> Outcome:
        """Take a new order. The symbol must be listed."""
        self._move(request.symbol)
        outcome = send(self.state, request)
        self._fire_due(request.symbol)
        return outcome

    def edit(self, uid: str, change: Change) -> Outcome:
        """Change a resting order."""
        known = self.account.orders.get(uid)
        if known is not None:
            self._move(known.symbol)
        outcome = edit(self.state, uid, change)
        if outcome.order:
            self._fire_due(outcome.order.symbol)
        return outcome

    def cancel(self, uid: str) -> Outcome:
        """Take one order off."""
        return cancel(self.state, uid)

    def cancel_all(self, symbol: str | None = None, reason: str = "cancelled_by_user") -> Sequence[Outcome]:
        """Take all orders and triggers off, of one contract or of all."""
        uids = [uid for uid, order in self.account.orders.items() if symbol in (None, order.symbol)]
        return [cancel(self.state, uid, reason) for uid in uids]

    def arm_dead_man(self, timeout_s: int) -> int | None:
        """Cancel everything after this time unless armed again; 0 disarms. Returns when it would strike."""
        self.account.dead_man_ms = self.now_ms + timeout_s * 1000 if timeout_s else None
        return self.account.dead_man_ms

    def set_leverage(self, symbol: str, leverage: Decimal | None) -> bool:
        """Isolated at a leverage, or cross (None). False when the contract allows no such leverage."""
        if leverage is None:
            self.account.leverage.pop(symbol, None)
            return True
        if leverage <= 0 or leverage * self.instruments[symbol].steps[0].initial > 1:
            return False
        self.account.leverage[symbol] = leverage
        return True

    def transfer(self, source: str, target: str, currency: str, amount: Decimal) -> bool:
        """Move money between wallets (``cash`` included). False when there is not enough."""
        if self.account.balance(source, currency) < amount:
            return False
        book_transfer(self.account, self.state.fresh, source, currency, -amount, self.now_ms, "transfer")
        book_transfer(self.account, self.state.fresh, target, currency, amount, self.now_ms, "transfer")
        return True

    # ------------------------------------------------------------ inside

    def _remember_client_ids(self) -> None:
        known = [*(event.order for event in self.rows.events), *self.account.orders.values()]
        self.state.client_ids = {order.client_id for order in known if order.client_id}

    def _move(self, symbol: str) -> None:
        """Bring one contract's prices and book from the last tick to now."""
        market = self.market(symbol)
        market.look(self.now_ms)
        if market.alive and not self.ended and market.now_ms < self.now_ms:
            market.refresh(self.now_ms, keep_taken=True)
            self.state.touched.add(symbol)

    def _open_market(self) -> None:
        minute_ms = self.state.now_ms // MINUTE_MS * MINUTE_MS
        minute = self.feed.minute(minute_ms)
        self.ended = minute is None
        bars = dict(minute or {})
        for asset in {one.asset for one in self.instruments.values()} - set(bars):
            for earlier in self.feed.history(asset, minute_ms, 1):
                bars[asset] = standing(earlier, minute_ms)
        self.bars.add(bars)
        for market in self.state.markets.values():
            bar = bars.get(market.instrument.asset)
            if bar is not None:
                for earlier in self.feed.history(market.instrument.asset, minute_ms, 1):
                    market.enter_minute(earlier)
                market.enter_minute(bar)
                market.refresh(self.state.now_ms)
        self._set_funding()

    def _next_minute(self, open_ms: int) -> None:
        if open_ms % HOUR_MS == 0:
            settle_funding(self.state)
        minute = self.feed.minute(open_ms)
        if minute is None:
            self.ended = True
            return
        if self.quotes is not None:
            self._next_live_minute(open_ms)
            return
        self.bars.add({asset: minute[asset] for asset in self._assets if asset in minute})
        for market in self.state.markets.values():
            bar = minute.get(market.instrument.asset)
            if bar is not None:
                market.enter_minute(bar)
                market.refresh(open_ms)
            elif market.alive:
                market.enter_minute(standing(market.bar, open_ms))
                market.refresh(open_ms)
        self._set_funding()

    def _open_live_market(self) -> None:
        minute_ms = self.now_ms // MINUTE_MS * MINUTE_MS
        for market in self.state.markets.values():
            known = self.feed.history(market.instrument.asset, minute_ms, 1)
            price = known[-1].close if known else float(market.mark)
            market.enter_minute(MinuteBar(minute_ms, price, price, price, price, 0.0))
            market.refresh(self.now_ms)
            market.funding = market.shown_funding()
            if market.alive:
                self.bars.put(market.instrument.asset, market.bar)

    def _next_live_minute(self, open_ms: int) -> None:
        """What trades told of a minute stands until the real market's own candle comes; a blind minute has no bar."""
        for market in self.state.markets.values():
            asset, bar = market.instrument.asset, market.bar
            market.enter_minute(standing(bar, open_ms))
            if market.alive:
                self.bars.put(asset, bar)
                self.bars.put(asset, market.bar)
            else:
                self.bars.drop(asset, bar.open_ms)

    def _follow_live_market(self) -> None:
        """Take over what the real market has closed or changed: candles and funding rates."""
        if self.quotes is None:
            return
        for symbol, market in self.state.markets.items():
            for bar in self.quotes.new_bars(symbol):
                self.bars.put(market.instrument.asset, bar)
            shown = market.shown_funding()
            if shown.rate != market.funding.rate:
                settle_funding_of(self.state, symbol)
            market.funding = shown

    def past_funding(self, symbol: str) -> Sequence[PastFunding] | None:
        """Funding that the real market charged; None when it follows from the synthetic premium."""
        return None if self.quotes is None else self.quotes.past_funding(symbol)

    def _set_funding(self) -> None:
        """The rate of the running hour follows from the hour before, the next one's from this hour so far."""
        now_ms = self.now_ms
        for market in self.state.markets.values():
            if market.alive:
                market.funding = partial(self._funding, market, now_ms)
                if not self.bars.has(market.instrument.asset, now_ms // HOUR_MS * HOUR_MS):
                    market.funding  # noqa: B018 - it follows from the index of this moment

    def _funding(self, market: ContractMarket, now_ms: int) -> Funding:
        one, hour_ms = market.instrument, now_ms // HOUR_MS * HOUR_MS
        coefficient, cap = self.params.funding_coefficient, self.params.max_relative_funding
        known = self._charged.get(one.symbol)
        fresh = known is None or known[0] != hour_ms
        rows = self.bars.minutes(one.asset, hour_ms - HOUR_MS if fresh else hour_ms)
        first = int(np.searchsorted(rows[:, 0], hour_ms)) if fresh else 0
        running = rows[first:]
        ahead = relative_rate(running[:, 6].tolist() or [market.bar.premium], coefficient, cap)
        index = wire(Decimal(repr(float(running[0, 1])))) if len(running) else market.index
        if known is None or fresh:
            relative = relative_rate(rows[:first, 6].tolist(), coefficient, cap)
            known = hour_ms, relative, absolute_rate(one, relative, index)
            if len(running):
                self._charged[one.symbol] = known
        return Funding(known[1], ahead, known[2], absolute_rate(one, ahead, index))

    def _dead_man(self, now_ms: int) -> None:
        strikes_ms = self.account.dead_man_ms
        if strikes_ms is None or strikes_ms > now_ms:
            return
        play_happenings(self.state, strikes_ms)
        self.account.dead_man_ms = None
        self.cancel_all(reason="dead_man_switch")

    def _fire_due(self, symbol: str) -> None:
        if not self.market(symbol).alive:
            return
        for order in fired_now(self.state, symbol):
            fire(self.state, order.uid)

    def _grant_starting_equity(self) -> None:
        priced = {symbol: one for symbol, one in self.instruments.items() if self.market(symbol).index > 0}
        chosen = [priced[symbol] for symbol in self.params.traded_contracts if symbol in priced]
        names = list(dict.fromkeys(one.wallet for one in chosen or priced.values()))
        if not names:
            raise ValueError("no contract has a price: a new account cannot be funded")
        share = self.params.starting_equity_usd / len(names)
        for name in names:
            one = next(one for one in priced.values() if one.wallet == name)
            amount = share / self.market(one.symbol).index if one.inverse else share
            amount = booked(amount, one.quantum)
            book_transfer(self.account, self.state.fresh, name, one.currency, amount, self.now_ms, "transfer")


def _market(one: Instrument, params: SimulatorParams, quotes: LiveQuotes | None, now_ms: int) -> ContractMarket:
    return ContractMarket(one, params) if quotes is None else LiveContractMarket(one, params, quotes, now_ms)
