"""The only door: chooses by name, passes everything on."""

from __future__ import annotations

import inspect

import pytest

from tests.unit.venues.kraken_futures.fake_wire import venue
from tradingbot.core.errors import ConfigurationError
from tradingbot.ports import Venue
from tradingbot.venues.gateway import ExchangeGateway


@pytest.mark.parametrize("name", ["kraken", "KRAKEN", " kraken_futures "])
def test_known_names_open_their_adapter(name: str) -> None:
    """In any case, by the short name too."""
    assert ExchangeGateway.open(name, {"kraken_futures": venue}).name == "kraken_futures"


def test_an_unknown_name_lists_what_exists() -> None:
    """A configuration error with the allowed values."""
    with pytest.raises(
        ConfigurationError, match="EXCHANGE='binance' is not supported; allowed: kraken, kraken_futures"
    ):
        ExchangeGateway.open("binance", {})
    with pytest.raises(ConfigurationError, match="no adapter for kraken_futures is set up"):
        ExchangeGateway.open("kraken", {})


def test_the_gateway_passes_on_the_whole_protocol() -> None:
    """With the same signatures."""
    names = [name for name in vars(Venue) if not name.startswith("_")]
    assert len(names) >= 28
    for name in names:
        theirs, ours = getattr(Venue, name), getattr(ExchangeGateway, name)
        if not isinstance(theirs, property):
            assert inspect.signature(theirs) == inspect.signature(ours), name
