"""The instance lock: one process per home folder, whatever way the other one ended."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tradingbot.core.errors import AlreadyRunningError, StorageUnavailableError
from tradingbot.storage.lock import InstanceLock

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tradingbot.storage.lock import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
lock.acquire(datetime(2026, 1, 5, 8, tzinfo=UTC))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_names_its_holder_and_the_file_stays(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "home")
    lock.acquire(START)
    with lock:
        facts = json.loads(lock.path.read_text())
    assert facts["started_at"] == "2026-01-05T08:00:00.000Z"
    assert lock.path.exists()
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    InstanceLock(tmp_path / "home").acquire(START)


@pytest.mark.process
def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        lock = InstanceLock(tmp_path)
        with pytest.raises(AlreadyRunningError, match=rf"process {other.pid}, started 2026-01-05T08:00:00.000Z, "):
            lock.acquire(START)
        assert not lock.held
        other.kill()
        other.wait()
        lock.acquire(START)
        lock.release()


def test_an_unreadable_holder_is_still_a_holder(tmp_path: Path) -> None:
    holder, second = InstanceLock(tmp_path), InstanceLock(tmp_path)
    holder.acquire(START)
    holder.path.write_bytes(b"")
    with pytest.raises(AlreadyRunningError, match="another process already works in"):
        second.acquire(START)


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailableError, match="the lock cannot be made"):
        InstanceLock(tmp_path / "file" / "home").acquire(START)


def test_leaving_without_having_acquired_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), InstanceLock(tmp_path):
        pass
