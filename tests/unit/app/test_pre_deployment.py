"""The pre-deployment checks: what stops a deployment, what is only said, and how a start differs from a refusal."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

import tradingbot
from tests.support import candles_of
from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.integration_test import ask_exchange, book_faults, candle_faults
from tradingbot.app.one_liners import healing_of
from tradingbot.app.options import RunOptions
from tradingbot.app.pre_deployment import check_everything, judge_symbols
from tradingbot.app.start_checks import StartPostponedError, StartRefusedError, require
from tradingbot.core.records import BookView
from tradingbot.core.types import Symbol
from tradingbot.engine.models import SymbolCheck, ValidationState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
NEVER = "http://127.0.0.1:9/derivatives"


def validated(**codes: list[str]) -> ValidationState:
    """Symbols with the reasons against them."""
    rows = {
        symbol: SymbolCheck(
            status="invalid" if found else "valid", checked_at=NOW, metrics={}, reasons=[{"code": one} for one in found]
        )
        for symbol, found in codes.items()
    }
    return ValidationState(as_of=NOW, summary={"total": 0, "valid": 0, "invalid": 0, "suppressed": 0}, symbols=rows)


@pytest.mark.parametrize(
    ("state", "ok"),
    [
        (validated(BTCUSDT=[], ETHUSDT=["spread_too_wide"]), True),
        (validated(BTCUSDT=[], ETHUSDT=["not_listed", "no_book"]), False),
        (validated(BTCUSDT=["no_candles"], ETHUSDT=["spread_too_wide"]), False),
        (validated(BTCUSDT=[], ETHUSDT=["not_available", "not_listed"]), True),
    ],
)
def test_a_poor_market_is_waited_for_and_a_wrong_symbol_is_not(state: ValidationState, ok: bool) -> None:
    """What is suppressed by itself does not stop a deployment, as long as something can be traded."""
    assert judge_symbols(state).ok is ok


async def test_live_without_anything_fails_with_remedies(tmp_path: Path) -> None:
    """EXCHANGE, keys, venue: every failure says what to do."""
    options = RunOptions(home=tmp_path, profile="live", venue_url=NEVER, symbols=("BTC",))
    found = {one.name: one for one in await check_everything(options, {})}
    for name in ("EXCHANGE", "environment", "venue connectivity", "account", "symbols"):
        assert not found[name].ok, name
        assert found[name].remedy, name
    for name in ("python", "config", "disk", "secret files"):
        assert found[name].ok, name


async def test_a_secret_file_that_others_may_read_stops_everything(tmp_path: Path) -> None:
    """With the command that mends it."""
    (tmp_path / ".env").write_text("KRAKEN_FUTURES_API_KEY=k\nKRAKEN_FUTURES_API_SECRET=c2VjcmV0\n")
    (tmp_path / ".env").chmod(0o640)
    found = {one.name: one for one in await check_everything(RunOptions(home=tmp_path), {})}
    assert not found["secret files"].ok
    assert not found["config"].ok
    assert "chmod 600" in found["secret files"].remedy


@pytest.mark.parametrize(
    ("failed", "error"),
    [
        (["venue connectivity", "clock", "account", "universe", "symbols"], StartPostponedError),
        (["venue connectivity", "environment"], StartRefusedError),
        (["account"], StartRefusedError),
    ],
)
def test_a_venue_that_is_away_is_no_wrong_configuration(failed: list[str], error: type[Exception]) -> None:
    """A supervisor tries the one again (exit code 1) and not the other (exit code 2)."""
    results = [CheckResult(name, False, "down") for name in failed]
    with pytest.raises(error):
        require(Console(file=io.StringIO()), "title", results)


def test_the_one_liner_leaves_a_line(tmp_path: Path) -> None:
    """Who asked, which version, what failed."""
    found = tradingbot.pre_deployment_checks(home=str(tmp_path), symbols=("BTC",))
    assert found["ok"], found
    (line,) = [orjson.loads(one) for one in (tmp_path / "logs" / "pre_deployment.jsonl").read_bytes().splitlines()]
    assert (line["ok"], line["failed"], line["profile"]) == (True, [], "paper")


def test_readiness_and_healing_of_a_home_that_never_ran(tmp_path: Path) -> None:
    """Unknown is said, and what it would take."""
    found = tradingbot.sample_readiness(home=str(tmp_path))
    assert (found["known"], found["min_trades"], found["min_days"], found["symbols"]) == (False, 30, 7, {})
    assert tradingbot.healing_escalation_status(home=str(tmp_path)) == {"known": False}


def test_healing_is_told_as_its_file_says(tmp_path: Path) -> None:
    """Once there is one; a damaged one is unknown."""
    folder = tmp_path / "feature_store"
    folder.mkdir()
    path = folder / "healing_escalation_state.json"
    path.write_text('{"data": 1}')
    assert healing_of(tmp_path) == {"known": False}
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    path.write_text('{"schema_version":1,"sha256":"' + digest + '","saved_at":"2026-01-05T08:00:00Z","data":{}}\n')
    assert healing_of(tmp_path) == {"known": True, "saved_at": "2026-01-05T08:00:00Z"}


# ---------------------------------------------------------------- the exchange integration test


def a_book(**changes: Any) -> BookView:
    """One level on each side."""
    levels: dict[str, Any] = {"bids": ((100.0, 1.0),), "asks": ((100.5, 1.0),), **changes}
    return BookView(Symbol("BTCUSDT"), NOW, NOW, **levels)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"bids": ()}, "no bids"),
        ({"asks": ()}, "no asks"),
        ({"bids": ((100.5, 1.0),)}, "crossed"),
        ({"bids": ((0.0, 1.0),)}, "not above 0"),
    ],
)
def test_faults_of_a_book(changes: dict[str, Any], why: str) -> None:
    """Each is named; a good one has none."""
    assert book_faults(a_book()) == []
    assert any(why in fault for fault in book_faults(a_book(**changes)))


def test_faults_of_candles() -> None:
    """Too few, too old."""
    assert candle_faults(candles_of([100.0] * 60, end=NOW), NOW) == []
    assert any("at least" in fault for fault in candle_faults(candles_of([100.0] * 5, end=NOW), NOW))
    old = candles_of([100.0] * 60, end=datetime(2026, 1, 5, 11, tzinfo=UTC))
    assert any("newest closed" in fault for fault in candle_faults(old, NOW))


async def test_a_simulated_venue_passes(tmp_path: Path) -> None:
    """Over the wire, as the real one is asked."""
    (one,) = await ask_exchange(RunOptions(home=tmp_path, symbols=("ETH",)), {})
    assert one.ok, one.faults
    assert "60 candles" in one.seen or "59 candles" in one.seen, one.seen
