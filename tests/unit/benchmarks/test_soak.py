"""The soak: its plan of faults, its verdict, its page, and a very short run of the real thing."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.soak.plan import PlannedFault, fault_plan
from benchmarks.soak.report import picture, publish, text
from benchmarks.soak.verdict import checks, slope
from benchmarks.soak.watching import Soak, run_soak

from tradingbot.simulator.coinglass_faults import COINGLASS_FAULTS, CoinglassFault
from tradingbot.simulator.faults import FAULTS, FaultSpec


def a_soak(growth_mb_per_day: float = 0.0, cycles: int = 14_400) -> Soak:
    """What a clean run of ten days would have given."""
    soak = Soak(cycles, seed=1, exit_code=0)
    for cycle in range(1, cycles, 50):
        other = ("real_s", "lag_max_ms", "cycle_ms", "failed", "equity_usd", "venue_mb", "disk_free_mb")
        row = dict.fromkeys(other, 1.0)
        counts = {"threads": 8, "open_files": 40, "tasks": 30, "lag_p99_ms": 9.0, "home_mb": 10.0}
        memory = 190 + growth_mb_per_day * cycle / 1440
        soak.samples.append({**row, **counts, "cycle": cycle, "rss_mb": memory, "peak_rss_mb": memory})
    soak.runtime = {"cycles": cycles, "failed_cycles": 0, "jobs": [], "streams": []}
    soak.status = {"reconcile": {"agree": True}, "trade_count": 3, "net_pnl_usd": "1.5"}
    return soak


def missed(soak: Soak) -> list[str]:
    return [one.what for one in checks(soak) if not one.met]


def test_a_fortnight_has_every_fault_several_times_and_only_valid_ones() -> None:
    plan = fault_plan(20_160, 4, seed=11)
    counts = Counter((one.desk, one.name) for one in plan)
    assert set(counts) == {("venue", name) for name in FAULTS} | {("intelligence", name) for name in COINGLASS_FAULTS}
    assert set(counts.values()) == {4}
    for one in plan:
        (FaultSpec if one.desk == "venue" else CoinglassFault).model_validate(one.body())
    assert [one.cycle for one in plan] == sorted(one.cycle for one in plan)
    assert min(b.cycle - a.cycle for a, b in pairwise(plan)) > max(one.minutes for one in plan)


def test_a_short_run_has_as_many_different_faults_as_there_is_room_for() -> None:
    plan = fault_plan(600, 4, seed=1)
    assert 10 < len(plan) == len({(one.desk, one.name) for one in plan})
    assert plan == fault_plan(600, 4, seed=1) != fault_plan(600, 4, seed=2)
    assert fault_plan(20, 4, seed=1) == []


def test_a_clean_run_meets_every_demand() -> None:
    assert missed(a_soak()) == []
    assert missed(a_soak(growth_mb_per_day=0.9)) == []


def test_memory_may_fill_up_but_not_go_on_growing() -> None:
    """What is bounded fills in the first days; growth counts after them."""
    soak = a_soak()
    for row in soak.samples:
        row["rss_mb"] = 150 + 10 * min(row["cycle"] / 1440, 4)
    assert missed(soak) == []
    for row in soak.samples:
        row["rss_mb"] += 3 * max(0, row["cycle"] / 1440 - 4)
    assert missed(soak) == ["memory growth, MB per simulated day"]


def test_a_leak_is_found_with_its_pace() -> None:
    soak = a_soak(growth_mb_per_day=9.0)
    assert missed(soak) == ["memory growth, MB per simulated day"]
    found = slope(soak, "rss_mb")
    assert found is not None
    assert found.per_day == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"exit_code": 1}, "exit code of the daemon"),
        ({"stalled": True}, "exit code of the daemon"),
        ({"status": {"reconcile": {"agree": False}}}, "files and exchange agree"),
        ({"status": {}}, "files and exchange agree"),
        ({"runtime": {"cycles": 14_400, "failed_cycles": 1}}, "cycles failed"),
        ({"runtime": {"cycles": 7_000, "failed_cycles": 0}}, "cycles"),
    ],
)
def test_each_failure_is_a_demand_that_is_not_met(changes: dict[str, object], what: str) -> None:
    soak = a_soak()
    for name, value in changes.items():
        setattr(soak, name, value)
    assert missed(soak) == [what]


def test_the_page_is_rewritten_between_its_markers(tmp_path: Path) -> None:
    soak = a_soak(growth_mb_per_day=1.0)
    soak.injected = [PlannedFault(5, "venue", "slow", 3), PlannedFault(9, "venue", "slow", 2)]
    page = tmp_path / "soak.md"
    page.write_text("above\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nbelow\n")
    publish(soak, tmp_path)
    written = page.read_text()
    assert written == f"above\n<!-- soak: begin -->\n{text(soak)}<!-- soak: end -->\nbelow\n"
    assert "| exchange | `slow` | 2 | 5 |" in written
    root = ElementTree.fromstring((tmp_path / "soak.svg").read_text())
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 9
    assert picture(soak) == (tmp_path / "soak.svg").read_text()


@pytest.mark.process
@pytest.mark.long
def test_a_very_short_soak_of_the_real_daemon(tmp_path: Path) -> None:
    plan = [PlannedFault(1, "venue", "slow", 1), PlannedFault(2, "intelligence", "http_500", 2)]
    soak = run_soak(tmp_path, cycles=8, seed=3, plan=plan, every=2, talk=False, symbols="BTC,ETH")
    assert missed(soak) == []
    assert soak.injected == plan
    assert soak.status["reconcile"]["agree"] is True
    with (tmp_path / "soak.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(soak.samples) >= 1
    assert float(rows[-1]["rss_mb"]) > 50
    assert "cycles failed | 0" in text(soak)
