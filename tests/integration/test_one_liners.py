"""The synchronous API: plain dicts that `python -c` can print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tradingbot
from tradingbot.core.errors import ConfigurationError, SizingError, SymbolUnknownError


def test_a_size_comes_back_as_plain_text() -> None:
    """500 USD of ETH at 3,333.3 on a step of 0.001."""
    found = tradingbot.normalize_position_size("ETHUSDT", 500, "3333.3")
    assert (found["contracts"], found["venue_symbol"], found["contract_source"]) == ("0.15", "PF_ETHUSD", "built-in")
    assert float(found["adjusted_usd"]) == pytest.approx(499.995)
    assert [one["code"] for one in found["adjustments"]] == ["step"]
    json.dumps(found)


def test_an_alias_and_an_inverse_contract() -> None:
    """XBT is BTC; its contracts are whole dollars."""
    assert tradingbot.normalize_position_size("XBT", "123.9", 50_000.0)["contracts"] == "123"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("ETHUSDTT", 1, 1), SymbolUnknownError, "did you mean"),
        (("ETHUSDT", -5, 1), SizingError, "above zero"),
        (("ETHUSDT", 5, 1, "binance"), ConfigurationError, "not supported"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[object, ...], error: type[Exception], text: str) -> None:
    """One clear error each."""
    with pytest.raises(error, match=text):
        tradingbot.normalize_position_size(*arguments)  # type: ignore[arg-type]


def test_symbols_are_validated_and_written(tmp_path: Path) -> None:
    """On the embedded venue of an empty home."""
    found = tradingbot.validate_venue_symbols(home=str(tmp_path), symbols=("BTC", "ETH"))
    assert found["summary"] == {"total": 2, "valid": 2, "invalid": 0, "suppressed": 0}
    written = json.loads((tmp_path / "feature_store" / "venue_symbol_status.json").read_text())
    assert written["data"]["symbols"]["BTCUSDT"]["status"] == "valid"


def test_checks_of_a_fresh_home_are_green(tmp_path: Path) -> None:
    """Out of the box nothing is missing."""
    found = tradingbot.pre_deployment_checks(home=str(tmp_path))
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]
    assert {"config", "venue connectivity", "clock", "disk"} <= {check["name"] for check in found["checks"]}


def test_health_of_a_home_that_never_ran(tmp_path: Path) -> None:
    """Unknown is said, not invented."""
    assert tradingbot.exchange_health(home=str(tmp_path))["known"] is False


def test_downtime_is_one_of_three(tmp_path: Path) -> None:
    """With its window and the next boundary."""
    found = tradingbot.downtime_state(home=str(tmp_path))
    assert found["state"] in ("TRADING", "TRANSITION", "DOWNTIME")
    assert found["window"] == "03:00-05:00"
    assert found["seconds_to_boundary"] > 0
