"""Limits of the whole book that refuse an entry instead of shrinking it (SPEC 6.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Protocol

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Symbol
from tradingbot.risk.exact_settings import exact_of, percent
from tradingbot.risk.exposure import Exposure
from tradingbot.risk.params import PortfolioLimits, RiskParams


class Candidate(Protocol):
    """What the limits must know of an entry."""

    @property
    def symbol(self) -> Symbol: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def mark(self) -> Decimal: ...
    @property
    def correlations(self) -> Mapping[Symbol, float | None]: ...


def refusals(size_usd: Decimal, entry: Candidate, exposure: Exposure, params: RiskParams) -> tuple[Reason, ...]:
    """Every limit that the entry would break."""
    return (
        *_book(entry, exposure, params.limits),
        *_correlated(entry, exposure, params.limits),
        *_price(entry, params.limits),
        *_size(size_usd, exposure, params),
    )


def _book(entry: Candidate, exposure: Exposure, limits: PortfolioLimits) -> Iterator[Reason]:
    if len(exposure.held) >= limits.max_pairs:
        yield reason("too_many_pairs", open=len(exposure.held), limit=limits.max_pairs)
    if any(held.symbol == entry.symbol for held in exposure.held):
        yield reason("symbol_held")


def _correlated(entry: Candidate, exposure: Exposure, limits: PortfolioLimits) -> Iterator[Reason]:
    """Two positions that would win and lose together; an unknown correlation counts as a whole one."""
    for held in exposure.held:
        known = entry.correlations.get(held.symbol)
        together = (1.0 if known is None else known) * held.direction.sign * entry.direction.sign
        if together > limits.max_correlation:
            seen = "unknown" if known is None else known
            yield reason("too_correlated", symbol=held.symbol, correlation=seen, limit=limits.max_correlation)


def _price(entry: Candidate, limits: PortfolioLimits) -> Iterator[Reason]:
    if entry.price <= 0 or entry.mark <= 0:
        yield reason("price_not_positive", price=float(entry.price), mark=float(entry.mark))
        return
    away_pct = float(abs(entry.price / entry.mark - 1)) * 100
    if away_pct > limits.max_price_deviation_pct:
        yield reason("price_far_from_mark", away_pct=away_pct, limit_pct=limits.max_price_deviation_pct)


def _size(size_usd: Decimal, exposure: Exposure, params: RiskParams) -> Iterator[Reason]:
    if exposure.equity_usd <= 0:
        yield reason("no_equity")
    if size_usd < exact_of(params.sizing.min_trade_usd):
        yield reason("below_minimum_trade", size_usd=float(size_usd), minimum_usd=params.sizing.min_trade_usd)


def concentration_cap(exposure: Exposure, limits: PortfolioLimits) -> Decimal:
    """The most a new position may be worth so that the three largest stay within their share of what all may be.

    What all may be is `max_pairs` full positions.
    """
    whole = exposure.equity_usd * percent(limits.max_pair_notional_pct) * limits.max_pairs
    limit = whole * percent(limits.max_top3_concentration_pct)
    largest = sorted((held.notional_usd for held in exposure.held), reverse=True)[:3]
    beside_two = limit - sum(largest[:2], Decimal(0))
    # One that is no larger than the third largest of three is not among them.
    return max(beside_two, largest[2]) if len(largest) == 3 else beside_two
