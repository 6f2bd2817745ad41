"""Work in a process of its own: real processes, killed ones among them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import NOW
from tradingbot.beside import NICENESS, Telling, WorkerError, in_process, in_thread
from tradingbot.clock import SteppedClock, SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import parse_utc


def described(asked: Mapping[str, Any]) -> dict[str, Any]:
    print("this is no part of the answer")
    return {**asked, "next": asked["number"] + 1, "process": os.getpid(), "nice": os.nice(0)}


def failing(asked: Mapping[str, Any]) -> dict[str, Any]:
    raise ConfigurationError(asked["text"])


def dying(_: Mapping[str, Any]) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def sleeping(asked: Mapping[str, Any]) -> dict[str, Any]:
    Path(asked["into"]).write_text(str(os.getpid()))
    time.sleep(60)
    return {}


async def test_a_function_answers_from_another_process_and_time_stands_still(tmp_path: Path) -> None:
    clock = SteppedClock(NOW)
    answer = await in_process(clock, described, {"folder": tmp_path, "number": 4, "at": NOW})
    assert answer["folder"] == str(tmp_path)
    assert parse_utc(answer["at"]) == NOW
    assert answer["next"] == 5
    assert answer["process"] != os.getpid()
    assert answer["nice"] == min(os.nice(0) + NICENESS, 19)
    assert clock.now() == NOW
    assert await in_thread(clock, os.getpid) == os.getpid()


async def test_errors_come_back_with_their_words() -> None:
    with pytest.raises(WorkerError, match="failing: ConfigurationError: no such symbol"):
        await in_process(SystemClock(), failing, {"text": "no such symbol"})
    with pytest.raises(WorkerError, match="ended with -9"):
        await in_process(SystemClock(), dying, {})


@pytest.mark.parametrize("cancelled", [True, False])
async def test_nobody_outlives_the_wait_for_it(cancelled: bool, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    wait = asyncio.create_task(in_process(SystemClock(), sleeping, {"into": told}, limit_s=60 if cancelled else 3))
    while cancelled and not (told.exists() and told.read_text()):
        await asyncio.sleep(0.05)
    if cancelled:
        wait.cancel()
    with pytest.raises(asyncio.CancelledError if cancelled else WorkerError):
        await wait
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


# ---------------------------------------------------------------- line by line


def telling(asked: Mapping[str, Any], write: Callable[[bytes], object]) -> None:
    print("this is no line")
    for number in range(asked["lines"]):
        write(f"{number}\n".encode())
    if asked.get("text"):
        raise ConfigurationError(asked["text"])


def telling_and_dying(_: Mapping[str, Any], write: Callable[[bytes], object]) -> None:
    write(b"a line that nobody sees\n")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.process
def test_lines_come_in_order_and_then_no_more() -> None:
    beside = Telling(telling, {"lines": 3})
    assert [beside.next_line() for _ in range(3)] == [b"0\n", b"1\n", b"2\n"]
    with pytest.raises(WorkerError, match="ended with 0 and told no more"):
        beside.next_line()
    beside.close()


@pytest.mark.process
def test_what_it_raised_comes_after_its_lines() -> None:
    beside = Telling(telling, {"lines": 1, "text": "no such thing"})
    assert beside.next_line() == b"0\n"
    with pytest.raises(WorkerError, match="telling: ConfigurationError: no such thing"):
        beside.next_line()
    beside.close()


@pytest.mark.process
def test_a_killed_one_is_told_and_one_that_has_more_to_say_is_ended() -> None:
    beside = Telling(telling_and_dying, {})
    with pytest.raises(WorkerError, match="ended with -9"):
        beside.next_line()
    beside.close()
    endless = Telling(telling, {"lines": 10**9})
    assert endless.next_line() == b"0\n"
    endless.close()
    assert endless._process.returncode == -signal.SIGKILL
