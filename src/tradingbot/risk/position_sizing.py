"""From conviction to a size in USD, step by step, with every cap that bit recorded (SPEC 6.1, 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Symbol
from tradingbot.risk.params import RiskParams


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is already at risk: open notional per symbol, heat (sum of size x stop distance / equity), free margin.

    `available_usd` is by margin wallet.
    """

    notional_usd: Mapping[Symbol, Decimal]
    heat_fraction: Decimal
    equity_usd: Decimal
    available_usd: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class SizeStep:
    """One step of the chain: what it was called and the size in USD after it."""

    name: str
    size_usd: Decimal


@dataclass(frozen=True, slots=True)
class SizeVerdict:
    """The size in USD (0: no trade), how it came about, and why it is 0."""

    size_usd: Decimal
    leverage: Decimal
    steps: tuple[SizeStep, ...]
    refused: tuple[Reason, ...]


def size_entry(
    conviction_multiplier: float,
    confidence: float,
    stop_fraction: Decimal,
    wallet: str,
    exposure: Exposure,
    params: RiskParams,
) -> SizeVerdict:
    """Base notional x conviction, then every cap; below the minimum trade it is no trade."""
    leverage = params.leverage_cap
    equity = exposure.equity_usd
    size = params.base_notional_usd
    steps = [SizeStep("base", size)]

    def step(name: str, value: Decimal) -> None:
        nonlocal size
        if value != size:
            size = value
            steps.append(SizeStep(name, max(value, Decimal(0))))

    step("conviction", size * Decimal(str(conviction_multiplier)))
    step("early_venue_range", min(max(size, params.early_min_usd), params.early_max_usd) if size > 0 else size)
    step("pair_cap", min(size, equity * params.pair_cap_fraction))
    step("trade_risk", min(size, equity * params.trade_risk_fraction * Decimal(str(confidence)) / stop_fraction))
    heat_left = (params.heat_fraction - exposure.heat_fraction) * equity
    step("portfolio_heat", min(size, heat_left / stop_fraction))
    available = exposure.available_usd.get(wallet, Decimal(0))
    step("free_margin", min(size, available * params.margin_use_fraction * leverage))
    refused = _refusals(size, exposure, params)
    return SizeVerdict(Decimal(0) if refused else size, leverage, tuple(steps), refused)


def _refusals(size: Decimal, exposure: Exposure, params: RiskParams) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if len(exposure.notional_usd) >= params.max_pairs:
        found.append(reason("too_many_pairs", open=len(exposure.notional_usd), limit=params.max_pairs))
    if size < params.min_trade_usd:
        found.append(reason("below_minimum_trade", size_usd=float(size), minimum_usd=float(params.min_trade_usd)))
    return tuple(found)
