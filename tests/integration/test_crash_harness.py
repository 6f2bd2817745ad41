"""The short form of `make crash`: a point, a power cut, a mutation that must be noticed; and the model of the disk."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.durable import Disk
from tests.crash.lane import Lane
from tests.crash.places import Places, endpoint, message, operation_of_move

KILLED_AT = ("http.sendorder.sent",)


@pytest.mark.process
def test_kills_at_points_and_a_power_cut_break_nothing(tmp_path: Path) -> None:
    lane = Lane(tmp_path, seed=3, power=True)
    try:
        lane.start()
        assert lane.first_cycle()
        reached = [point for point in KILLED_AT if lane.kill_at(point, 1, timeout_s=20)]
        assert reached == list(KILLED_AT)
        assert lane.kill_at("positions.replace.after", 1, act="cut", timeout_s=20)
        lane.end()
    finally:
        lane.close()
    assert lane.ledger.violations == []
    assert lane.ledger.kills == 2


@pytest.mark.process
def test_an_order_that_leaves_before_its_intent_is_noticed(tmp_path: Path) -> None:
    lane = Lane(tmp_path, seed=3, mutation="intent-first")
    try:
        assert lane.kill_at("http.sendorder.received", 1, timeout_s=20)
    finally:
        lane.close()
    assert any("no intent explains" in violation.what for violation in lane.ledger.violations)


# ---------------------------------------------------------------- the model of the disk


def _disk(home: Path) -> Disk:
    return Disk.of(str(home))


def _views(disk: Disk, folder: Path, name: str) -> set[bytes | None]:
    """What a file may be after a cut, over many draws."""
    found: set[bytes | None] = set()
    for seed in range(40):
        into = folder / f"view{seed}"
        into.mkdir()
        disk.write_view(into, random.Random(seed))
        found.add((into / name).read_bytes() if (into / name).exists() else None)
    return found


def _create(disk: Disk, home: Path, name: str, content: bytes) -> None:
    (home / name).write_bytes(content)
    disk.opened(name, (home / name).stat().st_ino)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a").write_bytes(b"old")
    return tmp_path / "home"


def test_a_rename_without_its_folder_s_fsync_may_be_lost(home: Path, tmp_path: Path) -> None:
    disk = _disk(home)
    _create(disk, home, "tmp", b"new")
    disk.synced(disk.live["tmp"])
    disk.keep_orphan("a")
    (home / "tmp").replace(home / "a")
    disk.moved("tmp", "a")
    assert _views(disk, tmp_path, "a") == {b"old", b"new"}
    disk.synced_folder(".")
    assert disk.safe["a"] is disk.live["a"]


def test_a_rename_before_the_file_s_fsync_may_show_nothing_or_half(home: Path, tmp_path: Path) -> None:
    disk = _disk(home)
    _create(disk, home, "tmp", b"0123456789")
    (home / "tmp").replace(home / "a")
    disk.moved("tmp", "a")
    disk.synced_folder(".")
    seen = _views(disk, tmp_path, "a")
    assert {b"", b"0123456789"} <= seen
    assert len(seen) > 2


def test_synced_and_named_is_there_whatever_comes(home: Path, tmp_path: Path) -> None:
    disk = _disk(home)
    _create(disk, home, "b", b"kept")
    disk.synced(disk.live["b"])
    disk.synced_folder(".")
    assert _views(disk, tmp_path, "b") == {b"kept"}


def test_lines_appended_since_the_fsync_are_lost_kept_or_torn(home: Path, tmp_path: Path) -> None:
    disk = _disk(home)
    disk.before_change(disk.opened("a", (home / "a").stat().st_ino), 3)
    (home / "a").write_bytes(b"old, and more")
    seen = _views(disk, tmp_path, "a")
    assert {b"old", b"old, and more"} <= seen
    assert all(content is not None and content.startswith(b"old") for content in seen)


def test_a_folder_that_its_parent_has_not_synced_may_take_all_with_it(home: Path, tmp_path: Path) -> None:
    disk = _disk(home)
    (home / "deep").mkdir()
    disk.made_folder("deep")
    _create(disk, home, "deep/x", b"x")
    disk.synced(disk.live["deep/x"])
    disk.synced_folder("deep")
    assert _views(disk, tmp_path, "deep/x") == {None, b"x"}


# ---------------------------------------------------------------- names


def test_points_have_the_names_of_the_catalogue(tmp_path: Path) -> None:
    places = Places(tmp_path)
    named = {
        "state/positions_futures.json": "positions",
        "state/.positions_futures.json.tmp": "positions",
        "state/positions_futures.json.g3": "positions",
        "state/kill_switches.json": "kill_switches",
        "logs/kill_switches.jsonl": "kill_switches-journal",
        "logs/intents.000001.20260105T080000000Z.jsonl.gz": "intents",
        "state/nonce.tmp": "nonce",
        "state/.probe-17": "probe",
        "state/inbox/1-pause-2.json": "inbox",
    }
    assert {path: places.name(path) for path in named} == named
    assert places.relative(tmp_path / "state" / "x") == "state/x"
    assert places.relative("/etc/passwd") is None
    assert operation_of_move("state/.x.json.tmp", "state/x.json", True) == "replace"
    assert operation_of_move("state/x.json.g1", "state/x.json.g2", True) == "shift"
    assert operation_of_move("state/x.json.g3", "state/.x.json.tmp", True) == "recycle"
    assert endpoint("/derivatives/api/v3/orders/status") == "orders-status"
    assert message('{"event":"subscribe","feed":"fills"}') == "private.fills.subscribe"
    assert message(b'{"feed":"book","side":"buy"}') == "public.book"
