"""One kill switch on real processes: tripped, killed twice, held, lifted by its rule, and compared with the venue."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import orjson

from tests.crash.harness import Outcome, agree, data, no_duplicates, protected, readable, rows
from tests.crash.processes import DaemonProcess, VenueProcess, wait_until
from tests.crash.venue_desk import VenueDesk
from tradingbot.core.types import epoch_ms

COLUMNS = ("trips", "entries stop", "exits go on", "survives kill -9", "lifts by its rule", "agrees")
SAME_MOMENT = timedelta(milliseconds=1)
"""Journals tell milliseconds."""

FAST = {
    # At such a speed a busy machine answers minutes late, and what is a little late is no trouble here.
    "TRADINGBOT__ENGINE__FRESHNESS__TICKER_S": "3600",
    "TRADINGBOT__ENGINE__FRESHNESS__BOOK_S": "3600",
    "TRADINGBOT__ENGINE__FRESHNESS__CANDLE_DELAY_S": "3600",
    "TRADINGBOT__VALIDATION__MAX_BOOK_AGE_S": "86400",
    "TRADINGBOT__VALIDATION__MAX_CANDLE_AGE_S": "86400",
}

Lift = Literal["clock", "midnight", "alive", "resume", "facts"]


@dataclass(frozen=True)
class Case:
    """A switch (or a limit without a memory, `stored` false), what makes it trip, and how it lifts.

    `value` and `limit` name the numbers that are shown; `hours` is the earliest lift after the trip; `cycles` the
    cycles of health that it needs; `begins` the market's hour and minute at which the daemon starts. `warm`: the daemon
    trades without these settings first, so that positions are held when it trips.
    """

    name: str
    settings: Mapping[str, str]
    lift: Lift
    value: str
    limit: str
    cause: Callable[[Drill], None] = lambda drill: None
    stored: bool = True
    hours: float = 0.0
    cycles: int = 0
    begins: tuple[int, int] = (8, 0)
    speed: float = 300.0
    heals: bool = False
    warm: bool = False


@dataclass
class Result:
    """What a drill came to. A column has its tick when it was proven and no problem stands against it."""

    name: str
    proven: set[str] = field(default_factory=set)
    problems: dict[str, list[str]] = field(default_factory=dict)
    tripped_at: datetime | None = None
    restarted_at: datetime | None = None
    limit: str = ""
    value: str = ""
    entries_tripped: int = -1
    exits_tripped: int = -1
    stops_tripped: int = -1
    restarts: int = 0
    cycles_tripped: int = 0
    lifted_by: str = ""
    entries_after: int = 0
    took_s: float = 0.0

    def check(self, column: str, holds: object, problem: str) -> None:
        """Note a problem unless this holds."""
        if not holds:
            self.problems.setdefault(column, []).append(problem)

    def ticked(self, column: str) -> bool:
        """Proven, with nothing against it."""
        return column in self.proven and column not in self.problems

    @property
    def good(self) -> bool:
        """Every column has its tick."""
        return not self.problems and self.proven == set(COLUMNS)


class Drill:
    """One case in a folder of its own."""

    def __init__(self, case: Case, folder: Path, seed: int) -> None:
        self.case = case
        self.home = folder / "daemon"
        self.result = Result(case.name)
        self._folder = folder
        self._seed = seed
        self._rng = random.Random(seed)
        self._began: datetime | None = None
        self._lifted: datetime | None = None
        self._healed: datetime | None = None
        self._life = 0
        self._fired = ""

    def run(self) -> Result:
        """All steps; what could not be shown has no tick and one problem."""
        started_s = time.monotonic()
        self._prepare()
        self.venue = VenueProcess(self._folder / "venue", self.case.speed, self._seed)
        self.desk = VenueDesk(self.venue, self._folder / "venue")
        try:
            self._warm_up()
            self._start()
            self._trip()
            self._kill_at_the_trip()
            self._kill_at_random()
            self._see_exits()
            self._lift()
            self._trade_again()
            self._compare()
        except Exception as error:
            self.result.check("agrees", False, f"the drill ended early: {type(error).__name__}: {error}")
        finally:
            if self.daemon.process.poll() is None:
                self.daemon.kill()
            self.venue.stop()
        self.result.took_s = time.monotonic() - started_s
        return self.result

    # ------------------------------------------------------------ steps

    def _prepare(self) -> None:
        """The venue keeps in its folder when its made market begins: at the hour at which the drill begins."""
        (self._folder / "venue").mkdir(parents=True)
        start = datetime(2026, 1, 5, *self.case.begins, tzinfo=UTC)
        content = orjson.dumps({"start_ms": epoch_ms(start)})
        (self._folder / "venue" / "market.json").write_bytes(content + b"\n")

    def _start(self) -> None:
        self.daemon = DaemonProcess(self.home, self.venue, self.case.speed, FAST | dict(self.case.settings))
        self._life += 1
        wait_until("the first cycle", lambda: self.daemon.cycles() >= 1, 60)

    def _warm_up(self) -> None:
        if not self.case.warm:
            return
        self.daemon = DaemonProcess(self.home, self.venue, self.case.speed, FAST)
        wait_until("three positions", lambda: self.daemon.cycles() and len(self.desk.held()) >= 3, 60)
        self.daemon.kill()

    def _trip(self) -> None:
        """Positions first, so that there is something to close while it is tripped."""
        if self.case.cause is not Case.cause:
            wait_until("three positions", lambda: self.daemon.cycles() and len(self.desk.held()) >= 3, 60)
            self.case.cause(self)
        wait_until(f"{self.case.name} trips", self.tripped, 60)

    def _kill_at_the_trip(self) -> None:
        """SIGKILL as soon as the trip is on disk. While nobody lives, a protective stop fires at the venue."""
        self.daemon.kill()
        self._began = self._trip_moment()
        self.result.proven.add("trips")
        self.result.tripped_at = self._began
        numbers = self._numbers()
        self.result.value = _shown(numbers.get(self.case.value))
        self.result.limit = _shown(numbers.get(self.case.limit))
        if self.case.stored:
            told = self._command("status", "--json")["kill_switches"]
            named = [row for row in told if row["switch"] == self.case.name]
            self.result.check("trips", len(named) == 1, f"status of the dead daemon says {told}")
        if self.case.heals:
            self.desk.heal()
            self._healed = self.desk.now()
        if len(self.desk.held()) >= 2:
            self._fired = self.desk.fire_a_stop()
            self.result.check("exits go on", self._fired, "no stop rested at the venue")
        self._restart_and_check()

    def _kill_at_random(self) -> None:
        time.sleep(self._rng.uniform(0.05, 1.0))
        self.daemon.kill()
        self._restart_and_check()
        if self.result.restarts == 2:
            self.result.proven.add("survives kill -9")

    def _restart_and_check(self) -> None:
        before, held = self._tripped_record(), self.desk.held()
        outcome = Outcome()
        readable(self.home, self._life, outcome)
        done = len(self._cycles())
        self._start()
        protected(self._folder / "venue", self._life, outcome)
        self.result.problems |= {"exits go on": outcome.violations} if outcome.violations else {}
        first = wait_until("the first cycle's line", lambda: self._cycles()[done:], 10)[0]
        blocked = self.case.name in first["permission"]["reasons"]
        if self.case.stored:
            self._same(before)
            self.result.check("survives kill -9", blocked, f"the first cycle after a kill allowed: {first}")
        elif held or self.case.name == "trades_per_day":
            self.result.check("survives kill -9", blocked, f"the first cycle after a kill allowed: {first}")
        self.result.restarts += 1
        self.result.restarted_at = self.desk.now()

    def _same(self, before: dict[str, Any]) -> None:
        """Since, reason and numbers are those before the kill; only a `worsened` line may explain other numbers."""
        after, column = self._tripped_record(), "survives kill -9"
        self.result.check(column, after, "it is not tripped any more after a kill")
        if not after:
            return
        self.result.check(column, after["since"] == before["since"], f"since {before['since']} -> {after['since']}")
        apart = abs(_time(after["since"]) - _time(self._first_trip()["since"]))
        self.result.check(column, apart <= SAME_MOMENT, f"since is {apart} from that of its trip")
        code = after["reason"]["code"]
        self.result.check(column, code == before["reason"]["code"], f"another reason: {code}")
        worse = [row["numbers"] for row in self._told() if row["event"] == "worsened"]
        known = [dict(before["reason"]["numbers"]), *worse]
        explained = dict(after["reason"]["numbers"]) in known
        self.result.check(column, explained, f"{before['reason']} -> {after['reason']}")

    def _see_exits(self) -> None:
        """The daemon closes what it holds, tripped or not; what it closed by itself is waited for."""

        def seen() -> bool:
            closed = any(row["purpose"] == "exit" for row in self._exits(None))
            return self.daemon.cycles() > 0 and (closed or not self.tripped())

        wait_until("an exit while tripped", seen, 40)

    def _lift(self) -> None:
        if self.case.lift == "resume":
            self._lift_by_hand()
        wait_until(f"{self.case.name} lifts", lambda: self.daemon.cycles() and not self.tripped(), 60)
        self._lifted = wait_until("its line", self._lift_moment, 10)
        self._lift_is_right()
        self.result.proven.add("lifts by its rule")
        self.result.entries_tripped = len(self._entries(self._began, self._lifted))
        self.result.check("entries stop", self.result.entries_tripped == 0, "entries were sent while it was tripped")
        self._blocked_throughout()
        exits = self._exits(self._lifted)
        self.result.exits_tripped = len(exits)
        self.result.stops_tripped = sum(1 for row in exits if row["purpose"] == "stop")
        self.result.check("exits go on", exits, "nothing was closed while it was tripped")
        if self._fired:
            fired = any(row["client_order_id"] == self._fired for row in exits)
            self.result.check("exits go on", fired, f"the stop {self._fired} did not fire, or is not in the journal")
        self.result.proven.add("exits go on")

    def _blocked_throughout(self) -> None:
        """Every cycle since the trip names the switch; the last one may be the one in which it lifted."""
        inside = [row for row in self._cycles() if self._began <= _time(row["as_of"]) < self._lifted]
        if inside and self.case.lift != "resume" and self.case.name not in inside[-1]["permission"]["reasons"]:
            inside.pop()
        self.result.cycles_tripped = len(inside)
        free = [row["cycle_id"] for row in inside if self.case.name not in row["permission"]["reasons"]]
        self.result.check("entries stop", inside and not free, f"of {len(inside)} cycles {free} were free")
        self.result.proven.add("entries stop")

    def _lift_by_hand(self) -> None:
        """It holds over midnight; a plain `resume` lifts the pause alone; then the right command."""
        assert self._began is not None
        midnight = (self._began + timedelta(days=1)).replace(hour=0, minute=5, second=0)
        wait_until("midnight", lambda: self.daemon.cycles() and self.desk.now() > midnight, 40)
        self.result.check("lifts by its rule", self.tripped(), "it lifted without a person")
        if self.case.name == "operator_pause":
            self._command("resume", "--yes", "--json", "--reason", "drill")
            return
        plain = self._command("resume", "--yes", "--json", allowed=(0, 1))
        self.result.check("lifts by its rule", self.tripped(), f"a plain resume lifted it: {plain}")
        self._command("resume", "--switch", self.case.name, "--yes", "--json", "--reason", "drill")

    def _lift_is_right(self) -> None:
        began, lifted, case = self._began, self._lifted, self.case
        assert began is not None
        assert lifted is not None
        lift = next((row for row in self._told() if row["event"] == "lift"), {"by": "", "why": ""})
        check = self.result.check
        due = began + timedelta(hours=case.hours)
        if case.lift == "midnight":
            due = (began + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        if case.lift in ("clock", "midnight"):
            check("lifts by its rule", due <= lifted, f"due {due}, lifted {lifted}")
            late = [row["cycle_id"] for row in self._blocked_cycles() if due <= _time(row["as_of"]) < lifted]
            check("lifts by its rule", not late, f"due {due}, still tripped in {late}")
            self.result.lifted_by = f"itself, {_minutes(lifted - due)} after it was due"
        if case.lift == "alive":
            assert self._healed is not None
            well = [row for row in self._cycles() if self._healed <= _time(row["as_of"]) <= lifted]
            # A cycle that was killed after it had been counted has no line.
            check("lifts by its rule", len(well) >= case.cycles - 1, f"lifted after {len(well)} cycles")
            self.result.lifted_by = f"itself, {len(well)} cycles after the streams came back"
        if case.lift == "facts":
            self.result.lifted_by = "itself, once the positions were closed"
        if case.lift == "resume":
            self.result.lifted_by = f"`resume`, {_minutes(lifted - began)} after the trip"
        if case.stored:
            by_hand = str(lift["by"]).startswith("operator")
            check("lifts by its rule", by_hand == (case.lift == "resume"), f"lifted by {lift}")

    def _trade_again(self) -> None:
        """Entries come back, and only after the lift."""
        lifted = self._lifted
        wait_until("an entry after the lift", lambda: self.daemon.cycles() and self._entries(lifted, None), 40)

    def _compare(self) -> None:
        # The market goes on between the daemon's end and the comparison: no hourly funding must fall between them.
        wait_until("the middle of an hour", lambda: self.daemon.cycles() and 3 <= self.desk.now().minute < 40, 40)
        code = self.daemon.stop()
        outcome = Outcome()
        readable(self.home, self._life, outcome)
        agree(self.home, self.venue, outcome)
        no_duplicates(self.home, self.venue, outcome)
        self.result.entries_after = len(self._entries(self._lifted, None))
        self.result.check("agrees", code == 0, f"the daemon ended with {code}")
        for violation in outcome.violations:
            self.result.check("agrees", False, violation)
        self.result.proven.add("agrees")

    # ------------------------------------------------------------ looking

    def tripped(self) -> bool:
        """As the files say now."""
        if self.case.stored:
            return bool(self._tripped_record())
        return self.case.name in data(self.home / "state" / "runtime.json").get("entry_blocks", [])

    def equity_usd(self) -> Decimal:
        """As of the newest cycle."""
        return Decimal(data(self.home / "state" / "runtime.json")["equity_usd"])

    def pause(self) -> None:
        """The operator's command."""
        self._command("pause", "--json", "--reason", "drill")

    def _tripped_record(self) -> dict[str, Any]:
        state = data(self.home / "state" / "kill_switches.json").get("state", {"tripped": []})
        return next((row for row in state["tripped"] if row["name"] == self.case.name), {})

    def _told(self) -> list[dict[str, Any]]:
        told = rows(self.home / "logs" / "kill_switches.jsonl")
        return [row for row in told if row.get("switch") == self.case.name]

    def _first_trip(self) -> dict[str, Any]:
        return next(row for row in self._told() if row["event"] == "trip")

    def _cycles(self) -> list[dict[str, Any]]:
        return rows(self.home / "logs" / "cycles.jsonl")

    def _blocked_cycles(self) -> list[dict[str, Any]]:
        return [row for row in self._cycles() if self.case.name in row["permission"]["reasons"]]

    def _trip_moment(self) -> datetime:
        if self.case.stored:
            return _time(self._tripped_record()["since"])
        return _time(self._blocked_cycles()[0]["as_of"])

    def _lift_moment(self) -> datetime | None:
        """The switch's own line; for a limit the first cycle that is free again."""
        if self.case.stored:
            return next((_time(row["at"]) for row in self._told() if row["event"] == "lift"), None)
        began = self._began
        assert began is not None
        later = [row for row in self._cycles() if _time(row["as_of"]) >= began]
        free = [row for row in later if self.case.name not in row["permission"]["reasons"]]
        return _time(free[0]["as_of"]) if free else None

    def _numbers(self) -> dict[str, Any]:
        if self.case.stored:
            return dict(self._tripped_record()["reason"]["numbers"])
        if self.case.name == "trades_per_day":
            limit = self.case.settings["TRADINGBOT__RISK__LIMITS__MAX_TRADES_PER_DAY"]
            return {"opened": len(self._entries(None, None)), "limit": int(limit)}
        return dict(data(self.home / "state" / "runtime.json")["margin_short"])

    def _entries(self, begin: datetime | None, end: datetime | None) -> list[dict[str, Any]]:
        """Entry orders that were sent in [begin, end)."""
        sent = [row["intent"] for row in rows(self.home / "logs" / "intents.jsonl") if row["event"] == "intent"]
        return [row for row in sent if row["purpose"] == "entry" and _within(row["created_at"], begin, end)]

    def _exits(self, end: datetime | None) -> list[dict[str, Any]]:
        """One fill of each order that closed something while it was tripped."""
        fills = rows(self.home / "logs" / "fills.jsonl")
        closed = [row for row in fills if row.get("purpose") and row["purpose"] != "entry"]
        inside = [row for row in closed if _within(row["time"], self._began, end)]
        return list({row["client_order_id"]: row for row in inside}.values())

    def _command(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> dict[str, Any]:
        command = [sys.executable, "-m", "tradingbot", *arguments, "--home", str(self.home)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=dict(os.environ))
        assert done.returncode in allowed, f"{arguments}: {done.stdout!r} {done.stderr!r}"
        found: dict[str, Any] = orjson.loads(done.stdout)
        return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _within(text: str, begin: datetime | None, end: datetime | None) -> bool:
    at = _time(text)
    return (begin is None or at >= begin) and (end is None or at < end)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.1f} min"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value or "")
