"""Work in a process of its own: real processes, killed ones among them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support import NOW
from tradingbot.beside import NICENESS, WorkerError, in_process, in_thread
from tradingbot.clock import SteppedClock, SystemClock
from tradingbot.core.errors import ConfigurationError


def described(folder: Path, number: int) -> dict[str, object]:
    print("this is no part of the answer")
    return {"folder": folder, "next": number + 1, "process": os.getpid(), "nice": os.nice(0)}


def failing(text: str) -> None:
    raise ConfigurationError(text)


class Odd(Exception):
    """Cannot be made again from what it keeps."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def failing_oddly() -> None:
    raise Odd(1, 2)


def dying() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeping(into: Path) -> None:
    into.write_text(str(os.getpid()))
    time.sleep(60)


async def test_a_function_answers_from_another_process_and_time_stands_still(tmp_path: Path) -> None:
    clock = SteppedClock(NOW)
    answer = await in_process(clock, described, tmp_path, 4)
    assert answer["folder"] == tmp_path
    assert answer["next"] == 5
    assert answer["process"] != os.getpid()
    assert answer["nice"] == min(os.nice(0) + NICENESS, 19)
    assert clock.now() == NOW
    assert await in_thread(clock, os.getpid) == os.getpid()


async def test_errors_come_back_as_they_were_or_as_their_words() -> None:
    with pytest.raises(ConfigurationError, match="no such symbol"):
        await in_process(SystemClock(), failing, "no such symbol")
    with pytest.raises(WorkerError, match="Odd: 1 and 2"):
        await in_process(SystemClock(), failing_oddly)
    with pytest.raises(WorkerError, match="ended with -9"):
        await in_process(SystemClock(), dying)


@pytest.mark.parametrize("cancelled", [True, False])
async def test_nobody_outlives_the_wait_for_it(cancelled: bool, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    wait = asyncio.create_task(in_process(SystemClock(), sleeping, told, limit_s=60 if cancelled else 3))
    while cancelled and not (told.exists() and told.read_text()):
        await asyncio.sleep(0.05)
    if cancelled:
        wait.cancel()
    with pytest.raises(asyncio.CancelledError if cancelled else WorkerError):
        await wait
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
