"""deploy.sh and install.sh: a good version goes live, a bad one never does, and what was there before runs again.

The programs of the slots are small stand-ins with the same commands; `make drill` does it with the real daemon.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.processes import BUSY, wait_until

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
DRILL = bool(os.environ.get("TRADINGBOT_DRILL"))
STAND_IN = r"""#!/bin/sh
slot=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
how=$(cat "$slot/HOW"); command=$1; home=@HOME@; state=$home/state
case $command in
run)
  [ "$how" = dies ] && { echo '{"event":"broken"}'; exit 1; }
  trap 'exit 0' TERM
  mkdir -p "$state"; rm -f "$state/cycles"; n=0; echo $$ >"$state/pid"; echo "$slot" >"$state/ran"
  [ "$how" = newer ] && { echo 2 >"$state/schema"; sleep 0.2; exit 1; }
  while :; do n=$((n + 1)); echo $n >"$state/cycles"; sleep 0.05; done ;;
status)
  [ -f "$state/schema" ] && [ "$how" != newer ] && { echo "newer" >&2; exit 1; }
  pid=$(cat "$state/pid" 2>/dev/null || echo 0); up=false
  [ "$pid" -gt 0 ] && kill -0 "$pid" 2>/dev/null && up=true
  failed=0; [ "$how" = sick ] && failed=1; [ "$how" = differs ] && d='"BTCUSDT 1 against 2"'
  n=$(cat "$state/cycles" 2>/dev/null || echo 0)
  echo "{\"running\": $up, \"runtime\":
    {\"pid\": $pid, \"cycles\": $n, \"failed_cycles\": $failed, \"differences\": [$d]}}" ;;
backup) [ "$how" = full ] && exit 1
  mkdir -p "$home/backups"; b=$home/backups/tradingbot-backup-a-1.tar.gz
  tar -C "$home" -czf "$b" state; echo "{\"path\": \"$b\"}" ;;
restore) rm -rf "$state"; tar -C "$home" -xzf "$2" ;;
esac
"""
CHECKS = (
    "import sys; from pathlib import Path\nsys.exit(\n(Path(__file__).parents[1] / 'HOW').read_text() == 'refused')\n"
)


class Machine:
    """A place to deploy to, with stand-ins for versions."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.prefix, self.home = folder, folder / "opt", folder / "home"
        self.home.mkdir()
        self.builder = folder / "build.sh"
        program = STAND_IN.replace("@HOME@", str(self.home))
        (folder / "program").write_text(program)
        self.builder.write_text(
            f'#!/bin/sh\nset -e\nmkdir -p "$1/.venv/bin"\ncp {folder}/program "$1/.venv/bin/tradingbot"\n'
            f'[ "$(cat "$1/HOW")" != unbuildable ]\n'
            f'chmod +x "$1/.venv/bin/tradingbot"\nln -s {sys.executable} "$1/.venv/bin/python"\n'
        )
        self.builder.chmod(0o755)

    def version(self, how: str) -> Path:
        """A checkout that behaves so."""
        folder = self.folder / f"version-{how}"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "scripts").mkdir(parents=True)
        (folder / "deploy").mkdir()
        (folder / "pyproject.toml").write_text("")
        (folder / "HOW").write_text(how)
        (folder / "scripts" / "pre_deployment_checks.py").write_text(CHECKS)
        shutil.copy(ROOT / "deploy" / "health.py", folder / "deploy")
        return folder

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """deploy.sh."""
        command = ["bash", str(ROOT / "deploy" / "deploy.sh"), "--supervisor", "process", "--user", "", "--prefix"]
        command += [str(self.prefix), "--home", str(self.home), "--etc", str(self.folder), "--poll", "0.1"]
        command += ["--builder", str(self.builder), "--wait", "6", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def deploy(self, how: str) -> subprocess.CompletedProcess[str]:
        """One deployment of a version that behaves so."""
        return self.call("--from", str(self.version(how)))

    def pid(self) -> int:
        """The daemon's process."""
        return int((self.prefix / "run" / "daemon.pid").read_text())

    def alive(self) -> bool:
        """Whether it runs."""
        try:
            os.kill(self.pid(), 0)
        except ProcessLookupError:
            return False
        return True

    def current(self) -> str:
        """The slot in use."""
        return os.readlink(self.prefix / "current")

    def close(self) -> None:
        """No daemon is left behind."""
        if (self.prefix / "run" / "daemon.pid").exists() and self.alive():
            os.kill(self.pid(), signal.SIGKILL)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Closed at the end."""
    made = Machine(tmp_path)
    yield made
    made.close()


def test_versions_take_turns_in_two_slots(machine: Machine) -> None:
    """First into a, then into b with a backup, and by hand back to a."""
    first = machine.deploy("good")
    assert first.returncode == 0, first.stdout + first.stderr
    assert (machine.current(), machine.alive()) == ("a", True)
    pid = machine.pid()
    second = machine.deploy("good")
    assert second.returncode == 0, second.stdout + second.stderr
    assert machine.current() == "b"
    assert machine.pid() != pid
    assert "backup: " in second.stdout
    with tarfile.open(next((machine.home / "backups").iterdir())) as tar:
        assert "state/cycles" in tar.getnames()
    back = machine.call("--rollback")
    assert back.returncode == 0, back.stdout + back.stderr
    assert (machine.current(), machine.alive()) == ("a", True)
    said = (machine.prefix / "deploy.log").read_text()
    assert [said.count(word) for word in ("DEPLOYED slot a", "DEPLOYED slot b", "ROLLED BACK to slot a")] == [1, 1, 1]


@pytest.mark.parametrize("how", ["refused", "unbuildable"])
def test_what_fails_its_checks_touches_nothing(how: str, machine: Machine) -> None:
    """The old process itself goes on."""
    assert machine.deploy("good").returncode == 0
    pid = machine.pid()
    done = machine.deploy(how)
    assert done.returncode == 1
    assert "ABORTED" in done.stdout
    assert (machine.current(), machine.pid(), machine.alive()) == ("a", pid, True)


@pytest.mark.parametrize(("how", "why"), [("dies", "ended by itself"), ("newer", "restoring")])
def test_what_does_not_prove_healthy_is_rolled_back(how: str, why: str, machine: Machine) -> None:
    """By itself; also where it has written a state that the old version cannot read."""
    assert machine.deploy("good").returncode == 0
    done = machine.deploy(how)
    assert done.returncode == 1, done.stdout + done.stderr
    assert why in done.stdout
    assert "ROLLED BACK to slot a" in done.stdout
    assert (machine.current(), machine.alive()) == ("a", True)
    assert not (machine.home / "state" / "schema").exists()
    assert (machine.home / "state" / "ran").read_text().strip().endswith("/a")


@pytest.mark.parametrize(
    ("runtime", "code", "why"),
    [
        ({"pid": 7, "cycles": 3}, 0, "3 of 3"),
        ({"pid": 7, "cycles": 2}, 1, "2 of 3"),
        ({"pid": 6, "cycles": 9}, 1, "not finished a cycle"),
        ({"pid": 7, "cycles": 9, "failed_cycles": 1}, 2, "a cycle failed"),
        ({"pid": 7, "cycles": 9, "storage_ok": False}, 2, "storage"),
        ({"pid": 7, "cycles": 9, "differences": ["ETHUSDT 1 against 2"]}, 2, "difference: ETHUSDT"),
        ({"pid": 7, "cycles": 9, "differences": ["BTCUSDT known"]}, 0, "9 of 3"),
    ],
)
def test_what_counts_as_healthy(runtime: dict[str, object], code: int, why: str, tmp_path: Path) -> None:
    """Good cycles of this very process, and no trouble that was not there before."""
    known = tmp_path / "known"
    known.write_text("difference: BTCUSDT known\n")
    spec = importlib.util.spec_from_file_location("health", ROOT / "deploy" / "health.py")
    assert spec is not None
    assert spec.loader is not None
    health = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(health)
    found = health.judge({"running": True, "runtime": runtime}, 7, 3, set(known.read_text().splitlines()))
    assert found[0] == code
    assert why in found[1]


def test_without_a_backup_nothing_is_switched(machine: Machine) -> None:
    """The old version is started again."""
    assert machine.deploy("good").returncode == 0
    (machine.prefix / "a" / "HOW").write_text("full")
    done = machine.deploy("good")
    assert done.returncode == 1
    assert "no backup could be made" in done.stdout
    assert (machine.current(), machine.alive()) == ("a", True)


def test_two_deployments_at_once_are_refused(machine: Machine) -> None:
    """By a lock that the kernel holds."""
    machine.prefix.mkdir()
    with (machine.prefix / ".deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = machine.deploy("good")
    assert done.returncode == 1
    assert "another deploy is under way" in done.stderr


def test_wrong_usage_is_said(machine: Machine) -> None:
    """Exit code 2."""
    assert machine.call("--from", str(machine.folder)).returncode == 2
    assert machine.call("--frob").returncode == 2
    assert machine.call("--rollback").returncode == 1


def test_installing_twice_changes_nothing(machine: Machine) -> None:
    """Under a prefix, without root; the keys' file is private and kept."""
    root = machine.folder / "root"
    builder = machine.folder / "builder.sh"
    builder.write_text('#!/bin/sh\nmkdir -p "$1/.venv/bin"\n')
    builder.chmod(0o755)
    command = ["bash", str(ROOT / "deploy" / "install.sh"), "--prefix", str(root), "--builder", str(builder)]
    tried = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, timeout=60, check=False)
    assert tried.returncode == 0, tried.stderr
    assert not root.exists()
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    keys = root / "etc" / "tradingbot" / "tradingbot.env"
    assert keys.stat().st_mode & 0o777 == 0o600
    keys.write_text("mine")
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 0
    assert keys.read_text() == "mine"
    assert [line for line in again.stdout.splitlines() if line.startswith("+ write")] == []
    assert (root / "opt" / "tradingbot" / "current" / "pyproject.toml").exists()
    assert (root / "var" / "lib" / "tradingbot").stat().st_mode & 0o777 == 0o700


# ---------------------------------------------------------------- with the real daemon: make drill


@pytest.mark.skipif(not DRILL, reason="the long form: make drill")
@pytest.mark.timeout(400)
def test_drill_with_the_real_daemon(machine: Machine) -> None:
    """Good, refused, dying: three deployments of this very program on one home; files and venue agree in the end."""
    machine.builder.write_text(
        f'#!/bin/sh\nset -e\nmkdir -p "$1/.venv/bin"\nexport_path="PYTHONPATH=$1/src"\n'
        f'printf \'#!/bin/sh\\nexport %s\\nexec {sys.executable} "$@"\\n\' "$export_path" >"$1/.venv/bin/python"\n'
        f'printf \'#!/bin/sh\\nexport %s\\n\' "$export_path" >"$1/.venv/bin/tradingbot"\n'
        f'[ -f "$1/DIES" ] && echo \'[ "$1" = run ] && exit 1\' >>"$1/.venv/bin/tradingbot"\n'
        f'printf \'exec {sys.executable} -m tradingbot "$@"\\n\' >>"$1/.venv/bin/tradingbot"\n'
        f'chmod +x "$1/.venv/bin/"*\n'
    )
    versions = {}
    for name in ("good", "broken", "dies"):
        versions[name] = machine.folder / name
        ignored = shutil.ignore_patterns(".git", ".venv", "state", "logs", "feature_store", "__pycache__", "tests")
        shutil.copytree(ROOT, versions[name], ignore=ignored)
    (versions["broken"] / "configs" / "trading_config.json").write_text('{"enginee": 1}')
    (versions["dies"] / "DIES").write_text("")

    def deploy(name: str) -> subprocess.CompletedProcess[str]:
        return machine.call("--from", str(versions[name]), "--options", "--speed 120 --seed 7", "--wait", "90")

    for name, code, slot in (("good", 0, "a"), ("broken", 1, "a"), ("dies", 1, "a"), ("good", 0, "b")):
        done = deploy(name)
        print(done.stdout)
        assert (done.returncode, machine.current(), machine.alive()) == (code, slot, True), done.stdout + done.stderr
    os.kill(machine.pid(), signal.SIGTERM)
    while machine.alive():
        time.sleep(0.1)
    command = [str(machine.prefix / "b" / ".venv" / "bin" / "tradingbot"), "status", "--home", str(machine.home)]
    found = subprocess.run([*command, "--reconcile", "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads(found.stdout)["reconcile"]["agree"]


@pytest.mark.skipif(not DRILL, reason="the long form: make drill")
@pytest.mark.timeout(300)
def test_drill_of_a_backup_while_trading(tmp_path: Path) -> None:
    """Backups of a daemon that trades busily; killed, wiped, restored, started: files and venue agree each time."""
    home = tmp_path / "home"
    environ = {**os.environ, **BUSY}

    def bot(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tradingbot", *arguments, "--home", str(home)]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environ)

    run = [sys.executable, "-m", "tradingbot", "run", "--speed", "240", "--seed", "7", "--home", str(home)]
    for turn in range(4):
        with (tmp_path / "out").open("ab") as out:
            daemon = subprocess.Popen(run, stdout=out, stderr=out, env=environ)
        try:
            wanted = _lines(home / "logs" / "fills.jsonl") + 4
            wait_until("trades", lambda wanted=wanted: _lines(home / "logs" / "fills.jsonl") >= wanted, 60)
            time.sleep(0.37 * turn)
            made = json.loads(bot("backup", "--to", str(tmp_path), "--json").stdout)
        finally:
            daemon.kill()
            daemon.wait()
        assert (made["daemon_running"], made["at_one_moment"]) == (True, True)
        shutil.rmtree(home)
        home.mkdir(mode=0o700)
        back = bot("restore", made["path"], "--confirm", "yes-restore")
        assert back.returncode == 0, back.stderr
        again = bot("run", "--speed", "max", "--cycles", "3", "--seed", "7")
        assert again.returncode == 0, again.stderr
        found = bot("status", "--reconcile", "--json")
        assert found.returncode == 0, found.stdout + found.stderr
        counts = json.loads(found.stdout)["reconcile"]["counts"]
        print(turn, counts)
        assert counts["fills_ours"] >= wanted


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
