"""Real processes: how they end, how they refuse, what the commands say and with which exit code."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from tests.crash.harness import run_kills
from tests.crash.processes import wait_until
from tradingbot.app.cli import main

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
NEVER = "http://127.0.0.1:9/derivatives"
"""Nothing listens on the discard port."""


def environ(**more: str) -> dict[str, str]:
    """The environment of a child: this checkout, no keys of the host."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KRAKEN_", "TRADINGBOT"))}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), **more}


def tradingbot(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    command = [sys.executable, "-m", "tradingbot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ(**env))


class Running:
    """`tradingbot run` on a home, in the background."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self._out = (home.parent / "daemon.out").open("wb")
        command = [sys.executable, "-m", "tradingbot", "run", "--home", str(home), "--log-format", "json", *arguments]
        self.process = subprocess.Popen(command, stdout=self._out, stderr=self._out, env=environ())

    def runtime(self) -> dict[str, Any]:
        """state/runtime.json, empty before there is one."""
        path = self.home / "state" / "runtime.json"
        return orjson.loads(path.read_bytes())["data"] if path.exists() else {}

    def wait_for_cycles(self, count: int) -> None:
        """Return once so many cycles are done."""

        def ready() -> bool:
            assert self.process.poll() is None, (self.home.parent / "daemon.out").read_text()[-1500:]
            return self.runtime().get("cycles", 0) >= count

        wait_until(f"{count} cycles", ready, 40)

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal; exit code and seconds it took."""
        started_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(40)
        return code, time.monotonic() - started_s

    def close(self) -> None:
        """Nothing is left behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._out.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Starts daemons and ends those that still run."""
    started: list[Running] = []

    def begin(home: Path, *arguments: str) -> Running:
        started.append(Running(home, *arguments))
        return started[-1]

    yield begin
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def stopped_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home on which a daemon has run three cycles."""
    home = tmp_path_factory.mktemp("stopped") / "home"
    done = tradingbot("run", "--home", str(home), "--speed", "max", "--cycles", "3", "--seed", "7")
    assert done.returncode == 0, done.stderr
    return home


# ---------------------------------------------------------------- living and ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_in_order(
    number: signal.Signals, start: Callable[..., Running], tmp_path: Path
) -> None:
    """Exit code 0 within 15 s, files flushed, the reason written down; and meanwhile the home is taken."""
    daemon = start(tmp_path / "home", "--seed", "7", "--speed", "300", "--symbols", "BTC,ETH")
    daemon.wait_for_cycles(2)
    if number is signal.SIGTERM:
        _second_is_refused(daemon)
        _commands_beside_a_running_daemon(daemon)
    code, took_s = daemon.end(number)
    assert code == 0
    assert took_s < 15
    assert daemon.runtime()["stopped"] == f"signal {number.name}"
    for path in [*(daemon.home / "state").glob("*.json")]:
        assert orjson.loads(path.read_bytes()) is not None
    for path in (daemon.home / "logs").glob("*.jsonl"):
        assert path.read_bytes().endswith(b"\n"), path.name
    found = tradingbot("status", "--home", str(daemon.home), "--reconcile", "--json")
    assert found.returncode == 0, found.stdout + found.stderr


def _second_is_refused(daemon: Running) -> None:
    second = tradingbot("run", "--home", str(daemon.home), "--cycles", "1")
    assert second.returncode != 0
    assert f"process {daemon.process.pid}, started" in second.stderr
    assert "already works in" in second.stderr
    assert "Traceback" not in second.stderr


def _commands_beside_a_running_daemon(daemon: Running) -> None:
    home = str(daemon.home)
    facts = orjson.loads(tradingbot("status", "--home", home, "--json").stdout)
    assert facts["running"]
    assert facts["runtime"]["pid"] == daemon.process.pid
    found = tradingbot("status", "--home", home, "--reconcile", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert orjson.loads(found.stdout)["reconcile"]["agree"]
    assert daemon.process.poll() is None


def test_wanted_cycles_end_with_zero_and_every_look_works(stopped_home: Path) -> None:
    home = str(stopped_home)
    shown = tradingbot("status", "--home", home)
    assert shown.returncode == 0
    assert "stopped" in shown.stdout
    assert "the wanted number of cycles is done" in " ".join(shown.stdout.split())
    facts = orjson.loads(tradingbot("status", "--home", home, "--json").stdout)
    assert (facts["known"], facts["running"], facts["runtime"]["cycles"]) == (True, False, 3)
    reconciled = tradingbot("status", "--home", home, "--reconcile", "--json")
    assert reconciled.returncode == 0
    assert orjson.loads(reconciled.stdout)["reconcile"]["differences"] == []
    validated = tradingbot("validate", "--home", home, "--json")
    assert validated.returncode == 0, validated.stderr
    assert orjson.loads(validated.stdout)["summary"]["valid"] > 0
    checked = tradingbot("check", "--home", home, "--json")
    assert checked.returncode == 0
    assert orjson.loads(checked.stdout)["ok"] is True


def test_a_difference_is_an_exit_code(stopped_home: Path, tmp_path: Path) -> None:
    """A position that the files do not know: status --reconcile says 1 and names it."""
    home = Path(shutil.copytree(stopped_home, tmp_path / "home"))
    for path in (home / "state").glob("positions_futures.json*"):
        path.unlink()
    for path in (home / "state").glob("trades_futures.json*"):
        path.unlink()
    found = tradingbot("status", "--home", str(home), "--reconcile", "--json")
    assert found.returncode == 1, found.stdout
    assert orjson.loads(found.stdout)["reconcile"]["differences"]


def test_no_daemon_yet_is_said_with_exit_code_one(tmp_path: Path) -> None:
    found = tradingbot("status", "--home", str(tmp_path / "none"))
    assert found.returncode == 1
    assert "No daemon has run" in found.stdout


def test_the_first_line_of_the_venue_is_its_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tradingbot", "sim", "--json", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ()) as process:
        assert process.stdout is not None
        facts = orjson.loads(process.stdout.readline())
        named = {"rest_url", "ws_url", "api_key", "api_secret"}
        assert set(facts) == named | {"coinglass_url", "coinglass_key", "fear_greed_url", "dvol_url"}
        assert facts["rest_url"].startswith("http://127.0.0.1:")
        process.terminate()
        assert process.wait(15) == 0


@pytest.mark.parametrize("command", ["", "run", "sim", "validate", "status", "pause", "resume", "flatten", "check"])
def test_every_command_explains_itself(command: str) -> None:
    done = tradingbot(*filter(None, [command]), "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert done.stderr == ""


# ---------------------------------------------------------------- wrong usage


def _broken_config(folder: Path) -> list[str]:
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "trading_config.json").write_text('{"engine": ')
    return ["run", "--home", str(folder)]


def _unknown_key(folder: Path) -> list[str]:
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "configs" / "trading_config.json").write_text('{"enginee": {}}')
    return ["run", "--home", str(folder)]


def _home_is_a_file(folder: Path) -> list[str]:
    (folder / "file").write_text("")
    return ["run", "--home", str(folder / "file")]


def _venue_home_is_a_file(folder: Path) -> list[str]:
    (folder / "file").write_text("")
    return ["sim", "--home", str(folder / "file")]


def _bad_parquet(folder: Path) -> list[str]:
    (folder / "bad.parquet").write_text("no parquet")
    return ["run", "--home", str(folder / "h"), "--source", "recorded", "--data", str(folder / "bad.parquet")]


def _newer_state(folder: Path) -> list[str]:
    (folder / "h" / "state").mkdir(parents=True)
    newer = {"schema_version": 99, "sha256": "0" * 64, "saved_at": "", "data": {}}
    (folder / "h" / "state" / "positions_futures.json").write_bytes(orjson.dumps(newer))
    return ["run", "--home", str(folder / "h"), "--cycles", "1"]


def _run(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda folder: ["run", "--home", str(folder / "h"), *arguments]


WRONG: dict[str, tuple[Callable[[Path], list[str]], dict[str, str], list[str]]] = {
    "unknown symbol": (_run("--symbols", "BTCC"), {}, ["unknown symbol 'BTCC'", "did you mean BTC"]),
    "missing data": (_run("--source", "recorded", "--data", "/none.parquet"), {}, ["/none.parquet: no such file"]),
    "no data": (_run("--source", "recorded"), {}, ["--source recorded needs --data"]),
    "bad parquet": (_bad_parquet, {}, ["bad.parquet", "cannot be read as parquet"]),
    "speed 0": (_run("--speed", "0"), {}, ["--speed", "not above 0"]),
    "speed -1": (_run("--speed", "-1"), {}, ["--speed", "not above 0"]),
    "speed abc": (_run("--speed", "abc"), {}, ["--speed", "neither a number nor 'max'"]),
    "seed -1": (_run("--seed", "-1"), {}, ["--seed", "-1 is not in the range"]),
    "cycles 0": (_run("--cycles", "0"), {}, ["--cycles"]),
    "live without confirmation": (_run("--profile", "live"), {}, ["--confirm yes-live"]),
    "live without keys": (
        _run("--profile", "live", "--confirm", "yes-live", "--venue-url", NEVER),
        {},
        ["environment"],
    ),
    "testnet unreachable": (
        _run("--profile", "testnet", "--venue-url", NEVER),
        {},
        [f"the venue at {NEVER} does not answer", "--venue-url"],
    ),
    "no URL": (_run("--profile", "testnet", "--venue-url", "kraken"), {}, ["--venue-url 'kraken'", "http://"]),
    "half a key pair": (
        _run("--profile", "testnet", "--venue-url", NEVER),
        {"KRAKEN_FUTURES_API_KEY": "abc"},
        ["KRAKEN_FUTURES_API_SECRET"],
    ),
    "a secret that is none": (
        _run("--profile", "testnet", "--venue-url", NEVER),
        {"KRAKEN_FUTURES_API_KEY": "abc", "KRAKEN_FUTURES_API_SECRET": "%%%"},
        ["KRAKEN_FUTURES_API_SECRET", "not base64"],
    ),
    "broken config": (_broken_config, {}, ["trading_config.json", "not valid JSON at line 1"]),
    "unknown key": (_unknown_key, {}, ["trading_config.json", "enginee"]),
    "unknown profile": (_run("--profile", "moon"), {}, ["'moon' is not one of"]),
    "unknown option": (_run("--frob"), {}, ["No such option", "--frob"]),
    "unknown command": (lambda _: ["frobnicate"], {}, ["No such command 'frobnicate'"]),
    "sped-up real market": (_run("--source", "kraken", "--speed", "5"), {}, ["--source kraken", "real time"]),
    "home is a file": (_home_is_a_file, {}, ["cannot be used", "--home"]),
    "venue home is a file": (_venue_home_is_a_file, {}, ["cannot be used", "--home"]),
    "unknown fault": (lambda f: ["sim", "--home", str(f), "--fault", "rain"], {}, ["unknown fault 'rain'", "timeout"]),
    "newer state": (_newer_state, {}, ["positions_futures.json", "newer version of the program"]),
    "nothing to reconcile": (lambda f: ["status", "--home", str(f), "--reconcile"], {}, ["no daemon has run in"]),
}


AS_PROCESSES = ("missing data", "live without keys", "half a key pair", "newer state", "unknown option")
"""These are started for real; the others call the entry point, which spares a second of imports each."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The entry point of the program, as `tradingbot` above starts it."""

    def call(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        for name in set(os.environ) - set(environ()):
            monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["tradingbot", *arguments])
        umask = os.umask(0o077)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            os.umask(umask)
            structlog.reset_defaults()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), *capfd.readouterr())

    return call


@pytest.mark.parametrize("what", WRONG)
def test_wrong_usage_is_one_clear_message(what: str, tmp_path: Path, called: Callable[..., Any]) -> None:
    """Exit code 2, what is wrong and where, no traceback, nothing on standard output."""
    arguments, env, wanted = WRONG[what]
    done = (tradingbot if what in AS_PROCESSES else called)(*arguments(tmp_path), **env)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    message = " ".join(done.stderr.strip().splitlines()[-1].split())
    for text in wanted:
        assert text in message, message
    assert "%%%" not in done.stderr, "no secret is shown"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = tradingbot("sim", "--home", str(tmp_path), "--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    """The long run is `python -m tests.crash`; its short form is in test_crash_harness.py."""
    outcome = run_kills(tmp_path, kills=1, seed=3, longest_s=1.0)
    assert outcome.violations == []
    assert outcome.kills == 1
