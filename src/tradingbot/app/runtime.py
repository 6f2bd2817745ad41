"""The process: one task group, signals, the cycle loop, and a stop in stages with deadlines (DESIGN: the process)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from tradingbot.app.systemd import notify
from tradingbot.engine.bot_cycle import CycleReport
from tradingbot.engine.params import EngineParams
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

CYCLE_END_S = 15.0
TASK_END_S = 5.0
LAST_CHANCE_S = 1.0
"""Real seconds of the stop: for the running cycle, for tasks to end, for a cancelled stage to let go."""

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class StopStage:
    """One stage of the stop: what is done and how long (real seconds) it may take."""

    name: str
    deadline_s: float
    run: Work


class CycleLoop:
    """Runs a cycle at once, then one per interval, until told to stop or the wanted number is done."""

    def __init__(
        self,
        run_once: Callable[[], Awaitable[CycleReport]],
        clock: Clock,
        params: EngineParams,
        after: Callable[[CycleReport | None, str], Awaitable[None]],
        wanted: int | None,
        stop: Callable[[str], None],
    ) -> None:
        self._run_once = run_once
        self._clock = clock
        self._params = params
        self._after = after
        self._wanted = wanted
        self._stop = stop
        self.stopping = False
        self.count = 0
        self.failed = 0
        self.failed_in_a_row = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def run(self) -> None:
        """Cycle until stopped."""
        while not self.stopping:
            self.idle.clear()
            await self._one()
            self.idle.set()
            if self._wanted is not None and self.count >= self._wanted:
                self._stop("the wanted number of cycles is done")
                return
            await self._clock.sleep_until(self.next_start())

    async def _one(self) -> None:
        report, failure = None, ""
        try:
            async with self._clock.timeout(self._params.cycle_deadline_s):
                report = await self._run_once()
        except TimeoutError:
            failure = f"overran its deadline of {self._params.cycle_deadline_s:g} s"
            log.error("cycle.overran", deadline_s=self._params.cycle_deadline_s)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            log.error("cycle.failed", error=failure, exc_info=error)
        self.count += 1
        self.failed += 1 if failure else 0
        self.failed_in_a_row = self.failed_in_a_row + 1 if failure else 0
        await self._after(report, failure)
        if not failure:
            notify("WATCHDOG=1")

    def next_start(self) -> datetime:
        """The next multiple of the interval plus the offset; intervals that were overrun are skipped."""
        period_s, offset_s = self._params.cycle_s, self._params.cycle_offset_s
        now_s = self._clock.now().timestamp()
        slot = int((now_s - offset_s) // period_s) + 1
        return datetime.fromtimestamp(slot * period_s + offset_s, UTC) + timedelta(0)


class Runtime:
    """Owns every task of the process."""

    def __init__(
        self,
        tasks: Mapping[str, Work],
        loop: CycleLoop,
        stages: Sequence[StopStage],
        abandon: Callable[[Sequence[str]], None] | None = None,
        task_end_s: float = TASK_END_S,
    ) -> None:
        self._works = dict(tasks)
        self._loop = loop
        self._stages = list(stages)
        self._stop = asyncio.Event()
        self.stop_reason = ""
        self.laggards: list[str] = []
        self.failed_stages: list[str] = []
        self._abandon = abandon or _leave
        self._task_end_s = task_end_s
        self._died: list[BaseException] = []
        self._ready = False

    def request_stop(self, why: str) -> None:
        """Begin the staged stop; the first reason counts."""
        if not self._stop.is_set():
            self.stop_reason = why
            log.info("stop.requested", why=why)
            self._stop.set()

    async def run(self, before_first_cycle: Work) -> None:
        """Run until a stop is requested, then stop in stages. What killed a core task is raised after all stages.

        `before_first_cycle` runs with the streams already alive; if it fails, or a stop is asked for meanwhile, no
        cycle ever starts. A task that ignores its end is named as a laggard and left behind with the process.
        """
        self._listen_for_signals()
        async with asyncio.TaskGroup() as group:
            works = {**self._works, "cycle": lambda: self._first_then_cycle(before_first_cycle)}
            tasks = {name: group.create_task(self._guarded(name, work), name=name) for name, work in works.items()}
            try:
                await self._stop.wait()
            finally:
                notify("STOPPING=1")
                left = await self._end(group, tasks)
            if left:
                self._abandon(left)
        if self._died:
            raise BaseExceptionGroup("a core task died", self._died)

    async def _first_then_cycle(self, before_first_cycle: Work) -> None:
        await before_first_cycle()
        self._ready = True
        notify("READY=1")
        await self._loop.run()

    async def _guarded(self, name: str, work: Work) -> None:
        """A core task must not end by an error of its own: the process stops in order then, and says why."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - kept, and raised when everything is flushed
            self._died.append(error)
            self.request_stop(f"task {name} died: {type(error).__name__}: {error}")

    async def _end(self, group: asyncio.TaskGroup, tasks: Mapping[str, asyncio.Task[None]]) -> list[str]:
        """All stages; the names of tasks that still run."""
        self._loop.stopping = True
        if self._ready:
            # No new entries; the running cycle ends by itself, between actions.
            await self._stage(group, StopStage("running cycle", CYCLE_END_S, lambda: _until(self._loop.idle)))
        left = await self._cancelled(tasks)
        stages = [await self._stage(group, stage) for stage in self._stages]
        left += [name for name in stages if name]
        if self.laggards:
            log.error("stop.overran", laggards=self.laggards)
        return [name for name in left if name not in tasks or not tasks[name].done()]

    async def _cancelled(self, tasks: Mapping[str, asyncio.Task[None]]) -> list[str]:
        for task in tasks.values():
            task.cancel()
        await asyncio.wait(tasks.values(), timeout=self._task_end_s)
        late = [name for name, task in tasks.items() if not task.done()]
        if late:
            self.laggards += late
            log.error("stop.tasks_overran", tasks=late, deadline_s=self._task_end_s)
        return late

    async def _stage(self, group: asyncio.TaskGroup, stage: StopStage) -> str:
        """Run one stage; its name when it would not even be cancelled."""
        task = group.create_task(self._careful(stage), name=f"stop-{stage.name}")
        await asyncio.wait([task], timeout=stage.deadline_s)
        if task.done():
            return ""
        self.laggards.append(stage.name)
        log.error("stop.stage_overran", stage=stage.name, deadline_s=stage.deadline_s)
        task.cancel()
        await asyncio.wait([task], timeout=LAST_CHANCE_S)
        return "" if task.done() else stage.name

    async def _careful(self, stage: StopStage) -> None:
        try:
            await stage.run()
        except Exception as error:  # noqa: BLE001 - every later stage must still run
            self.failed_stages.append(stage.name)
            log.error("stop.stage_failed", stage=stage.name, error=f"{type(error).__name__}: {error}")

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop, f"signal {signal.Signals(number).name}")


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def _leave(laggards: Sequence[str]) -> None:
    """End the process although tasks still run: everything is flushed, and nothing more may happen."""
    log.critical("stop.abandoned", laggards=list(laggards))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
