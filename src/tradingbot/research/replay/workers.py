"""A span replayed in several processes: each takes a part of the time, and the results are added up."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

from tradingbot.research.replay.replay import Replay, ReplayResult, Span, Told

LOOK_S: Final = 0.3
"""Real seconds between two looks at how far the processes are."""
_MOMENT: Final = timedelta(microseconds=1)
_shown: list[Any] = []
"""In a worker: the counters that its parent reads."""


def replayed(span: Span, version: str, workers: int, told: Told | None = None) -> ReplayResult:
    """What came of a span. With a limit, or one worker, in this process."""
    if workers <= 1 or span.limit is not None:
        return Replay(span, version, told).run()
    context = multiprocessing.get_context("spawn")
    counters = context.Array("q", 2 * workers)
    with ProcessPoolExecutor(workers, context, _begin, (counters,)) as pool:
        jobs = [pool.submit(_part, part, version, place) for place, part in enumerate(parts_of(span, workers))]
        _watch(jobs, counters, told)
        results = [job.result() for job in jobs]
    whole = results[0]
    for one in results[1:]:
        whole.add(one)
    return whole


def parts_of(span: Span, count: int) -> list[Span]:
    """The span in as many pieces of the same length; no moment is in two."""
    step = (span.until - span.since) / count
    edges = [span.since + step * place for place in range(count)] + [span.until + _MOMENT]
    return [replace(span, since=since, until=until - _MOMENT) for since, until in pairwise(edges)]


def _watch(jobs: Sequence[Future[ReplayResult]], counters: Any, told: Told | None) -> None:
    left = set(jobs)
    while left:
        left = wait(left, timeout=LOOK_S).not_done
        if told is not None:
            told(sum(counters[0::2]), sum(counters[1::2]))


def _begin(counters: Any) -> None:
    _shown[:] = [counters]


def _part(span: Span, version: str, place: int) -> ReplayResult:
    def told(done: int, of: int) -> None:
        counters = _shown[0]
        counters[2 * place], counters[2 * place + 1] = done, of

    return Replay(span, version, told).run()
