"""The checks of one symbol, and what follows for the universe."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.risk.specs import LINEAR
from tradingbot.core.records import BookView
from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.market.candles import candles_from_rows, empty_candles
from tradingbot.market.symbol_validation import (
    SymbolFacts,
    ValidationParams,
    apply_to_universe,
    summarise,
    to_document,
    validate_symbol,
)
from tradingbot.market.universe import UniverseEntry, UniverseParams

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
S = Symbol("ETHUSDT")
PARAMS = ValidationParams()
BOOK = BookView(S, NOW, NOW, ((99.9, 200.0), (99.5, 100.0)), ((100.1, 300.0),))
_FIRST = epoch_ms(NOW) - 60 * 60_000
CANDLES = candles_from_rows(S, Timeframe.M1, [(_FIRST + n * 60_000, 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(60)])
GOOD = SymbolFacts(S, LINEAR, BOOK, CANDLES)


def codes(facts: SymbolFacts, params: ValidationParams = PARAMS) -> list[str]:
    return [found.code for found in validate_symbol(facts, params, NOW).reasons]


def test_a_good_symbol_is_valid_and_measured() -> None:
    """All numbers are told."""
    status = validate_symbol(GOOD, PARAMS, NOW)
    assert status.valid
    metrics = dict(status.metrics)
    assert metrics["spread_pct"] == pytest.approx(0.2)
    assert (metrics["bid_depth_usd"], metrics["ask_depth_usd"]) == (pytest.approx(29930), pytest.approx(30030))
    assert (metrics["candles"], metrics["candle_age_s"]) == (60, 0)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, spec=None), ["not_listed"]),
        (replace(GOOD, spec=replace(LINEAR, tradeable=False)), ["not_tradeable"]),
        (replace(GOOD, spec=replace(LINEAR, post_only=True)), ["post_only_market"]),
        (replace(GOOD, book=None, failures=(("book", "timeout"),)), ["not_available", "no_book"]),
        (replace(GOOD, book=replace(BOOK, asks=())), ["book_one_sided"]),
        (replace(GOOD, book=replace(BOOK, asks=((101.0, 300.0),))), ["spread_too_wide"]),
        (replace(GOOD, book=replace(BOOK, asks=((100.1, 1.0),))), ["book_too_thin"]),
        (replace(GOOD, book=replace(BOOK, as_of=NOW - timedelta(minutes=2))), ["book_stale"]),
        (replace(GOOD, book=replace(BOOK, asks=((99.0, 300.0),))), ["book_crossed"]),
        (replace(GOOD, candles=None), ["no_candles"]),
        (replace(GOOD, candles=empty_candles(S, Timeframe.M1)), ["no_candles"]),
        (replace(GOOD, candles=CANDLES.tail(5)), ["too_few_candles"]),
        (replace(GOOD, candles=CANDLES.until(epoch_ms(NOW) - 600_000)), ["candles_stale"]),
    ],
)
def test_each_fault_has_its_reason(facts: SymbolFacts, expected: list[str]) -> None:
    """One fault, one reason."""
    assert codes(facts) == expected


def test_all_reasons_are_told_at_once() -> None:
    """Nothing hides behind the first."""
    assert codes(SymbolFacts(S, None, None, None)) == ["not_listed", "no_book", "no_candles"]


def test_a_wider_spread_is_allowed_on_test_venues() -> None:
    """Ten percent there."""
    wide = replace(GOOD, book=replace(BOOK, bids=((97.0, 900.0),), asks=((103.0, 900.0),)))
    lenient = ValidationParams(max_spread_pct=10, depth_within_pct=5)
    assert codes(wide, lenient) == []


def test_suppression_comes_and_goes_by_itself() -> None:
    """What a person disabled or suppressed is left alone."""
    entries = (
        UniverseEntry(asset="ETH", symbol="ETHUSDT"),
        UniverseEntry(asset="SOL", symbol="SOLUSDT", enabled=False),
        UniverseEntry(asset="ADA", symbol="ADAUSDT", suppressed_reason="by hand"),
    )
    params = UniverseParams(assets=entries)
    bad = {
        Symbol(entry.symbol): validate_symbol(SymbolFacts(Symbol(entry.symbol), None, None, None), PARAMS, NOW)
        for entry in entries
    }
    after = apply_to_universe(params, bad)
    assert after.assets[0].suppressed_reason == "validation: not_listed, no_book, no_candles"
    assert not after.assets[0].enabled
    assert after.assets[1:] == entries[1:]
    again = apply_to_universe(after, {S: validate_symbol(GOOD, PARAMS, NOW)})
    assert again == params


def test_the_document_has_summary_and_reasons() -> None:
    """As the status file shows it."""
    statuses = [
        validate_symbol(GOOD, PARAMS, NOW),
        validate_symbol(SymbolFacts(Symbol("X"), None, BOOK, CANDLES), PARAMS, NOW),
    ]
    summary = summarise(statuses, [Symbol("X")])
    document = to_document(statuses, summary, NOW)
    assert document["summary"] == {"total": 2, "valid": 1, "invalid": 1, "suppressed": 1}
    assert document["symbols"]["ETHUSDT"]["status"] == "valid"
    assert document["symbols"]["X"]["reasons"] == [{"code": "not_listed"}]
    assert document["as_of"] == "2026-01-01T12:00:00.000Z"
