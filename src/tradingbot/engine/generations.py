"""Generations of what was learned, as files: each in a folder of its own that never changes, one of them in force.

`feature_store/generations/000007/` holds the policy files of generation 7 and `generation.json`, its provenance. The
same policy files stand in `feature_store/` as copies, byte for byte, of the generation that holds. Folders are complete
before the document that names the generation in force is written; a kill in between leaves a folder that nobody named,
and the copies are put right at the next start. Going back to a generation copies its bytes again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.core.levers import COMPOSITE, CONVICTION, DIRECTION, GATES, HOLD, TARGET_SCALE, WEIGHTS, Levers
from tradingbot.core.types import iso_utc
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.storage.files import make_folder, replace_file, sync_folder, write_file

FOLDER: Final = "feature_store/generations"
PROVENANCE: Final = "generation.json"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation with its provenance. `settings`: what a person set for every lever when it was made."""

    levers: Levers
    parent: int
    created_at: datetime
    learner: str
    why: str
    venue: VenueMetadata
    settings: Mapping[str, float]
    evidence: Mapping[str, Any]


def policies_of(one: Generation) -> dict[str, dict[str, Any]]:
    """What stands in each policy file: the values that hold under this generation, learned or set."""
    levers = one.levers
    effective = {**one.settings, **levers.values}
    merged = Levers(levers.number, effective)
    return {
        "signal_weights.json": {"weights": merged.of(WEIGHTS)},
        "signal_weights_gate.json": {"weights": merged.of(COMPOSITE)},
        "hold_time_policy.json": {"optimal_hold_min": levers.of(HOLD)},
        "profit_policy.json": {"target_scale": effective.get(TARGET_SCALE, 1.0)},
        "daily_learning_rules.json": {
            "conviction_sizes": merged.of(CONVICTION),
            "direction_sizes": levers.of(DIRECTION),
            "gates": merged.of(GATES),
        },
    }


class GenerationFiles:
    """The folders under one home. Every method blocks: call them in a thread. They raise StorageUnavailableError."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / FOLDER
        self._store = home / "feature_store"

    def add(self, one: Generation) -> None:
        """Write the folder of a generation, whole or not at all. One that is there already stays as it is."""
        target = self.folder_of(one.levers.number)
        if target.exists():
            return
        temp = self._folder / f".{target.name}.tmp"
        try:
            shutil.rmtree(temp, ignore_errors=True)
            make_folder(temp)
            for name, content in _files_of(one).items():
                write_file(temp / name, content)
            sync_folder(temp)
            os.replace(temp, target)
            sync_folder(self._folder)
        except OSError as error:
            raise StorageUnavailableError(f"{target}: cannot be written: {error.strerror}") from error

    def put_in_force(self, number: int) -> tuple[str, ...]:
        """Copy the policy files of a generation to where they are looked for; names of those that were not equal."""
        folder, changed = self.folder_of(number), []
        try:
            for path in sorted(folder.glob("*.json")):
                if path.name == PROVENANCE:
                    continue
                content = path.read_bytes()
                if _bytes_of(self._store / path.name) != content:
                    replace_file(self._store / path.name, content)
                    changed.append(path.name)
        except OSError as error:
            raise StorageUnavailableError(f"{folder}: {error.strerror}") from error
        return tuple(changed)

    def folder_of(self, number: int) -> Path:
        """Where a generation lives."""
        return self._folder / f"{number:06d}"

    def numbers(self) -> list[int]:
        """Every generation on file, oldest first."""
        with suppress(OSError):
            return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())
        return []

    def read(self, number: int) -> dict[str, Any]:
        """Provenance and values of a generation. Raises StateCorruptError, KeyError for one that is not on file."""
        path = self.folder_of(number) / PROVENANCE
        content = _bytes_of(path)
        if content is None:
            raise KeyError(number)
        return _data_of(path, content)

    def levers(self, number: int) -> Levers:
        """The levers of a generation. Raises StateCorruptError, KeyError."""
        found = self.read(number)
        return Levers(number, {str(name): float(value) for name, value in found["values"].items()})

    def hashes(self, number: int) -> dict[str, str]:
        """SHA-256 of every file of a generation, by name."""
        files = sorted(self.folder_of(number).glob("*.json"))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def forget(self, keep: int, besides: frozenset[int]) -> int:
        """Remove the oldest folders beyond `keep`, never those of `besides`; how many went."""
        gone = [number for number in self.numbers()[:-keep] if number not in besides]
        for number in gone:
            shutil.rmtree(self.folder_of(number), ignore_errors=True)
        return len(gone)


def _files_of(one: Generation) -> dict[str, bytes]:
    tag = one.venue.model_dump(mode="json")
    common = {"_venue_metadata": tag, "generation": one.levers.number}
    files = {name: {**common, **content} for name, content in policies_of(one).items()}
    files[PROVENANCE] = {
        **common,
        "parent": one.parent,
        "created_at": iso_utc(one.created_at),
        "learner": one.learner,
        "why": one.why,
        "values": dict(one.levers.values),
        "settings": dict(one.settings),
        "evidence": dict(one.evidence),
    }
    return {name: _envelope(content, one.created_at) for name, content in files.items()}


def _envelope(content: Mapping[str, Any], at: datetime) -> bytes:
    """As every state document: one line with the hash of its data. The time is the generation's, not the writing's."""
    data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(data).hexdigest()
    head = f'{{"schema_version":{SCHEMA},"sha256":"{digest}","saved_at":"{iso_utc(at)}","data":'
    return b"".join((head.encode(), data, b"}\n"))


def _data_of(path: Path, content: bytes) -> dict[str, Any]:
    head, separator, rest = content.partition(b',"data":')
    data = rest.removesuffix(b"}\n")
    try:
        envelope = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise StateCorruptError(f"{path}: is no JSON: {error}") from error
    if not separator or not head or envelope.get("sha256") != hashlib.sha256(data).hexdigest():
        raise StateCorruptError(f"{path}: its content does not match its hash")
    found: dict[str, Any] = envelope["data"]
    return found


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
