"""The daily maintenance: what was rotated is compressed and retired, what lies around is removed, all is measured.

Deleting and compressing run in the writer's thread, in small steps between writes: nothing is taken away under a write,
and a kill at any moment leaves nothing that the next run would not finish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.heap import give_memory_back
from tradingbot.app.resources import MB, disk_free_mb, folder_bytes
from tradingbot.app.stores import Stores
from tradingbot.beside import in_thread
from tradingbot.clock import SystemClock
from tradingbot.config.sections import StorageParams
from tradingbot.ports import Clock
from tradingbot.storage.files import QUARANTINE
from tradingbot.storage.rotation import parts

log = structlog.get_logger(__name__)

FOLDERS: Final = ("state", "logs", "feature_store")
OVERSIZE: Final = 1.5
"""A current journal file beyond this many times its size was not rotated when it should have been."""
_SET_ASIDE_AT: Final = re.compile(r"-(\d{8}T\d{9}Z)(-\d+)?$")
_GENERATION: Final = re.compile(r"\.g(\d+)$")
_LEFTOVERS: Final = (".*.tmp", ".probe-*")


@dataclass(frozen=True, slots=True)
class JournalFiles:
    """Rotated parts of one journal, and its current file."""

    parts: int
    compressed: int
    parts_bytes: int
    current_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The disk and the home folder at one moment; None where the system does not tell."""

    disk_free_mb: float | None
    home_mb: float
    folders_mb: Mapping[str, float]
    journals: Mapping[str, JournalFiles]


@dataclass(slots=True)
class Removed:
    """Files that were taken away, by why."""

    quarantine: list[str] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What one run found, did and left."""

    at: datetime
    before: Measured
    after: Measured
    removed: Removed
    oversized: tuple[str, ...]
    duration_s: float

    def line(self) -> dict[str, Any]:
        """The line of `logs/maintenance.jsonl`; journals that have neither parts nor change are left out."""
        changed = {
            name: {"before": asdict(self.before.journals[name]), "after": asdict(now)}
            for name, now in self.after.journals.items()
            if now.parts or self.before.journals[name].parts
        }
        return {
            "at": self.at,
            "disk_free_mb": self.after.disk_free_mb,
            "home_mb_before": self.before.home_mb,
            "home_mb": self.after.home_mb,
            "folders_mb": dict(self.after.folders_mb),
            "parts": sum(one.parts for one in self.after.journals.values()),
            "parts_before": sum(one.parts for one in self.before.journals.values()),
            "compressed": sum(one.compressed for one in self.after.journals.values()),
            "journals": changed,
            "removed": asdict(self.removed),
            "oversized": list(self.oversized),
            "duration_s": round(self.duration_s, 3),
        }


class Maintenance:
    """The body of the job. `run` may be cancelled at any await and simply run again."""

    def __init__(self, home: Path, stores: Stores, params: StorageParams, clock: Clock) -> None:
        self._home = home
        self._stores = stores
        self._params = params
        self._clock = clock

    async def run(self) -> MaintenanceReport:
        """Measure, tidy every journal, clean, measure again; the report is journalled and logged."""
        started_s, now = self._clock.perf_s(), self._clock.now()
        before = await self._measured()
        for journal in self._stores.journals.values():
            await self._stores.writer.when_idle(journal, journal.tidy)
        removed = await self._cleaned(now)
        after = await self._measured()
        await in_thread(self._clock, give_memory_back)
        took_s = self._clock.perf_s() - started_s
        report = MaintenanceReport(now, before, after, removed, self._oversized(after), took_s)
        self._stores.journals["maintenance"].append(report.line())
        self._tell(report)
        return report

    async def _measured(self) -> Measured:
        return await in_thread(self._clock, measure, self._home, self._stores)

    async def _cleaned(self, now: datetime) -> Removed:
        removed = Removed()
        work = partial(clean, self._home, self._stores, self._params, now, removed)
        await self._stores.writer.when_idle(self._stores.journals["maintenance"], work)
        return removed

    def _oversized(self, found: Measured) -> tuple[str, ...]:
        """Journals whose current file should have been rotated long ago."""
        journals = self._stores.journals
        return tuple(
            name for name, one in found.journals.items() if one.current_bytes > OVERSIZE * journals[name].max_bytes
        )

    def _tell(self, report: MaintenanceReport) -> None:
        removed = report.removed
        say = log.warning if removed.failures or report.oversized else log.info
        say(
            "maintenance.done",
            home_mb_before=report.before.home_mb,
            home_mb=report.after.home_mb,
            disk_free_mb=report.after.disk_free_mb,
            parts=report.line()["parts"],
            removed=len(removed.quarantine) + len(removed.generations) + len(removed.leftovers),
            failures=removed.failures,
            oversized=list(report.oversized),
            duration_s=round(report.duration_s, 3),
        )


def measure(home: Path, stores: Stores) -> Measured:
    """What lies where. Blocks while it walks through the home folder."""
    folders = {name: round(folder_bytes(home / name) / MB, 3) for name in FOLDERS}
    journals = {name: _files_of(journal.path) for name, journal in stores.journals.items()}
    return Measured(disk_free_mb(home), round(sum(folders.values()), 3), folders, journals)


def _files_of(journal: Path) -> JournalFiles:
    found = parts(journal)
    return JournalFiles(
        parts=len(found),
        compressed=sum(one.compressed for one in found),
        parts_bytes=sum(_size(one.path) for one in found),
        current_bytes=_size(journal),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def clean(home: Path, stores: Stores, params: StorageParams, now: datetime, removed: Removed) -> Iterator[None]:
    """Take away what is too old or too much, a file a step; what refuses is named in `removed.failures`."""
    folders = [home / name for name in FOLDERS]
    for folder in folders:
        for path in _stale_quarantine(folder, params, now):
            yield from _remove(path, removed.quarantine, removed, home)
    for document in stores.documents.values():
        for path in _surplus_generations(document.path, params.generations):
            yield from _remove(path, removed.generations, removed, home)
    for folder in folders:
        for path in _leftovers(folder, params.leftover_hours):
            yield from _remove(path, removed.leftovers, removed, home)


def _remove(path: Path, kind: list[str], removed: Removed, home: Path) -> Iterator[None]:
    try:
        path.unlink()
        kind.append(str(path.relative_to(home)))
    except FileNotFoundError:
        pass
    except OSError as error:
        removed.failures.append(f"{path.relative_to(home)}: {error.strerror}")
    yield


def _stale_quarantine(folder: Path, params: StorageParams, now: datetime) -> list[Path]:
    """Of every quarantine folder below: files beyond the newest so many, and those set aside too long ago."""
    oldest = now - timedelta(days=params.quarantine_days)
    found: list[Path] = []
    for quarantine in sorted(folder.rglob(QUARANTINE)):
        dated = sorted(((_set_aside_at(path), path) for path in quarantine.iterdir() if path.is_file()), reverse=True)
        found += [path for place, (at, path) in enumerate(dated) if place >= params.quarantine_files or at < oldest]
    return found


def _set_aside_at(path: Path) -> datetime:
    """When a file came into quarantine, by its name; by the file system's time for a name that does not say."""
    if match := _SET_ASIDE_AT.search(path.name):
        return datetime.strptime(match[1], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _surplus_generations(document: Path, kept: int) -> list[Path]:
    """Generations that nobody shifts any more since fewer are kept."""
    found = []
    for path in document.parent.glob(f"{document.name}.g*"):
        match = _GENERATION.search(path.name)
        if match and int(match[1]) > kept:
            found.append(path)
    return sorted(found)


def _leftovers(folder: Path, hours: float) -> list[Path]:
    """Temporary files of writes that a crash ended. Real time: files know no other, and a rename counts as new."""
    oldest_s = SystemClock().now().timestamp() - hours * 3600
    found = [path for pattern in _LEFTOVERS for path in folder.rglob(pattern) if path.is_file()]
    return sorted(path for path in found if path.stat().st_ctime < oldest_s)
