"""The doctor finds what was broken, says what to do, changes nothing, and works on homes in any shape."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.app.test_backup import a_home, contents
from tradingbot.app import doctor, doctor_files
from tradingbot.app.doctor import examine
from tradingbot.app.findings import Finding, Level, worst
from tradingbot.app.installation import check_packages, check_secret_files, locked_versions
from tradingbot.app.restoring import PLAN

ROOT = Path(__file__).resolve().parents[3]


async def findings(home: Path, **environ: str) -> list[Finding]:
    """What is not well."""
    found = await examine(home, environ, offline=True)
    return [one for one in found if one.level is not Level.OK]


def private(home: Path) -> Path:
    """The modes that a daemon's home has."""
    for path in (home, *home.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (home / "feature_store").mkdir(mode=0o700, exist_ok=True)
    for part in (home / "logs").glob("daemon.0*"):
        part.unlink()
    (home / "logs" / "intents.jsonl").write_bytes(b'{"n":1}\n')
    return home


async def test_a_good_home_is_well(tmp_path: Path) -> None:
    """Nothing to say, exit code 0."""
    home = private(a_home(tmp_path / "home"))
    (home / ".env").write_text("")
    found = await findings(home)
    assert found == []
    assert worst(found) == 0


def _garbage(home: Path) -> None:
    (home / "state" / "positions_futures.json").write_bytes(b"\0\xff garbage")


def _older_copy(home: Path) -> None:
    path = home / "state" / "positions_futures.json"
    path.with_name(path.name + ".g1").write_bytes(path.read_bytes())
    path.write_bytes(b"garbage")


def _torn(home: Path) -> None:
    (home / "logs" / "intents.jsonl").write_bytes(b'{"n":1}\n{"n"')


def _bad_lines(home: Path) -> None:
    (home / "logs" / "intents.jsonl").write_bytes(b"rubbish\n[1]\n")


def _open_file(home: Path) -> None:
    (home / "logs" / "note.txt").chmod(0o644)


def _open_secrets(home: Path) -> None:
    (home / ".env").write_text("KRAKEN_FUTURES_API_KEY=planted-key-1")
    (home / ".env").chmod(0o644)


def _no_logs(home: Path) -> None:
    (home / "logs").rename(home / "elsewhere")


def _interrupted(home: Path) -> None:
    (home / PLAN).write_text("{}")


def _switch_tripped(home: Path) -> None:
    (home / "state" / "kill_switches.json").write_bytes(b"[]")


def _lost(home: Path) -> None:
    (home / "logs" / "executed_trades.jsonl").write_bytes(b'{"n":1}\n')
    (home / "logs" / "executed_trades.jsonl").chmod(0o600)


@pytest.mark.parametrize(
    ("break_it", "code", "subject", "remedy"),
    [
        (_garbage, 2, "state/positions_futures.json", "restore"),
        (_older_copy, 1, "state/positions_futures.json", "next start"),
        (_torn, 1, "logs/intents.jsonl", "trims"),
        (_bad_lines, 1, "logs/intents.jsonl", "passed over"),
        (_open_file, 1, "file modes", "chmod"),
        (_open_secrets, 2, "secret files", "chmod 600"),
        (_no_logs, 1, "logs", "restore"),
        (_interrupted, 2, "restore", "restore"),
        (_lost, 1, "state/trades_futures.json", "anew"),
        (_switch_tripped, 2, "state/kill_switches.json", "restore"),
    ],
)
async def test_each_trouble_is_found_with_its_remedy(
    break_it: Callable[[Path], None], code: int, subject: str, remedy: str, tmp_path: Path
) -> None:
    """And nothing is moved or mended by looking."""
    home = private(a_home(tmp_path / "home"))
    (home / ".env").write_text("")
    break_it(home)
    before = contents(home)
    found = await findings(home)
    assert contents(home) == before
    assert worst(found) == code, found
    (one,) = [one for one in found if one.subject == subject]
    assert remedy in one.remedy
    assert "planted-key-1" not in str(found)


async def test_a_home_that_is_missing_or_a_file(tmp_path: Path) -> None:
    """Said, not raised."""
    assert worst(await findings(tmp_path / "none")) == 2
    (tmp_path / "file").write_text("")
    assert worst(await findings(tmp_path / "file")) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_home_without_permission(tmp_path: Path) -> None:
    """Each look fails on its own."""
    home = private(a_home(tmp_path / "home"))
    (home / "state").chmod(0)
    try:
        assert worst(await findings(home)) == 2
    finally:
        (home / "state").chmod(0o700)


async def test_bad_settings_are_one_problem(tmp_path: Path) -> None:
    """The rest is looked at all the same."""
    home = private(a_home(tmp_path / "home"))
    (home / ".env").write_text("")
    found = await findings(home, TRADINGBOT__RISK__LIMITS__MAX_PAIRS="many")
    assert [one.subject for one in found] == ["settings"]


def test_every_page_that_is_named_exists() -> None:
    """With its heading."""
    named = set()
    for module in (doctor, doctor_files):
        assert module.__file__ is not None
        named |= set(re.findall(r'"(docs/[\w./#-]+)"', Path(module.__file__).read_text(encoding="utf-8")))
    assert len(named) >= 6
    for page in named:
        name, _, anchor = page.partition("#")
        text = (ROOT / name).read_text(encoding="utf-8").lower()
        assert not anchor or f"## {anchor.replace('-', ' ')}" in text, page


def test_packages_are_compared_with_the_lock(tmp_path: Path) -> None:
    """Another version, a missing package, a line for another interpreter."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "click==0.0.1 \\\n    --hash=sha256:00\nnosuchpackage==1.0\nnumpy==0.1 ; python_full_version < '3.2' \\\n"
    )
    assert set(locked_versions(lock)) == {"click", "nosuchpackage"}
    found = check_packages(True, lock)
    assert not found.ok
    assert "instead of 0.0.1" in found.detail
    assert "nosuchpackage is missing" in found.detail
    assert len(locked_versions(ROOT / "requirements.lock")) > 20


def test_the_supervisors_credential_counts_first(tmp_path: Path) -> None:
    """And must be private as the others."""
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "tradingbot.env").write_text("EXCHANGE=kraken")
    (handed / "tradingbot.env").chmod(0o644)
    found = check_secret_files(tmp_path, {"CREDENTIALS_DIRECTORY": str(handed)})
    assert not found.ok
    assert "chmod 600" in found.remedy
    (handed / "tradingbot.env").chmod(0o400)
    assert check_secret_files(tmp_path, {"CREDENTIALS_DIRECTORY": str(handed)}).ok
