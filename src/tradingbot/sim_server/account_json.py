"""The account's wallets, as /accounts and the balances feed write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import num
from tradingbot.simulator.margin import WalletMargin, liquidation_price, wallet_margin, wallets
from tradingbot.simulator.rounding import ZERO
from tradingbot.simulator.state import VenueState


def account_section(name: str) -> str:
    """A wallet's name as transfers spell it, e.g. ``F-XBT:USD``, ``FI_XBTUSD``, ``flex``, ``cash``."""
    lowered = name.lower()
    if lowered.startswith("f-"):
        return "fi_" + lowered[2:].replace(":", "")
    return "flex" if lowered in {"flex", "multi-collateral"} else lowered


def accounts_json(service: Service) -> dict[str, Any]:
    """The `accounts` object of /accounts."""
    state = service.venue.state
    cash = {c.lower(): str(v) for (wallet, c), v in state.account.balances.items() if wallet == "cash"}
    sections: dict[str, Any] = {"cash": {"type": "cashAccount", "balances": cash}}
    for wallet in wallets(state):
        margin = wallet_margin(state, wallet)
        sections[wallet] = flex_json(state, margin) if wallet == "flex" else _inverse_json(state, margin)
    return sections


def _inverse_json(state: VenueState, margin: WalletMargin) -> dict[str, Any]:
    symbol = next(s for s, one in state.instruments.items() if one.wallet == margin.wallet)
    price = state.market(symbol).index
    threshold = liquidation_price(state, symbol) if symbol in state.account.positions else ZERO
    unit = margin.currency.lower()
    size = state.account.size(symbol)
    return {
        "type": "marginAccount",
        "currency": unit,
        "balances": {unit: num(margin.balance), symbol.lower(): num(size)},
        "auxiliary": {
            "usd": 0,
            "pv": num(margin.equity),
            "pnl": num(margin.pnl),
            "af": num(margin.available),
            "funding": num(margin.funding),
        },
        "marginRequirements": _estimates(margin.initial, margin.maintenance),
        "triggerEstimates": _estimates(price if size else ZERO, threshold),
    }


def _estimates(initial: Decimal, maintenance: Decimal) -> dict[str, float]:
    return {"im": num(initial), "mm": num(maintenance), "lt": num(maintenance), "tt": num(maintenance)}


def flex_json(state: VenueState, margin: WalletMargin) -> dict[str, Any]:
    """The multi-collateral wallet. Only USD counts as collateral here."""
    held = {currency: value for (wallet, currency), value in state.account.balances.items() if wallet == "flex"}
    currencies = {
        currency: {
            "quantity": num(value),
            "value": num(value if currency == "USD" else ZERO),
            "collateral": num(value if currency == "USD" else ZERO),
            "available": num(min(value, max(ZERO, margin.available)) if currency == "USD" else value),
        }
        for currency, value in held.items()
    }
    return {
        "type": "multiCollateralMarginAccount",
        "currencies": currencies,
        "initialMargin": num(margin.initial),
        "initialMarginWithOrders": num(margin.initial_with_orders),
        "maintenanceMargin": num(margin.maintenance),
        "balanceValue": num(margin.balance),
        "portfolioValue": num(margin.equity),
        "collateralValue": num(margin.balance),
        "pnl": num(margin.pnl),
        "unrealizedFunding": num(margin.funding),
        "totalUnrealized": num(margin.pnl + margin.funding),
        "totalUnrealizedAsMargin": num(margin.pnl + margin.funding),
        "marginEquity": num(margin.equity),
        "availableMargin": num(margin.available),
    }


def ws_futures_wallet(margin: WalletMargin) -> tuple[str, dict[str, Any]]:
    """Name and figures of a coin-margined wallet in the balances feed."""
    pair = f"{margin.currency}/USD"
    name = f"F-{margin.currency}:USD"
    return name, {
        "name": name,
        "pair": pair,
        "unit": margin.currency,
        "portfolio_value": num(margin.equity),
        "balance": num(margin.balance),
        "maintenance_margin": num(margin.maintenance),
        "initial_margin": num(margin.initial),
        "available": num(margin.available),
        "unrealized_funding": num(margin.funding),
        "pnl": num(margin.pnl),
    }


def ws_flex(state: VenueState, margin: WalletMargin) -> dict[str, Any]:
    """`flex_futures` of the balances feed."""
    held = {currency: value for (wallet, currency), value in state.account.balances.items() if wallet == "flex"}
    unrealised = num(margin.pnl + margin.funding)
    shared = {
        "initial_margin": num(margin.initial_with_orders),
        "initial_margin_without_orders": num(margin.initial),
        "maintenance_margin": num(margin.maintenance),
        "pnl": num(margin.pnl),
        "unrealized_funding": num(margin.funding),
        "total_unrealized": unrealised,
        "total_unrealized_as_margin": unrealised,
    }
    values = {
        "balance_value": num(margin.balance),
        "portfolio_value": num(margin.equity),
        "collateral_value": num(margin.balance),
        "margin_equity": num(margin.equity),
        "available_margin": num(margin.available),
    }
    return {
        "currencies": {
            currency: {
                "quantity": num(value),
                "value": num(value if currency == "USD" else ZERO),
                "collateral_value": num(value if currency == "USD" else ZERO),
                "available": num(value),
                "haircut": 0.0,
                "conversion_spread": 0.0,
            }
            for currency, value in held.items()
        },
        **values,
        "isolated": {},
        "cross": {**shared, **values, "effective_leverage": _effective_leverage(state, margin)},
        **shared,
    }


def _effective_leverage(state: VenueState, margin: WalletMargin) -> float:
    held = state.account.positions.items()
    value = sum(
        (abs(position.size) * state.market(symbol).mark for symbol, position in held if symbol.startswith("PF_")), ZERO
    )
    return round(float(value / margin.equity), 8) if margin.equity > 0 else 0.0
