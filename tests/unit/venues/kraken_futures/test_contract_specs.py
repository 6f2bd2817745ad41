"""Specifications: venue before cache before built-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.risk.specs import INVERSE, LINEAR
from tests.unit.venues.kraken_futures.fake_wire import universe
from tradingbot.core.errors import VenueUnavailableError
from tradingbot.core.types import Symbol
from tradingbot.venues.kraken_futures.contract_specs import ContractSpecs, built_in, from_document, to_document

WANTED = dict(universe().venue_symbols("kraken_futures").items())


class Shelf:
    """A cache in memory."""

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        self.document = document

    def load(self) -> Mapping[str, Any] | None:
        return self.document

    def save(self, document: Mapping[str, Any]) -> None:
        self.document = document


def test_every_canonical_symbol_has_a_built_in_specification() -> None:
    """Clearly marked."""
    known = ContractSpecs(WANTED).known()
    assert set(known) == set(universe().symbols)
    assert {spec.source for spec in known.values()} == {"built-in"}
    assert built_in(Symbol("X"), "PF_NOPEUSD") is None


def test_a_document_keeps_every_digit() -> None:
    """What comes back differs in its source alone."""
    specs = {spec.symbol: spec for spec in (LINEAR, INVERSE)}
    assert from_document(to_document(specs)) == {key: replace(spec, source="cache") for key, spec in specs.items()}


def test_the_venue_wins_and_is_cached() -> None:
    """Then the cache wins over the built-in."""
    shelf = Shelf()
    specs = ContractSpecs(WANTED, shelf)
    specs.update({LINEAR.symbol: LINEAR})
    assert specs.known()[LINEAR.symbol] == LINEAR
    later = ContractSpecs(WANTED, shelf).known()
    assert later[LINEAR.symbol].source == "cache"
    assert later[Symbol("SOLUSDT")].source == "built-in"


def test_a_cached_contract_that_is_no_longer_chosen_is_ignored() -> None:
    """After the universe has changed to another contract of the same asset."""
    other = replace(INVERSE, venue_symbol="PF_XBTUSD")
    known = ContractSpecs(WANTED, Shelf(to_document({other.symbol: other}))).known()
    assert known[Symbol("BTCUSDT")].source == "built-in"


@pytest.mark.parametrize("document", [{}, {"specs": [{}]}, {"specs": [{"symbol": "X", "kind": "odd"}]}])
def test_an_unreadable_cache_is_no_disaster(document: dict[str, Any]) -> None:
    """Rows that cannot be read are left out."""
    assert from_document(document) == {}


def test_nothing_listed_is_an_outage() -> None:
    """What was known stays."""
    specs = ContractSpecs(WANTED)
    with pytest.raises(VenueUnavailableError, match="outage"):
        specs.update({})
    assert len(specs.known()) == 10
