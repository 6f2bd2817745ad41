"""The digest: facts of a day as text and page; what is absent is said to be, what is hostile is escaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from tests.builders_trades import a_trade
from tradingbot.alerts.digest import ABSENT, CycleDay, Digest, Facts
from tradingbot.alerts.digest_text import as_html, as_text
from tradingbot.alerts.digest_view import SECTIONS, digest_of
from tradingbot.engine.models import JobStatus, RuntimeState

UNTIL = datetime(2026, 1, 6, 7, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>\x1b[31m\nnext & line'


class Page(HTMLParser):
    """Tags, attributes and text; complains of what does not fit."""

    VOID = ("meta", "br", "hr")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def a_day(*equities: str, **line: Any) -> CycleDay:
    day = CycleDay()
    for minute, equity in enumerate(equities):
        at = (UNTIL - timedelta(minutes=len(equities) - minute)).isoformat()
        day.add({"as_of": at, "equity_usd": equity, "regime": "TREND", "permission": {"reasons": []}, **line})
    return day


def facts(**changes: Any) -> Facts:
    return replace(
        Facts("tradingbot paper", UNTIL - timedelta(days=1), UNTIL, 60.0, a_day("1000", "1100", "990", "1050")),
        **changes,
    )


def section(digest: Digest, title: str) -> dict[str, str]:
    return {row.label: row.value for one in digest.sections if one.title == title for row in one.rows}


def test_money_is_change_start_and_the_largest_fall() -> None:
    start = {"change_usd": "50", "change_pct": 5.0, "since": UNTIL - timedelta(days=9), "trades": 31}
    found = section(digest_of(facts(profit={"since_start": start})), "Money")
    assert found == {
        "equity": "1,050.00 USD",
        "change in 24 hours": "+50.00 USD (+5.00 %) since 2026-01-06 06:56",
        "since the start": "+50.00 USD (+5.00 %) since 2025-12-28 07:00; 31 trades finished",
        "largest fall within the 24 hours": "110.00 USD (10.00 %)",
    }


def test_trades_are_counted_won_summed_and_told_by_rule() -> None:
    trades = [
        a_trade(1, "8"),
        a_trade(2, "-3", exit_rule="hard_stop"),
        a_trade(3, "-1", exit_rule="hard_stop"),
    ]
    found = section(digest_of(facts(trades=trades)), "Trades")
    assert found["finished"] == "3, 1 won"
    assert found["net"] == "+4.00 USD"
    assert "+8.00 USD" in found["best"]
    assert "-3.00 USD" in found["worst"]
    assert found["by hard_stop"] == "2, -4.00 USD"
    assert section(digest_of(facts(trades=[])), "Trades") == {"finished": "none in these 24 hours"}


def test_what_is_absent_is_said_to_be_and_never_invented() -> None:
    found = digest_of(facts(day=CycleDay()))
    assert len(found.sections) == len(SECTIONS) == 13
    assert set(section(found, "Money").values()) == {ABSENT}
    for title in ("Trades", "Open positions", "Regime", "Jobs", "Intelligence feeds", "Learning", "Resources"):
        assert set(section(found, title).values()) == {ABSENT}, title
    assert section(found, "Entries") == {"cycles": "none in these 24 hours"}
    assert f"24 hours: {ABSENT}; trades {ABSENT}" in as_text(found)


def test_blocks_switches_issues_repairs_exchange_regime_and_jobs() -> None:
    day = a_day("1", "1", permission={"reasons": ["downtime", "kill"]})
    day.add({"as_of": "2026-01-06T06:59:00Z", "regime": "PANIC", "permission": {"reasons": []}})
    runtime = RuntimeState.model_construct(
        exchange_health="degraded",
        started_at=UNTIL,
        jobs=[
            JobStatus(name="digest", failures=1, last_trouble_at=UNTIL - timedelta(days=2)),
            JobStatus(name="maintenance", runs=3, failures=1, last_result="failed: x", last_trouble_at=UNTIL),
        ],
    )
    found = digest_of(
        facts(
            day=day,
            runtime=runtime,
            switches=[{"at": "2026-01-06T01:02:03Z", "event": "trip", "switch": "daily_loss", "reason": "loss"}],
            issues=[{"event": "raised"}, {"event": "raised"}, {"event": "cleared"}],
            open_issues=[{"id": "memory", "severity": "warning", "title": "t", "detail": "d", "since": UNTIL}],
            heals=[{"event": "healed", "category": "corrupt_file"}, {"event": "healing", "category": "corrupt_file"}],
            exchange=[
                {"event": "probe", "ok": True},
                {"event": "probe", "ok": False},
                {"event": "status", "at": "2026-01-06T02:00:00Z", "status": "degraded"},
            ],
            resources=[{"rss_mb": 300, "disk_free_mb": 5000}, {"rss_mb": 200, "disk_free_mb": 4000}],
        )
    )
    assert section(found, "Entries")["entries blocked"] == "2 of 3 minutes"
    assert section(found, "Entries")["by downtime"] == "2 minutes"
    assert section(found, "Kill switches") == {"01:02 daily_loss": "tripped: loss"}
    assert section(found, "Issues")["raised, cleared"] == "2, 1"
    assert section(found, "Issues")["open: memory"].startswith("[warning] t: d; since 2026-01-06")
    assert section(found, "Repairs") == {"corrupt_file": "1 healed"}
    assert section(found, "Exchange") == {"now": "degraded", "probes": "2, 1 failed", "changes": "02:00 degraded"}
    assert section(found, "Regime") == {"at the end": "PANIC", "changes": "06:59 PANIC"}
    assert section(found, "Jobs") == {"maintenance": "1 failed of 3 runs; last: failed: x"}
    assert section(found, "Resources")["memory"] == "200 MB, at most 300 MB"


def test_a_position_without_a_stop_stands_out() -> None:
    bare = {
        "symbol": "BTCUSDT",
        "direction": "long",
        "size": Decimal(2),
        "entry_price": "50000",
        "unrealised_usd": "3",
        "stop_order_id": None,
    }
    (row,) = next(one for one in digest_of(facts(positions=[bare])).sections if one.title == "Open positions").rows
    assert (row.value, row.tone) == ("size 2, entry 50,000, unrealised +3.00 USD, NO STOP", "bad")


def test_the_page_is_well_formed_self_contained_and_escapes_what_is_hostile() -> None:
    issue = {"id": HOSTILE, "severity": "error", "title": HOSTILE, "detail": HOSTILE, "since": UNTIL}
    found = digest_of(facts(open_issues=[issue], feeds=[{"feed": HOSTILE, "problems": [HOSTILE], "last_error": ""}]))
    html, text = as_html(found), as_text(found)
    page = Page(html)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert '<script>alert("x")</script>' in page.text
    assert "<script>" not in html
    for made in (html, text):
        assert "\x1b" not in made
    for title, _ in SECTIONS:
        assert f"\n{title}\n" in text
        assert title in page.text
    assert "change in 24 hours" in page.text
