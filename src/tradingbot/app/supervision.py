"""Tasks that can be begun anew without the rest of the process noticing (SPEC 13.2)."""

from __future__ import annotations

import asyncio

import structlog

from tradingbot.app.runtime import Work

log = structlog.get_logger(__name__)


class Restartable:
    """One long task. Its own failure ends it as ever; `restart` cancels it and begins it again.

    `restarts` counts. `letting_go` is true while the cancelled work has not ended yet.
    """

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self.restarts = 0
        self.letting_go = False
        self._work = work
        self._again = asyncio.Event()

    def restart(self) -> bool:
        """Ask for it; False while an earlier restart still waits for the old work to let go."""
        if self.letting_go or self._again.is_set():
            return False
        self._again.set()
        return True

    async def run(self) -> None:
        """Run the work until it ends by itself or this is cancelled. Raises what the work raises."""
        while await self._one_life():
            self.restarts += 1
            log.warning("subsystem.restarted", subsystem=self.name, restarts=self.restarts)

    async def _one_life(self) -> bool:
        """True when the work is to be begun anew."""
        self._again.clear()
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._plain(), name=f"{self.name}-work")
            asked = group.create_task(self._asked(), name=f"{self.name}-restart")
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
            self.letting_go = not work.done()
            work.cancel()
            asked.cancel()
        self.letting_go = False
        return self._again.is_set()

    async def _plain(self) -> None:
        await self._work()

    async def _asked(self) -> None:
        await self._again.wait()
