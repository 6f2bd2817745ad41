"""Is a symbol fit to be traded at this venue? Checks over facts that somebody else gathered (SPEC 2.7). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from tradingbot.core.params import Params
from tradingbot.core.records import BookView, Reason, reason
from tradingbot.core.types import Symbol, epoch_ms, iso_utc
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.order_book import depth_usd, touch_of
from tradingbot.market.universe import UniverseEntry, UniverseParams

SUPPRESSED_BY_US: Final = "validation: "
"""Beginning of a `suppressed_reason` that validation wrote and may therefore lift."""


class ValidationParams(Params):
    """Limits of the checks; paper and test venues use a wider spread."""

    max_spread_pct: float = Field(default=0.5, gt=0, description="widest spread, percent of mid (paper, testnet: 10)")
    depth_within_pct: float = Field(default=1.0, gt=0, description="distance from mid in which depth counts, percent")
    min_depth_usd: float = Field(default=10_000.0, ge=0, description="least depth per side within that distance, USD")
    min_levels: int = Field(default=1, ge=1, description="least price levels per side")
    min_candles: int = Field(default=30, ge=1, description="least closed candles in the answer")
    max_candle_age_s: float = Field(
        default=300.0, gt=0, description="greatest age of the newest closed candle, seconds"
    )
    max_book_age_s: float = Field(default=60.0, gt=0, description="greatest age of the book, seconds")


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """What was found out about one symbol. None means it could not be had; `failures` says why, by subject."""

    symbol: Symbol
    spec: ContractSpec | None
    book: BookView | None
    candles: Candles | None
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SymbolStatus:
    """The verdict on one symbol; without reasons it is valid."""

    symbol: Symbol
    as_of: datetime
    metrics: tuple[tuple[str, float], ...]
    reasons: tuple[Reason, ...]

    @property
    def valid(self) -> bool:
        """Fit to be traded."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """Counts over all symbols."""

    total: int
    valid: int
    invalid: int
    suppressed: int


def validate_symbol(facts: SymbolFacts, params: ValidationParams, now: datetime) -> SymbolStatus:
    """All checks at once, so that every reason is told."""
    metrics: dict[str, float] = {}
    reasons = [reason("not_available", subject=subject, why=why) for subject, why in facts.failures]
    reasons += _check_spec(facts.spec)
    reasons += _check_book(facts, params, now, metrics)
    reasons += _check_candles(facts.candles, params, now, metrics)
    return SymbolStatus(facts.symbol, now, tuple(metrics.items()), tuple(reasons))


def _check_spec(spec: ContractSpec | None) -> list[Reason]:
    if spec is None:
        return [reason("not_listed")]
    if not spec.tradeable:
        return [reason("not_tradeable", venue_symbol=spec.venue_symbol)]
    return [reason("post_only_market", venue_symbol=spec.venue_symbol)] if spec.post_only else []


def _check_book(facts: SymbolFacts, params: ValidationParams, now: datetime, metrics: dict[str, float]) -> list[Reason]:
    book = facts.book
    if book is None:
        return [reason("no_book")]
    age_s = (now - book.as_of).total_seconds()
    metrics["book_age_s"] = round(age_s, 3)
    found = [reason("book_stale", age_s=age_s, limit_s=params.max_book_age_s)] if age_s > params.max_book_age_s else []
    levels = min(len(book.bids), len(book.asks))
    metrics["levels"] = float(levels)
    best = touch_of(book)
    if best is None or levels < params.min_levels:
        return [*found, reason("book_one_sided", bids=len(book.bids), asks=len(book.asks))]
    metrics |= {"mid": best.mid, "spread_pct": best.spread_pct}
    if best.spread_pct < 0:
        found.append(reason("book_crossed", bid=best.bid, ask=best.ask))
    if best.spread_pct > params.max_spread_pct:
        found.append(reason("spread_too_wide", spread_pct=best.spread_pct, limit_pct=params.max_spread_pct))
    if facts.spec is not None:
        found += _check_depth(book, facts.spec, params, metrics)
    return found


def _check_depth(
    book: BookView, spec: ContractSpec, params: ValidationParams, metrics: dict[str, float]
) -> list[Reason]:
    bid_usd, ask_usd = depth_usd(book, params.depth_within_pct, spec.kind, float(spec.contract_size))
    metrics |= {"bid_depth_usd": bid_usd, "ask_depth_usd": ask_usd}
    if min(bid_usd, ask_usd) >= params.min_depth_usd:
        return []
    return [reason("book_too_thin", bid_depth_usd=bid_usd, ask_depth_usd=ask_usd, limit_usd=params.min_depth_usd)]


def _check_candles(
    candles: Candles | None, params: ValidationParams, now: datetime, metrics: dict[str, float]
) -> list[Reason]:
    closed_ms = candles.last_close_ms if candles is not None else None
    if candles is None or closed_ms is None:
        return [reason("no_candles")]
    age_s = (epoch_ms(now) - closed_ms) / 1000
    metrics |= {"candles": float(len(candles)), "candle_age_s": age_s}
    found = []
    if len(candles) < params.min_candles:
        found.append(reason("too_few_candles", candles=len(candles), limit=params.min_candles))
    if age_s > params.max_candle_age_s:
        found.append(reason("candles_stale", age_s=age_s, limit_s=params.max_candle_age_s))
    return found


# ---------------------------------------------------------------- what follows


def apply_to_universe(params: UniverseParams, statuses: Mapping[Symbol, SymbolStatus]) -> UniverseParams:
    """The universe after validation: the invalid are suppressed, what we suppressed and now passes returns.

    What a person disabled stays disabled; symbols without a status stay as they are.
    """
    entries = tuple(_updated(entry, statuses.get(Symbol(entry.symbol.upper()))) for entry in params.assets)
    return params.model_copy(update={"assets": entries})


def _updated(entry: UniverseEntry, status: SymbolStatus | None) -> UniverseEntry:
    ours = (entry.suppressed_reason or "").startswith(SUPPRESSED_BY_US)
    if status is None or not (entry.enabled or ours):
        return entry
    if status.valid:
        return entry.model_copy(update={"enabled": True, "suppressed_reason": None}) if ours else entry
    if entry.suppressed_reason and not ours:
        return entry
    why = SUPPRESSED_BY_US + ", ".join(dict.fromkeys(found.code for found in status.reasons))
    return entry.model_copy(update={"enabled": False, "suppressed_reason": why})


def summarise(statuses: Iterable[SymbolStatus], suppressed: Iterable[Symbol]) -> ValidationSummary:
    """Counts for the page and the status file; `suppressed` are the symbols that are not traded now."""
    verdicts = [status.valid for status in statuses]
    return ValidationSummary(len(verdicts), verdicts.count(True), verdicts.count(False), len(set(suppressed)))


def to_document(statuses: Iterable[SymbolStatus], summary: ValidationSummary, as_of: datetime) -> dict[str, Any]:
    """Content of ``feature_store/venue_symbol_status.json``."""
    return {
        "as_of": iso_utc(as_of),
        "summary": {
            "total": summary.total,
            "valid": summary.valid,
            "invalid": summary.invalid,
            "suppressed": summary.suppressed,
        },
        "symbols": {
            status.symbol: {
                "status": "valid" if status.valid else "invalid",
                "checked_at": iso_utc(status.as_of),
                "metrics": dict(status.metrics),
                "reasons": [{"code": found.code, **dict(found.numbers)} for found in status.reasons],
            }
            for status in statuses
        },
    }
