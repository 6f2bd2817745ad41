"""Backup and restore: nothing is lost, nothing foreign gets in, an interruption leaves one whole home."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from tradingbot.app.archive import BackupError, verified
from tradingbot.app.backup import make_backup
from tradingbot.app.home_cut import cut_home
from tradingbot.app.restoring import PLAN, finish_if_interrupted, restore
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import AlreadyRunningError, StateNewerError
from tradingbot.engine.models import InstanceState, PositionsState
from tradingbot.storage.lock import InstanceLock
from tradingbot.storage.writer import StorageWriter

INTENTS = b'{"n":1}\n{"n":2}\n'


def a_home(folder: Path, instance: str = "abc123", text: str = "one") -> Path:
    """A home with documents, journals, a simulated account, keys and requests."""
    clock = SystemClock()
    (folder / "logs").mkdir(parents=True)
    (folder / "state" / "inbox").mkdir(parents=True)
    (folder / "state" / "sim_venue").mkdir()
    writer = StorageWriter(clock)
    made = InstanceState(instance=instance, created_at=clock.now(), profile="paper", venue="kraken_futures")
    open_document(folder, "instance", writer).save(made)
    open_document(folder, "positions", writer).save(PositionsState())
    (folder / "logs" / "intents.jsonl").write_bytes(INTENTS + b'{"torn')
    (folder / "logs" / "daemon.000001.20260105T080000000Z.jsonl.gz").write_bytes(b"rotated")
    (folder / "logs" / "note.txt").write_text(text)
    (folder / "state" / "sim_venue" / "api_keys.json").write_text('{"api_secret":"s"}')
    (folder / "state" / "sim_venue" / "transactions.jsonl").write_text("{}\n")
    (folder / "state" / "inbox" / "1.json").write_text("{}")
    (folder / ".env").write_text("KRAKEN_FUTURES_API_KEY=k")
    return folder


def contents(home: Path) -> dict[str, bytes]:
    """Every file of the home's folders."""
    found = {}
    for root in ("state", "logs", "feature_store"):
        for path in sorted((home / root).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(home))] = path.read_bytes()
    return found


def test_everything_but_keys_and_requests_comes_back(tmp_path: Path) -> None:
    """Byte for byte, journals up to their last whole line, files for the owner alone."""
    home = a_home(tmp_path / "home")
    made = make_backup(home, tmp_path / "b.tar.gz")
    names = {entry.path for entry in made.manifest.files}
    assert not any(".env" in name or "api_keys" in name or "inbox" in name for name in names)
    assert (made.manifest.instance, made.manifest.at_one_moment) == ("abc123", True)
    other = tmp_path / "other"
    done = restore(other, made.path)
    assert done.aside is None
    before = {name: content for name, content in contents(home).items() if name in names}
    assert contents(other) == {**before, "logs/intents.jsonl": INTENTS}
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    for path in other.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_the_newest_good_generation_is_kept(tmp_path: Path) -> None:
    """A current file that is garbage is not what comes back."""
    home = a_home(tmp_path / "home")
    path = home / "state" / "positions_futures.json"
    good = path.read_bytes()
    os.replace(path, path.with_name(path.name + ".g1"))
    path.write_bytes(b"garbage")
    made = make_backup(home, tmp_path / "b.tar.gz")
    assert any("g1" in note for note in made.manifest.notes)
    restore(tmp_path / "other", made.path)
    assert (tmp_path / "other" / "state" / "positions_futures.json").read_bytes() == good


def test_a_home_that_moves_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill that is written while we look: the cut is taken anew and holds it."""
    home = a_home(tmp_path / "home")
    fills = home / "logs" / "fills.jsonl"
    pauses: list[float] = []
    real_walk, written = os.walk, []

    def walk(top: Any) -> Any:
        if not written:
            written.append(fills.write_bytes(b'{"fill":1}\n'))
        return real_walk(top)

    monkeypatch.setattr(os, "walk", walk)
    with ExitStack() as stack:
        cut = cut_home(home, stack, pauses.append)
        kept = {one.name: one.size for one in cut.files}
    assert cut.at_one_moment
    assert len(pauses) == 1
    assert kept["logs/fills.jsonl"] == len(b'{"fill":1}\n')


def test_older_backups_beyond_keep_are_deleted(tmp_path: Path) -> None:
    """Of this installation only, and never the new one."""
    home = a_home(tmp_path / "home")
    stranger = home / "backups" / "tradingbot-backup-fff-20260101T000000000Z.tar.gz"
    stranger.parent.mkdir()
    stranger.write_bytes(b"")
    made = [make_backup(home, keep=2) for _ in range(4)]
    left = {path.name for path in stranger.parent.iterdir()}
    assert left == {stranger.name, made[2].path.name, made[3].path.name}


def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    """And a folder without a home is said to be one."""
    home = a_home(tmp_path / "home")
    make_backup(home, tmp_path / "b.tar.gz")
    with pytest.raises(BackupError, match="exists already"):
        make_backup(home, tmp_path / "b.tar.gz")
    with pytest.raises(BackupError, match="--home"):
        make_backup(tmp_path / "none")


def test_a_running_home_is_not_replaced(tmp_path: Path) -> None:
    """The lock says so."""
    home = a_home(tmp_path / "home")
    made = make_backup(home, tmp_path / "b.tar.gz")
    lock = InstanceLock(home)
    lock.acquire(SystemClock().now())
    with pytest.raises(AlreadyRunningError):
        restore(home, made.path)
    lock.release()


def test_another_installation_needs_force(tmp_path: Path) -> None:
    """Its orders would not be known again."""
    made = make_backup(a_home(tmp_path / "home"), tmp_path / "b.tar.gz")
    other = a_home(tmp_path / "other", instance="fed987")
    before = contents(other)
    with pytest.raises(BackupError, match="--force"):
        restore(other, made.path)
    assert contents(other) == before
    done = restore(other, made.path, force=True)
    assert done.aside is not None
    assert (done.aside / "logs" / "note.txt").read_text() == "one"
    assert contents(done.aside) == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """Before anything is touched."""
    home = a_home(tmp_path / "home")
    made = make_backup(home, tmp_path / "b.tar.gz")
    changed = _rewritten(made.path, tmp_path / "newer.tar.gz", _newer)
    before = contents(home)
    with pytest.raises(StateNewerError, match="newer"):
        restore(home, changed)
    assert contents(home) == before


def _newer(manifest: dict[str, Any]) -> None:
    for entry in manifest["files"]:
        if entry["schema_version"]:
            entry["schema_version"] = 99


def _rewritten(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same archive with another manifest."""
    with tarfile.open(path) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            content = stream.read()
            if member.name == "MANIFEST.json":
                manifest = orjson.loads(content)
                change(manifest)
                content = orjson.dumps(manifest)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


def _link(tar: tarfile.TarFile) -> None:
    member = tarfile.TarInfo("state/positions_futures.json")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar.addfile(member)


def _named(name: str) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))

    return add


def _twice(tar: tarfile.TarFile) -> None:
    _named("state/a.json")(tar)
    _named("state/a.json")(tar)


@pytest.mark.parametrize(
    ("add", "why"),
    [
        (_link, "no regular file"),
        (_named("../outside"), "leads out"),
        (_named("/etc/cron.d/x"), "leads out"),
        (_named("state/../../x"), "leads out"),
        (_named("state/./x"), "leads out"),
        (_named(".env"), "leads out"),
        (_named("backups/x"), "leads out"),
        (_twice, "twice"),
        (_named("state/extra.json"), "no manifest"),
    ],
)
def test_what_does_not_belong_into_a_backup_is_refused(
    add: Callable[[tarfile.TarFile], None], why: str, tmp_path: Path
) -> None:
    """As a whole, with nothing changed and nothing left behind."""
    home = a_home(tmp_path / "home")
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        add(tar)
    before = sorted(str(one) for one in tmp_path.rglob("*") if "lock" not in one.name)
    with pytest.raises(BackupError, match=why):
        restore(home, path)
    assert sorted(str(one) for one in tmp_path.rglob("*") if "lock" not in one.name) == before


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_off_archive_is_refused(cut: float, tmp_path: Path) -> None:
    """At any place."""
    home = a_home(tmp_path / "home")
    made = make_backup(home, tmp_path / "b.tar.gz")
    content = made.path.read_bytes()
    made.path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(BackupError):
        restore(home, made.path)
    assert (home / "logs" / "note.txt").read_text() == "one"


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    """By the hash of the manifest, not only by gzip's."""
    made = make_backup(a_home(tmp_path / "home"), tmp_path / "b.tar.gz")

    def other_hash(manifest: dict[str, Any]) -> None:
        manifest["files"][0]["sha256"] = "0" * 64

    with pytest.raises(BackupError, match="hash"):
        verified(_rewritten(made.path, tmp_path / "c.tar.gz", other_hash))


def _count_moves(tmp_path: Path) -> int:
    moves: list[Path] = []
    home, archive = _before_and_backup(tmp_path / "count")

    def move(source: Path, target: Path) -> None:
        moves.append(source)
        os.replace(source, target)

    restore(home, archive, move=move)
    return len(moves)


def _before_and_backup(folder: Path) -> tuple[Path, Path]:
    """A home that has gone on since its backup was made."""
    home = a_home(folder / "home")
    made = make_backup(home, folder / "b.tar.gz")
    (home / "logs" / "note.txt").write_text("two")
    return home, made.path


class Killed(BaseException):
    """The process dies here."""


def test_a_restore_that_is_killed_at_any_move_leaves_one_whole_home(tmp_path: Path) -> None:
    """The next start finishes it; what was there before is set aside whole."""
    total = _count_moves(tmp_path)
    assert total >= 4
    for at in range(total):
        home, archive = _before_and_backup(tmp_path / str(at))
        old = contents(home)
        left = [at]

        def dying(source: Path, target: Path, left: list[int] = left) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            os.replace(source, target)

        with pytest.raises(Killed):
            restore(home, archive, move=dying)
        assert (home / PLAN).exists()
        (home / "state").mkdir(exist_ok=True)  # a command that came in between made the folder anew
        assert finish_if_interrupted(home)
        assert not finish_if_interrupted(home)
        assert (home / "logs" / "note.txt").read_text() == "one"
        (aside,) = (home / "set-aside").iterdir()
        assert contents(aside) == old
        assert not (home / ".restore-staging").exists()


def test_a_restore_that_is_killed_before_its_plan_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old home is intact, and the next restore works."""
    home, archive = _before_and_backup(tmp_path)
    old = contents(home)

    def dying(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("tradingbot.app.restoring.write_plan", dying)
        with pytest.raises(Killed):
            restore(home, archive)
    assert contents(home) == old
    assert not finish_if_interrupted(home)
    restore(home, archive)
    assert (home / "logs" / "note.txt").read_text() == "one"
