"""What the nightly replay makes of what it found, and when it does nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tradingbot.app.program import program_version
from tradingbot.app.replaying import NightlyReplay, findings_of
from tradingbot.app.stores import open_stores
from tradingbot.app.thinking import an_input_recorder
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.engine.input_recorder import InputRecorder, NoInputs
from tradingbot.guards.issues import Finding


def facts(**changes: Any) -> dict[str, Any]:
    first = {"cycle_id": "20260105T0801", "stage": "regime", "same_program": False}
    second = {"cycle_id": "20260105T0802", "stage": "gates", "same_program": True}
    nothing = {"replayed": 10, "mismatched": 0, "otherwise": 0, "damaged": 0, "damages": []}
    return {**nothing, "mismatches": [first, second], **changes}


def test_what_this_program_decides_otherwise_is_an_issue() -> None:
    """Its first cycle and stage are named, those of another program are not counted."""
    (found,) = findings_of(facts(mismatched=3, otherwise=1))
    assert found.kind == "replay_mismatch"
    assert found.detail == "2 of 10 cycles come out differently; the first, 20260105T0802, in gates"


def test_what_another_program_decided_otherwise_is_none() -> None:
    assert findings_of(facts(mismatched=3, otherwise=3)) == []
    assert findings_of(facts()) == []


async def test_recording_and_replaying_can_be_switched_off(tmp_path: Path) -> None:
    """Then nothing is written, read or said."""
    stores = open_stores(tmp_path, SystemClock())
    assert isinstance(an_input_recorder(Settings(), stores), InputRecorder)
    settings = Settings.model_validate({"engine": {"inputs": {"record": False}}})
    assert isinstance(an_input_recorder(settings, stores), NoInputs)
    said: list[Iterable[Finding]] = []
    await NightlyReplay(tmp_path, stores, SystemClock(), said.append, wanted=False).run()
    assert said == []
    await stores.writer.close(5)


def test_the_program_is_named_by_version_and_code() -> None:
    version, _, digest = program_version().partition("+")
    assert version
    assert len(digest) == 8
