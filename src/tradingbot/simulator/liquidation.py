"""What the venue does with an account that no longer covers its margin."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradingbot.core.types import Side
from tradingbot.simulator.account import book_transfer
from tradingbot.simulator.arithmetic import profit
from tradingbot.simulator.margin import WalletMargin, wallet_currency, wallet_margin
from tradingbot.simulator.matching import execute, sweep
from tradingbot.simulator.order_desk import cancel
from tradingbot.simulator.records import Order
from tradingbot.simulator.rounding import ZERO, ceil_to, floor_to
from tradingbot.simulator.state import VenueState

_PARTIAL_SHARE = Decimal("0.25")
_MAX_STEPS = 12


def enforce_margin(state: VenueState, wallet: str) -> None:
    """Below initial margin cancel orders that add risk; below maintenance liquidate, linear contracts in parts."""
    margin = wallet_margin(state, wallet)
    if margin.equity < margin.initial_with_orders:
        margin = _cancel_adding_orders(state, margin)
    for step in range(_MAX_STEPS):
        if margin.equity >= margin.maintenance or margin.maintenance == 0:
            break
        _cancel_adding_orders(state, margin)
        if not _liquidate_some(state, wallet, whole=step == _MAX_STEPS - 1):
            break
        margin = wallet_margin(state, wallet)
    _cover_bankruptcy(state, wallet)


def _cancel_adding_orders(state: VenueState, margin: WalletMargin) -> WalletMargin:
    for order in list(state.account.orders.values()):
        instrument = state.instruments[order.symbol]
        if instrument.wallet == margin.wallet and not order.reduce_only and not order.is_trigger:
            cancel(state, order.uid, "not_enough_margin")
    return wallet_margin(state, margin.wallet)


def _liquidate_some(state: VenueState, wallet: str, *, whole: bool) -> bool:
    held = [symbol for symbol in state.account.positions if state.instruments[symbol].wallet == wallet]
    if not held:
        return False
    symbol = min(held, key=lambda one: _unrealized(state, one))
    position, instrument = state.account.positions[symbol], state.instruments[symbol]
    part = floor_to(abs(position.size) * _PARTIAL_SHARE, instrument.step)
    partial = not instrument.inverse and not whole and part > 0
    size = part if partial else abs(position.size)
    side = Side.SELL if position.size > 0 else Side.BUY
    order = Order(
        uid=state.account.new_uid("order"),
        client_id=None,
        symbol=symbol,
        side=side,
        kind="liquidation",
        open=size,
        filled=ZERO,
        limit_price=_bankruptcy_price(state, symbol),
        reduce_only=True,
        created_ms=state.now_ms,
        updated_ms=state.now_ms,
    )
    state.account.self_trade, strategy = "CANCEL_MAKER_SELF", state.account.self_trade
    left = sweep(state, order, "partialLiquidation" if partial else "liquidation").order
    state.account.self_trade = strategy
    if left.open > 0:
        execute(state, replace(left, kind="assignment"), left.limit_price or ZERO, left.open, "assignor", [])
    return True


def _unrealized(state: VenueState, symbol: str) -> Decimal:
    position = state.account.positions[symbol]
    market = state.market(symbol)
    gain = profit(market.instrument, position.size, position.entry, market.mark)
    return gain * market.index if market.instrument.inverse else gain


def _bankruptcy_price(state: VenueState, symbol: str) -> Decimal:
    """Where the wallet's equity is gone, on tick; never better than 20 % away from the mark."""
    position, market = state.account.positions[symbol], state.market(symbol)
    instrument, mark = market.instrument, market.mark
    equity = max(ZERO, wallet_margin(state, instrument.wallet).equity)
    if instrument.inverse:
        inverse = 1 / mark + equity / position.size
        price = 1 / inverse if inverse > 0 else mark * 2
    else:
        price = mark - equity / position.size
    price = min(mark * Decimal("1.2"), max(mark * Decimal("0.8"), price))
    rounded = floor_to(price, instrument.tick) if position.size < 0 else ceil_to(price, instrument.tick)
    return max(instrument.tick, rounded)


def _cover_bankruptcy(state: VenueState, wallet: str) -> None:
    currency = wallet_currency(state, wallet)
    balance = state.account.balance(wallet, currency)
    holds = any(state.instruments[symbol].wallet == wallet for symbol in state.account.positions)
    if balance < 0 and not holds:
        book_transfer(state.account, state.fresh, wallet, currency, -balance, state.now_ms, "bankruptcy cover")
