"""The health panel: since when each subsystem is as it is, and what it says when much is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from tests.builders_moment import a_moment, a_runtime
from tests.support import NOW
from tradingbot.app.kept_history import line_at
from tradingbot.app.moments import MomentMaker, moment_line
from tradingbot.app.stores import open_stores
from tradingbot.clock import SteppedClock
from tradingbot.config import Settings
from tradingbot.dashboard.subsystems import ORDER, subsystems, troubled, worst


def an_issue(kind: str, subject: str = "", severity: str = "error", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}:{subject}",
        "kind": kind,
        "subject": subject,
        "severity": severity,
        "title": kind.replace("_", " "),
        "since": NOW - timedelta(minutes=5),
        **changes,
    }


def test_many_equal_issues_are_one_sentence() -> None:
    issues = [an_issue("order_outcome_unknown", f"tb-{number}") for number in range(7)]
    rows = {row.name: row for row in subsystems(a_moment(issues=[*issues, an_issue("clock_skew", severity="warning")]))}
    assert rows["orders"].detail == "order outcome unknown (tb-0, tb-1, tb-2 and 4 more)"
    assert (rows["orders"].state, rows["clock"].state, rows["symbols"].state) == ("red", "yellow", "green")
    assert rows["orders"].since == NOW - timedelta(minutes=5)
    assert worst(rows.values()) == "red"


def test_what_is_well_says_since_when_also_over_a_restart(tmp_path: Path) -> None:
    stores = open_stores(tmp_path, SteppedClock(NOW))
    started = NOW - timedelta(hours=10)

    def made(maker: MomentMaker, minute: int, *kinds: str) -> dict[str, Any]:
        issues = [an_issue(kind) for kind in kinds]
        found = maker._green_since(issues, a_runtime(as_of=NOW + timedelta(minutes=minute), started_at=started))
        assert set(ORDER) - set(found) == troubled(issues)
        return found

    maker = MomentMaker(tmp_path, Settings(), stores)
    assert made(maker, 0)["clock"] == started
    made(maker, 1, "clock_skew")
    well = made(maker, 2)
    assert well["clock"] == NOW + timedelta(minutes=2)
    assert well["symbols"] == started
    path = tmp_path / "logs" / "moments.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps(moment_line(a_moment(green_since=well))) + b"\n")
    assert line_at(tmp_path, "moments", NOW) is not None
    again = MomentMaker(tmp_path, Settings(), stores)
    later = again._green_since([], a_runtime(as_of=NOW + timedelta(minutes=9), started_at=NOW + timedelta(minutes=8)))
    assert later["clock"] == NOW + timedelta(minutes=2)
    assert later["symbols"] == started
