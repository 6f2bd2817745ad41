"""Within five seconds: what is wrong stands in few words, however much is wrong."""

from __future__ import annotations

from typing import Any

from tests.builders_moment import a_moment
from tests.support import NOW
from tradingbot.dashboard.views.overview import waiting


def issue(kind: str, detail: str, **changes: Any) -> dict[str, Any]:
    row = {
        "kind": kind,
        "title": kind.replace("_", " "),
        "detail": detail,
        "severity": "error",
        "acknowledged_at": None,
    }
    return {**row, **changes}


def test_issues_of_one_kind_are_one_line() -> None:
    issues = [
        issue("order_outcome_unknown", "the first"),
        issue("account_unreadable", "HTTP 500"),
        *(issue("order_outcome_unknown", f"number {number}") for number in range(20)),
        issue("account_unreadable", "seen", acknowledged_at=NOW),
        issue("memory", "large", severity="warning"),
    ]
    found = waiting(a_moment(issues=issues, kill_switches=[]))
    assert [(one["what"], one["why"], one["count"]) for one in found] == [
        ("order outcome unknown", "the first", 21),
        ("account unreadable", "HTTP 500", 1),
    ]


def test_a_switch_that_only_a_person_lifts_waits_for_one() -> None:
    switches = [
        {"switch": "operator_pause", "reason": "news", "lifts": "only by `tradingbot resume`"},
        {"switch": "volatility", "reason": "calm soon", "lifts": "by itself"},
    ]
    found = waiting(a_moment(issues=[], kill_switches=switches))
    assert [(one["what"], one["why"]) for one in found] == [("kill switch operator_pause", "news")]
