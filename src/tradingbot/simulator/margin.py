"""Margin: requirements, equity, what is free, where a position would be liquidated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.arithmetic import profit
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.records import Order, Position
from tradingbot.simulator.rounding import ZERO, booked, wire
from tradingbot.simulator.state import VenueState


@dataclass(frozen=True, slots=True)
class PositionMargin:
    """One contract's margin figures in settlement currency. `initial_with_orders` covers the worse side of orders."""

    symbol: str
    pnl: Decimal
    funding: Decimal
    initial: Decimal
    initial_with_orders: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True)
class WalletMargin:
    """One margin wallet in its currency."""

    wallet: str
    currency: str
    balance: Decimal
    pnl: Decimal
    funding: Decimal
    initial: Decimal
    initial_with_orders: Decimal
    maintenance: Decimal

    @property
    def equity(self) -> Decimal:
        """Balance with unrealised profit and funding."""
        return self.balance + self.pnl + self.funding

    @property
    def available(self) -> Decimal:
        """Equity that is not tied up by positions and orders."""
        return self.equity - self.initial_with_orders


def requirement(
    instrument: Instrument, size: Decimal, price: Decimal, leverage: Decimal | None
) -> tuple[Decimal, Decimal]:
    """(initial, maintenance) margin of a position of this size at this price, in settlement currency."""
    step = instrument.margin_at(instrument.notional_usd(size, price))
    initial = step.initial if leverage is None else max(step.initial, 1 / leverage)
    base = abs(size) / price if instrument.inverse else abs(size) * price
    return booked(base * initial, instrument.quantum), booked(base * step.maintenance, instrument.quantum)


def position_margin(state: VenueState, symbol: str, orders: Iterable[Order]) -> PositionMargin:
    """Margin of one contract with these resting orders."""
    market, account = state.market(symbol), state.account
    instrument, leverage = market.instrument, account.leverage.get(symbol)
    position = account.positions.get(symbol) or Position(ZERO, market.mark, 0, 0)
    price = market.mark if instrument.inverse else position.entry
    initial, maintenance = requirement(instrument, position.size, price, leverage)
    worst = _worst_exposure(position.size, orders)
    with_orders = initial
    if worst > abs(position.size):
        with_orders = initial + requirement(instrument, worst - abs(position.size), market.mark, leverage)[0]
    return PositionMargin(
        symbol,
        profit(instrument, position.size, position.entry, market.mark) if position.size else ZERO,
        state.unrealized_funding(symbol),
        initial,
        with_orders,
        maintenance,
    )


def _worst_exposure(size: Decimal, orders: Iterable[Order]) -> Decimal:
    adding = [order for order in orders if not order.reduce_only and not order.is_trigger]
    buys = sum((order.open for order in adding if order.side is Side.BUY), ZERO)
    sells = sum((order.open for order in adding if order.side is Side.SELL), ZERO)
    return max(abs(size), abs(size + buys), abs(size - sells))


def wallet_margin(state: VenueState, wallet: str, extra: Order | None = None) -> WalletMargin:
    """Margin of a wallet; `extra` is an order that is not resting yet."""
    parts = []
    for symbol, instrument in state.instruments.items():
        if instrument.wallet != wallet:
            continue
        orders = state.orders_of(symbol)
        if extra is not None and extra.symbol == symbol:
            orders = [order for order in orders if order.uid != extra.uid] + [extra]
        if orders or symbol in state.account.positions:
            parts.append(position_margin(state, symbol, orders))
    currency = wallet_currency(state, wallet)
    return WalletMargin(
        wallet,
        currency,
        state.account.balance(wallet, currency),
        sum((part.pnl for part in parts), ZERO),
        sum((part.funding for part in parts), ZERO),
        sum((part.initial for part in parts), ZERO),
        sum((part.initial_with_orders for part in parts), ZERO),
        sum((part.maintenance for part in parts), ZERO),
    )


def wallet_currency(state: VenueState, wallet: str) -> str:
    """The currency a margin wallet settles in."""
    if wallet == "flex":
        return "USD"
    return next((one.currency for one in state.instruments.values() if one.wallet == wallet), wallet[3:6].upper())


def wallets(state: VenueState) -> list[str]:
    """Names of the margin wallets of the listed contracts, in listing order."""
    return list(dict.fromkeys(instrument.wallet for instrument in state.instruments.values()))


def affordable(state: VenueState, order: Order, price: Decimal) -> bool:
    """Whether the order's extra margin and taker fee are covered. What adds no margin is always affordable."""
    instrument = state.instruments[order.symbol]
    before = wallet_margin(state, instrument.wallet)
    after = wallet_margin(state, instrument.wallet, order)
    extra = after.initial_with_orders - before.initial_with_orders
    if extra <= 0:
        return True
    base = order.open / price if instrument.inverse else order.open * price
    return extra + base * state.params.taker_fee <= before.available


def liquidation_price(state: VenueState, symbol: str) -> Decimal:
    """Where the wallet would be liquidated if only this contract's price moved; 0 when nowhere above zero."""
    position, instrument = state.account.positions[symbol], state.instruments[symbol]
    margin = wallet_margin(state, instrument.wallet)
    mine = position_margin(state, symbol, ())
    spare = margin.equity - mine.pnl - (margin.maintenance - mine.maintenance)
    return liquidation_level(instrument, position.size, position.entry, spare)


def liquidation_level(instrument: Instrument, size: Decimal, entry: Decimal, equity: Decimal) -> Decimal:
    """Price at which `equity` plus the position's profit equals its maintenance margin; 0 when there is none."""
    step = instrument.margin_at(instrument.notional_usd(size, entry))
    if instrument.inverse:
        worth = equity + size / entry
        owed = size + abs(size) * step.maintenance
        return wire(owed / worth) if worth > 0 < owed or (worth < 0 > owed) else ZERO
    price = entry - (equity - abs(size) * entry * step.maintenance) / size
    return wire(max(ZERO, price))
