"""The two-way table of names."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tradingbot.config.files import read_json
from tradingbot.core.errors import ConfigurationError, SymbolUnknownError
from tradingbot.market.universe import CANONICAL, Universe, UniverseEntry, UniverseParams

FILE = Path(__file__).resolve().parents[3] / "configs" / "asset_universe.json"


def test_every_name_leads_back() -> None:
    """Asset, symbol and each venue's name, both ways, for all ten."""
    universe = Universe(UniverseParams())
    assert len(universe.symbols) == 10
    for entry in CANONICAL:
        symbol = universe.symbol(entry.asset)
        assert universe.asset(symbol) == entry.asset
        for venue, name in entry.venues.items():
            assert universe.venue_symbol(venue, symbol) == name
            assert universe.from_venue(venue, name.lower()) == symbol


def test_aliases_lead_to_the_asset() -> None:
    """MATIC is POL, XBT is BTC, as asset and as symbol."""
    universe = Universe(UniverseParams())
    assert universe.symbol("MATIC") == universe.symbol("maticusdt") == "POLUSDT"
    assert universe.asset("XBTUSDT") == "BTC"


def test_bitcoins_contract_is_chosen_among_two() -> None:
    """Inverse by default; linear selectable; nothing else."""
    assert Universe(UniverseParams()).venue_symbol("kraken_futures", "BTC") == "PI_XBTUSD"
    entry = CANONICAL[0].model_dump()
    linear = UniverseEntry.model_validate({**entry, "venues": {"kraken_futures": "PF_XBTUSD"}})
    universe = Universe(UniverseParams(assets=(linear,)))
    assert universe.venue_symbol("kraken_futures", "BTCUSDT") == "PF_XBTUSD"
    assert universe.find("kraken_futures", "PI_XBTUSD") is None
    with pytest.raises(ValidationError, match="is none of PI_XBTUSD, PF_XBTUSD"):
        UniverseEntry.model_validate({**entry, "venues": {"kraken_futures": "FI_XBTUSD"}})


@pytest.mark.parametrize(("name", "near"), [("ETHUSDC", "ETHUSDT"), ("DOGE1", "DOGE"), ("SOLUSD", "SOLUSDT")])
def test_an_unknown_symbol_lists_near_matches(name: str, near: str) -> None:
    """The message helps."""
    with pytest.raises(SymbolUnknownError, match=near):
        Universe(UniverseParams()).symbol(name)


def test_an_unknown_venue_symbol_lists_near_matches_of_that_venue() -> None:
    """Also for venues' own names; and a missing name says what to add."""
    universe = Universe(UniverseParams())
    with pytest.raises(SymbolUnknownError, match="PF_ETHUSD"):
        universe.from_venue("kraken_futures", "PF_ETHUSDT")
    with pytest.raises(SymbolUnknownError, match=r"add venues\.deribit"):
        universe.venue_symbol("deribit", "BTC")


def test_two_entries_cannot_claim_one_name() -> None:
    """A contradiction stops the start."""
    twin = UniverseEntry(asset="XBT", symbol="XBTUSD", venues={})
    with pytest.raises(ConfigurationError, match="claimed by both"):
        Universe(UniverseParams(assets=(*CANONICAL, twin)))


def test_suppressed_and_disabled_symbols_are_not_tradeable() -> None:
    """They stay known."""
    entries = [
        UniverseEntry(asset="A", symbol="AUSDT"),
        UniverseEntry(asset="B", symbol="BUSDT", enabled=False),
        UniverseEntry(asset="C", symbol="CUSDT", suppressed_reason="thin"),
    ]
    universe = Universe(UniverseParams(assets=tuple(entries)))
    assert universe.tradeable == ("AUSDT",)
    assert "CUSDT" in universe


def test_the_shipped_file_is_the_default() -> None:
    """configs/asset_universe.json says what the code says."""
    assert UniverseParams.model_validate(read_json(FILE)) == UniverseParams()
