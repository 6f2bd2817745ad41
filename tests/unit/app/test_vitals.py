"""The process's own vitals."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator

import pytest

from tradingbot.app.heap import calm_garbage_collector, give_memory_back, heap_figures
from tradingbot.app.vitals import LoopLag, rss_mb


@pytest.fixture
def _own_collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("_own_collector")
def test_what_was_there_at_the_start_is_not_walked_again_and_circles_are_freed() -> None:
    kept = [{"number": [number]} for number in range(10_000)]
    calm_garbage_collector()
    assert gc.get_freeze_count() >= len(kept)
    frozen = gc.get_freeze_count()
    for _ in range(500):
        circle: list[object] = []
        circle.append(circle)
    assert gc.collect() >= 499
    assert gc.get_freeze_count() == frozen


async def test_a_stall_of_our_own_work_is_seen() -> None:
    """Fifty milliseconds of computing in one call is more than the limit."""
    lag = LoopLag(interval_s=0.001)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(lag.watch())
        await asyncio.sleep(0.01)  # noqa: TID251 - the loop itself is under test
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0.01)  # noqa: TID251
        watch.cancel()
    assert lag.max_ms > 20
    assert lag.p99_ms() > 0


def test_memory_is_told() -> None:
    """A Python process holds more than a few megabytes."""
    assert rss_mb() > 5


def test_what_grows_can_be_told() -> None:
    """Objects count as blocks; a table counts as memory of the C library where that tells at all."""
    before = heap_figures()
    kept = [float(number) for number in range(100_000)]
    table = bytearray(20_000_000)
    after = heap_figures()
    assert after.python_blocks >= before.python_blocks + len(kept) - 1_000  # some had room already
    if before.used_mb is not None and after.used_mb is not None and after.held_mb is not None:
        assert after.used_mb >= before.used_mb + len(table) / 1e6
        assert after.held_mb >= after.used_mb


def test_holes_between_what_lives_are_given_back() -> None:
    """Every second block of a heap is freed: its pages stay with the process until they are given back."""
    blocks = [bytearray(64_000) for _ in range(2_000)]
    del blocks[1::2]
    full_mb = rss_mb()
    give_memory_back()
    assert len(blocks) == 1_000
    assert rss_mb() < full_mb - 30
