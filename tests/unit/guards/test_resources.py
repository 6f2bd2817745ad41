"""Limits of what the process takes: two steps, no flapping, growth that is certain, and what follows for entries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tradingbot.guards.resources import (
    KINDS,
    ROWS,
    Limit,
    ResourceFinding,
    ResourceLimits,
    ResourceSample,
    ended,
    entry_blocks,
    judge,
)
from tradingbot.guards.trend import DAY_S, Trend, trend

LIMITS = ResourceLimits()
BAD = {  # a value beyond the critical limit of each row
    "memory": {"rss_mb": 900.0},
    "open_files": {"open_files": 80, "open_files_limit": 100},
    "tasks": {"tasks": 1000},
    "threads": {"threads": 200},
    "loop_lag": {"loop_lag_p99_ms": 200.0},
    "loop_stall": {"loop_lag_max_ms": 5000.0},
    "disk_space": {"disk_free_mb": 500.0},
    "home_size": {"home_mb": 50_000.0},
}


def severities(*values: float) -> list[str]:
    """What each of these looks at resident memory finds, one after the other."""
    found: tuple[ResourceFinding, ...] = ()
    said = []
    for value in values:
        found = judge(ResourceSample(rss_mb=value), LIMITS, found)
        said.append(found[0].severity if found else "")
    return said


def test_nothing_known_is_nothing_found() -> None:
    assert judge(ResourceSample(), LIMITS) == ()


@pytest.mark.parametrize("kind", BAD)
def test_each_resource_is_critical_at_its_limit(kind: str) -> None:
    (found,) = judge(ResourceSample(**BAD[kind]), LIMITS)
    assert (found.kind, found.severity, found.cleared) == (kind, "critical", False)
    assert f"{found.limit:,.6g}" in found.detail


def test_every_row_is_tried_here() -> None:
    assert {row.kind for row in ROWS} == set(BAD)
    assert set(KINDS) == {*BAD, "memory_growth"}


def test_a_value_at_the_limit_does_not_flap() -> None:
    assert severities(599, 600, 599, 541, 540.01, 539, 599) == ["", "warning", "warning", "warning", "warning", "", ""]


def test_critical_falls_to_a_warning_only_with_the_margin() -> None:
    assert severities(900, 899, 811, 809, 899, 900) == [*["critical"] * 3, "warning", "warning", "critical"]


def test_little_disk_space_is_bad_and_ends_above_the_limit() -> None:
    found = judge(ResourceSample(disk_free_mb=499), LIMITS)
    assert found[0].severity == "critical"
    assert judge(ResourceSample(disk_free_mb=549), LIMITS, found)[0].severity == "critical"
    assert judge(ResourceSample(disk_free_mb=551), LIMITS, found)[0].severity == "warning"
    assert judge(ResourceSample(disk_free_mb=2201), LIMITS, found) == ()


def test_what_is_not_known_now_stands_as_it_was() -> None:
    found = judge(ResourceSample(disk_free_mb=1), LIMITS)
    assert judge(ResourceSample(), LIMITS, found) == found


def test_a_finding_that_is_over_is_told_once() -> None:
    found = judge(ResourceSample(rss_mb=950), LIMITS)
    over = ended(found, ())
    assert over == (replace(found[0], cleared=True),)
    assert ended(over, ()) == ()
    assert ended(found, found) == ()


@pytest.mark.parametrize(("kind", "reason"), [("memory", "memory"), ("disk_space", "disk_space")])
def test_only_memory_and_disk_hold_entries_back(kind: str, reason: str) -> None:
    everything = {key: value for values in BAD.values() for key, value in values.items()}
    assert set(entry_blocks(judge(ResourceSample(**everything), LIMITS))) == {"memory", "disk_space"}
    assert entry_blocks(judge(ResourceSample(**BAD[kind]), LIMITS)) == (reason,)


def test_a_warning_holds_nothing_back() -> None:
    assert entry_blocks(judge(ResourceSample(rss_mb=700, disk_free_mb=1000), LIMITS)) == ()


def test_growth_counts_when_it_is_certain_and_long_enough() -> None:
    def kinds(growth: Trend) -> list[str]:
        return [found.kind for found in judge(ResourceSample(growth=growth), LIMITS)]

    window_s = LIMITS.growth_window_h * 3600
    assert kinds(Trend(300, 40, window_s, 360)) == ["memory_growth"]
    assert kinds(Trend(300, 60, window_s, 360)) == []
    assert kinds(Trend(3000, 1, window_s / 2, 180)) == []


@pytest.mark.parametrize("setting", ["rss_mb", "disk_free_mb"])
def test_steps_in_the_wrong_order_are_refused(setting: str) -> None:
    wrong = Limit(warn=900, critical=600) if setting == "rss_mb" else Limit(warn=500, critical=2000)
    with pytest.raises(ValidationError, match="critical"):
        ResourceLimits(**{setting: wrong})
    assert ResourceLimits(**{setting: Limit(warn=700, critical=700)})


@given(slope=st.floats(-1e4, 1e4), level=st.floats(-1e4, 1e4), count=st.integers(3, 200), step_s=st.floats(1.0, 3600.0))
def test_a_straight_line_has_its_slope_and_no_error(slope: float, level: float, count: int, step_s: float) -> None:
    found = trend([(n * step_s, level + slope * n * step_s / DAY_S) for n in range(count)])
    assert found is not None
    assert found.per_day == pytest.approx(slope, abs=1e-2, rel=1e-4)
    assert found.error_per_day == pytest.approx(0, abs=1e-1)


def test_noise_without_growth_is_not_certain_growth() -> None:
    found = trend([(n * 60.0, 200.0 + (5 if n % 2 else -5)) for n in range(360)])
    assert found is not None
    assert found.surely_per_day < 0 < found.error_per_day


def test_too_little_makes_no_trend() -> None:
    assert trend([(0, 1), (1, 2)]) is None
    assert trend([(1, 1), (1, 2), (1, 3)]) is None


def test_the_blocking_kinds_have_a_page() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "resources.md"
    text = page.read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"| `{kind}` |" in text
