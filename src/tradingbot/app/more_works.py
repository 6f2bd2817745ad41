"""Bodies of the jobs that audit, recover and report, put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tradingbot.app.account import Account
from tradingbot.app.fee_audit import FeeAudit
from tradingbot.app.health_desk import HealthDesk
from tradingbot.app.learning_reports import LearningReports
from tradingbot.app.nightly import NightlyReports
from tradingbot.app.overriding import OverrideJobs, Overrides
from tradingbot.app.recovery import RecoveryCycle
from tradingbot.app.routine_works import RoutineWorks
from tradingbot.app.runtime import Work
from tradingbot.app.stores import Stores
from tradingbot.config import Settings
from tradingbot.core.levers import Levers
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.post_trade import PostTrade


class MoreWorks:
    """Audits every ten minutes, recovery, and the nightly and weekly reports of one account."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        stores: Stores,
        account: Account,
        collector: MarketCollector,
        post_trade: PostTrade,
        health: HealthDesk,
        works: RoutineWorks,
        overrides: Overrides,
        levers: Callable[[], Levers],
    ) -> None:
        """`levers`: the generation in force."""
        clock, venue = account.clock, post_trade.venue
        self.nightly = NightlyReports(home, stores, clock, post_trade.venue, settings)
        self.reports = LearningReports(self.nightly, home, stores, clock, venue, settings, post_trade.learned, levers)
        self.fees = FeeAudit(home, stores, clock, account.venue, post_trade.learned, settings, health.issues.observe)
        self.overrides = OverrideJobs(overrides, health.issues.observe)
        self.recovery = RecoveryCycle(stores, settings, account, lambda: collector.specs, health, works)

    def by_name(self) -> dict[str, Work]:
        """Every job's body."""
        return {
            **self.nightly.by_name(),
            **self.reports.by_name(),
            "fee_audit": self.fees.run,
            "recovery_cycle": self.recovery.run,
            "override_audit": self.overrides.audit,
            "override_expiry": self.overrides.expire,
        }
