"""The sampler: what it finds out of the system, whom it tells, how often it writes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.fakes import MemoryJournal
from tests.support import NOW
from tradingbot.app.resources import ResourceWatch, SystemFigures, folder_bytes, issues_of, read_system
from tradingbot.clock import SteppedClock
from tradingbot.guards.issue_kinds import KINDS
from tradingbot.guards.resources import KINDS as RESOURCE_KINDS
from tradingbot.guards.resources import ResourceFinding, ResourceLimits

CALM = SystemFigures(120.0, 130.0, 40, 1024, 3, 50_000.0, 12.0)


class FakeLag:
    """A loop that is never late."""

    def p99_ms(self) -> float:
        return 1.0

    def take_worst_ms(self) -> float:
        return 2.0


class Bench:
    """A watch over figures that the test sets, and what it told."""

    def __init__(self, **limits: object) -> None:
        self.clock = SteppedClock(NOW)
        self.figures = CALM
        self.measured_home = 0
        self.told: list[Sequence[ResourceFinding]] = []
        self.journal = MemoryJournal()
        self.watch = ResourceWatch(
            Path("home"), self.clock, FakeLag(), ResourceLimits(**limits), self.journal, self.told.append, self._read
        )

    def _read(self, home: Path, measure_home: bool) -> SystemFigures:
        self.measured_home += measure_home
        return self.figures if measure_home else replace(self.figures, home_mb=None)

    async def minutes(self, count: int, growth_mb: float = 0.0) -> None:
        for _ in range(count):
            await self.watch.look()
            assert self.figures.rss_mb is not None
            self.figures = replace(self.figures, rss_mb=self.figures.rss_mb + growth_mb)
            await self.clock.sleep(60)


async def test_a_calm_process_has_no_findings() -> None:
    bench = Bench()
    await bench.minutes(3)
    assert (bench.told, bench.watch.findings, bench.watch.blocks) == ([(), (), ()], (), ())


async def test_a_full_disk_blocks_entries_until_there_is_room_again() -> None:
    bench = Bench()
    bench.figures = replace(CALM, disk_free_mb=400.0)
    await bench.minutes(2)
    assert bench.watch.blocks == ("disk_space",)
    bench.figures = CALM
    await bench.minutes(2)
    assert bench.watch.blocks == ()
    assert [[(one.kind, one.severity, one.cleared) for one in told] for told in bench.told] == [
        [("disk_space", "critical", False)],
        [("disk_space", "critical", False)],
        [("disk_space", "critical", True)],
        [],
    ]


async def test_a_line_is_written_every_ten_minutes() -> None:
    bench = Bench()
    await bench.minutes(21)
    assert [(row["at"] - NOW).total_seconds() for row in bench.journal.records] == [0, 600, 1200]
    assert {"rss_mb": 120.0, "open_files": 40, "threads": 3, "disk_free_mb": 50_000.0}.items() <= (
        bench.journal.records[0].items()
    )


async def test_the_home_folder_is_measured_once_an_hour() -> None:
    bench = Bench()
    await bench.minutes(61)
    assert bench.measured_home == 2
    assert bench.watch.figures["home_mb"] == 12.0


async def test_steady_growth_is_found_after_warm_up_and_window() -> None:
    bench = Bench(growth_window_h=0.5, growth_warm_up_h=0.5)
    await bench.minutes(50, growth_mb=0.5)
    assert bench.watch.findings == ()
    await bench.minutes(12, growth_mb=0.5)
    (found,) = bench.watch.findings
    assert (found.kind, found.severity, round(found.value)) == ("memory_growth", "warning", 720)


async def test_a_look_that_fails_is_made_again() -> None:
    bench = Bench()
    failures = iter([OSError("gone"), None, None])
    real = bench._read

    def broken(home: Path, measure_home: bool) -> SystemFigures:
        if (error := next(failures, None)) is not None:
            raise error
        return real(home, measure_home)

    bench.watch._read = broken
    with suppress(TimeoutError):
        async with bench.clock.timeout(90):
            await bench.watch.run()
    assert bench.watch.sample.rss_mb == 120.0


def test_the_system_tells_of_this_process(tmp_path: Path) -> None:
    with (tmp_path / "one").open("wb") as file:
        file.write(b"x" * 5_000)
        file.flush()
        before = read_system(tmp_path, measure_home=True)
        with (tmp_path / "two").open("wb"):
            after = read_system(tmp_path, measure_home=False)
    assert before.home_mb == 0.005
    assert after.home_mb is None
    assert before.open_files is not None
    assert after.open_files == before.open_files + 1
    assert before.rss_mb is not None
    assert before.peak_rss_mb is not None
    assert before.peak_rss_mb > 10
    assert before.disk_free_mb is not None
    assert before.threads >= 1


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c").write_bytes(b"y" * 10)
    assert folder_bytes(tmp_path) == 110
    assert folder_bytes(tmp_path / "missing") == 0


def test_every_finding_is_an_issue_with_a_runbook() -> None:
    found = [ResourceFinding(kind, "daemon", "warning", kind, 1.0, 1.0) for kind in RESOURCE_KINDS]
    issues = issues_of([*found, replace(found[0], cleared=True)])
    assert len({(issue.kind, issue.subject) for issue in issues}) == len(RESOURCE_KINDS) == len(issues)
    assert {issue.kind for issue in issues} <= set(KINDS)
    assert [issue.judged for issue in issues] == ["warning"] * len(issues)
