"""``tradingbot backup``: a verified copy of a home folder, running or stopped, in one file."""

from __future__ import annotations

import os
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.app.archive import BackupError, Manifest, write_archive
from tradingbot.app.home_cut import cut_home
from tradingbot.clock import SystemClock
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import DOCUMENTS, document_path
from tradingbot.storage.copies import newest_copy
from tradingbot.storage.files import make_folder, stamp
from tradingbot.storage.lock import is_held

FOLDER: Final = "backups"
PREFIX: Final = "tradingbot-backup-"
_NAME: Final = re.compile(rf"{PREFIX}([0-9a-f]+|new)-\d{{8}}T\d{{9}}Z\.tar\.gz")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: its file, what is in it, and older ones that were deleted for it."""

    path: Path
    manifest: Manifest
    deleted: tuple[Path, ...] = ()


def make_backup(home: Path, to: Path | None = None, keep: int | None = None) -> Backup:
    """Copy the home into `to`, a file that must not exist, or a folder; default: `backups` of the home.

    The file is read back and verified before it gets its name. Then, with `keep`, older backups of the same
    installation in the same folder are deleted beyond the newest `keep`. Raises BackupError, StorageUnavailableError.
    """
    if not (home / "state").is_dir():
        raise BackupError(f"{home}: no state folder, so there is nothing to keep; is --home right?")
    facts = _facts(home)
    path = _target(home, to, facts["instance"])
    try:
        make_folder(path.parent)
        with ExitStack() as stack:
            cut = cut_home(home, stack, time.sleep)
            # Documents may be newer than `facts`, which only describe: the files themselves count.
            facts |= {"at_one_moment": cut.at_one_moment, "notes": cut.notes}
            manifest = write_archive(path, cut.files, facts)
    except OSError as error:
        raise BackupError(f"{error.filename or path}: {error.strerror}; free space, or choose another --to") from error
    return Backup(path, manifest, _retire(path, facts["instance"], keep) if keep else ())


def _facts(home: Path) -> dict[str, Any]:
    instance = data_of(home, "instance")
    now = SystemClock().now()
    return {
        "created_at": iso_utc(now),
        "version": version("tradingbot"),
        "home": str(home),
        "instance": str(instance.get("instance", "")),
        "profile": str(instance.get("profile", "")),
        "venue": str(instance.get("venue", "")),
        "daemon_running": is_held(home),
    }


def data_of(home: Path, name: str) -> dict[str, Any]:
    """The data of a document's newest good copy as plain JSON; empty where there is none."""
    assert name in DOCUMENTS
    copy = newest_copy(document_path(home, name))
    found = orjson.loads(copy.data) if copy is not None else {}
    return found if isinstance(found, dict) else {}


def _target(home: Path, to: Path | None, instance: str) -> Path:
    name = f"{PREFIX}{instance or 'new'}-{stamp(SystemClock().now())}.tar.gz"
    path = home / FOLDER / name if to is None else (to / name if to.is_dir() else to)
    if path.exists():
        raise BackupError(f"{path}: exists already; a backup never overwrites anything, choose another --to")
    return path


def _retire(newest: Path, instance: str, keep: int) -> tuple[Path, ...]:
    same = [one for one in newest.parent.iterdir() if (found := _NAME.fullmatch(one.name)) and found[1] == instance]
    surplus = sorted((one for one in same if one != newest), key=lambda one: one.name, reverse=True)[keep - 1 :]
    for one in surplus:
        os.unlink(one)
    return tuple(surplus)
