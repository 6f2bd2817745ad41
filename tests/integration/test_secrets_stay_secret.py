"""Keys are planted everywhere a daemon may get them; then everything it has said or written is searched for them."""

from __future__ import annotations

import ast
import base64
import gzip
import os
import stat
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from yaml import SafeLoader

from tests.crash.processes import VenueProcess
from tradingbot.app.masking import masked
from tradingbot.config import files
from tradingbot.config.environment import SECRET_NAMES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tradingbot"


def a_secret(name: str) -> str:
    """Unique, base64, as long as real ones."""
    text = f"planted/{name}?{'x' * 30}"
    return base64.b64encode(text.encode() + bytes(range(200, 200 + len(text) % 3 + 12))).decode()


PLANTED = {name: a_secret(name) for name in (*SECRET_NAMES, "ALERT_PASSWORD")}
CHANNEL = f"json://me:{urllib.parse.quote(PLANTED['ALERT_PASSWORD'], '')}@127.0.0.1:9/hook?cto=0.2"
"""An alert channel that nobody answers."""


def spellings(value: str) -> set[bytes]:
    """The secret in every dress, and halves of at least 8 characters, also reversed."""
    half = len(value) // 2
    raw = base64.b64decode(value)
    plain = {value, value[:half], value[half:], value[:half][::-1], value[half:][::-1], value[::-1]}
    coded = {base64.b64encode(value.encode()).decode(), value.encode().hex(), raw.hex(), urllib.parse.quote(value, "")}
    return {one.encode() for one in plain | coded} | {raw}


def searched(content: bytes, where: str) -> None:
    """Nothing planted is in it."""
    for name, value in PLANTED.items():
        for spelling in spellings(value):
            assert spelling not in content, f"{name} is in {where}"


def everything_under(folder: Path) -> None:
    """Every file, unpacked; and every file and folder is for its owner alone."""
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077, f"{path} has mode {mode:04o}"
        if path.is_file():
            content = path.read_bytes()
            searched(gzip.decompress(content) if path.suffix == ".gz" else content, str(path))


def tradingbot(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """One command with planted keys; what it says is searched at once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KRAKEN_", "TRADINGBOT"))}
    command = [sys.executable, "-m", "tradingbot", *arguments, "--home", str(home)]
    environ = {**kept, **PLANTED, "TRADINGBOT_ALERT_URL_OPS": CHANNEL, "PYTHONPATH": str(ROOT / "src"), **env}
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environ)
    searched(done.stdout + done.stderr, " ".join(arguments))
    assert b"Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.process
def test_a_run_with_planted_keys_tells_none(tmp_path: Path) -> None:
    """Trading, a venue that refuses the keys, settings with a key in the wrong place, backup, doctor."""
    home = tmp_path / "home"
    traded = tradingbot(home, "run", "--speed", "max", "--cycles", "2", "--symbols", "BTC", "--log-level", "debug")
    assert traded.returncode == 0, traded.stderr
    wrong = {"TRADINGBOT__RISK__LIMITS__MAX_PAIRS": PLANTED["KRAKEN_FUTURES_API_SECRET"]}
    assert tradingbot(home, "run", **wrong).returncode == 2
    assert tradingbot(home, "doctor", "--offline", "--json", **wrong).returncode == 2
    assert tradingbot(home, "backup").returncode == 0
    assert b'"event":"failed","channel":"ops"' in (home / "logs" / "alerts.jsonl").read_bytes()
    everything_under(home)


@pytest.mark.process
@pytest.mark.skipif(not os.environ.get("TRADINGBOT_DRILL"), reason="the long form: make drill")
def test_a_venue_that_refuses_the_keys_tells_none(tmp_path: Path) -> None:
    """The start fails with the venue's own word; the key's file is named, not shown."""
    venue = VenueProcess(tmp_path / "venue", 1, 7)
    try:
        home = tmp_path / "home"
        address = ["--venue-url", venue.endpoints["rest_url"], "--venue-ws-url", venue.endpoints["ws_url"]]
        refused = tradingbot(home, "run", "--profile", "testnet", *address, "--cycles", "1")
        assert refused.returncode != 0
        assert b"account" in refused.stderr
        everything_under(home)
    finally:
        venue.stop()


def test_what_looks_like_a_key_is_masked_and_ordinary_words_are_not() -> None:
    """Also where no variable names it."""
    key = "rttp4AzwRfYEdQ7R7X8Z/04Y4TZPa97pqCypi3xXxAqftygftnI6H9yGV+O"
    assert masked(f"EXCHANGE is '{key}'", {}) == "EXCHANGE is '***'"
    plain = (
        "/var/lib/tradingbot/backups/tradingbot-backup-0fa32a-20261121T083928300Z.tar.gz engine.orders.unknown_grace_s"
    )
    assert masked(plain, {}) == plain
    assert masked("abc secret1 x", {"KRAKEN_API_KEY": "secret1"}) == "abc *** x"


# ---------------------------------------------------------------- the source itself

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
SAFE_LOADERS = {name for name, kind in vars(files).items() if isinstance(kind, type) and issubclass(kind, SafeLoader)}
"""Loaders of our own that build plain values only."""
FORBIDDEN_ATTRIBUTES = {("yaml", "load"), ("yaml", "unsafe_load"), ("os", "system"), ("os", "popen")}


def test_the_source_loads_nothing_that_could_execute() -> None:
    """No pickle, eval, exec, unsafe YAML or shell anywhere."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _forbidden(node):
                found.append(f"{path}:{node.lineno}")
            found += [f"{path}: {name}" for name in _imported(node) if name.partition(".")[0] in FORBIDDEN_MODULES]
    assert found == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _forbidden(call: ast.Call) -> bool:
    function = call.func
    if any(isinstance(argument, ast.Name) and argument.id in SAFE_LOADERS for argument in call.args):
        return False
    if isinstance(function, ast.Name):
        return function.id in FORBIDDEN_CALLS
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        pair = (function.value.id, function.attr)
        shell = any(word.arg == "shell" for word in call.keywords)
        unsafe_numpy = pair == ("np", "load") and any(word.arg == "allow_pickle" for word in call.keywords)
        return pair in FORBIDDEN_ATTRIBUTES or shell or unsafe_numpy
    return False
