"""Contract specifications for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from tradingbot.core.types import ContractKind, Symbol
from tradingbot.market.contracts import ContractSpec, MarginLevel

LINEAR = ContractSpec(
    symbol=Symbol("ETHUSDT"),
    venue_symbol="PF_ETHUSD",
    kind=ContractKind.LINEAR,
    contract_size=Decimal(1),
    tick_size=Decimal("0.1"),
    size_step=Decimal("0.001"),
    min_size=Decimal("0.001"),
    max_size=Decimal(16000),
    margin_levels=(MarginLevel(Decimal(0), Decimal("0.02"), Decimal("0.01")),),
    settlement_currency="USD",
    wallet="flex",
    tradeable=True,
    post_only=False,
    as_of=datetime(2026, 1, 1, tzinfo=UTC),
    source="venue",
)
INVERSE = replace(
    LINEAR,
    symbol=Symbol("BTCUSDT"),
    venue_symbol="PI_XBTUSD",
    kind=ContractKind.INVERSE,
    tick_size=Decimal("0.5"),
    size_step=Decimal(1),
    min_size=Decimal(1),
    max_size=Decimal(75_000_000),
    settlement_currency="BTC",
    wallet="fi_xbtusd",
)
THOUSANDS = replace(
    LINEAR,
    symbol=Symbol("PEPEUSDT"),
    venue_symbol="PF_PEPEUSD",
    tick_size=Decimal("1e-10"),
    size_step=Decimal(1000),
    min_size=Decimal(1000),
    max_size=Decimal(10) ** 12,
)
