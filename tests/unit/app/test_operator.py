"""The inbox: whole files, served in order, at least once, never before the daemon is ready; bad ones set aside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.fakes import MemoryJournal
from tests.support import NOW
from tradingbot.app.operator import (
    KEPT_ANSWERS,
    STALE,
    OperatorInbox,
    OperatorRequest,
    inbox,
    leave_request,
    outbox,
    take_answer,
    waiting,
    withdraw,
)
from tradingbot.clock import SteppedClock
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.guards.switch_state import SwitchName


class Desk:
    """Notes what it is asked; `fails` makes it raise."""

    def __init__(self) -> None:
        self.orders: list[OperatorOrder] = []
        self.fails: BaseException | None = None

    async def carry_out(self, order: OperatorOrder) -> Answer:
        self.orders.append(order)
        if self.fails is not None:
            raise self.fails
        return Answer(True, "done", ("line",), {"fact": 1})


class Life:
    """One life of the daemon's side."""

    def __init__(self, home: Path) -> None:
        self.clock = SteppedClock(NOW)
        self.desk = Desk()
        self.audit = MemoryJournal()
        self.box = OperatorInbox(home, self.clock, self.desk.carry_out, self.audit)

    @property
    def commands(self) -> list[str]:
        return [order.command for order in self.desk.orders]


def request(command: str = "pause", minutes: int = 0, **changes: object) -> OperatorRequest:
    return OperatorRequest.model_validate({"command": command, "at": NOW + timedelta(minutes=minutes), **changes})


async def test_a_request_is_served_audited_answered_and_gone(tmp_path: Path) -> None:
    asked = request("resume", reason="why", switches=["drawdown"], user="jo", pid=7)
    name = leave_request(tmp_path, asked)
    path = inbox(tmp_path) / name
    assert path.stat().st_mode & 0o777 == 0o600
    assert name.startswith("1767614402000-resume-")
    life = Life(tmp_path)
    await life.box.open()
    assert life.desk.orders == [
        OperatorOrder("resume", "why", "operator jo (pid 7)", (SwitchName.DRAWDOWN,), every=False)
    ]
    (line,) = life.audit.records
    assert {key: line[key] for key in ("at", "command", "reason", "user", "pid", "done", "result")} == {
        "at": NOW,
        "command": "resume",
        "reason": "why",
        "user": "jo",
        "pid": 7,
        "done": True,
        "result": "done",
    }
    assert not path.exists()
    assert (outbox(tmp_path) / name).stat().st_mode & 0o777 == 0o600
    answer = take_answer(tmp_path, name)
    assert answer is not None
    assert (answer["command"], answer["done"], answer["text"], answer["lines"], answer["fact"]) == (
        "resume",
        True,
        "done",
        ["line"],
        1,
    )
    assert take_answer(tmp_path, name) is None


async def test_nothing_is_served_before_the_daemon_is_ready(tmp_path: Path) -> None:
    leave_request(tmp_path, request("flatten"))
    life = Life(tmp_path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(life.box.run())
        await life.clock.sleep(10)
        assert life.commands == []
        await life.box.open()
        assert life.commands == ["flatten"]
        leave_request(tmp_path, request("pause"))
        await life.clock.sleep(1.1)
        assert life.commands == ["flatten", "pause"]
        task.cancel()


async def test_requests_are_served_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    for minutes, command in ((2, "flatten"), (0, "pause"), (1, "resume")):
        leave_request(tmp_path, request(command, minutes))
    life = Life(tmp_path)
    await life.box.open()
    assert life.commands == ["pause", "resume", "flatten"]


@pytest.mark.parametrize("at", ["while it is carried out", "before its audit line", "before its answer"])
async def test_a_kill_at_any_point_before_the_answer_serves_it_again(at: str, tmp_path: Path) -> None:
    name = leave_request(tmp_path, request())
    life = Life(tmp_path)

    async def killed(_: object) -> None:
        raise asyncio.CancelledError

    if at == "while it is carried out":
        life.desk.fails = asyncio.CancelledError()
    elif at == "before its audit line":
        life.audit.commit = killed  # type: ignore[method-assign]
    else:
        outbox(tmp_path).parent.mkdir(exist_ok=True)
        outbox(tmp_path).write_text("a file is in the way")
        life.box._remove = _die  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await life.box.open()
    assert waiting(tmp_path) == [name]
    if outbox(tmp_path).is_file():
        outbox(tmp_path).unlink()
    again = Life(tmp_path)
    await again.box.open()
    assert again.commands == ["pause"]
    assert waiting(tmp_path) == []
    assert take_answer(tmp_path, name) is not None


def _die(_: str) -> None:
    raise asyncio.CancelledError


async def test_a_command_that_fails_is_answered_and_not_repeated(tmp_path: Path) -> None:
    name = leave_request(tmp_path, request())
    life = Life(tmp_path)
    life.desk.fails = ValueError("boom")
    await life.box.open()
    answer = take_answer(tmp_path, name)
    assert answer is not None
    assert (answer["done"], answer["text"]) == (False, "failed: ValueError: boom")
    assert life.audit.records[0]["done"] is False
    assert waiting(tmp_path) == []


async def test_a_full_disk_serves_it_all_the_same_and_once(tmp_path: Path) -> None:
    leave_request(tmp_path, request())
    life = Life(tmp_path)
    life.audit.broken = True
    outbox(tmp_path).write_text("a file is in the way")
    await life.box.open()
    await life.box.open()
    assert life.commands == ["pause"]


BAD: dict[str, Callable[[Path], object]] = {
    "torn": lambda path: path.write_text('{"command": "pau'),
    "empty": lambda path: path.write_text(""),
    "unknown command": lambda path: path.write_text('{"command": "explode", "at": "2026-01-05T00:00:00Z"}'),
    "unknown key": lambda path: path.write_text('{"command": "pause", "at": "2026-01-05T00:00:00Z", "x": 1}'),
    "binary": lambda path: path.write_bytes(b"\xff\x00"),
    "huge": lambda path: path.write_text(" " * 70_000),
    "a folder": lambda path: path.mkdir(),
    "a link to nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_malformed_file_is_set_aside_and_the_rest_is_served(what: str, tmp_path: Path) -> None:
    inbox(tmp_path).mkdir(parents=True)
    BAD[what](inbox(tmp_path) / "0-pause-bad.json")
    name = leave_request(tmp_path, request())
    life = Life(tmp_path)
    await life.box.open()
    await life.box.open()
    assert life.commands == ["pause"]
    assert take_answer(tmp_path, name) is not None
    if what != "a link to nowhere":  # it looks withdrawn
        assert waiting(tmp_path) == []
        assert len(list((inbox(tmp_path) / "quarantine").iterdir())) == 1


async def test_a_request_may_be_withdrawn_until_it_is_served(tmp_path: Path) -> None:
    name = leave_request(tmp_path, request())
    assert withdraw(tmp_path, name)
    assert not withdraw(tmp_path, name)
    life = Life(tmp_path)
    await life.box.open()
    assert life.commands == []


async def test_a_file_that_is_being_written_is_not_looked_at(tmp_path: Path) -> None:
    inbox(tmp_path).mkdir(parents=True)
    (inbox(tmp_path) / ".1-pause-x.json.tmp").write_text("half")
    (inbox(tmp_path) / "notes.txt").write_text("mine")
    assert waiting(tmp_path) == []


async def test_answers_that_nobody_took_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(KEPT_ANSWERS + 3):
        leave_request(tmp_path, request(minutes=number))
    life = Life(tmp_path)
    await life.box.open()
    left = sorted(path.name for path in outbox(tmp_path).glob("*.json"))
    assert len(left) == KEPT_ANSWERS
    assert left[0].startswith(str(1767614402000 + 3 * 60_000))
    assert orjson.loads((outbox(tmp_path) / left[-1]).read_bytes())["done"]


async def test_a_slow_request_keeps_no_other_waiting(tmp_path: Path) -> None:
    """A job may take minutes; a pause is carried out meanwhile. Each gets its answer."""
    life = Life(tmp_path)
    done: list[str] = []

    async def carry_out(order: OperatorOrder) -> Answer:
        await life.clock.sleep(30 if order.command == "run_job" else 0)
        done.append(order.command)
        return Answer(True, "done")

    life.box = OperatorInbox(tmp_path, life.clock, carry_out, life.audit)
    await life.box.open()
    slow = leave_request(tmp_path, request("run_job", job="digest"))
    quick = leave_request(tmp_path, request("pause", 1))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(life.box.run())
        await life.clock.sleep(5)
        assert done == ["pause"]
        assert take_answer(tmp_path, quick) is not None
        await life.clock.sleep(30)
        task.cancel()
    assert done == ["pause", "run_job"]
    assert take_answer(tmp_path, slow) is not None
    assert [line["job"] for line in life.audit.records] == ["", "digest"]


async def test_a_job_that_was_asked_for_while_no_daemon_ran_is_not_run_later(tmp_path: Path) -> None:
    name = leave_request(tmp_path, request("run_job", job="digest"))
    life = Life(tmp_path)
    await life.box.open()
    assert life.commands == []
    answer = take_answer(tmp_path, name)
    assert answer is not None
    assert (answer["done"], answer["text"]) == (False, STALE)
