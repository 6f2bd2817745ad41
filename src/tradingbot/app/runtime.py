"""The process: one task group, signals, the cycle loop, and a stop in stages with deadlines (DESIGN: the process)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from tradingbot.app.systemd import notify
from tradingbot.engine.bot_cycle import CycleReport
from tradingbot.engine.params import EngineParams
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

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

    async def run(self) -> None:
        """Cycle until stopped."""
        while not self.stopping:
            self.idle.clear()
            await self._one()
            self.idle.set()
            if self._wanted is not None and self.count >= self._wanted:
                self._stop("the wanted number of cycles is done")
                return
            await self._clock.sleep_until(self._next_start())

    async def _one(self) -> None:
        report, failure = None, ""
        try:
            async with self._clock.timeout(self._params.cycle_deadline_s):
                report = await self._run_once()
        except TimeoutError:
            failure = f"overran its deadline of {self._params.cycle_deadline_s:g} s"
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            log.error("cycle.failed", error=failure, exc_info=error)
        self.count += 1
        self.failed += 1 if failure else 0
        self.failed_in_a_row = self.failed_in_a_row + 1 if failure else 0
        await self._after(report, failure)
        if not failure:
            notify("WATCHDOG=1")

    def _next_start(self) -> datetime:
        """The next multiple of the interval plus the offset; intervals that were overrun are skipped."""
        period_s, offset_s = self._params.cycle_s, self._params.cycle_offset_s
        now_s = self._clock.now().timestamp()
        slot = int((now_s - offset_s) // period_s) + 1
        return datetime.fromtimestamp(slot * period_s + offset_s, UTC) + timedelta(0)


class Runtime:
    """Owns every task of the process."""

    def __init__(self, tasks: Mapping[str, Work], loop: CycleLoop, stages: Sequence[StopStage]) -> None:
        self._works = dict(tasks)
        self._loop = loop
        self._stages = list(stages)
        self._stop = asyncio.Event()
        self.stop_reason = ""
        self.laggards: list[str] = []

    def request_stop(self, why: str) -> None:
        """Begin the staged stop; the first reason counts."""
        if not self._stop.is_set():
            self.stop_reason = why
            log.info("stop.requested", why=why)
            self._stop.set()

    async def run(self, before_first_cycle: Work) -> None:
        """Run until a stop is requested, then stop in stages. A core task that dies raises its error here.

        `before_first_cycle` runs with the streams already alive; if it fails, no cycle ever starts.
        """
        self._listen_for_signals()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_as_coroutine(work), name=name) for name, work in self._works.items()]
                await before_first_cycle()
                cycle = group.create_task(self._loop.run(), name="cycle")
                notify("READY=1")
                await self._stop.wait()
                notify("STOPPING=1")
                await self._end_cycle(cycle)
                await self._stage(StopStage("jobs and streams", 5.0, lambda: _cancel(tasks)))
        finally:
            for stage in self._stages:
                await self._stage(stage)
            if self.laggards:
                log.error("stop.overran", laggards=self.laggards)

    async def _end_cycle(self, cycle: asyncio.Task[None]) -> None:
        """No new entries; the running cycle ends by itself, between actions."""
        self._loop.stopping = True
        await self._stage(StopStage("running cycle", 15.0, lambda: _until(self._loop.idle)))
        await _cancel([cycle])

    async def _stage(self, stage: StopStage) -> None:
        try:
            async with asyncio.timeout(stage.deadline_s):
                await stage.run()
        except TimeoutError:
            self.laggards.append(stage.name)
            log.error("stop.stage_overran", stage=stage.name, deadline_s=stage.deadline_s)
        except Exception as error:  # noqa: BLE001 - every later stage must still run
            log.error("stop.stage_failed", stage=stage.name, error=f"{type(error).__name__}: {error}")

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop, f"signal {signal.Signals(number).name}")


async def _as_coroutine(work: Work) -> None:
    await work()


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
