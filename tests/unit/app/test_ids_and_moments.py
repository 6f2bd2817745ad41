"""What people type for `explain` and `why`: ids in any case, cut short, of another home; moments with a zone."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from tradingbot.app.explaining import story_at, story_of
from tradingbot.core.errors import ConfigurationError
from tradingbot.explain.stored import as_written, newest_signal_id

LINES = ("20260105T0800-BTCUSDT", "20260105T0805-BTCUSDT", "20260105T1005-BTCUSDT")
ENTRY = "t-tb-f4ca0a-20260105T0805-BTCUSDT-entry"
CLOSING = "tb-f4ca0a-20260105T0900-BTCUSDT-exit"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    rows = [
        {"signal_id": one, "symbol": "BTCUSDT", "as_of": f"2026-01-05T{one[9:11]}:{one[11:13]}:05.000Z",
         "direction": "neutral", "stage": "signal", "reasons": []}
        for one in LINES
    ]  # fmt: skip
    (tmp_path / "logs" / "signal_universe.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    intent = {"client_order_id": CLOSING, "position_id": ENTRY, "purpose": "exit",
              "created_at": "2026-01-05T09:00:00.000Z", "cycle_id": "",
              "context": {}, "side": "sell", "size": "1"}  # fmt: skip
    line = {"event": "intent", "client_order_id": CLOSING, "intent": intent}
    (tmp_path / "logs" / "intents.jsonl").write_bytes(orjson.dumps(line) + b"\n")
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" 20260105t0805-btcusdt ", "20260105T0805-BTCUSDT"),
        (ENTRY.upper(), ENTRY),
        ("tb-f4ca0a-20260105T0805-btcusdt-stop0", "tb-f4ca0a-20260105T0805-BTCUSDT-stop0"),
    ],
)
def test_the_case_of_an_id_does_not_matter(typed: str, meant: str) -> None:
    assert as_written(typed) == meant


@pytest.mark.parametrize(
    "name", ["t-tb-aaaaaa-20260105T0805-BTCUSDT-entry", ENTRY[:-2], "tb-f4ca0a-20260105T0805-BTCUSDT-exit"]
)
def test_a_trade_that_is_not_here_is_refused_although_its_signal_is(name: str, home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is on file in .*--home.*tradingbot explain 20260105T0805-BTCUSDT"):
        story_of(home, name)


def test_an_order_that_closes_tells_the_trade_that_it_closed(home: Path) -> None:
    facts = story_of(home, CLOSING)
    assert (facts["trade_id"], facts["signal_id"]) == (ENTRY, "20260105T0805-BTCUSDT")


@pytest.mark.parametrize(
    "name", ["20260105T080-BTCUSDT", "00010101T0000-BTCUSDT", "t-tb-aaaaaa-00010101T0000-X-entry", ""]
)
def test_what_is_no_id_is_said_to_be_none(name: str, home: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither a trade id"):
        story_of(home, name)


@pytest.mark.parametrize(
    ("moment", "signal_id"),
    [("10:05+02:00", LINES[1]), ("08:05", LINES[1]), ("09:00", LINES[1]), ("2030-01-01", LINES[2])],
)
def test_a_zone_is_heeded(moment: str, signal_id: str, home: Path) -> None:
    assert story_at(home, "btc", moment, os.environ)["signal_id"] == signal_id


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59-14:00", "25:00", ""])
def test_an_absurd_moment_is_no_moment(moment: str, home: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no time"):
        story_at(home, "BTC", moment, os.environ)


def test_before_the_first_line_says_when_that_was(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="the first one is of 2026-01-05T08:00Z"):
        story_at(home, "BTC", "07:00", os.environ)
    assert newest_signal_id(home, "BTCUSDT", None) == LINES[2]
