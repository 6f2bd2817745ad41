"""Everything that watches the daemon from inside, put together: health, repairs, issues, watchdog (SPEC 13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tradingbot.app.account import Account
from tradingbot.app.deployment_checks import MAX_CLOCK_SKEW_S
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import Stores
from tradingbot.app.supervision import Restartable
from tradingbot.app.watchdog import Watchdog
from tradingbot.config import Settings
from tradingbot.core.types import Symbol
from tradingbot.engine.bot_cycle import CycleReport
from tradingbot.engine.budget import within
from tradingbot.engine.exchange_health import ExchangeHealthDesk
from tradingbot.engine.healing import HealingDesk, restored_healing
from tradingbot.engine.health_models import ExchangeHealthState, HealingEscalationState, IssuesState
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.issue_registry import IssueRegistry, issue_record
from tradingbot.engine.kill_switches import KillSwitches
from tradingbot.engine.reconcile import LOCK_BUDGETS, Truth
from tradingbot.guards.exchange_health import ExchangeHealth
from tradingbot.guards.healing_escalation import HealCategory
from tradingbot.guards.health_findings import Look, findings
from tradingbot.guards.issues import IssueBook
from tradingbot.jobs.scheduler import Scheduler
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.ports import Clock, Venue

MARGIN: Final = timedelta(seconds=5)
"""Fills of a symbol are asked for again from so long before its position's entry."""
HEALING_LINES: Final = 2000
BETWEEN_CYCLES_S: Final = 30.0


def known_issues(stores: Stores, clock: Clock) -> IssueRegistry:
    """The issues as the last life left them; a damaged file begins anew, conditions come back with the first look."""
    found = stores.documents["issues"].load(allow_loss=True)
    state: IssuesState | None = found.value
    book = state.to_book() if state is not None else IssueBook()
    return IssueRegistry(book, stores.documents["issues"], stores.journals["issues"], clock)


def known_healing(stores: Stores, clock: Clock, settings: Settings) -> HealingDesk:
    """The count of repairs as the last life left it, by file and journal."""
    document, journal = stores.documents["healing"], stores.journals["healing"]
    found = document.load(allow_loss=True)
    state: HealingEscalationState | None = found.value
    lines = journal.reader().tail(HEALING_LINES)
    return HealingDesk(restored_healing(state, lines), document, journal, clock, settings.health.healing)


def known_exchange_health(stores: Stores, venue: Venue, clock: Clock, settings: Settings) -> ExchangeHealthDesk:
    """The exchange's health as the last life left it."""
    found = stores.documents["exchange_health"].load(allow_loss=True)
    state: ExchangeHealthState | None = found.value
    return ExchangeHealthDesk(
        state.health if state is not None else ExchangeHealth(),
        venue,
        clock,
        stores.documents["exchange_health"],
        stores.journals["exchange_health"],
        settings.health.exchange,
        settings.engine.read_budget_s,
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """What the desk looks at."""

    options: RunOptions
    settings: Settings
    stores: Stores
    account: Account
    switches: KillSwitches
    scheduler: Scheduler
    intel: IntelDesk
    silent_s: Callable[[], Mapping[str, float]]
    suppressed: Callable[[], Mapping[Symbol, str]]
    margin_short: Callable[[], str]
    restartable: Mapping[str, Restartable]


class HealthDesk:
    """Owns issues, count of repairs and the exchange's health of one daemon."""

    def __init__(self, watched: Watched, left_behind: str = "") -> None:
        """`left_behind`: who held the home's lock and died with it; empty after an orderly end."""
        self.watched = self._w = watched
        stores, clock, settings = watched.stores, watched.account.clock, watched.settings
        self.issues = known_issues(stores, clock)
        self.healing = known_healing(stores, clock, settings)
        self.exchange = known_exchange_health(stores, watched.account.venue, clock, settings)
        self.watchdog = Watchdog(
            watched.options.home,
            stores,
            clock,
            self.healing,
            self.issues,
            settings.health.watchdog,
            watched.restartable,
            self._stuck_s,
            self._mismatches_s,
            self._reconcile_deeply,
        )
        self._reconnects: dict[str, int] = {}
        self._stale_since_s: dict[str, tuple[float, str]] = {}
        self._mismatch_since_s: dict[str, float] = {}
        self._failed_in_a_row = 0
        self.turned_s: float | None = None
        """When the loop came round last, on the clock's monotonic scale."""
        if left_behind:
            before = f"held by a process that did not end in order: {left_behind}"
            self.healing.note(HealCategory.STALE_LOCK, "tradingbot.lock", before, "taken over")
        self.watchdog.take_repairs()

    async def run(self) -> None:
        """Between two cycles: ask a doubtful exchange again, and take note of what files mended. Until cancelled."""
        while True:
            self.turned_s = self._w.account.clock.monotonic_s()
            await self._w.account.clock.sleep(BETWEEN_CYCLES_S)
            await self.exchange.probe_if_doubtful()
            self.watchdog.take_repairs()

    def watch(self, snapshot: MarketSnapshot) -> None:
        """Within each cycle, before its decision."""
        self.exchange.watch_traffic()
        now_s = self._w.account.clock.monotonic_s()
        stale = {str(symbol): ", ".join(part.stale) for symbol, part in snapshot.symbols.items() if part.stale}
        known = self._stale_since_s
        self._stale_since_s = {name: (known.get(name, (now_s, ""))[0], what) for name, what in stale.items()}

    def after_cycle(self, report: CycleReport | None, failure: str) -> None:
        """After each cycle: everything that is wrong becomes an issue, everything that is over is cleared."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if failure else 0
        self.watchdog.take_repairs()
        self.issues.observe("cycle", [*findings(self._look(report, failure)), *self.healing.findings()])

    def shown(self) -> dict[str, Any]:
        """The fields of `runtime.json`."""
        health = self.exchange.health
        return {
            "exchange_health": health.status.value,
            "exchange_health_since": health.since,
            "heals_24h": self.healing.counts(),
            "heartbeats_s": {name: round(age_s, 1) for name, age_s in self._w.silent_s().items()},
            "issues": [issue_record(issue) for issue in self.issues.open],
        }

    # ------------------------------------------------------------ looking

    def _look(self, report: CycleReport | None, failure: str) -> Look:
        w, now_s = self._w, self._w.account.clock.monotonic_s()
        storage, watchdog = w.stores.writer.health(), w.settings.health.watchdog
        differences = report.raw_differences if report is not None else ()
        self._note_mismatches(differences, now_s)
        return Look(
            streams=w.account.venue.health().streams,
            exchange=self.exchange.health,
            account_readable=report is None or "account_unreadable" not in report.permission.reasons,
            skew_s=self.exchange.skew_s,
            max_skew_s=MAX_CLOCK_SKEW_S,
            storage_detail="" if storage.ok else storage.detail or "the disk refuses writes",
            margin_short=w.margin_short(),
            switches=w.switches.state.tripped,
            differences=differences,
            unprotected=self._unprotected(),
            unknown_orders_s=self._unknown_orders_s(),
            unknown_order_limit_s=watchdog.unknown_order_s,
            suppressed={str(symbol): why for symbol, why in w.suppressed().items()},
            stale_s={name: (now_s - since_s, what) for name, (since_s, what) in self._stale_since_s.items()},
            stale_limit_s=watchdog.stale_data_s,
            feeds=w.intel.report(),
            cycle_failure=failure,
            failed_in_a_row=self._failed_in_a_row,
            jobs={job.name: job.last_result for job in w.scheduler.statuses()},
            silent_s=w.silent_s(),
            silent_warn_s=watchdog.heartbeat_warn_s,
            silent_stale_s=w.settings.risk.kill_switches.heartbeat_stale_s,
        )

    def _unprotected(self) -> list[str]:
        """Symbols whose position has no stop. One whose stop has no proven outcome yet is being looked up."""
        w, unresolved = self._w, self._w.account.intents.unresolved
        bare = [one for one in w.account.keeper.book.open_positions if one.stop_order_id is None]
        return [str(one.symbol) for one in bare if one.stop_client_order_id not in unresolved]

    def _unknown_orders_s(self) -> dict[str, float]:
        now = self._w.account.clock.now()
        found = {order_id: self._w.account.intents.find(order_id) for order_id in self._w.account.intents.unresolved}
        return {
            str(order_id): (now - intent.created_at).total_seconds() for order_id, intent in found.items() if intent
        }

    def _stuck_s(self) -> dict[str, float]:
        """Silent subsystems that a restart may help. A stream that tries to connect again and again is not stuck."""
        found = dict(self._w.silent_s())
        for stream in self._w.account.venue.health().streams:
            trying = stream.reconnects != self._reconnects.get(stream.name, stream.reconnects)
            if trying and not stream.connected:
                found.pop(f"{stream.name} stream", None)
            self._reconnects[stream.name] = stream.reconnects
        return found

    # ------------------------------------------------------------ positions that disagree

    def _note_mismatches(self, differences: Sequence[tuple[str, str, str, str]], now_s: float) -> None:
        ours = [symbol for kind, symbol, _, _ in differences if kind == "position_size"]
        self._mismatch_since_s = {symbol: self._mismatch_since_s.get(symbol, now_s) for symbol in ours}

    def _mismatches_s(self) -> dict[str, float]:
        now_s = self._w.account.clock.monotonic_s()
        return {symbol: now_s - since_s for symbol, since_s in self._mismatch_since_s.items()}

    async def _reconcile_deeply(self, symbol: str) -> str:
        """Fills since the symbol's oldest position, then everything compared anew; what is left, in words."""
        w = self._w
        entries = [p.entry_time for p in w.account.keeper.book.open_positions if p.symbol == symbol]

        async def compared() -> Truth:
            if entries:
                await w.account.settlement.absorb_again(symbol, min(entries) - MARGIN)
            return await w.account.reconciler.reconcile()

        async with w.account.lock:
            truth = await within(w.account.clock, LOCK_BUDGETS * w.settings.engine.read_budget_s, "fills", compared())
        left = [one for one in truth.differences if one.symbol == symbol]
        return "; ".join(f"ours {one.ours}, the exchange's {one.venue}" for one in left)
