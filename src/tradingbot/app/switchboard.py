"""What the kill switches are shown of the running daemon, and what `tradingbot status` is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.records import AccountState, Reason
from tradingbot.engine.heartbeats import Heartbeats, overdue_s, together
from tradingbot.engine.kill_switches import KillSwitches, switch_record
from tradingbot.engine.opened_today import opened_today
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.guards.healing_escalation import Heal
from tradingbot.guards.margin import entries_left, margin_shortage
from tradingbot.jobs.scheduler import Scheduler
from tradingbot.ports import Clock, IntelSource, Venue
from tradingbot.risk.params import RiskParams
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

STORAGE_PROOF_S: Final = 60.0
"""How often the disk must prove that it still takes what is written."""


class Switchboard:
    """Feeds the switches once per cycle, before the decision."""

    def __init__(
        self,
        switches: KillSwitches,
        venue: Venue,
        intel: IntelSource,
        scheduler: Scheduler,
        writer: StorageWriter,
        clock: Clock,
        risk: Callable[[], RiskParams],
        keeper: PortfolioKeeper,
    ) -> None:
        self._switches = switches
        self._venue = venue
        self._intel = intel
        self._scheduler = scheduler
        self._writer = writer
        self._clock = clock
        self._risk = risk
        self._keeper = keeper
        self._beats = Heartbeats(clock)
        self.loops: dict[str, Callable[[], float | None]] = {}
        """Further loops: when each came round last, on the clock's monotonic scale; None before the first time."""
        self.margin_short: Reason | None = None

    async def run(self) -> None:
        """Let the disk prove itself every minute, until cancelled."""
        while True:
            try:
                await self._writer.flush()
                self._beats.beat("storage")
            except StorageUnavailableError as error:
                log.debug("heartbeat.storage_silent", error=str(error))  # the writer told of it when it began
            await self._clock.sleep(STORAGE_PROOF_S)

    async def watch(
        self,
        account: AccountState | None,
        equity_usd: Decimal | None,
        wallets: Collection[str],
        heals: tuple[Heal, ...] = (),
        heals_limit: int = 3,
    ) -> None:
        """One look, with the account of this cycle and the repairs of the newest 24 hours."""
        limit_pct = self._risk().limits.min_free_margin_pct
        short = margin_shortage(account, equity_usd, wallets, limit_pct)
        if short != self.margin_short and (short is None or self.margin_short is None):
            log.warning("margin.short" if short else "margin.suffices", **dict((short or Reason("")).numbers))
        self.margin_short = short
        await self._switches.watch(equity_usd, self._keeper.trades, self.silent_s(), heals, heals_limit)

    def margin_text(self) -> str:
        """What is short of margin, in words; empty when nothing is."""
        short = self.margin_short
        return "" if short is None else ", ".join(f"{name} {value}" for name, value in short.numbers)

    def cycle_done(self, failure: str) -> None:
        """A cycle has ended; only one without a failure is a sign of life."""
        if not failure:
            self._beats.beat("cycle")

    def silent_s(self) -> dict[str, float]:
        """Seconds since each subsystem's newest sign of life."""
        overdue = overdue_s(self._scheduler.statuses(), self._clock.now())
        return together(
            self._beats.streams(self._venue.health().streams),
            self._beats.silent_s(("storage", "cycle")),
            {"scheduler": overdue, "intelligence": self._beats.since(self._intel.turned_at())},
            {name: self._beats.age_s(turned_s()) for name, turned_s in self.loops.items()},
        )

    def entries_left(self) -> int:
        """How many more positions may be opened in this UTC day."""
        opened = opened_today(self._keeper, self._clock.now())
        return entries_left(self._risk().limits.max_trades_per_day, opened)

    def shown(self) -> dict[str, Any]:
        """The fields of `runtime.json`."""
        short = self.margin_short
        return {
            "kill_switches": [switch_record(switch) for switch in self._switches.state.tripped],
            "margin_short": None if short is None else {"reason": short.code, **dict(short.numbers)},
            "entries_left_today": self.entries_left(),
        }
