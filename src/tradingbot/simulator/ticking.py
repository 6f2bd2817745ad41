"""One step of market time: trades print, triggers fire, resting orders fill, funding settles, margin is enforced."""

from __future__ import annotations

from dataclasses import dataclass

from tradingbot.simulator.account import book_funding
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.liquidation import enforce_margin
from tradingbot.simulator.margin import wallets
from tradingbot.simulator.margin_bounds import covered_by_far
from tradingbot.simulator.matching import crosses, execute, fill_resting, fit_reduce_only, trim_reduce_only
from tradingbot.simulator.state import VenueState
from tradingbot.simulator.tape import Print
from tradingbot.simulator.triggers import fire, fired_by_print, fired_now, firing_time, move_trailing


@dataclass(frozen=True, slots=True)
class _Happening:
    time_ms: int
    symbol: str
    entry: Print | None
    trigger: str


def play(state: VenueState, until_ms: int) -> None:
    """Play the running minute up to `until_ms`, everything in the order of its time."""
    play_happenings(state, until_ms)
    ours = _waiting(state)
    for symbol, market in state.markets.items():
        market.look(until_ms)
        if market.alive:
            market.refresh(until_ms)
            state.touched.add(symbol)
            if symbol in ours:
                _settle_book(state, symbol, market)
    check_margin(state)


def play_happenings(state: VenueState, until_ms: int) -> None:
    """Only what happens on its own up to `until_ms`: public trades and triggers. Books stay as they are."""
    if until_ms <= state.now_ms:
        return
    for happening in _happenings(state, until_ms):
        state.now_ms = happening.time_ms
        if happening.entry is not None:
            _trade(state, happening.symbol, happening.entry)
        else:
            state.market(happening.symbol).refresh(happening.time_ms)
            fire(state, happening.trigger)
    state.now_ms = until_ms


def check_margin(state: VenueState) -> None:
    """Enforce margin in every wallet that holds a position or an order, unless a price it depends on is unknown."""
    if not state.account.positions and not state.account.orders:
        return
    used = {state.instruments[symbol].wallet for symbol in state.account.positions}
    used |= {state.instruments[order.symbol].wallet for order in state.account.orders.values()}
    unknown = {state.instruments[one].wallet for one in state.account.positions if not state.market(one).alive}
    doubtful = {wallet for wallet in used - unknown if not covered_by_far(state, wallet)}
    for wallet in wallets(state) if doubtful else ():
        if wallet in doubtful:
            enforce_margin(state, wallet)


def settle_funding(state: VenueState) -> None:
    """Realise what every position has accrued."""
    for symbol in list(state.account.positions):
        settle_funding_of(state, symbol)


def settle_funding_of(state: VenueState, symbol: str) -> None:
    """Realise what the position of one contract has accrued, if there is one."""
    if symbol not in state.account.positions:
        return
    market = state.market(symbol)
    amount = state.unrealized_funding(symbol)
    book_funding(state.account, state.fresh, market.instrument, amount, market.funding.rate, market.mark, state.now_ms)


def _waiting(state: VenueState) -> set[str]:
    """Contracts of which orders or triggers of ours wait; no others get any while the market runs."""
    return {order.symbol for order in state.account.orders.values()}


def _happenings(state: VenueState, until_ms: int) -> list[_Happening]:
    found, ours = [], _waiting(state)
    for symbol, market in state.markets.items():
        if not (state.has_tape or symbol in ours) or not market.alive:
            continue
        told = state.has_tape or state.waits_for_trades(symbol)
        for entry in market.prints_between(state.now_ms, until_ms) if told else ():
            moment = max(state.now_ms, min(until_ms, entry.time_ms))  # a trade of a real market is heard of late
            found.append(_Happening(moment, symbol, entry, ""))
        for order in state.orders_of(symbol) if symbol in ours else ():
            fires_ms = firing_time(state, order, state.now_ms, until_ms)
            if fires_ms is not None:
                found.append(_Happening(fires_ms, symbol, None, order.uid))
    return sorted(found, key=lambda one: one.time_ms) if len(found) > 1 else found


def _trade(state: VenueState, symbol: str, entry: Print) -> None:
    entry = state.market(symbol).record_print(entry)
    state.prints.append((symbol, entry))
    if not state.account.orders:
        return
    fill_resting(state, symbol, entry)
    for order in fired_by_print(state, symbol, entry):
        state.market(symbol).refresh(state.now_ms)
        fire(state, order.uid)


def _settle_book(state: VenueState, symbol: str, market: ContractMarket) -> None:
    """After the market moved: resting orders that it now crosses are filled by it; trailing stops follow."""
    for order in state.orders_of(symbol):
        if order.is_trigger or order.limit_price is None:
            continue
        _fill_crossed(state, market, order.uid)
    move_trailing(state, symbol)
    for order in fired_now(state, symbol):
        fire(state, order.uid)


def _fill_crossed(state: VenueState, market: ContractMarket, uid: str) -> None:
    order = state.account.orders.get(uid)
    if order is None or order.limit_price is None:
        return
    limit, order = order.limit_price, fit_reduce_only(state, order)
    for price, size in market.available(order.side.opposite):
        if order.open <= 0 or not crosses(order.side, limit, price):
            break
        traded = min(size, order.open)
        market.take(order.side.opposite, traded)
        taker = order.side.opposite
        entry = market.record_print(Print(state.now_ms, taker, limit, traded))
        state.prints.append((order.symbol, entry))
        order = execute(state, order, limit, traded, "maker", [])
    trim_reduce_only(state, market.instrument.symbol)
