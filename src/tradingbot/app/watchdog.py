"""Is every part alive, every file whole, do book and exchange agree? Every five minutes (SPEC 13.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog

from tradingbot.app.home import FOLDERS
from tradingbot.app.stores import Stores
from tradingbot.app.supervision import Restartable
from tradingbot.beside import in_thread
from tradingbot.core.errors import StateError, VenueError
from tradingbot.engine.healing import HealingDesk
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.guards.healing_escalation import HealCategory
from tradingbot.guards.health_params import WatchdogParams
from tradingbot.ports import Clock
from tradingbot.storage.files import make_folder
from tradingbot.storage.repairs import Repair

log = structlog.get_logger(__name__)

CATEGORY = {
    "missing": HealCategory.MISSING_FILE,
    "corrupt": HealCategory.CORRUPT_FILE,
    "torn": HealCategory.TORN_JOURNAL,
    "lock": HealCategory.STALE_LOCK,
}
AGAIN_S = 3600.0
"""A disagreement that a repair did not end is tried again after so long."""

Reconcile = Callable[[str], Awaitable[str]]
"""Asks for fills of a symbol from far back; what the difference is then, empty when there is none."""


class Watchdog:
    """Body of the job `watchdog`. `restartable` maps each heartbeat to the task behind it."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        clock: Clock,
        healing: HealingDesk,
        issues: IssueRegistry,
        params: WatchdogParams,
        restartable: Mapping[str, Restartable],
        silent_s: Callable[[], Mapping[str, float]],
        mismatches_s: Callable[[], Mapping[str, float]],
        reconcile: Reconcile,
    ) -> None:
        self._home = home
        self._stores = stores
        self._clock = clock
        self._healing = healing
        self._issues = issues
        self._params = params
        self._restartable = restartable
        self.silent_s = silent_s
        self._mismatches_s = mismatches_s
        self._reconcile = reconcile
        self._tried_s: dict[str, float] = {}

    async def run(self) -> None:
        """One round."""
        await self._revive()
        await self._mend_folders()
        await self._mend_files()
        await self._mend_positions()
        self.take_repairs()
        self._healing.tick()
        self._issues.tick()

    def take_repairs(self) -> None:
        """Count what files have mended by themselves: torn tails, bad copies, what was deleted under them."""
        for repair in self._stores.repairs.take():
            self._healing.note(CATEGORY[repair.kind], _name(self._home, repair), repair.before, repair.after)

    async def _revive(self) -> None:
        """Restart subsystems that have been silent for long."""
        silent = self.silent_s()
        for name, task in self._restartable.items():
            age_s = silent.get(name, 0.0)
            stuck = age_s >= self._params.restart_after_s
            if not stuck or not self._is_due(f"restart {task.name}", self._params.restart_pause_s):
                continue
            before = f"no sign of life for {age_s:.0f} s"
            heal = await self._healing.begin(HealCategory.STUCK_SUBSYSTEM, task.name, before)
            begun = task.restart()
            after = "restarted" if begun else "the old task does not let go; restart the daemon"
            self._healing.finish(heal, after, succeeded=begun)

    async def _mend_folders(self) -> None:
        for name in FOLDERS:
            folder = self._home / name
            if not folder.is_dir():
                heal = await self._healing.begin(HealCategory.MISSING_FILE, f"{name}/", "missing")
                try:
                    make_folder(folder)
                except OSError as error:
                    self._healing.finish(heal, f"cannot be made: {error}", succeeded=False)
                else:
                    self._healing.finish(heal, "made again")

    async def _mend_files(self) -> None:
        """Documents that somebody deleted or damaged are written again from memory."""
        faults = await in_thread(self._clock, self._faults)
        for name, fault in faults.items():
            document = self._stores.documents[name]
            category = HealCategory.MISSING_FILE if fault == "missing" else HealCategory.CORRUPT_FILE
            heal = await self._healing.begin(category, str(document.path.relative_to(self._home)), fault)
            try:
                with self._clock.hold():
                    await document.mend()
            except StateError as error:
                self._healing.finish(heal, f"cannot be written again: {error}", succeeded=False)
            else:
                self._healing.finish(heal, "written again from memory")

    def _faults(self) -> dict[str, str]:
        found = {}
        for name, document in self._stores.documents.items():
            try:
                if fault := document.fault():
                    found[name] = fault
            except StateError as error:
                found[name] = str(error)
        return found

    async def _mend_positions(self) -> None:
        """A disagreement that lasts: fills may have been missed longer ago than is usually asked for."""
        for symbol, age_s in self._mismatches_s().items():
            if age_s < self._params.mismatch_heal_s or not self._is_due(f"position {symbol}", AGAIN_S):
                continue
            before = f"book and exchange have disagreed for {age_s:.0f} s"
            heal = await self._healing.begin(HealCategory.POSITION_MISMATCH, symbol, before)
            try:
                left = await self._reconcile(symbol)
            except (VenueError, StateError) as error:
                self._healing.finish(heal, f"could not be looked up: {error}", succeeded=False)
            else:
                text = f"no fill explains it: {left}" if left else "explained by fills that had been missed"
                self._healing.finish(heal, text, succeeded=not left)

    def _is_due(self, what: str, pause_s: float) -> bool:
        now_s = self._clock.monotonic_s()
        if now_s - self._tried_s.get(what, -pause_s - 1) < pause_s:
            return False
        self._tried_s[what] = now_s
        return True


def _name(home: Path, repair: Repair) -> str:
    return str(repair.path.relative_to(home)) if repair.path.is_relative_to(home) else str(repair.path)
