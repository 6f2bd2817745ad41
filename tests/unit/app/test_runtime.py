"""The staged stop: what hangs is named and left behind, what dies ends the process in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tests.support import NOW
from tradingbot.app.runtime import CycleLoop, Runtime, StopStage
from tradingbot.clock import SteppedClock
from tradingbot.engine.params import EngineParams


@dataclass
class Rig:
    """A runtime of fakes. `released` lets everything that ignores its end go, so that the test itself can end."""

    cycle: Callable[[], Awaitable[None]]
    tasks: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    stages: list[StopStage] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    wanted: int | None = None

    def __post_init__(self) -> None:
        self.released = asyncio.Event()
        self.failures: list[str] = []
        clock = SteppedClock(NOW)
        self.loop = CycleLoop(self._cycle, clock, EngineParams(), self._after, self.wanted, self._stop)
        stages = [*self.stages, StopStage("state files", 1.0, self._flush)]
        self.runtime = Runtime(self.tasks, self.loop, stages, self._abandon, task_end_s=0.05)

    async def _cycle(self):
        await self.cycle()

    async def _after(self, report, failure: str) -> None:
        self.failures.append(failure)

    def _stop(self, why: str) -> None:
        self.runtime.request_stop(why)

    async def _flush(self) -> None:
        self.done.append("flushed")

    def _abandon(self, names) -> None:
        self.abandoned += names
        self.released.set()

    async def stubborn(self) -> None:
        """Ignores every cancellation until released."""
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue


async def nothing() -> None:
    return


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_run_of_wanted_cycles_ends_flushed_and_clean() -> None:
    rig = Rig(nothing, {"venue": forever}, wanted=3)
    await rig.runtime.run(nothing)
    assert (rig.loop.count, rig.done, rig.runtime.laggards, rig.abandoned) == (3, ["flushed"], [], [])
    assert rig.runtime.stop_reason == "the wanted number of cycles is done"


async def test_a_job_that_ignores_its_end_is_named_and_left_behind_after_the_flush() -> None:
    rig: Rig = Rig(nothing, {"scheduler": lambda: rig.stubborn()}, wanted=1)
    await rig.runtime.run(nothing)
    assert rig.done == ["flushed"]
    assert rig.runtime.laggards == ["scheduler"]
    assert rig.abandoned == ["scheduler"]


async def test_a_stage_that_hangs_is_named_and_later_stages_still_run() -> None:
    rig = Rig(nothing, stages=[StopStage("venue connections", 0.02, forever)], wanted=1)
    await rig.runtime.run(nothing)
    assert rig.runtime.laggards == ["venue connections"]
    assert rig.done == ["flushed"]
    assert rig.abandoned == [], "it could be cancelled"


async def test_a_stage_that_fails_does_not_keep_the_next_from_running() -> None:
    async def broken() -> None:
        raise OSError("no route")

    rig = Rig(nothing, stages=[StopStage("venue connections", 1.0, broken)], wanted=1)
    await rig.runtime.run(nothing)
    assert (rig.done, rig.runtime.failed_stages) == (["flushed"], ["venue connections"])


async def test_a_core_task_that_dies_ends_the_process_with_everything_flushed() -> None:
    async def dies() -> None:
        raise RuntimeError("socket layer broke")

    rig = Rig(nothing, {"venue": dies, "other": forever})
    with pytest.raises(BaseExceptionGroup) as caught:
        await rig.runtime.run(nothing)
    assert "socket layer broke" in str(caught.value.exceptions[0])
    assert rig.done == ["flushed"]
    assert rig.runtime.stop_reason == "task venue died: RuntimeError: socket layer broke"


async def test_a_failed_start_runs_no_cycle_and_flushes() -> None:
    async def refused() -> None:
        raise RuntimeError("the venue contradicts")

    rig = Rig(nothing, {"venue": forever})
    with pytest.raises(BaseExceptionGroup):
        await rig.runtime.run(refused)
    assert (rig.loop.count, rig.done) == (0, ["flushed"])


async def test_a_stop_during_the_start_is_obeyed_at_once() -> None:
    rig = Rig(nothing)

    async def slow_start() -> None:
        rig.runtime.request_stop("signal SIGTERM")
        await asyncio.Event().wait()

    await rig.runtime.run(slow_start)
    assert (rig.loop.count, rig.done, rig.runtime.laggards) == (0, ["flushed"], [])


async def test_a_running_cycle_is_let_finish() -> None:
    finished: list[bool] = []

    async def cycle() -> None:
        rig.runtime.request_stop("signal SIGTERM")
        for _ in range(5):
            await asyncio.sleep(0)  # noqa: TID251 - turns of the loop, no time
        finished.append(rig.loop.stopping)

    rig = Rig(cycle)
    await rig.runtime.run(nothing)
    assert finished == [True], "it ended by itself and knew that no new entries are wanted"
    assert rig.loop.count == 1


async def test_a_hanging_cycle_is_named_and_does_not_prevent_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradingbot.app.runtime.CYCLE_END_S", 0.02)

    async def cycle() -> None:
        rig.runtime.request_stop("signal SIGTERM")
        await rig.stubborn()

    rig = Rig(cycle)
    await rig.runtime.run(nothing)
    assert rig.runtime.laggards == ["running cycle", "cycle"]
    assert rig.abandoned == ["cycle"]
    assert rig.done == ["flushed"]


async def test_a_cycle_that_overruns_or_fails_is_counted_and_the_next_one_runs() -> None:
    turns: list[int] = []

    async def cycle() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            await asyncio.Event().wait()
        if len(turns) == 2:
            raise ValueError("a defect")

    rig = Rig(cycle, wanted=3)
    await rig.runtime.run(nothing)
    assert rig.failures == ["overran its deadline of 45 s", "ValueError: a defect", ""]
    assert (rig.loop.failed, rig.loop.failed_in_a_row) == (2, 0)
