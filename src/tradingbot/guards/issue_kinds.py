"""Every kind of issue: what it is called, how bad it usually is, and the first thing to do. One row per kind.

Each has a runbook page: `docs/runbooks/<kind>.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class IssueKind:
    """One kind. `quiet_s` counts for events alone: without a further one for so long, the issue is cleared."""

    name: str
    title: str
    severity: str
    remedy: str
    quiet_s: float = HOUR_S


_ROWS: Final = (
    IssueKind(
        "stream_down",
        "a live stream of the exchange is not connected",
        "error",
        "nothing at once: it reconnects by itself; if it lasts, look at the network and the exchange's status page",
    ),
    IssueKind(
        "venue_degraded",
        "the exchange does not answer as it should",
        "error",
        "look at the exchange's status page; entries come back by themselves when it answers again",
    ),
    IssueKind(
        "account_unreadable",
        "positions, orders or equity could not be read",
        "error",
        "check keys and their permissions with `tradingbot check`; positions keep their stops at the exchange",
    ),
    IssueKind(
        "clock_skew", "our clock and the exchange's differ", "error", "synchronise the system clock (chrony, ntpd)"
    ),
    IssueKind(
        "storage_unavailable",
        "the disk refuses writes",
        "critical",
        "free disk space or remount the disk; what waits is written by itself",
    ),
    IssueKind("margin_short", "free margin is below its limit", "warning", "deposit margin, or let positions close"),
    IssueKind(
        "kill_switch",
        "a kill switch holds entries back",
        "error",
        "read why with `tradingbot status`; lift it with `tradingbot resume --switch NAME` when you agree",
    ),
    IssueKind(
        "position_mismatch",
        "book and exchange disagree about a position",
        "critical",
        "compare with `tradingbot status --reconcile`; close the rest at the exchange if nothing explains it",
    ),
    IssueKind(
        "foreign_position",
        "a position was opened by somebody else",
        "warning",
        "close it where it was opened, or leave it: it is never touched, and its symbol is not traded",
    ),
    IssueKind(
        "unprotected_position",
        "a position has no stop at the exchange",
        "critical",
        "place a reduce-only stop by hand at the exchange, or close with `tradingbot flatten`",
    ),
    IssueKind(
        "order_outcome_unknown",
        "nobody knows yet what became of an order",
        "error",
        "nothing: it is looked up every cycle; if it lasts, look for the order at the exchange",
    ),
    IssueKind(
        "stray_order",
        "an order of ours belongs to nothing",
        "error",
        "nothing: it is cancelled by itself; if it comes back, cancel it at the exchange and report it",
    ),
    IssueKind(
        "symbol_suppressed",
        "a symbol failed its validation",
        "warning",
        "read why with `tradingbot validate`; it returns by itself once it passes",
    ),
    IssueKind(
        "market_data_stale",
        "market data of a symbol is too old",
        "warning",
        "nothing at once: no entry there until it is fresh; look at the exchange if it lasts",
    ),
    IssueKind(
        "feed_failing",
        "a feed of market intelligence cannot be used",
        "warning",
        "see `tradingbot signals` for the reason; components that rest on it stay neutral",
    ),
    IssueKind(
        "cycle_failing",
        "the bot cycle failed or overran",
        "error",
        "read the failure in `tradingbot status` and logs/daemon.jsonl; restart if it does not end",
    ),
    IssueKind("job_failing", "a scheduled job failed or overran", "warning", "read its result in `tradingbot jobs`"),
    IssueKind(
        "fee_drift",
        "fees paid are not those that are reckoned with",
        "warning",
        "compare the fee tier of the account with gates.fee.taker_fee_bps; correct the setting",
    ),
    IssueKind(
        "override_questionable",
        "a manual override contradicts a limit, or has been in force for long",
        "warning",
        "clear it with `tradingbot override clear KEY`, or put what is meant for good into the settings",
    ),
    IssueKind(
        "job_missed",
        "a scheduled job was not run in time",
        "warning",
        "run it now if it matters: `tradingbot jobs run NAME`; find out why the daemon was down or slept",
        DAY_S,
    ),
    IssueKind(
        "heartbeat_silent",
        "a subsystem gives no sign of life",
        "warning",
        "nothing at once: it is restarted by itself; restart the daemon if that does not help",
    ),
    IssueKind(
        "healing_escalated",
        "the daemon repairs itself too often",
        "error",
        "find out why in logs/healing_escalation_log.jsonl before lifting the kill switch `healing`",
    ),
    IssueKind(
        "repair_failed",
        "a repair did not succeed",
        "critical",
        "read logs/healing_escalation_log.jsonl; mend by hand as the line says",
        DAY_S,
    ),
    IssueKind(
        "memory",
        "the process holds too much memory",
        "warning",
        "restart the daemon at a quiet moment; positions keep their stops",
    ),
    IssueKind("open_files", "the process holds too many open files", "warning", "restart the daemon"),
    IssueKind("tasks", "too many tasks run in the process", "warning", "restart the daemon"),
    IssueKind(
        "loop_lag", "the event loop is held up", "warning", "give the machine more CPU; look at other processes on it"
    ),
    IssueKind(
        "disk_space", "the disk is nearly full", "warning", "free space; old logs are deleted daily by retention"
    ),
    IssueKind(
        "home_size", "the home folder is larger than it should be", "warning", "lower retention, or move old logs away"
    ),
    IssueKind(
        "venue_migration",
        "what was learned belongs to another exchange",
        "warning",
        "read feature_store/learning_venue_migration_state.json: what was kept, what was reset, where the backup is",
        DAY_S,
    ),
    IssueKind(
        "learning_refused",
        "what was learned contradicts the settings",
        "warning",
        "the settings hold alone; take back the change of settings, or choose with `tradingbot learning revert N`",
    ),
    IssueKind(
        "replay_mismatch",
        "recorded decisions do not come out the same",
        "error",
        "read which cycle and stage with `tradingbot replay`; keep a backup of the home and report it",
    ),
    IssueKind(
        "alerts_undelivered",
        "alerts could not be delivered to a channel",
        "error",
        "see why with `tradingbot alerts`; mend its address or its service, then `tradingbot alerts test`",
        DAY_S,
    ),
    IssueKind(
        "logged_error",
        "something unforeseen was logged as an error",
        "error",
        "read the lines in logs/daemon.jsonl and report what they say",
    ),
)

KINDS: Final[Mapping[str, IssueKind]] = {row.name: row for row in _ROWS}


def runbook(kind: str) -> str:
    """Where the runbook of a kind is, in the product's documentation."""
    return f"docs/runbooks/{kind}.md"
