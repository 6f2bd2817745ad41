"""A disk that is full, or read-only, at the start and while trading; and then is given back.

Full is real where a small file system may be mounted (tmpfs), else the launcher raises ENOSPC. Read-only at the start
is a real remount; while trading the launcher raises EROFS: no system remounts under files that are open for writing.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Final

from tests.crash.lane import Lane
from tests.crash.points import Reached
from tests.crash.processes import DaemonProcess, wait_until
from tests.crash.sections import Order, Section

SIZE_MB: Final = 700
CYCLES_WITHOUT: Final = 8


class SmallDisk:
    """The home of a lane on a file system of its own, where that is allowed."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._home = lane.home
        self._home.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(self._home)]
        self.real = subprocess.run(command, capture_output=True, check=False).returncode == 0
        self._ballast = self._home / "ballast"

    def fill(self) -> None:
        """Not a byte is left."""
        if not self.real:
            self._tell("full")
            return
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 65_536)

    def free(self) -> None:
        """Space again."""
        if self.real:
            self._ballast.unlink(missing_ok=True)
        else:
            self._tell("well")

    def remount(self, how: str) -> bool:
        """``ro`` or ``rw``; False where that is not possible."""
        command = ["mount", "-o", f"remount,{how}", str(self._home)]
        return self.real and subprocess.run(command, capture_output=True, check=False).returncode == 0

    def close(self) -> None:
        """Taken away again."""
        if self.real:
            subprocess.run(["umount", "-l", str(self._home)], check=False)

    def _tell(self, state: str) -> None:
        if self._lane.daemon is not None and self._lane.daemon.alive:
            self._lane.daemon.order(do="disk", **{"as": state})


def disk(order: Order, _: Reached | None = None) -> Section:
    """(f) Entries are blocked, exits go on; given back, everything is saved and agrees."""
    section = Section("disk")
    lane = Lane(order.folder / "disk", 11, order.speed, mutation=order.mutation)
    lane.check_intents = ("entry",)  # exits and stops go out without a note when the disk refuses it
    small = SmallDisk(lane)
    section.facts.append(f"full disk: {'a real tmpfs' if small.real else 'ENOSPC raised by the launcher'}")
    try:
        for _seed in range(order.seeds):
            _full_while_trading(lane, small, section)
            _full_at_start(lane, small, section)
            _read_only_at_start(lane, small, section)
            _read_only_while_trading(lane, section)
            lane.end()
        for fact in section.facts:
            order.say(f"[disk] {fact}")
    finally:
        lane.close()
        small.close()
    section.add(lane.ledger)
    return section


def _full_while_trading(lane: Lane, small: SmallDisk, section: Section) -> None:
    if (daemon := _trading(lane)) is None:
        return
    lane.last = "full disk while trading"
    small.fill()
    said = _blocked(lane, daemon)
    small.free()
    _recovers(lane, daemon)
    section.facts.append(f"full while trading: {said}; given back: entries again")
    small.fill()
    _blocked(lane, daemon)
    lane.kill("killed on a full disk")


def _full_at_start(lane: Lane, small: SmallDisk, section: Section) -> None:
    """The disk is still full from the step before."""
    daemon = lane.start(() if small.real else [{"do": "disk", "as": "full"}])
    wait_until("the start on a full disk", lambda: not daemon.alive or _cycled(daemon), 60)
    if daemon.alive:
        said = f"it starts; {_blocked(lane, daemon)}"
        lane.check_alive()
        lane.kill("killed after a start on a full disk")
    else:
        said = _refusal(lane, daemon)
    small.free()
    section.facts.append(f"full at the start: {said}")
    lane.alive()


def _read_only_at_start(lane: Lane, small: SmallDisk, section: Section) -> None:
    lane.kill("killed before the disk became read-only")
    real = small.remount("ro")
    daemon = lane.start(() if real else [{"do": "disk", "as": "read-only"}])
    wait_until("the start on a read-only disk", lambda: not daemon.alive or _cycled(daemon), 60)
    said = _refusal(lane, daemon) if not daemon.alive else "it starts"
    if daemon.alive:
        lane.kill("killed on a read-only disk")
    if real:
        small.remount("rw")
    section.facts.append(f"read-only at the start ({'real' if real else 'EROFS raised by the launcher'}): {said}")
    lane.alive()


def _read_only_while_trading(lane: Lane, section: Section) -> None:
    if (daemon := _trading(lane)) is None:
        return
    lane.last = "read-only disk while trading"
    daemon.order(do="disk", **{"as": "read-only"})
    said = _blocked(lane, daemon)
    daemon.order(do="disk", **{"as": "well"})
    _recovers(lane, daemon)
    section.facts.append(f"read-only while trading (EROFS raised by the launcher): {said}; given back: entries again")


def _trading(lane: Lane) -> DaemonProcess | None:
    daemon = lane.alive()
    if daemon is not None:
        wait_until("two positions", lambda: daemon.cycles() and len(lane.book.read().held) >= 2, 60)
    return daemon


def _blocked(lane: Lane, daemon: DaemonProcess) -> str:
    """From the cycle after the disk's trouble on nothing is opened; what is held stays protected."""
    wait_until("storage.unavailable", lambda: daemon.cycles() and _last_word(daemon) == "storage.unavailable", 30)
    done = daemon.cycles()
    wait_until("a whole cycle without the disk", lambda: daemon.cycles() >= done + 2, 30)
    entries, others = _sent(lane, "entry"), _sent(lane, "")
    wait_until("cycles without the disk", lambda: daemon.cycles() >= done + 2 + CYCLES_WITHOUT, 60)
    if opened := _sent(lane, "entry") - entries:
        lane.violate(f"opened although the disk refuses: {sorted(opened)}")
    lane.settled("unprotected without a disk", lane.book.unprotected)
    return f"no entry, {len(_sent(lane, '') - others)} exits and stops in {CYCLES_WITHOUT} cycles"


def _recovers(lane: Lane, daemon: DaemonProcess) -> None:
    entries = _sent(lane, "entry")
    try:
        wait_until("storage.recovered", lambda: daemon.cycles() and _last_word(daemon) == "storage.recovered", 30)
        wait_until("entries again", lambda: daemon.cycles() and _sent(lane, "entry") > entries, 60)
    except TimeoutError as error:
        lane.violate(str(error))


def _cycled(daemon: DaemonProcess) -> bool:
    return any(event.get("event") == "cycle.completed" for event in daemon.events())


def _last_word(daemon: DaemonProcess) -> str:
    words = [event["event"] for event in daemon.events() if str(event.get("event")).startswith("storage.")]
    return str(words[-1]) if words else ""


def _sent(lane: Lane, ending: str) -> set[str]:
    return {order_id for order_id in lane.book.read().orders if order_id.endswith(ending)}


def _refusal(lane: Lane, daemon: DaemonProcess) -> str:
    """A refused start: one clear message, exit code above 0."""
    code, text = daemon.died(), daemon.text().strip()
    lane.daemon = None
    if code <= 0 or "Traceback" in text:
        lane.violate(f"a start that cannot be must end with one message: {code}, {text[-500:]}")
    return f"refused with exit code {code}: {text.splitlines()[-1][:300] if text else 'nothing said'}"
