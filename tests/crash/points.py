"""Which crash points there are (a discovery life says), and a kill at each of them."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.crash.lane import Lane
from tests.crash.places import DOCUMENT_PLACES, JOURNAL_PLACES
from tests.crash.processes import wait_until

PHASES: Final = ("first start", "start", "trading", "stop")
TRADING_S: Final = 10.0
_SAME_AS_NEXT: Final = re.compile(r"\.(open|write|truncate|fsync|recycle|shift|link)\.after$")
"""In the life of a document the step after it begins with the disk in the same state."""
MONEY: Final = ("positions", "trades", "kill_switches", "instance", "runtime", "intents", "fills", "nonce")
"""Files on which orders and money rest: every step is killed."""
_ENOUGH: Final = re.compile(r"\.(write\.torn|shift\.before|replace\.(before|after)|fsync\.before)$")
"""Of all other files, which share the same code, these steps."""


@dataclass
class Reached:
    """How often each point was reached in each phase of the discovery lives."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, phase: str, counts: Mapping[str, int]) -> None:
        """Add one life's phase."""
        for point, count in counts.items():
            self.counts.setdefault(point, {})[phase] = count

    def points(self, glob: str, every: bool) -> list[str]:
        """Points by name; without `every` those that equal the next one are left out."""
        found = [point for point in sorted(self.counts) if any(fnmatch(point, one) for one in glob.split(","))]
        return found if every else [point for point in found if not _is_repeated(point)]


def _is_repeated(point: str) -> bool:
    place = point.split(".")[0]
    if place in DOCUMENT_PLACES and _SAME_AS_NEXT.search(point):
        return True
    return place in {*DOCUMENT_PLACES, *JOURNAL_PLACES} - {*MONEY} and not _ENOUGH.search(point)


@dataclass(frozen=True)
class Job:
    """One kill: at the n-th time a point is reached in a phase."""

    point: str
    phase: str
    hit: int


@dataclass
class PointResult:
    """What the kills at one point came to."""

    point: str
    kills: int = 0
    missed: int = 0
    phases: set[str] = field(default_factory=set)
    violations: int = 0


def discover(folder: Path, seed: int, speed: float, settings: Mapping[str, str] | None = None) -> Reached:
    """A first life, a second one, and their orderly ends: every point that they reach."""
    reached = Reached()
    lane = Lane(folder, seed, speed, settings)
    try:
        for start, trading_s in (("first start", TRADING_S), ("start", 3.0)):
            daemon = lane.start()
            lane.first_cycle()
            daemon.order(do="count", **{"as": start})
            time.sleep(trading_s)
            daemon.order(do="count", **{"as": "trading"})
            wait_until("the counts", lambda d=daemon: sum(1 for row in d.told() if "counts" in row) >= 2, 10)
            daemon.stop()
            for row in daemon.told():
                if "counts" in row:
                    known = reached.counts
                    old = {point: phases.get(row["as"], 0) for point, phases in known.items()}
                    more = {point: max(count, old.get(point, 0)) for point, count in row["counts"].items()}
                    reached.note(row["as"], more)
    finally:
        lane.close()
    return reached


def jobs(reached: Reached, points: Iterable[str], seed: int) -> Iterator[Job]:
    """One kill per point; the seed chooses phase and number, trading before all."""
    rng = random.Random(seed)
    for point in points:
        phases = reached.counts[point]
        usual = [phase for phase in ("start", "trading", "trading", "trading") if phase in phases]
        if "stop" in phases and (seed > 1 or "trading" not in phases):
            usual.append("stop")  # not every stop finds the same work to finish
        phase = rng.choice(usual or ["first start"])
        most = phases[phase] if phase != "trading" else max(1, phases[phase] // 4)
        yield Job(point, phase, rng.randint(1, most))


def run_job(lane: Lane, job: Job, act: str = "kill") -> bool:
    """Kill there; whether it was reached."""
    if job.phase in ("first start", "start"):
        return lane.kill_in_start(job.point, job.hit, act)
    if job.phase == "stop":
        return lane.kill_at(job.point, job.hit, act, signal_stop=True)
    return lane.kill_at(job.point, job.hit, act)
