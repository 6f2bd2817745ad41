"""Records of another version, or edited by hand: told as far as they go, never a traceback."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tradingbot.app.cli.story_text import print_story
from tradingbot.app.explaining import story_of
from tradingbot.core.errors import StateError

SIGNAL_ID = "20260105T0805-BTCUSDT"
LINE = {"signal_id": SIGNAL_ID, "symbol": "BTCUSDT", "as_of": "2026-01-05T08:05:05.000Z", "price": 97_000.0}


def write(home: Path, journal: str, record: dict[str, object]) -> None:
    (home / "logs").mkdir(exist_ok=True)
    (home / "logs" / f"{journal}.jsonl").write_bytes(orjson.dumps(record) + b"\n")


def test_a_signal_of_before_the_gates_is_told_in_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "predictive_signals", {**LINE, "components": []})
    facts = story_of(tmp_path, SIGNAL_ID)
    print_story(facts)
    text = " ".join(capsys.readouterr().out.split())
    assert "signal: records of another version of the program" in text
    assert "cannot be computed again: no line in logs/signal_universe.jsonl" in text
    assert not facts["check"]["agrees"]


def test_a_line_that_lacks_what_every_story_needs_is_named(tmp_path: Path) -> None:
    write(tmp_path, "signal_universe", LINE)
    with pytest.raises(StateError, match=r"logs: the records of 20260105T0805-BTCUSDT are of another version"):
        story_of(tmp_path, SIGNAL_ID)
