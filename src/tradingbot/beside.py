"""Work beside the event loop, in a thread or in a process of its own, while a stepped clock stands still.

A thread is for a wait: a file, a lock, a few milliseconds of reading. A process is for what reads and counts for
longer: it neither takes the loop's turns (one interpreter runs one thread at a time), nor leaves its memory behind.

What a process is asked and answers goes through two unnamed pipes between it and the daemon, pickled: no file and no
peer can put anything there.
"""

from __future__ import annotations

import asyncio
import os
import pickle  # noqa: TID251 - between the daemon and its own process, see above
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from tradingbot.ports import Clock

T = TypeVar("T")

LIMIT_S: Final = 300.0
"""Longest that a process may take, in real seconds; jobs have shorter deadlines of their own."""
NICENESS: Final = 10
PROGRAM: Final = f"from {__name__} import main; main()"


class WorkerError(RuntimeError):
    """The process ended without an answer, was killed, or took too long."""


async def in_thread(clock: Clock, work: Callable[..., T], *args: Any) -> T:
    """What `work` returns or raises."""
    with clock.hold():
        return await asyncio.to_thread(work, *args)


async def in_process(clock: Clock, work: Callable[..., T], *args: Any, limit_s: float = LIMIT_S) -> T:
    """What `work` returns or raises: a function of a module, its arguments and answer small enough to be sent.

    The process ends with its answer, and is killed when the wait for it is cancelled. Raises WorkerError.
    """
    with clock.hold():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            async with asyncio.timeout(limit_s):
                answer, _ = await process.communicate(pickle.dumps((work, args)))
        except TimeoutError:
            raise WorkerError(f"{work.__name__} took longer than {limit_s:g} s in its process") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode or not answer:
        raise WorkerError(f"the process of {work.__name__} ended with {process.returncode} and without an answer")
    returned, value = pickle.loads(answer)  # noqa: S301 - written by ourselves
    if not returned:
        raise value
    found: T = value
    return found


def main() -> None:
    """The process: one function and its arguments from standard input, what came of it to standard output."""
    os.nice(NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is no part of the answer
        work, args = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by ourselves
        try:
            answer = (True, work(*args))
        except Exception as error:  # noqa: BLE001 - raised again where it was asked for
            answer = (False, _sendable(error))
        with suppress(BrokenPipeError):  # nobody waits any longer
            out.write(pickle.dumps(answer))
            out.flush()


def _sendable(error: Exception) -> Exception:
    """An error that can be read again at the other end; else its words."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - written by ourselves
    except Exception:  # noqa: BLE001 - whatever its parts raise
        return WorkerError(f"{type(error).__name__}: {error}")
    return error
