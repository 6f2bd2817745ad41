"""The commands of research print and write what the library computes."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import orjson
import pytest

from tests.shared_data import recorded
from tests.unit.research.journals import lines_of

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose journal was rotated once; the older part is compressed, the newer has a torn last line."""
    logs = tmp_path / "home" / "logs"
    logs.mkdir(parents=True)
    rows = lines_of([100.0] * 5 + [101.0] * 5, {0: {"hurst": "long"}, 1: {"hurst": "short"}})
    lines = [orjson.dumps(row) + b"\n" for row in rows]
    with gzip.open(logs / "predictive_signals.000001.20260105T120500000Z.jsonl.gz", "wb") as older:
        older.writelines(lines[:5])
    (logs / "predictive_signals.jsonl").write_bytes(b"".join(lines[5:]) + b'{"torn')
    return tmp_path / "home"


def test_the_component_report_reads_rotated_journals_and_writes_the_page(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    script("component_report").main(["--home", str(home), "--home", str(home), "--out", str(page)])
    assert "10 lines of 1 symbols from 1 homes" in page.read_text(encoding="utf-8")
    assert "| hurst | 5 | 2 | 0 | 1 | 50.00 | - | 0.00 | - |" in page.read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert "How often each voice spoke" in printed
    assert "0 comparisons were made" in printed


def test_the_component_report_prints_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script("component_report").main(["--home", str(home), "--json"])
    plain = orjson.loads(capsys.readouterr().out)
    assert plain["lines"] == 10
    assert {voice["name"] for voice in plain["voices"]} >= {"hurst", "flow signal", "ensemble"}


def test_a_home_without_a_journal_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script("component_report").main(["--home", str(tmp_path)])
    assert "predictive_signals.jsonl is not there" in capsys.readouterr().err


@pytest.mark.recorded
@pytest.mark.long
def test_nothing_knows_its_future_on_recorded_candles_either(capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded("market/candles_1m_perp_2023.parquet")
    with pytest.raises(SystemExit) as ended:
        script("lookahead_proof").main(["--data", str(path), "--symbol", "SOLUSDT"])
    assert ended.value.code == 0
    assert "0 differences without a planted fault" in capsys.readouterr().out
