"""``tradingbot restore``: a verified backup takes the place of a home's files; what was there is set aside.

Everything is unpacked beside the home's folders and verified first. Then one small file, the plan, is written, and from
that moment on the restore is done, whatever happens: each move may be repeated, and the next start, or the next
`restore`, finishes what was interrupted. Before that moment nothing of the home has been touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.app.archive import BackupError, Manifest, verified
from tradingbot.app.backup import data_of
from tradingbot.app.home_cut import ROOTS
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateNewerError
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.storage.files import FOLDER_MODE, make_folder, replace_file, stamp, sync_folder
from tradingbot.storage.lock import InstanceLock

PLAN: Final = ".restore-plan.json"
ASIDE: Final = "set-aside"
STAGING: Final = ".restore-staging"
CONFIRMATION: Final = "yes-restore"
Move = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that was done: what is there now, and where the files before it are (None: there were none)."""

    manifest: Manifest
    aside: Path | None


def restore(home: Path, archive: Path, *, force: bool = False, move: Move = os.replace) -> Restored:
    """Put the backup in place of the home's files. Raises BackupError, StateNewerError, AlreadyRunningError.

    `force` allows a backup of another installation. The lock is held all the time.
    """
    lock = InstanceLock(home)
    lock.acquire(SystemClock().now())
    try:
        finish_restore(home, move)
        _discard(home / STAGING)
        try:
            manifest = _staged(home, archive, force)
            aside = home / ASIDE / stamp(SystemClock().now())
            _fsync_tree(home / STAGING)
            roots = sorted({entry.path.partition("/")[0] for entry in manifest.files} | {"state"})
            plan = {"aside": str(aside.relative_to(home)), "roots": roots, "from": str(archive)}
            write_plan(home, plan)
        except OSError as error:
            raise BackupError(f"{error.filename or home}: {error.strerror}; nothing was changed") from error
        finally:
            if not (home / PLAN).exists():
                _discard(home / STAGING)
        finish_restore(home, move)
        return Restored(manifest, aside if aside.exists() else None)
    finally:
        lock.release()


def write_plan(home: Path, plan: Mapping[str, Any]) -> None:
    """The moment from which on the restore counts. Raises OSError."""
    replace_file(home / PLAN, orjson.dumps(plan))


def finish_restore(home: Path, move: Move = os.replace) -> bool:
    """Do what the plan of an interrupted restore still wants; True when there was one. The lock must be held.

    Raises BackupError when the disk refuses; then the plan stays, and the next call goes on.
    """
    try:
        plan = orjson.loads((home / PLAN).read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, orjson.JSONDecodeError) as error:
        raise BackupError(f"{home / PLAN}: cannot be read ({error}); the files of the home are untouched") from error
    try:
        _carry_out(home, plan, move)
    except OSError as error:
        raise BackupError(f"{error.filename or home}: {error.strerror}; call tradingbot restore again") from error
    return True


def _carry_out(home: Path, plan: Mapping[str, Any], move: Move) -> None:
    aside, staging = home / plan["aside"], home / STAGING
    for root in plan["roots"]:
        if not (staging / root).exists():
            continue  # this one is in its place already
        if (home / root).exists():
            make_folder(aside)
            move(home / root, _free_name(aside / root))
        move(staging / root, home / root)
    sync_folder(home)
    (home / PLAN).unlink()
    sync_folder(home)
    _discard(staging)


def _free_name(path: Path) -> Path:
    """Between two attempts a command may have made an empty folder anew: that one is set aside too."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def finish_if_interrupted(home: Path) -> bool:
    """For a start: finish what an interrupted restore has begun, before anything is read. Raises as `restore` does."""
    if not (home / PLAN).exists():
        return False
    lock = InstanceLock(home)
    lock.acquire(SystemClock().now())
    try:
        return finish_restore(home)
    finally:
        lock.release()


def _staged(home: Path, archive: Path, force: bool) -> Manifest:
    """Checked without a trace first, then unpacked with every hash checked again."""
    manifest = verified(archive)
    _refuse_newer(archive, manifest)
    _refuse_stranger(home, archive, manifest, force)
    _refuse_lack_of_space(home, archive, manifest)
    staging = home / STAGING
    staging.mkdir(mode=FOLDER_MODE)
    for root in {"state"} | {entry.path.partition("/")[0] for entry in manifest.files}:
        (staging / root).mkdir(mode=FOLDER_MODE)
    verified(archive, staging)
    _give_to_owner(home)
    return manifest


def _refuse_newer(archive: Path, manifest: Manifest) -> None:
    known = {row.path: row.schema_version for row in DOCUMENTS.values()}
    for entry in manifest.files:
        if entry.schema_version is not None and entry.schema_version > known.get(entry.path, entry.schema_version):
            raise StateNewerError(
                f"{archive}: {entry.path} has schema {entry.schema_version}, this version knows {known[entry.path]}; "
                f"restore it with version {manifest.version} or a newer one"
            )


def _refuse_stranger(home: Path, archive: Path, manifest: Manifest, force: bool) -> None:
    here = str(data_of(home, "instance").get("instance", ""))
    if not force and here and manifest.instance != here:
        raise BackupError(
            f"{archive}: made by installation {manifest.instance or 'unknown'} ({manifest.home}), this home is {here}; "
            "its orders would not be known again. Choose another --home, or insist with --force"
        )


def _refuse_lack_of_space(home: Path, archive: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(home).free
    if free < manifest.size_bytes * 1.1:
        raise BackupError(f"{archive}: {manifest.size_bytes:,} bytes unpacked, {free:,} free in {home}; free space")


def _give_to_owner(home: Path) -> None:
    """When root restores for the daemon's user, the files belong to that user."""
    owner = home.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for folder, _, files in os.walk(home / STAGING):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, owner.st_uid, owner.st_gid)


def _fsync_tree(folder: Path) -> None:
    for one, _, _ in os.walk(folder):
        sync_folder(Path(one))


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["CONFIRMATION", "PLAN", "ROOTS", "Restored", "finish_restore", "restore"]
