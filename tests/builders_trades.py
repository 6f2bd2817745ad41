"""Finished trades for tests: a test names only what matters to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support import ETH, NOW
from tradingbot.core.types import ClientOrderId, Direction
from tradingbot.portfolio.position import ClosedTrade

COMPONENTS = {
    "hurst": {"direction": "long", "confidence": 0.5, "value": 0.6},
    "whale_flow": {"direction": "long", "confidence": 1.0, "value": 2.0},
    "funding_extreme": {"direction": "short", "confidence": 0.9, "value": 1.0},
}


def a_trade(number: int = 1, net: str = "8", closed: datetime | None = None, **changes: Any) -> ClosedTrade:
    """A long of 1 ETH from 2000 to 2010 held for 30 minutes: 10 USD gross, fees 2 USD, so 8 USD net.

    `net` moves the exit price, so that gross - 2 = net.
    """
    leave = closed or NOW + timedelta(hours=number)
    gross = Decimal(net) + 2
    direction = changes.get("direction", Direction.LONG)
    fraction = gross / 2000
    context = {
        "probability": 0.6,
        "expected_move_bps": 40.0,
        "regime": "NEUTRAL",
        "spread_bps": 1.5,
        "volatility_bps": 7.0,
        "decision_mid": "2000",
        "components": COMPONENTS,
        "component_weights": {"hurst": 0.2, "whale_flow": 0.3, "funding_extreme": 0.5},
    }
    values: dict[str, Any] = {
        "trade_id": f"t-{number}",
        "symbol": ETH,
        "direction": direction,
        "size": Decimal(1),
        "entry_price": Decimal(2000),
        "exit_price": 2000 + gross * direction.sign,
        "entry_time": leave - timedelta(minutes=30),
        "exit_time": leave,
        "duration_s": 1800.0,
        "leverage": Decimal(3),
        "strategy": "predictive_flow",
        "conviction": "LOW",
        "settlement_currency": "USD",
        "gross_pnl": gross,
        "fees": Decimal(2),
        "funding": Decimal(0),
        "net_pnl": Decimal(net),
        "net_pnl_usd": Decimal(net),
        "return_fraction": fraction,
        "exit_rule": "time_exit",
        "exit_context": {"decision_mid": str(2000 + gross * direction.sign)},
        "signal_context": {**context, **changes.pop("signal", {})},
        "fill_ids": (),
        "entry_client_order_id": ClientOrderId(f"{number}"),
        "notional_usd": Decimal(2000),
        "peak_fraction": max(fraction, Decimal("0.004")),
        "trough_fraction": Decimal("-0.001"),
        "peak_time": leave - timedelta(minutes=10),
    }
    return ClosedTrade(**{**values, **changes})
