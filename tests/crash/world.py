"""Counts the points that a process reaches, and does at one of them what the harness has asked for."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.crash.durable import Disk
from tests.crash.places import Places

_write: Final = os.write
_kill: Final = os.kill
REFUSALS: Final = {"full": errno.ENOSPC, "read-only": errno.EROFS}


class World:
    """What is armed, and what has been counted. Commands come from the harness, one JSON object a line.

    ``{"do": "arm", "point": P, "hit": N, "act": "kill" | "cut" | "stop", "seed": S}``: at the N-th P from now.
    ``{"do": "cut", "seed": S}``: a power cut now. ``{"do": "count", "as": "trading"}``: tell what was reached.
    ``{"do": "disk", "as": "full" | "read-only" | "well"}``: writes below the home are refused, or no more.
    """

    def __init__(self, home: Path, side: Path, power: bool) -> None:
        self.places = Places(home)
        self.lock = threading.RLock()
        self.disk = Disk.of(self.places.home) if power else None
        self.believed: dict[str, str] = {}
        self.begun: dict[str, str] = {}
        self.believed_bytes: dict[str, int] = {}
        self._side = side
        self._counts: Counter[str] = Counter()
        self._told = os.open(side / "told.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._armed: dict[str, Any] | None = None
        self._left = 0
        self._refused = 0

    def obey(self, command: dict[str, Any]) -> None:
        """Carry out one command of the harness."""
        with self.lock:
            match command["do"]:
                case "arm":
                    self._left, self._armed = int(command["hit"]), command
                case "disarm":
                    self._armed = None
                case "count":
                    self.tell({"counts": dict(self._counts), "as": command["as"]})
                    self._counts.clear()
                case "disk":
                    self._refused = REFUSALS.get(command["as"], 0)
                case "cut":
                    self._cut("at a random moment", int(command["seed"]))
                case _:
                    raise ValueError(f"unknown command {command}")
            self.tell({"obeyed": command["do"]})

    def tell(self, fact: dict[str, Any]) -> None:
        """One line for the harness."""
        _write(self._told, json.dumps(fact).encode() + b"\n")

    def hit(self, point: str) -> None:
        """The process is at this point."""
        with self.lock:
            self._counts[point] += 1
            if self._is_due(point):
                self._act(point)

    def wants_torn(self, point: str) -> bool:
        """Whether the write that begins must be torn; counts like any point."""
        with self.lock:
            self._counts[point] += 1
            return self._is_due(point)

    def torn(self, point: str) -> None:
        """Half of it is written."""
        with self.lock:
            self._act(point)

    def refuse(self, path: str) -> None:
        """Raise what a full or read-only disk raises."""
        if self._refused:
            raise OSError(self._refused, os.strerror(self._refused), path)

    def _is_due(self, point: str) -> bool:
        if self._armed is None or self._armed["point"] != point:
            return False
        self._left -= 1
        return self._left == 0

    def _act(self, point: str) -> None:
        assert self._armed is not None
        command, self._armed = self._armed, None
        if command["act"] == "cut":
            self._cut(point, int(command["seed"]))
        if command["act"] == "stop":
            self.tell({"stopped": point})
            _kill(os.getpid(), signal.SIGSTOP)
            return
        self._die(point)

    def _cut(self, point: str, seed: int) -> None:
        assert self.disk is not None, "a power cut needs the plan's power"
        view = self._side / "disk"
        view.mkdir()
        fates = self.disk.write_view(view, random.Random(seed))
        facts = {"believed": self.believed, "begun": self.begun, "believed_bytes": self.believed_bytes}
        (self._side / "cut.json").write_text(json.dumps({**facts, "point": point, "fates": fates}))
        self._die(point)

    def _die(self, point: str) -> None:
        self.tell({"died": point})
        _kill(os.getpid(), signal.SIGKILL)
        while True:
            signal.pause()
