"""Settings of sizing and risk (SPEC 6)."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.params import Params


class RiskParams(Params):
    """x"""

    base_notional_usd: Decimal = Decimal(400)
    early_min_usd: Decimal = Decimal(200)
    early_max_usd: Decimal = Decimal(500)
    leverage_cap: Decimal = Decimal(3)
    pair_cap_fraction: Decimal = Decimal("0.05")
    max_pairs: int = 6
    min_trade_usd: Decimal = Decimal(50)
    trade_risk_fraction: Decimal = Decimal("0.02")
    heat_fraction: Decimal = Decimal("0.08")
    margin_use_fraction: Decimal = Decimal("0.8")
