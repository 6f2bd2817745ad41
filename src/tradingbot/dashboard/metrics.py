"""Figures for Prometheus: the newest moment as an exposition, made when it is asked for."""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from math import inf
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from tradingbot.dashboard.metric_rows import MAX_SERIES, PREFIX, Row, View, finite, label
from tradingbot.dashboard.metrics_health import HEALTH, VENUE
from tradingbot.dashboard.metrics_machine import CYCLES, JOBS, MACHINE
from tradingbot.dashboard.metrics_money import MONEY, RISK
from tradingbot.dashboard.moment import Moment
from tradingbot.ports import Clock

ROWS: Final[tuple[Row, ...]] = (*MONEY, *RISK, *HEALTH, *VENUE, *CYCLES, *MACHINE, *JOBS)
DURATION: Final = Row("cycle_duration_seconds", "histogram", "how long good cycles took", lambda _: ())
UNREADABLE: Final = Row(
    "figures_unreadable", "gauge", "figures missing from this page: values not as expected", lambda _: ()
)
BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0)
"""Upper bounds of cycle durations; a cycle is given up after 45 s."""
UNITS: Final = ("seconds", "bytes", "ratio", "usd")
BROKEN: Final = (KeyError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What values raise that are not as expected."""


class Figures(Collector):
    """Takes a moment after each cycle and shows the newest one as Prometheus reads it.

    A clock of the daemon tells the ages at the time of the scrape. Counters begin at 0 with the process, those of
    trades with the first start. Before the first moment there is nothing to show but the histogram. Never raises
    because of what a moment holds; label values are names of ours, never ids, texts or secrets.
    """

    def __init__(self, clock: Clock, program: Mapping[str, str] | None = None) -> None:
        """`program`: ``version`` and ``python``; default: as installed."""
        self._clock = clock
        self._program = {"version": _version(), "python": platform.python_version()} if program is None else program
        self._moment: Moment | None = None
        self._peak_usd: float | None = None
        self._reasons: frozenset[str] = frozenset()
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._timed = ""
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def take(self, moment: Moment) -> None:
        """The newest moment, after every cycle, failed ones too. Cheap: nothing is computed but sums."""
        self._moment = moment
        runtime = moment.runtime
        if len(self._reasons) < MAX_SERIES:
            self._reasons |= {label(name) for name in runtime.entry_blocks}
        equity = finite(runtime.equity_usd)
        if equity is not None:
            self._peak_usd = equity if self._peak_usd is None else max(self._peak_usd, equity)
        duration_s = finite(runtime.last_cycle_ms)
        if runtime.cycle_id and runtime.cycle_id != self._timed and duration_s is not None:
            self._timed = runtime.cycle_id  # a failed cycle leaves id and duration of the good one before it
            self._note(duration_s / 1000)

    def expose(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type: OpenMetrics where the `Accept` header asks for it, else the classic text format."""
        if _wants_openmetrics(accept):
            encode: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest
            return encode(self.registry), openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the registry need not collect while it registers."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """As the registry asks for it."""
        yield self._durations()
        moment = self._moment
        if moment is None:
            return
        view = View(moment, self._clock.now(), self._peak_usd, self._reasons, self._program)
        unreadable = 0
        for row in ROWS:
            try:
                samples = row.samples(view)
            except BROKEN:
                unreadable += 1
                continue
            yield _family(row, samples)
        yield _family(UNREADABLE, {(): float(unreadable)})

    def _note(self, duration_s: float) -> None:
        self._counts[bisect_left(BUCKETS_S, duration_s)] += 1
        self._sum_s += duration_s

    def _durations(self) -> Metric:
        total, buckets = 0, []
        for bound, count in zip((*BUCKETS_S, inf), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == inf else repr(bound), float(total)))
        return HistogramMetricFamily(DURATION.full_name, DURATION.meaning, buckets, self._sum_s, unit="seconds")


def _family(row: Row, samples: Mapping[tuple[str, ...], float]) -> Metric:
    name = f"{PREFIX}{row.name}"
    unit = next((one for one in UNITS if row.name.endswith(f"_{one}")), "")
    family = Metric(name, row.meaning, row.kind, unit)
    for labels, value in samples.items():
        family.add_sample(row.full_name, dict(zip(row.labels, labels, strict=True)), value)
    return family


def _wants_openmetrics(accept: str) -> bool:
    for part in accept.lower().split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        if kind == "application/openmetrics-text" and not any(one in ("q=0", "q=0.0") for one in parameters):
            return True
    return False


def _version() -> str:
    try:
        return version("tradingbot")
    except PackageNotFoundError:
        return ""
