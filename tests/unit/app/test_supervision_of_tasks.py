"""A task that is begun anew: on request, once at a time; its own failure is still its own."""

from __future__ import annotations

import asyncio

import pytest

from tradingbot.app.supervision import Restartable
from tradingbot.clock import SystemClock


class Work:
    """Counts its lives; each waits until it is cancelled, or does what it is told."""

    def __init__(self) -> None:
        self.lives = 0
        self.ended = 0
        self.fail = False
        self.hold = asyncio.Event()
        self.hold.set()

    async def run(self) -> None:
        self.lives += 1
        if self.fail:
            raise RuntimeError("own fault")
        try:
            await asyncio.Event().wait()
        finally:
            await self.hold.wait()
            self.ended += 1


async def settled() -> None:
    for _ in range(10):
        await SystemClock().sleep(0)


async def test_a_restart_ends_the_old_life_and_begins_a_new_one() -> None:
    work = Work()
    task = Restartable("venue", work.run)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(task.run())
        await settled()
        assert task.restart()
        await settled()
        assert (work.lives, work.ended, task.restarts) == (2, 1, 1)
        running.cancel()
    assert work.ended == 2


async def test_while_the_old_life_does_not_let_go_nothing_else_is_begun() -> None:
    work = Work()
    task = Restartable("venue", work.run)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(task.run())
        await settled()
        work.hold.clear()
        assert task.restart()
        await settled()
        assert task.letting_go
        assert not task.restart()
        assert work.lives == 1
        work.hold.set()
        await settled()
        assert work.lives == 2
        running.cancel()


async def test_its_own_failure_and_its_own_end_are_not_mended() -> None:
    work = Work()
    work.fail = True
    with pytest.RaisesGroup(RuntimeError):
        await Restartable("venue", work.run).run()
    assert work.lives == 1

    async def short() -> None:
        work.lives += 1

    await Restartable("short", short).run()
    assert work.lives == 2
