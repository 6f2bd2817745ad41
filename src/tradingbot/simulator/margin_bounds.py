"""Whether a wallet's margin is so far from its limits that it need not be counted: most moments of most accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.funding import HOUR_MS
from tradingbot.simulator.margin import wallet_currency
from tradingbot.simulator.state import VenueState

_SURE: Final = 1.01
"""More than what floats get wrong."""


def covered_by_far(state: VenueState, wallet: str, until_ms: int | None = None) -> bool:
    """True only when equity covers every margin at any price of the running minute; False also where nobody knows.

    Holds up to `until_ms` within that minute, without it for now.

    The worst price of a long position is the lowest, of a short one the highest; margin counts at the dearest: the
    highest price of a linear contract, the lowest of an inverse one, which needs more coins then.
    """
    worth, needed = float(state.account.balance(wallet, wallet_currency(state, wallet))), 0.0
    now_ms = state.now_ms if until_ms is None else until_ms
    if worth <= 0:
        return False
    for symbol, position in state.account.positions.items():
        market = state.market(symbol)
        if market.instrument.wallet != wallet:
            continue
        bounds = market.mark_bounds()
        if bounds is None or bounds[0] <= 0:
            return False
        low, high = bounds
        size, entry = float(position.size), float(position.entry)
        hours, worst = (now_ms - position.funding_since_ms) / HOUR_MS, low if size > 0 else high
        if market.instrument.inverse:
            worth += size * (1 / entry - 1 / worst)
            dearest, base = low, abs(size) / low
        else:
            worth += size * (worst - entry)
            dearest, base = max(entry, high), abs(size) * high
        worth -= base * state.params.max_relative_funding * hours
        needed += _margin(state, market, position.size, dearest)
    for order in state.account.orders.values():
        market = state.market(order.symbol)
        if market.instrument.wallet != wallet or order.reduce_only or order.is_trigger:
            continue
        bounds = market.mark_bounds()
        if bounds is None or bounds[0] <= 0:
            return False
        needed += _margin(state, market, order.open, bounds[0 if market.instrument.inverse else 1])
    return worth > needed * _SURE


def _margin(state: VenueState, market: ContractMarket, size: Decimal, price: float) -> float:
    """The most initial margin that so many contracts can need: the last step's, which is the highest."""
    leverage = state.account.leverage.get(market.instrument.symbol)
    share = float(market.instrument.steps[-1].initial)
    base = abs(float(size)) / price if market.instrument.inverse else abs(float(size)) * price
    return base * (share if leverage is None else max(share, 1 / float(leverage)))
