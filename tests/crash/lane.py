"""One venue that lives on, one home, and the daemon that is killed in it again and again."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tests.crash import invariants
from tests.crash.processes import DaemonProcess, VenueProcess, wait_until
from tests.crash.venue_file import VenueFile

FIRST_CYCLE_S: Final = 60.0
DISARM_S: Final = 10.0
SLOW_MACHINE: Final = ("streams are not ready after", "at most 5 s are allowed")
REPAIRS: Final = (
    "state.repaired",
    "kill_switches.state_damaged",
    "kill_switches.review_needed",
    "instance.rebuilt",
    "positions.rebuilt",
    "journal.damaged",
    "regime.state_damaged",
    "learning.state_damaged",
)
"""What the log says when a start found something that a crash alone cannot have done."""


COMPARISONS: Final = 3
"""How often files and venue are compared while the venue goes on booking."""

UNHURRIED: Final = {
    # Ten seconds of validity are 83 ms at 120 times real time: a busy machine alone would make every order late.
    "TRADINGBOT__ENGINE__ORDERS__LIFETIME_S": "60",
    "TRADINGBOT__ENGINE__ORDERS__UNKNOWN_GRACE_S": "90",
    "TRADINGBOT__VENUE__STREAM__SILENCE_LIMIT_S": "600",
    "TRADINGBOT__ENGINE__FRESHNESS__TICKER_S": "600",
    "TRADINGBOT__ENGINE__FRESHNESS__BOOK_S": "600",
    "TRADINGBOT__ENGINE__FRESHNESS__CANDLE_DELAY_S": "600",
}


@dataclass
class Violation:
    """Something that must not be, after which kill."""

    after: str
    what: str

    def __str__(self) -> str:
        return f"{self.after}: {self.what}"


@dataclass
class Ledger:
    """What a lane came to."""

    kills: int = 0
    under_way: int = 0
    positions_at_kills: int = 0
    restarts_s: list[float] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    fates: dict[str, int] = field(default_factory=dict)


class Lane:
    """Starts, arms, kills, checks. `mutation` names what is taken away from the daemon under test."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        speed: float = 120.0,
        settings: Mapping[str, str] | None = None,
        power: bool = False,
        mutation: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.home, self.speed = folder, folder / "daemon", speed
        self.rng = random.Random(f"{seed}|{folder.name}")
        self.ledger = Ledger()
        self.expected_switches: set[str] = set()
        self.repairs_expected = False
        self.check_intents = ("entry", "exit", "rung", "stop")
        self._settings, self._power, self._mutation = UNHURRIED | dict(settings or {}), power, mutation
        self._lives, self.last = 0, "the first start"
        self._heals: list[Any] = []
        self._said: set[str] = set()
        self._tripped: set[str] = set()
        self.venue = VenueProcess(folder / "venue", speed, seed)
        self.book = VenueFile(folder / "venue")
        self.daemon: DaemonProcess | None = None

    # ------------------------------------------------------------ lives

    def start(self, commands: Sequence[Mapping[str, Any]] = ()) -> DaemonProcess:
        """A new life in the same home."""
        self._lives += 1
        side = self.folder / f"side{self._lives}"
        side.mkdir()
        plan = {"side": str(side), "power": self._power, "mutation": self._mutation, "commands": list(commands)}
        self._started_s = time.monotonic()
        self.daemon = DaemonProcess(self.home, self.venue, self.speed, self._settings, plan)
        return self.daemon

    def first_cycle(self) -> bool:
        """Wait for the first cycle and check everything that must hold after a restart; False: it died before."""
        daemon = self.daemon
        assert daemon is not None
        try:
            wait_until("the first cycle", lambda: not daemon.alive or daemon.cycles() >= 1, FIRST_CYCLE_S)
        except (TimeoutError, AssertionError) as error:
            self.violate(f"no first cycle: {error}")
            self.kill()
            return False
        if not daemon.alive:
            return False
        self.ledger.restarts_s.append(time.monotonic() - self._started_s)
        self.check_alive()
        return True

    @property
    def is_done(self) -> bool:
        """A mutation that was noticed needs no more kills."""
        return bool(self._mutation and self.ledger.violations)

    def alive(self, again: bool = False) -> DaemonProcess | None:
        """A daemon that is past its first cycle, started when there is none; None when it does not come up.

        A machine so busy that streams take longer than their deadline (2 s at such speed) gets one more start, as the
        service manager would give it.
        """
        if self.daemon is not None and self.daemon.alive:
            return self.daemon
        if self.daemon is not None:
            self.buried()
        self.start()
        if self.first_cycle():
            return self.daemon
        if self.daemon is None:
            return None
        code, text = self.daemon.died(), self.daemon.text()
        self.daemon = None
        if any(sign in text for sign in SLOW_MACHINE) and not again:
            return self.alive(again=True)
        self.violate(f"the restart ended with {code}: {text[-800:]}")
        return None

    def kill(self, label: str = "kill at a random moment") -> None:
        """SIGKILL now."""
        if self.daemon is not None:
            self.daemon.kill()
            self.dead(label)

    def kill_at(
        self, point: str, hit: int, act: str = "kill", timeout_s: float = 12.0, signal_stop: bool = False
    ) -> bool:
        """Arm the living daemon and wait until it dies there; False when it was not reached in time."""
        daemon = self.alive()
        if daemon is None:
            return False
        daemon.order(do="arm", point=point, hit=hit, act=act, seed=self.rng.randrange(1 << 30))
        if signal_stop:
            wait_until("armed", lambda: any(row.get("obeyed") == "arm" for row in daemon.told()), 10)
            daemon.process.terminate()
            timeout_s = 40.0
        return self.dies(point, timeout_s)

    def kill_in_start(self, point: str, hit: int, act: str = "kill") -> bool:
        """Start a life that dies at a point before its first cycle; False when it was not reached there."""
        if self.daemon is not None and self.daemon.alive:
            self.kill()
        elif self.daemon is not None:
            self.buried()
        arm = {"do": "arm", "point": point, "hit": hit, "act": act, "seed": self.rng.randrange(1 << 30)}
        daemon = self.start([arm])
        deadline_s = time.monotonic() + FIRST_CYCLE_S
        while daemon.alive and time.monotonic() < deadline_s and not self._has_cycled(daemon):
            time.sleep(0.01)
        if not self._disarmed(daemon):
            return self.dies(point, 1.0)
        self.first_cycle()
        return False

    @staticmethod
    def _disarmed(daemon: DaemonProcess) -> bool:
        """Nothing is armed any more; False when the daemon has died, perhaps in this very moment."""
        if daemon.alive:
            with suppress(OSError):
                daemon.order(do="disarm")
        deadline_s = time.monotonic() + DISARM_S
        while daemon.alive and time.monotonic() < deadline_s:
            if any(row.get("obeyed") == "disarm" for row in daemon.told()):
                return True
            time.sleep(0.01)
        return daemon.alive

    @staticmethod
    def _has_cycled(daemon: DaemonProcess) -> bool:
        return any(event.get("event") == "cycle.completed" for event in daemon.events())

    def dies(self, point: str, timeout_s: float) -> bool:
        """Wait for the death at a point."""
        daemon = self.daemon
        assert daemon is not None
        deadline_s = time.monotonic() + timeout_s
        while daemon.alive and time.monotonic() < deadline_s:
            time.sleep(0.005)
        if self._disarmed(daemon):
            return False
        code = daemon.died()
        if any("died" in row for row in daemon.told()):
            self.dead(point)
            return True
        self.daemon = None
        if code != 0:
            self.violate(f"it ended by itself with {code} while {point} was armed: {daemon.text()[-800:]}")
        return False

    def buried(self) -> None:
        """A daemon that has ended by itself is put away."""
        assert self.daemon is not None
        code = self.daemon.died()
        if code:
            self.violate(f"it ended by itself with {code}: {self.daemon.text()[-800:]}")
        self.daemon = None

    def dead(self, label: str) -> None:
        """What a kill left behind: read it, count it."""
        assert self.daemon is not None
        assert self.daemon.side is not None
        self.last = label
        self.ledger.kills += 1
        side, self.daemon = self.daemon.side, None
        if (side / "cut.json").exists():
            self._restore(side)
        for found in invariants.readable(self.home):
            self.violate(found)
        self._tripped = invariants.tripped(self.home)
        self.ledger.under_way += invariants.orders_under_way(self.home)
        self.ledger.positions_at_kills += len(self.book.read().held)
        for found in invariants.explained(self.home, self.book, self.check_intents):
            self.violate(found)
        shutil.rmtree(side, ignore_errors=True)

    def _restore(self, side: Path) -> None:
        """Put the disk as the power cut left it in the place of the home."""
        cut = orjson.loads((side / "cut.json").read_bytes())
        shutil.rmtree(self.home)
        shutil.move(str(side / "disk"), str(self.home))
        for fate in cut["fates"].values():
            word = fate if fate in ("lost", "kept", "torn") else "names"
            self.ledger.fates[word] = self.ledger.fates.get(word, 0) + 1
        for found in invariants.promises_kept(self.home, cut):
            self.violate(found)

    # ------------------------------------------------------------ checks

    def violate(self, what: str) -> None:
        """Note it, with the kill before it; what was said already is not said again."""
        if what in self._said:
            return
        self._said.add(what)
        self.ledger.violations.append(Violation(self.last, what))

    def check_alive(self) -> None:
        """What must hold once the first cycle of a life is done."""
        assert self.daemon is not None
        self.settled("unprotected at the venue", self.book.unprotected)
        self.settled("an order of ours rests without a position", self.book.orphans)
        for event in self.daemon.events():
            if event.get("event") in REPAIRS and not self.repairs_expected:
                self.violate(f"the start had to repair: {event}")
        for found in invariants.no_duplicates(self.home, self.book.read()):
            self.violate(found)
        if missing := self._switches_forgotten():
            self.violate(f"kill switches forgotten: {sorted(missing)}")
        heals = invariants.heals(self.home)
        for lost in invariants.heals_lost(self._heals, heals):
            self.violate(f"a heal was forgotten: {lost}")
        self._heals = heals

    def _switches_forgotten(self) -> set[str]:
        """What was tripped at the kill (or by us) and is not now, without a line that lifts it."""
        lifted = {
            row.get("switch") for row in invariants.journal(self.home, "kill_switches") if row.get("event") == "lift"
        }
        return (self.expected_switches | (self._tripped - lifted)) - invariants.tripped(self.home)

    def settled(self, what: str, look: Any) -> None:
        """Whatever is opened or closed in the moment of looking is looked at again; it must not stay."""
        self.book.read()
        standing: set[str] = look()
        deadline_s = time.monotonic() + max(0.8, 2 * 60 / self.speed)
        while standing and time.monotonic() < deadline_s:
            time.sleep(0.05)
            self.book.read()
            standing &= look()
        if standing:
            self.violate(f"{what}: {sorted(standing)}")
            self._keep_evidence(standing)

    def _keep_evidence(self, standing: set[str]) -> None:
        """Logs of this moment, for a look."""
        evidence = {"standing": sorted(standing), "account": self.book.account}
        assert self.daemon is not None
        evidence["log"] = self.daemon.events()[-60:]
        (self.folder / f"evidence{self._lives}.json").write_bytes(orjson.dumps(evidence, option=orjson.OPT_INDENT_2))

    def end(self) -> None:
        """Two more cycles, an orderly stop, and the comparison with the venue to the last unit.

        The market goes on: what the venue books between the request to stop and the comparison (funding, a stop that
        fires) the files cannot know. On a busy machine that happens, and then all of it is done once more.
        """
        for _ in range(COMPARISONS):
            booked = self._stopped()
            if booked is None:
                return
            found = list(invariants.agree(self.home, self.venue, self.book.read(), self.check_intents))
            if not found or self._booked_rows() == booked:
                break
        for what in found:
            self.violate(what)

    def _booked_rows(self) -> int:
        """How many rows the venue's account log has."""
        return int(self.book.read().account["numbers"].get("log", 0))

    def _stopped(self) -> int | None:
        """Two more cycles and an orderly stop; the venue's rows when it was asked for, None when the daemon is gone."""
        daemon = self.alive()
        if daemon is None:
            return None
        done = daemon.cycles()
        try:
            wait_until("two more cycles", lambda: daemon.cycles() >= done + 2, 60)
            wait_until("the middle of an hour", lambda: 3 <= self.venue.now().minute < 35, 60)
        except (TimeoutError, AssertionError) as error:
            self.violate(str(error))
        booked = self._booked_rows()
        if code := daemon.stop():
            self.violate(f"the orderly stop ended with {code}: {daemon.text()[-500:]}")
        self.daemon = None
        return booked

    def close(self) -> None:
        """Nothing is left running."""
        if self.daemon is not None and self.daemon.alive:
            self.daemon.kill()
        self.venue.stop()
