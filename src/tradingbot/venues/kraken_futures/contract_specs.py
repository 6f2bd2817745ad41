"""Contract specifications: from the venue, else from the cache, else built in (SPEC 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from tradingbot.core.errors import VenueUnavailableError
from tradingbot.core.types import ContractKind, Symbol, iso_utc, parse_utc, plain
from tradingbot.market.contracts import ContractSpec, MarginLevel
from tradingbot.venues.kraken_futures.parse_market import contract_kind, currency

BUILT_IN_AS_OF: Final = datetime(2026, 9, 25, tzinfo=UTC)


class SpecCache(Protocol):
    """Where specifications outlive the process; the document is plain JSON made by `to_document`."""

    def load(self) -> Mapping[str, Any] | None:
        """The document that was saved last, or None."""

    def save(self, document: Mapping[str, Any]) -> None:
        """Keep a document; may return before it is on disk."""


_LADDER: Final = (
    ("0", "0.02", "0.01"),
    ("500000", "0.04", "0.02"),
    ("2000000", "0.1", "0.05"),
    ("5000000", "0.2", "0.1"),
)

# Venue symbol: tick, size step, position limit. Good enough to show and to size by while the venue cannot be asked;
# an order should wait for the venue's own. One cautious ladder of margin levels stands in for all of them.
_TABLE: Final[Mapping[str, tuple[str, str, str]]] = {
    "PI_XBTUSD": ("0.5", "1", "75000000"),
    "PI_ETHUSD": ("0.05", "1", "25000000"),
    "PF_XBTUSD": ("1", "0.0001", "1200"),
    "PF_ETHUSD": ("0.1", "0.001", "16000"),
    "PF_SOLUSD": ("0.01", "0.01", "200000"),
    "PF_XRPUSD": ("0.0001", "1", "30000000"),
    "PF_ADAUSD": ("0.00001", "1", "60000000"),
    "PF_DOTUSD": ("0.001", "0.1", "3500000"),
    "PF_LINKUSD": ("0.001", "0.1", "1500000"),
    "PF_DOGEUSD": ("0.00001", "1", "200000000"),
    "PF_POLUSD": ("0.0001", "1", "20000000"),
    "PF_AVAXUSD": ("0.001", "0.1", "800000"),
    "PF_LTCUSD": ("0.01", "0.01", "100000"),
    "PF_BCHUSD": ("0.01", "0.01", "30000"),
    "PF_ATOMUSD": ("0.001", "0.1", "3000000"),
    "PF_PEPEUSD": ("0.0000000001", "1000", "1000000000000"),
    "PF_ARBUSD": ("0.0001", "1", "10000000"),
}


def built_in(symbol: Symbol, venue_symbol: str) -> ContractSpec | None:
    """The built-in specification of a venue symbol, or None when there is none."""
    name = venue_symbol.upper()
    row, kind = _TABLE.get(name), contract_kind(name)
    if row is None or kind is None:
        return None
    tick, step, limit = (Decimal(number) for number in row)
    base = name[3:].removesuffix("USD")
    inverse = kind is ContractKind.INVERSE
    return ContractSpec(
        symbol=symbol,
        venue_symbol=name,
        kind=kind,
        contract_size=Decimal(1),
        tick_size=tick,
        size_step=step,
        min_size=step,
        max_size=limit,
        margin_levels=tuple(MarginLevel(*(Decimal(number) for number in level)) for level in _LADDER),
        settlement_currency=currency(base) if inverse else "USD",
        wallet=f"fi_{base.lower()}usd" if inverse else "flex",
        tradeable=True,
        post_only=False,
        as_of=BUILT_IN_AS_OF,
        source="built-in",
    )


class ContractSpecs:
    """The best specification known of every symbol: venue before cache before built-in."""

    def __init__(self, wanted: Mapping[str, Symbol], cache: SpecCache | None = None) -> None:
        self._wanted = wanted
        self._cache = cache
        self._known = {symbol: spec for name, symbol in wanted.items() if (spec := built_in(symbol, name)) is not None}
        document = cache.load() if cache is not None else None
        if document is not None:
            self._known.update(self._usable(from_document(document)))

    def _usable(self, cached: Mapping[Symbol, ContractSpec]) -> dict[Symbol, ContractSpec]:
        """A cached contract counts only while the universe still means the same one."""
        return {symbol: spec for symbol, spec in cached.items() if self._wanted.get(spec.venue_symbol) == symbol}

    def known(self) -> Mapping[Symbol, ContractSpec]:
        """What is known now, whatever its source."""
        return dict(self._known)

    def update(self, listed: Mapping[Symbol, ContractSpec]) -> Mapping[Symbol, ContractSpec]:
        """Take what the venue lists. None of ours listed at all is an outage and raises VenueUnavailableError."""
        if self._wanted and not listed:
            raise VenueUnavailableError("the venue lists none of our contracts: taken for an outage, not a delisting")
        self._known.update(listed)
        if self._cache is not None:
            self._cache.save(to_document(listed))
        return dict(listed)


def to_document(specs: Mapping[Symbol, ContractSpec]) -> dict[str, Any]:
    """Specifications as plain JSON, every one with its time stamp."""
    return {"specs": [_to_row(spec) for spec in specs.values()]}


def _to_row(spec: ContractSpec) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "venue_symbol": spec.venue_symbol,
        "kind": spec.kind.value,
        "contract_size": plain(spec.contract_size),
        "tick_size": plain(spec.tick_size),
        "size_step": plain(spec.size_step),
        "min_size": plain(spec.min_size),
        "max_size": plain(spec.max_size),
        "margin_levels": [
            [plain(level.threshold_usd), plain(level.initial), plain(level.maintenance)] for level in spec.margin_levels
        ],
        "settlement_currency": spec.settlement_currency,
        "wallet": spec.wallet,
        "tradeable": spec.tradeable,
        "post_only": spec.post_only,
        "as_of": iso_utc(spec.as_of),
    }


def from_document(document: Mapping[str, Any]) -> dict[Symbol, ContractSpec]:
    """Specifications of a saved document, marked as cached. Rows that cannot be read are left out."""
    found = {}
    for row in document.get("specs", []):
        try:
            spec = _from_row(row)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            continue
        found[spec.symbol] = spec
    return found


def _from_row(row: Mapping[str, Any]) -> ContractSpec:
    return ContractSpec(
        symbol=Symbol(row["symbol"]),
        venue_symbol=row["venue_symbol"],
        kind=ContractKind(row["kind"]),
        contract_size=Decimal(row["contract_size"]),
        tick_size=Decimal(row["tick_size"]),
        size_step=Decimal(row["size_step"]),
        min_size=Decimal(row["min_size"]),
        max_size=Decimal(row["max_size"]),
        margin_levels=tuple(MarginLevel(*(Decimal(number) for number in level)) for level in row["margin_levels"]),
        settlement_currency=row["settlement_currency"],
        wallet=row["wallet"],
        tradeable=bool(row["tradeable"]),
        post_only=bool(row["post_only"]),
        as_of=parse_utc(row["as_of"]),
        source="cache",
    )
