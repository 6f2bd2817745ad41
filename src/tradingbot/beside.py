"""Work beside the event loop, in a thread or in a process of its own, while a stepped clock stands still.

A thread is for a wait: a file, a lock, a few milliseconds of reading. A process is for what reads and counts for
longer: it neither takes the loop's turns (one interpreter runs one thread at a time), nor leaves its memory behind.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, TypeVar

import orjson

from tradingbot.ports import Clock

T = TypeVar("T")
Work = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Tell = Callable[[Mapping[str, Any], Callable[[bytes], object]], None]
"""Gets a question, and what to write its lines with."""

LIMIT_S: Final = 300.0
"""Longest that a process may take, in real seconds; jobs have shorter deadlines of their own."""
NICENESS: Final = 10
PROGRAM: Final = f"from {__name__} import main; main()"
TELLING: Final = f"from {__name__} import tell; tell()"


class WorkerError(RuntimeError):
    """The work failed in its process, or the process ended without an answer, was killed, or took too long."""


async def in_thread(clock: Clock, work: Callable[..., T], *args: Any) -> T:
    """What `work` returns or raises."""
    with clock.hold():
        return await asyncio.to_thread(work, *args)


async def in_process(clock: Clock, work: Work, asked: Mapping[str, Any], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """What `work`, a function of a module, answers; question and answer go to and fro as JSON.

    The process ends with its answer, and is killed when the wait for it is cancelled. Raises WorkerError, with the
    words of whatever `work` raised.
    """
    question = orjson.dumps({"module": work.__module__, "function": work.__name__, "asked": asked}, default=str)
    with clock.hold():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            async with asyncio.timeout(limit_s):
                answer, _ = await process.communicate(question)
        except TimeoutError:
            raise WorkerError(f"{work.__name__} took longer than {limit_s:g} s in its process") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode or not answer:
        raise WorkerError(f"the process of {work.__name__} ended with {process.returncode} and without an answer")
    told: dict[str, Any] = orjson.loads(answer)
    if "error" in told:
        raise WorkerError(f"{work.__name__}: {told['error']}")
    found: dict[str, Any] = told["found"]
    return found


class Telling:
    """A process that tells line by line, read by a program that has nothing else to do meanwhile: no event loop."""

    def __init__(
        self, work: Callable[[Mapping[str, Any], Callable[[bytes], object]], None], asked: Mapping[str, Any]
    ) -> None:
        """`work`, a function of a module, gets the question and what to write its lines with."""
        question = orjson.dumps({"module": work.__module__, "function": work.__name__, "asked": asked}, default=str)
        self._name = work.__name__
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-c", TELLING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: the first line that does not come will say so
            self._process.stdin.write(question)
            self._process.stdin.close()

    def next_line(self) -> bytes:
        """The next line; waits for it. Raises WorkerError when the process has ended, in its own words."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.startswith(b'{"error"'):
            raise WorkerError(f"{self._name}: {orjson.loads(line)['error']}")
        if not line.endswith(b"\n"):
            raise WorkerError(f"the process of {self._name} ended with {self._process.wait()} and told no more")
        return line

    def close(self) -> None:
        """End the process; what it would still have told is not wanted."""
        self._process.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()


def tell() -> None:
    """The process of `Telling`: one question from standard input, lines to standard output."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", 1 << 16) as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        question = orjson.loads(sys.stdin.buffer.read())
        work = getattr(import_module(question["module"]), question["function"])
        with suppress(BrokenPipeError):
            try:
                work(question["asked"], out.write)
            except Exception as error:  # noqa: BLE001 - told to the one who asked
                out.write(orjson.dumps({"error": f"{type(error).__name__}: {error}"}) + b"\n")
            out.flush()


def main() -> None:
    """The process: one question from standard input, what came of it to standard output."""
    os.nice(NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is no part of the answer
        answer = _answered(orjson.loads(sys.stdin.buffer.read()))
        with suppress(BrokenPipeError):  # nobody waits any longer
            out.write(orjson.dumps(answer, default=str))
            out.flush()


def _answered(question: Mapping[str, Any]) -> dict[str, Any]:
    work: Work = getattr(import_module(question["module"]), question["function"])
    try:
        return {"found": work(question["asked"])}
    except Exception as error:  # noqa: BLE001 - told to the one who asked
        return {"error": f"{type(error).__name__}: {error}"}
