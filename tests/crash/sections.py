"""The sections of `make crash`: what is done to the daemon, each in homes of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.crash import invariants
from tests.crash.lane import Lane, Ledger
from tests.crash.points import Job, PointResult, Reached, jobs, run_job
from tests.crash.processes import wait_until
from tradingbot.engine.catalog import DOCUMENTS

CHECKED_EVERY: Final = 25
SECOND_CHANCE_S: Final = 25.0
"""Kills after which a home is stopped in order and compared with the venue."""
FROZEN_S: Final = 4.0
"""Real seconds; at 120 times real time eight minutes: beyond an order's validity and the limit of heartbeats."""
FREEZE_AT: Final = (
    "http.sendorder.before",
    "http.sendorder.sent",
    "http.sendorder.answered",
    "intents.fsync.after",
    "ws.private.fills.received",
    "positions.replace.before",
    "http.openpositions.sent",
    "http.accounts.received",
)
CUT_AT: Final = (
    "positions.write.after",
    "positions.fsync.after",
    "positions.link.after",
    "positions.replace.after",
    "trades.write.after",
    "trades.replace.after",
    "kill_switches.replace.after",
    "intents.write.after",
    "intents.fsync.after",
    "fills.write.after",
    "state-folder.fsync.after",
    "http.sendorder.sent",
    "http.sendorder.answered",
    "ws.private.fills.received",
    "learned.replace.after",
    "positions.recycle.after",
    "positions.shift.after",
    "nonce.replace.after",
    "executed_trades.write.after",
    "runtime.replace.after",
)
DAMAGED: Final = ("positions", "trades", "kill_switches", "learned")
Say = Callable[[str], None]


@dataclass
class Section:
    """What a section came to: rows of its table and every lane's ledger."""

    name: str
    ledger: Ledger = field(default_factory=Ledger)
    points: dict[str, PointResult] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def add(self, other: Ledger) -> None:
        """Another home's ledger."""
        mine = self.ledger
        mine.kills += other.kills
        mine.under_way += other.under_way
        mine.positions_at_kills += other.positions_at_kills
        mine.restarts_s += other.restarts_s
        mine.violations += other.violations
        for word, count in other.fates.items():
            mine.fates[word] = mine.fates.get(word, 0) + count


@dataclass(frozen=True)
class Order:
    """What the run was asked for."""

    folder: Path
    seeds: int = 1
    lanes: int = 2
    kills: int = 20
    speed: float = 120.0
    glob: str = "*"
    every: bool = False
    mutation: str = ""
    cut_at: Sequence[str] = CUT_AT
    random_cuts: int = 8
    say: Say = print


# ---------------------------------------------------------------- points


def points(order: Order, reached: Reached) -> Section:
    """(b) A kill at every point for every seed; lanes share the work."""
    section = Section("points")
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    chosen = reached.points(order.glob, order.every)
    work = [job for seed in range(1, order.seeds + 1) for job in jobs(reached, chosen, seed)]
    first = [job for job in work if job.phase == "first start"]
    for job in _mixed([job for job in work if job.phase != "first start"]):
        waiting.put(job)
    lock, total, started_s = threading.Lock(), len(work), time.monotonic()

    def note(lane: Lane, job: Job, hit: bool, before: int) -> None:
        with lock:
            row = section.points.setdefault(job.point, PointResult(job.point))
            row.kills += hit
            row.missed += not hit
            row.phases |= {job.phase} if hit else set()
            done = sum(one.kills + one.missed for one in section.points.values())
        bad = len(lane.ledger.violations) - before
        texts = "; ".join(map(str, lane.ledger.violations[before:]))
        word = ("died" if hit else "not reached") + (f", {bad} VIOLATIONS: {texts}" if bad else "")
        order.say(f"[{done}/{total} {time.monotonic() - started_s:.0f}s] {job.point} ({job.phase}, {job.hit}): {word}")

    def lane_of(number: int) -> None:
        lane = Lane(order.folder / f"points{number}", number, order.speed, mutation=order.mutation)
        try:
            lane.start()
            lane.first_cycle()
            while not waiting.empty() and not lane.is_done:
                with suppress(queue.Empty):
                    job = waiting.get_nowait()
                    before = len(lane.ledger.violations)
                    note(lane, job, run_job(lane, job) or _second_chance(lane, job), before)
                    if lane.ledger.kills % CHECKED_EVERY == CHECKED_EVERY - 1:
                        lane.end()
            lane.end()
        finally:
            lane.close()
        section.add(lane.ledger)

    def first_starts(number: int) -> None:
        for index, job in enumerate(first[number :: order.lanes]):
            lane = Lane(order.folder / f"first{number}-{index}", index, order.speed, mutation=order.mutation)
            try:
                note(lane, job, run_job(lane, job), 0)
                lane.alive()
                lane.end()
            finally:
                lane.close()
            section.add(lane.ledger)

    _in_lanes(order.lanes, lane_of)
    _in_lanes(order.lanes, first_starts)
    for violation in section.ledger.violations:
        if violation.after in section.points:
            section.points[violation.after].violations += 1
    return section


def _second_chance(lane: Lane, job: Job) -> bool:
    """What this start had no reason to do is done while trading, sooner or later: its first time is waited for."""
    return job.phase == "start" and lane.kill_at(job.point, 1, timeout_s=SECOND_CHANCE_S)


def _mixed(work: Sequence[Job]) -> list[Job]:
    """Kills in a start need a life past its first cycle between them."""
    starts = [job for job in work if job.phase == "start"]
    others = [job for job in work if job.phase != "start"]
    found = []
    while starts or others:
        found += [part.pop(0) for part in (others, starts) if part]
    return found


def _in_lanes(lanes: int, work: Callable[[int], None]) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# ---------------------------------------------------------------- random kills, freezes, cuts


def kills(order: Order, _: Reached | None = None) -> Section:
    """(c) Kills at random moments, half of them within 6 ms of an intent."""
    section = Section("kills")

    def series(number: int) -> None:
        lane = Lane(order.folder / f"kills{number}", number + 100, order.speed, mutation=order.mutation)
        try:
            for index in range(number, order.kills, order.lanes):
                if lane.alive() is None:
                    break
                if lane.rng.random() < 0.5:
                    time.sleep(lane.rng.uniform(0.0, 3.0))
                    lane.kill()
                elif not lane.kill_at("intents.write.after", 1, timeout_s=3.0):
                    lane.kill()
                order.say(f"[kill {index + 1}/{order.kills}] violations so far: {len(lane.ledger.violations)}")
            lane.end()
        finally:
            lane.close()
        section.add(lane.ledger)

    _in_lanes(order.lanes, series)
    return section


def freezes(order: Order, _: Reached | None = None) -> Section:
    """(d) SIGSTOP for longer than orders live and heartbeats may be silent, then SIGCONT; or SIGKILL in between."""
    section = Section("freezes")
    settings = {"TRADINGBOT__RISK__KILL_SWITCHES__HEARTBEAT_STALE_S": "300"}
    lane = Lane(order.folder / "freezes", 7, order.speed, settings, mutation=order.mutation)
    try:
        for seed in range(order.seeds):
            for index, point in enumerate(FREEZE_AT):
                frozen = _freeze(lane, point, killed=(index + seed) % 4 == 3)
                section.facts.append(frozen)
                order.say(f"[freeze] {point}: {frozen}")
        _let_lift(lane)
        lane.end()
    finally:
        lane.close()
    section.add(lane.ledger)
    return section


def _freeze(lane: Lane, point: str, killed: bool) -> str:
    _let_lift(lane)
    daemon = lane.alive()
    if daemon is None:
        return "no daemon"
    daemon.order(do="arm", point=point, hit=1, act="stop", seed=0)
    try:
        wait_until("the freeze", lambda: any("stopped" in row for row in daemon.told()), 15)
    except TimeoutError:
        daemon.order(do="disarm")
        return "not reached"
    lane.last = f"freeze at {point}"
    time.sleep(FROZEN_S)
    if killed:
        lane.kill(f"killed while frozen at {point}")
        return "killed while frozen" if lane.alive() is not None else "did not start again"
    done = daemon.cycles()
    daemon.process.send_signal(signal.SIGCONT)
    wait_until("three cycles after the freeze", lambda: daemon.cycles() >= done + 3, 30)
    lane.check_alive()
    for found in invariants.explained(lane.home, lane.book.read(), lane.check_intents):
        lane.violate(found)
    tripped = [row for row in invariants.journal(lane.home, "kill_switches") if row.get("switch") == "stale_heartbeat"]
    return f"went on; stale_heartbeat has {len(tripped)} lines"


def _let_lift(lane: Lane) -> None:
    """Wait until entries are allowed again, so that the next freeze finds trading."""
    daemon = lane.alive()
    if daemon is not None:
        with suppress(TimeoutError):
            wait_until("the heartbeat switch lifts", lambda: not invariants.tripped(lane.home), 20)


def power(order: Order, _: Reached | None = None) -> Section:
    """(e) Power cuts: at points right after writes and renames, and at random moments."""
    section = Section("power")
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for _seed in range(order.seeds):
        for point in order.cut_at:
            waiting.put(point)
        for _number in range(order.random_cuts):
            waiting.put("")

    def series(number: int) -> None:
        lane = Lane(order.folder / f"power{number}", number + 200, order.speed, power=True, mutation=order.mutation)
        try:
            while not waiting.empty() and not lane.is_done and lane.alive() is not None:
                with suppress(queue.Empty):
                    point = waiting.get_nowait()
                    done = _cut(lane, point)
                    row = section.points.setdefault(point or "(a random moment)", PointResult(point))
                    row.kills, row.missed = row.kills + done, row.missed + (not done)
                    order.say(
                        f"[power] {point or 'a random moment'}: {'cut' if done else 'not reached'}, "
                        f"violations so far: {len(lane.ledger.violations)}"
                    )
            lane.end()
        finally:
            lane.close()
        section.add(lane.ledger)

    _in_lanes(order.lanes, series)
    return section


def _cut(lane: Lane, point: str) -> bool:
    if point:
        return lane.kill_at(point, lane.rng.randint(1, 3), act="cut")
    daemon = lane.alive()
    if daemon is None:
        return False
    time.sleep(lane.rng.uniform(0.0, 2.5))
    daemon.order(do="cut", seed=lane.rng.randrange(1 << 30))
    return lane.dies("a power cut at a random moment", 10.0)


# ---------------------------------------------------------------- damage, switches


def damage(order: Order, _: Reached | None = None) -> Section:
    """The newest copy of a document is overwritten while the daemon is dead: the last good one is used."""
    section = Section("damage")
    lane = Lane(order.folder / "damage", 5, order.speed, mutation=order.mutation)
    try:
        for name in DAMAGED * order.seeds:
            if lane.alive() is None:
                break
            time.sleep(3.0)
            lane.kill(f"{name} overwritten after a kill")
            path = lane.home / DOCUMENTS[name].path
            if path.exists():
                path.write_bytes(b"\x00 not JSON\n")
            before = len(lane.ledger.violations)
            lane.repairs_expected = True
            ok = lane.alive() is not None
            if ok and name != "learned" and not _was_repaired(lane):
                lane.violate(f"{name} was overwritten and nothing was said")
            lane.repairs_expected = False
            lane.expected_switches.clear()
            if ok and "operator_review" in invariants.tripped(lane.home):
                _command(lane, "resume", "--switch", "operator_review", "--yes")
            order.say(f"[damage] {name}: {len(lane.ledger.violations) - before} violations")
        lane.end()
    finally:
        lane.close()
    section.add(lane.ledger)
    return section


def _was_repaired(lane: Lane) -> bool:
    from tests.crash.lane import REPAIRS

    assert lane.daemon is not None
    return any(event.get("event") in REPAIRS for event in lane.daemon.events())


SWITCH_POINTS: Final = (
    "kill_switches.write.torn",
    "kill_switches.replace.before",
    "kill_switches.replace.after",
    "kill_switches-journal.write.before",
    "runtime.replace.after",
    "",
)


def switches(order: Order, _: Reached | None = None) -> Section:
    """A pause by the operator and a switch that tripped by itself: neither is forgotten in any restart."""
    section = Section("switches")
    settings = {
        "TRADINGBOT__RISK__KILL_SWITCHES__MAX_CONSECUTIVE_LOSSES": "2",
        "TRADINGBOT__RISK__KILL_SWITCHES__CONSECUTIVE_LOSSES_PAUSE_H": "100",
    }
    lane = Lane(order.folder / "switches", 3, order.speed, settings, mutation=order.mutation)
    try:
        if lane.alive() is not None:
            _trip_by_losses(lane, section)
            _command(lane, "pause", "--reason", "crash test")
            lane.expected_switches.add("operator_pause")
            section.facts.append(f"tripped: {', '.join(sorted(lane.expected_switches))}")
            for point in SWITCH_POINTS * order.seeds:
                done = bool(point) and lane.kill_at(point, lane.rng.randint(1, 2), timeout_s=3.0)
                if not done:
                    time.sleep(lane.rng.uniform(0.0, 0.5))
                    lane.kill()
                if lane.alive() is None or lane.is_done:
                    break
                order.say(f"[switches] {point or 'a random moment'}: violations so far: {len(lane.ledger.violations)}")
            _nothing_opened(lane)
        lane.end()
    finally:
        lane.close()
    section.add(lane.ledger)
    return section


def _trip_by_losses(lane: Lane, section: Section) -> None:
    name = "consecutive_losses"

    def told() -> bool:
        assert lane.daemon is not None
        return lane.daemon.cycles() > 0 and any(
            event.get("switch") == name or name in (event.get("blocked") or ()) for event in lane.daemon.events()
        )

    try:
        wait_until("two losses in a row", told, 60)
        lane.expected_switches.add(name)
    except TimeoutError:
        section.facts.append("no two losses in a row in 60 s: the automatic switch was not tripped")


def _nothing_opened(lane: Lane) -> None:
    """No cycle since the pause opened anything."""
    rows = [row for row in invariants.journal(lane.home, "kill_switches") if row.get("switch") == "operator_pause"]
    since = rows[0]["at"] if rows else None
    opened = [
        order_id
        for order_id, intent in invariants.intents(lane.home).items()
        if intent["purpose"] == "entry" and since is not None and intent["created_at"] > since
    ]
    if rows and opened:
        lane.violate(f"opened while paused: {opened[:5]}")


def _command(lane: Lane, *arguments: str) -> None:
    command = [sys.executable, "-m", "tradingbot", *arguments, "--json", "--home", str(lane.home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        lane.violate(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"[:500])


def environment(lane: Lane) -> dict[str, Any]:
    """Variables of a command at this lane's venue."""
    keys = lane.venue.endpoints
    return {**os.environ, "KRAKEN_FUTURES_API_KEY": keys["api_key"], "KRAKEN_FUTURES_API_SECRET": keys["api_secret"]}
