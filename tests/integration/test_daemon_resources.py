"""The guards in the running daemon: what a full disk does, what status shows, what the maintenance job leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.integration.daemon_rig import Rig, running
from tradingbot.app.resources import SystemFigures, read_system
from tradingbot.app.status import read_documents


async def looked_with_disk_free(rig: Rig, free_mb: float) -> None:
    def read(home: Path, measure_home: bool) -> SystemFigures:
        return replace(read_system(home, measure_home), disk_free_mb=free_mb)

    rig.daemon.resources._read = read
    await rig.daemon.resources.look()


async def test_a_full_disk_holds_entries_back_and_manages_what_is_open(tmp_path: Path) -> None:
    async with running(tmp_path / "home", symbols=("BTC", "ETH")) as rig:
        await rig.cycle_until("a position", lambda: rig.held)
        await looked_with_disk_free(rig, 100.0)
        opened = len([row for row in rig.events("intent") if row["intent"]["purpose"] == "entry"])
        await rig.cycle(4)
        await rig.stores.writer.flush()
        assert "disk_space" in rig.daemon.state.entry_blocks
        assert ("disk_space", "critical") in {(one.kind, one.severity.value) for one in rig.daemon.health.issues.open}
        assert rig.daemon.state.disk_free_mb == 100.0
        assert len([row for row in rig.events("intent") if row["intent"]["purpose"] == "entry"]) == opened
        assert rig.protected()
        await looked_with_disk_free(rig, 50_000.0)
        await rig.cycle()
        assert "disk_space" not in rig.daemon.state.entry_blocks
        await rig.assert_agrees()


async def test_status_and_journal_tell_what_the_process_takes(tmp_path: Path) -> None:
    often = {"TRADINGBOT__RESOURCES__JOURNAL_S": "60"}
    async with running(tmp_path / "home", often, symbols=("BTC",)) as rig:
        await rig.cycle(3)
        await rig.daemon._works.by_name()["maintenance"]()
        await rig.stores.writer.flush()
        shown = read_documents(rig.home)["runtime"]
        assert shown.open_files > 10
        assert shown.tasks > 5
        assert shown.threads >= 1
        assert shown.peak_rss_mb > 50
        assert shown.home_mb > 0
        assert shown.intelligence_url.startswith("http://127.0.0.1:")
        first, second, *_ = rig.rows("resources")
        assert first["rss_mb"] > 50
        assert first["at"] < second["at"]
        (line,) = rig.rows("maintenance")
        assert line["home_mb"] > 0
        assert line["oversized"] == []
