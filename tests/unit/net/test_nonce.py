"""Nonces rise: in bursts, over restarts, over clocks that step back, after refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.net.nonce import FileNonceStore, MemoryNonceStore, NonceSource

START = datetime(2026, 1, 1, tzinfo=UTC)


class WallClock(SystemClock):
    """A wall clock that somebody else sets."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment


@given(st.lists(st.tuples(st.floats(-100, 100), st.booleans(), st.booleans()), max_size=50))
def test_every_nonce_is_greater_than_all_before(steps: list[tuple[float, bool, bool]]) -> None:
    """Whatever the wall clock does, and however often the process is killed and started again."""
    clock, store, last = WallClock(), MemoryNonceStore(), 0
    source = NonceSource(clock, store)
    for shift_s, restart, refused in steps:
        clock.moment += timedelta(seconds=shift_s)
        if restart:
            source = NonceSource(clock, store)
        if refused:
            source.resync()
        nonce = int(source.next())
        assert nonce > last
        last = nonce


def test_the_floor_is_written_rarely() -> None:
    """One write a minute, not one a request."""
    clock = WallClock()
    writes: list[int] = []

    class Counting(MemoryNonceStore):
        def save(self, floor: int) -> None:
            writes.append(floor)
            super().save(floor)

    source = NonceSource(clock, Counting())
    for _ in range(1000):
        source.next()
        clock.moment += timedelta(milliseconds=100)
    assert len(writes) == 2


def test_resynchronising_jumps_further_each_time_until_accepted() -> None:
    """Ten times further while refusals go on."""
    source = NonceSource(WallClock(), MemoryNonceStore())
    first = int(source.next())
    source.resync()
    second = int(source.next())
    source.resync()
    third = int(source.next())
    source.accepted()
    source.resync()
    fourth = int(source.next())
    assert [second - first, third - second, fourth - third] == [10_000_001, 100_000_001, 10_000_001]


def test_the_file_keeps_the_floor(tmp_path: Path) -> None:
    """Missing is zero; what was saved is loaded; no leftovers."""
    store = FileNonceStore(tmp_path / "state" / "nonce")
    assert store.load() == 0
    store.save(123)
    store.save(456)
    assert FileNonceStore(tmp_path / "state" / "nonce").load() == 456
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["nonce"]


@pytest.mark.parametrize("content", [b"", b"12a", b"\xff\xfe", b"-4"])
def test_a_file_without_a_number_is_corrupt(tmp_path: Path, content: bytes) -> None:
    """One clear error that names file and remedy."""
    path = tmp_path / "nonce"
    path.write_bytes(content)
    with pytest.raises(StateCorruptError, match="delete it to start anew"):
        FileNonceStore(path).load()


def test_an_unwritable_place_is_told(tmp_path: Path) -> None:
    """A folder where the file should be."""
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        FileNonceStore(blocked / "nonce").save(1)


def test_a_full_disk_does_not_stop_the_count() -> None:
    """Exits need nonces; writing is tried again later."""

    class Full(MemoryNonceStore):
        tries = 0

        def save(self, floor: int) -> None:
            self.tries += 1
            raise StorageUnavailableError("no space left")

    clock, store = WallClock(), Full()
    source = NonceSource(clock, store)
    nonces = [int(source.next()) for _ in range(5)]
    assert nonces == sorted(set(nonces))
    assert store.tries == 1
    clock.moment += timedelta(seconds=2)
    source.next()
    assert store.tries == 2


def test_refusals_without_end_stay_within_63_bits() -> None:
    """A venue that refuses everything for an hour does not burn the key."""
    source = NonceSource(WallClock(), MemoryNonceStore())
    for _ in range(200):
        source.resync()
        assert int(source.next()) < 2**63
