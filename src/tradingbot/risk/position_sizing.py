"""From a signal to a size in USD: base, factors, floor, caps, each step kept with its number (SPEC 6.1, 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Symbol
from tradingbot.risk.exact_settings import exact_of, percent
from tradingbot.risk.exposure import Exposure
from tradingbot.risk.params import RiskParams, SizingParams
from tradingbot.risk.risk_manager import concentration_cap, refusals

SPOT = "spot"


@dataclass(frozen=True, slots=True)
class SizeFactor:
    """One multiplier of the base notional."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class SizeRequest:
    """What an entry asks for.

    `factors` multiply the base in their order. `stop_fraction` is the stop distance as a fraction of the entry price;
    `early` the first days on a venue; `rollout_share` (0..1) the part of the allocation that live trading may use yet.
    `cap_usd` is what the gates allow at most. `market` is ``futures`` or ``spot``, `max_leverage` the contract's own.
    `correlations` are of hourly returns with the symbols that are held, None where unknown.
    """

    symbol: Symbol
    direction: Direction
    factors: tuple[SizeFactor, ...]
    confidence: float
    stop_fraction: Decimal
    wallet: str
    early: bool
    rollout_share: float
    cap_usd: float | None
    market: str
    max_leverage: Decimal
    price: Decimal
    mark: Decimal
    correlations: Mapping[Symbol, float | None]


@dataclass(frozen=True, slots=True)
class SizeStep:
    """One step of the chain. `kind`: ``base``, ``factor``, ``floor`` or ``cap``; `number` is the factor or the USD."""

    name: str
    kind: str
    number: Decimal
    size_usd: Decimal


@dataclass(frozen=True, slots=True)
class SizeVerdict:
    """The size in USD (0: no trade), how it came about, and why it is 0."""

    size_usd: Decimal
    leverage: Decimal
    steps: tuple[SizeStep, ...]
    refused: tuple[Reason, ...]


class _Chain:
    """The size so far and its steps."""

    def __init__(self, base_usd: Decimal) -> None:
        self.size = max(base_usd, Decimal(0))
        self.steps = [SizeStep("base", "base", base_usd, self.size)]

    def factor(self, name: str, value: float) -> None:
        number = exact_of(value)
        self._to(name, "factor", number, self.size * number)

    def floor(self, name: str, usd: Decimal) -> None:
        """Raises a size; nothing stays nothing."""
        self._to(name, "floor", usd, max(self.size, usd) if self.size > 0 else self.size)

    def cap(self, name: str, usd: Decimal) -> None:
        self._to(name, "cap", usd, min(self.size, usd))

    def _to(self, name: str, kind: str, number: Decimal, size: Decimal) -> None:
        self.size = max(size, Decimal(0))
        self.steps.append(SizeStep(name, kind, number, self.size))


def size_entry(request: SizeRequest, exposure: Exposure, params: RiskParams) -> SizeVerdict:
    """Base x factors, the early days' floor, then every cap; a refusal makes it 0."""
    leverage = leverage_cap(request, params.sizing)
    chain = _Chain(exposure.equity_usd * percent(params.sizing.capital_per_symbol_pct))
    for factor in request.factors:
        chain.factor(factor.name, factor.value)
    chain.factor("rollout", request.rollout_share)
    if params.sizing.size_scale != 1:
        chain.factor("size_scale", params.sizing.size_scale)
    if request.early:
        _early_days(chain, request, params.sizing)
    _caps(chain, request, exposure, params, leverage)
    refused = refusals(chain.size, request, exposure, params)
    return SizeVerdict(Decimal(0) if refused else chain.size, leverage, tuple(chain.steps), refused)


def leverage_cap(request: SizeRequest, sizing: SizingParams) -> Decimal:
    """By the age of the venue, never above the contract's own; spot is not levered."""
    if request.market == SPOT:
        return exact_of(sizing.spot_leverage)
    return min(exact_of(sizing.early_max_leverage if request.early else sizing.max_leverage), request.max_leverage)


def _early_days(chain: _Chain, request: SizeRequest, sizing: SizingParams) -> None:
    """200 to 500 USD; of a rollout or a scale the same share of both, but never less than the minimum trade."""
    least = exact_of(sizing.min_trade_usd)
    share = exact_of(request.rollout_share) * exact_of(sizing.size_scale)
    chain.floor("early_days_floor", max(exact_of(sizing.early_min_notional_usd) * share, least))
    chain.cap("early_days_cap", max(exact_of(sizing.early_max_notional_usd) * share, least))


def _caps(chain: _Chain, request: SizeRequest, exposure: Exposure, params: RiskParams, leverage: Decimal) -> None:
    limits, equity, stop = params.limits, exposure.equity_usd, request.stop_fraction
    chain.cap("pair_cap", equity * percent(limits.max_pair_notional_pct))
    chain.cap("trade_risk", equity * percent(limits.max_trade_risk_pct) * exact_of(request.confidence) / stop)
    chain.cap("symbol_risk", equity * percent(limits.max_symbol_risk_pct) / stop)
    chain.cap("portfolio_heat", (equity * percent(limits.max_heat_pct) - exposure.heat_usd) / stop)
    chain.cap("top3_concentration", concentration_cap(exposure, limits))
    if request.cap_usd is not None:
        chain.cap("book_depth", exact_of(request.cap_usd))
    free = exposure.available_usd.get(request.wallet, Decimal(0)) * percent(params.sizing.margin_use_pct)
    chain.cap("free_margin", free * leverage)
