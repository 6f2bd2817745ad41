"""The universe: one two-way table between assets, internal symbols and every venue's own names (SPEC 2.1). Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from pydantic import Field, model_validator

from tradingbot.core.errors import ConfigurationError, SymbolUnknownError
from tradingbot.core.params import Params
from tradingbot.core.types import Asset, Symbol

_K = TypeVar("_K")


class UniverseEntry(Params):
    """One asset and what it is called where."""

    asset: str = Field(min_length=1, description="canonical asset, e.g. BTC")
    symbol: str = Field(min_length=1, description="internal symbol, e.g. BTCUSDT")
    enabled: bool = Field(default=True, description="may be traded")
    suppressed_reason: str | None = Field(default=None, description="why validation took it out; None when it is in")
    aliases: tuple[str, ...] = Field(default=(), description="other names of the asset, e.g. MATIC for POL")
    venues: dict[str, str] = Field(default_factory=dict, description="venue -> the venue's symbol that we use there")
    choices: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="venue -> symbols that may be chosen in `venues`; empty means any"
    )

    @model_validator(mode="after")
    def _chosen_is_a_choice(self) -> UniverseEntry:
        for venue, choices in self.choices.items():
            chosen = self.venues.get(venue)
            if chosen is not None and chosen not in choices:
                raise ValueError(f"{self.asset}: {venue} symbol {chosen!r} is none of {', '.join(choices)}")
        return self


def _entry(asset: str, futures: str, spot: str, *, aliases: tuple[str, ...] = ()) -> UniverseEntry:
    venues = {"kraken_futures": futures, "kraken_spot": spot, "blofin": f"{asset}-USDT"}
    return UniverseEntry(asset=asset, symbol=f"{asset}USDT", venues=venues, aliases=aliases)


CANONICAL: Final = (
    UniverseEntry(
        asset="BTC",
        symbol="BTCUSDT",
        aliases=("XBT",),
        venues={"kraken_futures": "PI_XBTUSD", "kraken_spot": "XBTUSD", "blofin": "BTC-USDT"},
        choices={"kraken_futures": ("PI_XBTUSD", "PF_XBTUSD")},
    ),
    _entry("ETH", "PF_ETHUSD", "ETHUSD"),
    _entry("SOL", "PF_SOLUSD", "SOLUSD"),
    _entry("XRP", "PF_XRPUSD", "XRPUSD"),
    _entry("ADA", "PF_ADAUSD", "ADAUSD"),
    _entry("DOT", "PF_DOTUSD", "DOTUSD"),
    _entry("LINK", "PF_LINKUSD", "LINKUSD"),
    _entry("DOGE", "PF_DOGEUSD", "XDGUSD", aliases=("XDG",)),
    _entry("POL", "PF_POLUSD", "POLUSD", aliases=("MATIC",)),
    _entry("AVAX", "PF_AVAXUSD", "AVAXUSD"),
)


class LiquidityParams(Params):
    """What a market must offer to be entered (SPEC 2.1)."""

    min_volume_24h_usd: float = Field(default=1_000_000.0, ge=0, description="minimum 24 h volume, USD")
    max_spread_bps: float = Field(default=50.0, gt=0, description="maximum spread, basis points of mid")


class UniverseParams(LiquidityParams):
    """Everything `configs/asset_universe.json` may say."""

    assets: tuple[UniverseEntry, ...] = Field(default=CANONICAL, min_length=1)


class Universe:
    """Immutable look-up tables, all O(1). Names are matched without regard to case.

    Raises ConfigurationError when two entries claim the same name.
    """

    def __init__(self, params: UniverseParams) -> None:
        self.params = params
        self._entries: dict[Symbol, UniverseEntry] = {}
        self._by_name: dict[str, Symbol] = {}
        self._to_venue: dict[tuple[str, Symbol], str] = {}
        self._from_venue: dict[tuple[str, str], Symbol] = {}
        for entry in params.assets:
            self._add(entry)

    def _add(self, entry: UniverseEntry) -> None:
        symbol = Symbol(entry.symbol.upper())
        names = {entry.asset.upper(), symbol, *(alias.upper() for alias in entry.aliases)}
        names |= {f"{alias.upper()}USDT" for alias in entry.aliases}
        for name in names:
            self._claim(self._by_name, name, symbol)
        self._entries[symbol] = entry
        for venue, venue_symbol in entry.venues.items():
            self._claim(self._from_venue, (venue, venue_symbol.upper()), symbol)
            self._to_venue[venue, symbol] = venue_symbol

    @staticmethod
    def _claim(table: dict[_K, Symbol], name: _K, symbol: Symbol) -> None:
        if name in table:
            raise ConfigurationError(
                f"asset universe: {name!r} is claimed by both {table[name]} and {symbol}; give each entry its own name"
            )
        table[name] = symbol

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All internal symbols, in configured order, enabled or not."""
        return tuple(self._entries)

    @property
    def tradeable(self) -> tuple[Symbol, ...]:
        """Symbols that are enabled and not suppressed."""
        return tuple(symbol for symbol, entry in self._entries.items() if entry.enabled and not entry.suppressed_reason)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._entries

    def entry(self, symbol: str) -> UniverseEntry:
        """The entry of a symbol, asset or alias. Raises SymbolUnknownError."""
        return self._entries[self.symbol(symbol)]

    def symbol(self, name: str) -> Symbol:
        """Internal symbol of an asset, alias or internal symbol. Raises SymbolUnknownError with near matches."""
        found = self._by_name.get(name.upper())
        if found is None:
            raise self._unknown(name, self._by_name)
        return found

    def asset(self, symbol: str) -> Asset:
        """Canonical asset of a symbol. Raises SymbolUnknownError."""
        return Asset(self.entry(symbol).asset)

    def venue_symbol(self, venue: str, symbol: str) -> str:
        """What `venue` calls it. Raises SymbolUnknownError."""
        internal = self.symbol(symbol)
        found = self._to_venue.get((venue, internal))
        if found is None:
            raise SymbolUnknownError(f"{internal} has no name on {venue}; add venues.{venue} to its universe entry")
        return found

    def from_venue(self, venue: str, venue_symbol: str) -> Symbol:
        """Internal symbol of a venue's name. Raises SymbolUnknownError with near matches."""
        found = self.find(venue, venue_symbol)
        if found is None:
            raise self._unknown(venue_symbol, self.venue_symbols(venue))
        return found

    def find(self, venue: str, venue_symbol: str) -> Symbol | None:
        """Internal symbol of a venue's name, or None when it is not in the universe."""
        return self._from_venue.get((venue, venue_symbol.upper()))

    def venue_symbols(self, venue: str) -> Mapping[str, Symbol]:
        """All names of one venue -> internal symbol."""
        return {name: symbol for symbol in self._entries if (name := self._to_venue.get((venue, symbol))) is not None}

    @staticmethod
    def _unknown(name: str, known: Iterable[str]) -> SymbolUnknownError:
        names = sorted(known)
        near = difflib.get_close_matches(name.upper(), names, n=4, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names)}"
        return SymbolUnknownError(f"unknown symbol {name!r}; {hint}")
