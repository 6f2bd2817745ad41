"""What `pause`, `resume` and `flatten` say without an answer, without a daemon, without a terminal."""

from __future__ import annotations

import fcntl
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from tests.support import NOW
from tradingbot.app.cli import cli
from tradingbot.app.operator import OperatorRequest, inbox, waiting
from tradingbot.core.errors import ConfigurationError
from tradingbot.storage.lock import InstanceLock, is_held


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which a daemon has run once; its files are damaged, which must not stop anybody."""
    (tmp_path / "state").mkdir()
    for name in ("instance", "positions_futures", "kill_switches", "trades_futures"):
        (tmp_path / "state" / f"{name}.json").write_text("{}")
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--home", str(home)], standalone_mode=False)


@pytest.mark.parametrize("command", [["pause"], ["resume", "--yes"], ["flatten", "--yes", "--when-started"]])
def test_a_folder_without_a_daemon_is_refused(command: list[str], tmp_path: Path) -> None:
    """Most likely --home is wrong; nothing is left behind there."""
    found = run(tmp_path / "typo", *command)
    assert isinstance(found.exception, ConfigurationError)
    assert "--home" in str(found.exception)
    assert not (tmp_path / "typo").exists()


def test_a_daemon_that_does_not_answer_is_exit_code_one(home: Path) -> None:
    lock = InstanceLock(home)
    lock.acquire(NOW)
    with lock:
        found = run(home, "pause", "--wait", "0.2")
    assert found.exit_code == 1
    assert "has not answered within 0.2 s" in found.output
    (name,) = waiting(home)
    assert str(inbox(home) / name) in found.output


def test_without_a_daemon_the_request_is_left_and_says_so(home: Path) -> None:
    found = run(home, "resume", "--yes", "--switch", "drawdown", "--switch", "win_rate", "--reason", "why", "--json")
    assert found.exit_code == 0
    answer = orjson.loads(found.stdout)
    assert (answer["done"], answer["left"]) == (False, waiting(home)[0])
    request = OperatorRequest.model_validate_json((inbox(home) / answer["left"]).read_bytes())
    assert (request.command, request.reason) == ("resume", "why")
    assert [name.value for name in request.switches] == ["drawdown", "win_rate"]
    assert request.pid > 0


@pytest.mark.parametrize("command", [["resume"], ["flatten", "--when-started"]])
def test_where_there_is_no_terminal_yes_is_needed(command: list[str], home: Path) -> None:
    found = run(home, *command)
    assert isinstance(found.exception, ConfigurationError), found.exception
    assert "--yes" in str(found.exception)
    assert waiting(home) == []


@pytest.mark.parametrize(
    "command", [["resume", "--switch", "moon"], ["resume", "--all", "--switch", "drawdown", "--yes"], ["pause", "now"]]
)
def test_wrong_usage_leaves_nothing(command: list[str], home: Path) -> None:
    found = CliRunner().invoke(cli, [*command, "--home", str(home)])
    assert found.exit_code == 2
    assert waiting(home) == []


def test_a_reason_is_one_plain_line_and_not_endless(home: Path) -> None:
    """Other people's terminals will show it."""
    assert run(home, "pause", "--reason", "two\nlines \x1b[31mred").exit_code == 0
    (name,) = waiting(home)
    assert OperatorRequest.model_validate_json((inbox(home) / name).read_bytes()).reason == "two lines [31mred"
    refused = CliRunner().invoke(cli, ["pause", "--reason", "x" * 501, "--home", str(home)])
    assert (refused.exit_code, len(waiting(home))) == (2, 1)
    assert "at most 500" in refused.output


def test_a_long_user_name_is_cut(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "u" * 300)
    assert run(home, "pause").exit_code == 0


def test_looking_makes_nothing_and_two_that_look_do_not_see_each_other(tmp_path: Path) -> None:
    """`status --reconcile` of a mistyped folder must not turn it into a home."""
    assert isinstance(run(tmp_path / "typo", "status", "--reconcile").exception, ConfigurationError)
    assert not (tmp_path / "typo").exists()
    InstanceLock(tmp_path).path.write_text("{}")
    with InstanceLock(tmp_path).path.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_held(tmp_path)
    assert InstanceLock(tmp_path).path.read_text() == "{}"
