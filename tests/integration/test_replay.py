"""A daemon's recorded cycles are decided again: all equal; what was changed, damaged or lost is found and named."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from tests.integration.daemon_rig import running
from tradingbot.app.cli import cli
from tradingbot.app.program import program_version
from tradingbot.app.replaying import findings_of, replay_of_home, span_of
from tradingbot.app.status import read_documents
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import Direction
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.input_lines import DamagedLineError, read_line
from tradingbot.research.replay.replay import NOT_ON_FILE, Replay, ReplayResult, Span
from tradingbot.research.replay.workers import parts_of
from tradingbot.signals.table import COMPONENTS
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.rotation import part_path

OFTEN = {"TRADINGBOT__ENGINE__INPUTS__KEYFRAME_MIN": "6"}
"""Key lines within minutes."""
FIRST_LIFE, SECOND_LIFE = 14, 7
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


async def two_lives(home: Path) -> None:
    async with running(home, OFTEN, ("BTC", "ETH")) as rig:
        await rig.cycle(FIRST_LIFE)
        assert rig.failures == []
    async with running(home, OFTEN, ("BTC", "ETH")) as rig:
        await rig.cycle(SECOND_LIFE)
        job = next(one for one in rig.daemon.scheduler.runners if one.job.name == "replay")
        await job.run_now()
        assert job.status.last_result == "ok"
        assert rig.failures == []
        assert not [one for one in rig.daemon.health.issues.open if one.kind == "replay_mismatch"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a daemon that was restarted; one journal of inputs in one plain file, for tests to damage."""
    home = tmp_path_factory.mktemp("replayed")
    asyncio.run(two_lives(home))
    return home


@pytest.fixture
def home(recorded: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(recorded / "logs", tmp_path / "logs")
    return tmp_path


def replay(home: Path, limit: int | None = None) -> ReplayResult:
    return Replay(Span(home, *EVER, limit), program_version()).run()


def lines_of(home: Path) -> list[bytes]:
    return journal_path(home, "cycle_inputs").read_bytes().splitlines(keepends=True)


def rewrite(home: Path, lines: list[bytes]) -> None:
    journal_path(home, "cycle_inputs").write_bytes(b"".join(lines))


def rotate(home: Path, count: int) -> Path:
    """The first lines as the rotated and compressed part that they would be."""
    lines = lines_of(home)
    at = datetime.fromisoformat(orjson.loads(lines[count - 1])["as_of"])
    part = part_path(journal_path(home, "cycle_inputs"), 1, at).with_suffix(".jsonl.gz")
    part.write_bytes(gzip.compress(b"".join(lines[:count])))
    rewrite(home, lines[count:])
    return part


def flip(home: Path, number: int, where: Callable[[bytes], int]) -> None:
    """One bit of one byte of a line of the current file."""
    lines = lines_of(home)
    line = bytearray(lines[number])
    line[where(lines[number])] ^= 1
    lines[number] = bytes(line)
    rewrite(home, lines)


def within(symbol: bytes, name: bytes, more: int) -> Callable[[bytes], int]:
    """A place inside a part."""
    return lambda line: line.index(b'"%s":[' % name, line.index(b'"%s":{' % symbol)) + len(name) + more


def test_every_cycle_of_two_lives_is_decided_as_it_was(recorded: Path) -> None:
    """Through key lines and a restart; hashes of all inputs are those on record."""
    result = replay(recorded)
    assert result.cycles == result.replayed == result.equal == FIRST_LIFE + SECOND_LIFE
    assert (result.left_out, result.damaged, result.orphans) == ({}, 0, 0)
    assert result.versions == {program_version(): result.cycles}
    assert replay(recorded, limit=3).equal == 3


def test_the_nightly_job_writes_what_it_found(recorded: Path) -> None:
    state = read_documents(recorded)["replay"]
    assert state.equal == state.replayed == state.cycles == FIRST_LIFE + SECOND_LIFE
    assert state.program == program_version()


def test_parts_of_the_time_make_the_whole(recorded: Path) -> None:
    """Workers share the time: each begins in the middle of the journal."""
    first, last = (datetime.fromisoformat(row["as_of"]) for row in (rows(recorded)[0], rows(recorded)[-1]))
    whole = ReplayResult()
    for part in parts_of(Span(recorded, first, last), 3):
        whole.add(Replay(part, "").run())
    assert whole.equal == whole.cycles == FIRST_LIFE + SECOND_LIFE
    assert (whole.orphans, whole.damaged) == (0, 0)


def rows(home: Path) -> list[dict[str, Any]]:
    return list(JournalReader(journal_path(home, "cycles")))


@pytest.mark.parametrize(
    ("where", "named"),
    [
        (within(b"ETHUSDT", b"ticker", 18), "ETHUSDT ticker"),
        (within(b"BTCUSDT", b"candles", 16), "BTCUSDT candles"),
        (within(b"BTCUSDT", b"samples", 4), "BTCUSDT samples"),
        (lambda line: line.index(b'"params_hash"') + 20, "the frame of the line, outside its parts"),
        (lambda line: line.index(b'"crc":') + 8, "the frame of the line, outside its parts"),
    ],
)
def test_a_flipped_byte_is_found_and_named(home: Path, where: Callable[[bytes], int], named: str) -> None:
    """File, line, cycle, symbol and part; cycles up to the next key line are left out and said, later ones replayed."""
    number = next(at for at, line in enumerate(lines_of(home)) if b'"kind":"change"' in line and b"samples" in line)
    cycle_id = orjson.loads(lines_of(home)[number])["cycle_id"]
    flip(home, number, where)
    result = replay(home)
    (damage,) = result.damages
    assert (damage.file, damage.line, damage.cycle_id) == ("cycle_inputs.jsonl", number + 1, cycle_id)
    assert damage.parts == (named,)
    assert result.left_out["its line is damaged"] == 1
    assert result.replayed + sum(result.left_out.values()) == result.cycles
    assert result.replayed == result.equal > result.cycles - 8
    facts = replay_of_home({"home": home, "since": EVER[0].isoformat(), "until": EVER[1].isoformat()})
    (finding,) = findings_of(facts)
    assert finding.kind == "replay_mismatch"
    assert named in finding.detail


def test_every_single_byte_of_a_line_matters(home: Path) -> None:
    """No byte of the body can change unnoticed: a sample of all places."""
    line = next(line for line in lines_of(home) if b'"kind":"change"' in line)
    assert read_line(line)["kind"] == "change"
    for place in range(0, len(line) - 1, len(line) // 40):
        changed = line[:place] + bytes([line[place] ^ 4]) + line[place + 1 :]
        with pytest.raises(DamagedLineError):
            read_line(changed)


def test_cycles_without_inputs_are_counted_and_said(home: Path) -> None:
    """A pruned part, and a line that a crash took: nothing is skipped in silence."""
    part = rotate(home, 4)
    assert replay(home).equal == FIRST_LIFE + SECOND_LIFE
    whole = part.read_bytes()
    part.write_bytes(whole[:2000])
    cut = replay(home)
    assert cut.damages[0].file == part.name
    assert "cannot be read" in cut.damages[0].parts[0]
    assert cut.left_out[NOT_ON_FILE] > 0
    part.unlink()
    result = replay(home)
    assert result.left_out[NOT_ON_FILE] == 4
    assert result.left_out["no key line before it is on file"] == 2
    # The candles of before are not on file either, until each symbol's turn to be whole has come: the second key line.
    missing = [count for why, count in result.left_out.items() if why.startswith("older candles are not on file")]
    assert result.replayed + sum(result.left_out.values()) == result.cycles
    assert sum(missing) == 6
    assert result.equal == result.replayed == FIRST_LIFE - 12 + SECOND_LIFE
    lines = lines_of(home)
    rewrite(home, [*lines[:-3], *lines[-2:]])
    after = replay(home)
    assert after.left_out[NOT_ON_FILE] == 5
    assert after.left_out["a line before it is not on file"] == 1


def test_a_component_that_says_otherwise_is_named(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stage, the symbol, the component and the value."""

    def other(*args: Any) -> Any:
        return replace(before(*args), direction=Direction.SHORT, confidence=0.875, live=True)

    before = COMPONENTS["hurst"]
    monkeypatch.setitem(COMPONENTS, "hurst", other)
    result = replay(recorded, limit=2)
    assert result.mismatched == 2
    assert result.stages == {"components": 2}
    found = result.mismatches[0]
    assert found.same_program
    assert any("components[hurst].confidence" in value and "0.875" in value for value in found.values), found.values


def test_the_command_says_it_and_its_exit_code_too(home: Path) -> None:
    def told(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["replay", "--home", str(home), *arguments], env=dict(os.environ))
        return done.exit_code, done.output

    code, text = told("--limit", "2")
    assert (code, "2 " in text) == (0, True)
    flip(home, 1, within(b"BTCUSDT", b"ticker", 18))
    code, text = told("--json")
    facts = orjson.loads(text)
    assert (code, facts["damaged"], facts["mismatched"]) == (1, 1, 0)
    code, text = told()
    assert "BTCUSDT ticker" in text
    with pytest.raises(ConfigurationError, match="after the end"):
        span_of(home, EVER[1], None)
    with pytest.raises(ConfigurationError, match="no cycle is on file"):
        span_of(home / "nowhere", None, None)
