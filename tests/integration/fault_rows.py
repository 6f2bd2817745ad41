"""One trouble of the venue after the other against the real daemon: what it does, and how long until all is normal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.integration.daemon_rig import SYMBOLS, Rig, running

WARM_CYCLES = 9
"""By then this seed holds positions, and the next cycles want to open and to close."""


@dataclass(frozen=True)
class Row:
    """What the daemon does under one trouble.

    `entries`: entries may still be opened. `blocked`: a reason that must show, in permission or as ``stale:<input>``.
    `exits`: positions may still be closed at the venue. `symbols`: more than can be held at once, where all that are
    traded would be held and could not be closed.
    """

    fault: str
    entries: bool
    exits: bool
    blocked: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    symbols: tuple[str, ...] = SYMBOLS


EIGHT = (*SYMBOLS, "XRP", "ADA", "DOT", "LINK", "DOGE")
UNREADABLE = "account_unreadable"

TABLE = [
    Row("timeout_before", entries=False, exits=False, blocked=UNREADABLE),
    Row("timeout_after", entries=False, exits=True, blocked=UNREADABLE),
    Row("http_500", entries=False, exits=False, blocked="venue_degraded"),
    Row("http_502_html", entries=False, exits=False, blocked="venue_degraded"),
    Row("http_429", entries=False, exits=False, blocked="venue_degraded"),
    Row("api_limit_exceeded", entries=False, exits=False, blocked="venue_degraded"),
    Row("html_page", entries=False, exits=False, blocked="venue_degraded"),
    Row("redirect", entries=False, exits=False, blocked="venue_degraded"),
    Row("truncated_json", entries=False, exits=True, blocked="venue_degraded"),
    Row("wrong_content_type", entries=False, exits=True, blocked="venue_degraded"),
    Row("malformed_json", entries=False, exits=True, blocked="venue_degraded"),
    Row("empty_instruments", entries=True, exits=True),
    Row("clock_skew", entries=False, exits=True, blocked="clock_skew", settings={"seconds": 60}),
    Row("nonce_error", entries=False, exits=False, blocked="venue_degraded"),
    Row("auth_error", entries=False, exits=False, blocked="venue_degraded"),
    Row("close_sockets", entries=False, exits=True, blocked="stream_down"),
    # Each reconnection brings one fresh book; in between it is stale.
    Row("silent_socket", entries=True, exits=True, blocked="stale:book"),
    Row("sequence_gap", entries=True, exits=True),
    Row("maintenance", entries=False, exits=False, blocked="stream_down"),
    Row("post_only", entries=False, exits=False, blocked="market_closed", symbols=EIGHT),
    Row("price_collar", entries=False, exits=False),
    Row("stale_ticker", entries=False, exits=True, blocked="stale:ticker"),
    Row("missing_bid_ask", entries=True, exits=True),
    Row("reject_orders", entries=False, exits=False),
    Row("slow", entries=True, exits=True, settings={"ms": 1500}),
    Row("extreme_spreads", entries=False, exits=False),
    Row("unavailable", entries=False, exits=False, blocked="venue_degraded"),
    Row("unknown_status", entries=True, exits=True),
    # Nothing is believed that no fill explains: the book stays, those symbols are closed to entries.
    Row("empty_positions", entries=False, exits=True, blocked="positions_disagree", symbols=EIGHT),
    Row("empty_orders", entries=True, exits=True),
    Row("fills_lost", entries=True, exits=True),
    Row("fills_twice", entries=True, exits=True),
]


@dataclass(frozen=True)
class Observed:
    """What was seen. Ages are seconds of market time from the moment in which the trouble ended."""

    reasons: tuple[str, ...]
    entries: int
    exits: int
    issues: tuple[str, ...]
    free_after_s: float
    traded_after_s: float


async def observe(row: Row, folder: Path) -> Observed:
    """Trade, switch the trouble on for seven cycles, switch it off. Asserts everything that must hold."""
    async with running(folder, symbols=row.symbols) as rig:
        await rig.cycle(WARM_CYCLES)
        assert rig.held
        assert rig.protected()
        known = _issues(rig)
        rig.fault(row.fault, **row.settings)
        await rig.cycle()  # what was fresh a moment ago may still act once
        entered, exited = orders(rig, "entry"), orders(rig, "exit")
        reasons: set[str] = set()
        for _ in range(6):
            await rig.cycle()
            reasons |= reasons_of(rig, 1)
            assert set(rig.held) <= set(rig.stops), "a position lost its stop"
        assert rig.failures == [], "cycles go on under every trouble"
        if not row.entries:
            assert orders(rig, "entry") == entered, "an entry was filled"
        if row.blocked:
            await rig.cycle_until(f"{row.blocked} shows", lambda: row.blocked in reasons_of(rig), 15)
        if not row.exits:
            assert orders(rig, "exit") == exited
        entries, exits, issues = orders(rig, "entry") - entered, orders(rig, "exit") - exited, _issues(rig) - known
        trades = len(rig.venue.rows.fills)
        rig.heal()
        healed_at = rig.parts.clock.now()
        await rig.cycle_until("entries are free", lambda: _free(rig), 25)
        free_after_s = _since(rig, healed_at)
        await rig.cycle_until("it trades again", lambda: len(rig.venue.rows.fills) >= trades + 4)
        traded_after_s = _since(rig, healed_at)
        await rig.cycle()
        assert rig.protected()
        assert not rig.daemon.unresolved
        await rig.assert_agrees()
        shown = tuple(sorted(reasons & SHOWN | {why for why in reasons if why.startswith("stale:")}))
        return Observed(shown, entries, exits, tuple(sorted(issues)), free_after_s, traded_after_s)


SHOWN = {
    "stream_down",
    "venue_degraded",
    "account_unreadable",
    "clock_skew",
    "positions_disagree",
    "position_size",
    "market_closed",
    "order_outcome_unknown",
}


def _since(rig: Rig, moment: datetime) -> float:
    return (rig.parts.clock.now() - moment).total_seconds()


def _issues(rig: Rig) -> set[str]:
    return {row["kind"] for row in rig.rows("issues") if row["event"] == "raised"}


def orders(rig: Rig, purpose: str) -> int:
    """Filled orders of one purpose at the venue."""
    return len({fill.uid for fill in rig.venue.rows.fills if (fill.client_id or "").endswith(f"-{purpose}")})


def reasons_of(rig: Rig, newest: int = 5) -> set[str]:
    """Everything that spoke against an entry in the newest cycles."""
    found: set[str] = set()
    for record in rig.rows("cycles")[-newest:]:
        found |= {*record["permission"]["reasons"], *record["permission"]["per_symbol"].values()}
        found |= {f"stale:{name}" for names in record["stale"].values() for name in names}
    wanted = {record["cycle_id"] for record in rig.rows("cycles")[-newest:]}
    for signal in rig.rows("signals"):
        if signal["cycle_id"] in wanted and signal["stage"] != "entered":
            found |= {why["code"] for why in signal["reasons"]}
    return found


def _free(rig: Rig) -> bool:
    report = rig.reports[-1]
    return report is not None and not report.permission.reasons and not report.permission.per_symbol
