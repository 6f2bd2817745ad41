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
class SizeRequest:
    """What an entry asks for. `stop_fraction` is the stop distance; `early` the first days on a venue (SPEC 6.1)."""

    conviction_multiplier: float
    confidence: float
    stop_fraction: Decimal
    wallet: str
    early: bool


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


def size_entry(request: SizeRequest, exposure: Exposure, params: RiskParams) -> SizeVerdict:
    """Base notional x conviction, then every cap; below the minimum trade it is no trade."""
    sizing, limits, equity = params.sizing, params.limits, exposure.equity_usd
    leverage = _exact(sizing.early_max_leverage if request.early else sizing.max_leverage)
    size = equity * _percent(sizing.capital_per_symbol_pct)
    steps = [SizeStep("base", size)]

    def step(name: str, value: Decimal) -> None:
        nonlocal size
        if value != size:
            size = max(value, Decimal(0))
            steps.append(SizeStep(name, size))

    step("conviction", size * _exact(request.conviction_multiplier))
    if request.early and size > 0:
        lowest, highest = _exact(sizing.early_min_notional_usd), _exact(sizing.early_max_notional_usd)
        step("early_days", min(max(size, lowest), highest))
    step("pair_cap", min(size, equity * _percent(limits.max_pair_notional_pct)))
    risk_usd = equity * _percent(limits.max_trade_risk_pct) * _exact(request.confidence)
    step("trade_risk", min(size, risk_usd / request.stop_fraction))
    heat_usd = (_percent(limits.max_heat_pct) - exposure.heat_fraction) * equity
    step("portfolio_heat", min(size, heat_usd / request.stop_fraction))
    available = exposure.available_usd.get(request.wallet, Decimal(0)) * _percent(sizing.margin_use_pct)
    step("free_margin", min(size, available * leverage))
    refused = _refusals(size, exposure, params)
    return SizeVerdict(Decimal(0) if refused else size, leverage, tuple(steps), refused)


def _refusals(size: Decimal, exposure: Exposure, params: RiskParams) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if len(exposure.notional_usd) >= params.limits.max_pairs:
        found.append(reason("too_many_pairs", open=len(exposure.notional_usd), limit=params.limits.max_pairs))
    if size < _exact(params.sizing.min_trade_usd):
        found.append(reason("below_minimum_trade", size_usd=float(size), minimum_usd=params.sizing.min_trade_usd))
    return tuple(found)


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


def _percent(number: float) -> Decimal:
    return _exact(number) / 100
