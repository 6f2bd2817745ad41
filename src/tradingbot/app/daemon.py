"""The daemon: every part of one run put together, started in order, kept running, stopped in stages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import structlog

from tradingbot.app.account import a_flattener, open_account
from tradingbot.app.alerting import AlertAccess, open_outbox
from tradingbot.app.analyst import Analyst
from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.counterfactual import NightlyCounterfactual
from tradingbot.app.dashboard_desk import DashboardDesk, a_page
from tradingbot.app.deployment_checks import MAX_CLOCK_SKEW_S
from tradingbot.app.digesting import DigestJob
from tradingbot.app.governance import Governance
from tradingbot.app.health_desk import HealthDesk, Watched
from tradingbot.app.job_book import JobsByHand, open_scheduler
from tradingbot.app.learning import Learning
from tradingbot.app.learning_files import known_learning, open_outcomes
from tradingbot.app.maintenance import Maintenance
from tradingbot.app.more_works import MoreWorks
from tradingbot.app.operator import OperatorInbox
from tradingbot.app.options import RunOptions
from tradingbot.app.overriding import Overrides
from tradingbot.app.replaying import NightlyReplay
from tradingbot.app.resources import ResourceWatch, issues_of
from tradingbot.app.restore import known_switches
from tradingbot.app.routine_works import RoutineWorks
from tradingbot.app.runtime import CycleLoop, Runtime, StopStage, Work
from tradingbot.app.runtime_file import RuntimeFile
from tradingbot.app.stores import Stores
from tradingbot.app.supervision import Restartable
from tradingbot.app.switchboard import Switchboard
from tradingbot.app.thinking import a_collector, an_input_recorder, open_intelligence
from tradingbot.app.venue_migration import note_migration
from tradingbot.app.vitals import LoopLag, rss_mb
from tradingbot.config import Settings
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.types import Symbol
from tradingbot.engine.bot_cycle import BotCycle, CycleParts, CycleReport
from tradingbot.engine.cycle_scribe import JournalScribe
from tradingbot.engine.models import RuntimeState
from tradingbot.engine.operator_desk import Answer, Elsewhere, OperatorDesk, OperatorOrder
from tradingbot.engine.signal_bus import SignalBus
from tradingbot.engine.signal_desk import SignalDesk
from tradingbot.guards.downtime import TradingState, downtime_at
from tradingbot.guards.entry_permission import EntryPermission, VenueView, entry_permission
from tradingbot.guards.issues import Finding
from tradingbot.jobs.routine import JOBS
from tradingbot.jobs.scheduler import Scheduler
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.ports import IntelSource
from tradingbot.risk.params import RiskParams

log = structlog.get_logger(__name__)


class Daemon:
    """One run of the trading daemon: built whole, then `run`."""

    def __init__(
        self,
        options: RunOptions,
        settings: Settings,
        parts: VenueParts,
        stores: Stores,
        specs: Mapping[Symbol, ContractSpec],
        left_behind: str = "",
        alerts: AlertAccess | None = None,
        token: str = "",
    ) -> None:
        """`left_behind`: who held the home's lock and died with it, if anybody. `token`: of the page."""
        self._options = options
        self._settings = settings
        self._parts = parts
        self._stores = stores
        venue, clock, engine = parts.venue, parts.clock, settings.engine
        self._clock = clock
        self._lag = LoopLag()
        self.resources = ResourceWatch(
            options.home,
            clock,
            self._lag,
            settings.resources,
            stores.journals["resources"],
            lambda found: self._health.issues.observe("resources", issues_of(found)),
        )
        self._account = account = open_account(options, settings, parts, stores)
        self._keeper = account.keeper
        self._overrides = Overrides(settings, account.standing.venue_since, stores, clock)
        self._intel = open_intelligence(parts, stores)
        self._post_trade = known_learning(
            stores, clock, account.keeper, account.intents, account.standing, venue.name, settings
        )
        self._collector = a_collector(settings, parts, stores, specs, self._intel)
        self._bus = SignalBus()
        documents = stores.documents
        signal_desk = SignalDesk(documents["latest_signals"], documents["regime"], self._collector.desk)
        self._bus.attach("latest signals", signal_desk.listen)
        self._bus.attach("outcomes", open_outcomes(stores, settings.learning.outcomes).listen)
        self._analyst = Analyst(options.home, stores, clock, self._keeper, self._post_trade.venue, settings.learning)
        maintenance = Maintenance(options.home, stores, settings.storage, clock)
        self._works = RoutineWorks(parts, stores, settings, self._collector, account, self._analyst, maintenance)
        bodies = {row.name: self._job(row.name) for row in JOBS}
        self._scheduler = open_scheduler(
            stores, clock, bodies, self._withheld, lambda: self._loop.stopping, self._note_issue
        )
        self._switches = known_switches(stores, clock, settings.risk.kill_switches)
        account.intents.listeners.append(self._switches.note)
        self._switchboard = Switchboard(
            self._switches, venue, self._intel, self._scheduler, stores.writer, clock, self._risk, self._keeper
        )
        self._inbox = OperatorInbox(options.home, clock, self.operate, stores.journals["operator_audit"])
        self._page = a_page(options.home, settings, stores, clock, token, self.operate, self._collector)
        self.alerts = open_outbox(options, settings, stores, clock, alerts or AlertAccess(), self._note_issue)
        self._digest = DigestJob(options, settings, stores, clock, self.alerts)
        works = {
            "venue": venue.run,
            "intelligence": self._intel.run,
            "scheduler": self._scheduler.run,
            "book-samples": self._collector.sample_books,
            "operator": self._inbox.run,
            "resources": self.resources.run,
            **({"dashboard": self._page.run} if settings.dashboard.enabled else {}),
            "alerts": self.alerts.run,
        }
        self._restartable = {name: Restartable(name, work) for name, work in works.items()}
        self._health = HealthDesk(self._watched(), left_behind)
        self._health.issues.listeners.append(self.alerts.changed)
        self.alerts.catch_up(self._health.issues.open)
        note_migration(account.standing.record, self._health.issues, clock.now())
        self.governance = Governance(options.home, stores, settings, account, self._health.healing, self._works)
        inputs = settings.engine.inputs
        self._replay = NightlyReplay(
            options.home,
            stores,
            clock,
            lambda found: self._health.issues.observe("replay", found),
            inputs.record and inputs.nightly_replay,
        )
        self.learning = Learning(
            options.home,
            stores,
            clock,
            settings,
            self._overrides.decisions,
            self._post_trade.venue,
            self._post_trade.learned,
            lambda: self._keeper.trades,
            lambda found: self._health.issues.observe("learning", found),
        )
        self._more_works = MoreWorks(
            options.home,
            settings,
            stores,
            account,
            self._collector,
            self._post_trade,
            self._health,
            self._works,
            self._overrides,
            lambda: self.learning.state.levers,
        )
        self._counterfactual = NightlyCounterfactual(
            options.home, stores, clock, self._post_trade.venue, settings.learning.counterfactual, inputs.record
        )
        self._bot_cycle = self._cycle()
        flattener = a_flattener(account, lambda: self._collector.specs, settings)
        jobs = JobsByHand(self._scheduler)
        self._desk = OperatorDesk(self._switches, flattener, account.lock, self._health.issues, self._elsewhere(jobs))
        self._switchboard.loops.update(
            {
                "book-samples": lambda: self._collector.sampled_s,
                "operator": lambda: self._inbox.turned_s,
                "resources": lambda: self.resources.turned_s,
                "alerts": lambda: self.alerts.turned_s,
                "health": lambda: self._health.turned_s,
            }
        )
        if settings.dashboard.enabled:
            self._switchboard.loops["dashboard"] = lambda: self._page.turned_s
        self._loop = CycleLoop(self.run_cycle, clock, engine, self.after_cycle, options.cycles, self._stop)
        self._runtime = Runtime(self.tasks(), self._loop, self._stages())
        self._shown = RuntimeFile(options, parts, stores, self._vital_signs)

    # ------------------------------------------------------------ building

    def _cycle(self) -> BotCycle:
        settings, account = self._settings, self._account
        return BotCycle(
            CycleParts(
                account=account,
                collector=self._collector,
                scribe=self._scribe(),
                params=self._overrides.params,
                engine_params=settings.engine,
                permission=self.permission,
                post_trade=self._post_trade,
                watch=self._watch,
                held_back=lambda: self._loop.stopping or bool(self._switches.names),
            )
        )

    def _scribe(self) -> JournalScribe:
        journals = self._stores.journals
        return JournalScribe(
            cycles=journals["cycles"],
            signals=journals["signals"],
            universe=journals["signal_universe"],
            ensemble=journals["ensemble"],
            sizes=journals["size_adjustments"],
            bus=self._bus,
            inputs=an_input_recorder(self._settings, self._stores),
        )

    def _watched(self) -> Watched:
        restartable = self._restartable
        streams = {f"{one.name} stream": restartable["venue"] for one in self._parts.venue.health().streams}
        return Watched(
            options=self._options,
            settings=self._settings,
            stores=self._stores,
            account=self._account,
            switches=self._switches,
            scheduler=self._scheduler,
            intel=self._collector.desk,
            silent_s=self._switchboard.silent_s,
            suppressed=lambda: self._works.suppressed,
            margin_short=self._switchboard.margin_text,
            restartable={
                **streams,
                **{name: task for name, task in restartable.items() if name != "venue"},
            },
        )

    def _note_issue(self, found: Finding) -> None:
        self._health.issues.note(found)

    def _job(self, name: str) -> Work:
        """The body of a job; looked up when it runs, because the bodies' owners are built later."""

        async def run() -> None:
            bodies = {
                **self._works.by_name(),
                "exchange_health": self._health.exchange.probe,
                "watchdog": self._health.watchdog.run,
                "tactical_operator": self.governance.tactical.run,
                "strategic_review": self.governance.review,
                "digest": self._digest.run,
                "replay": self._replay.run,
                "learning": self.learning.run,
                **self._more_works.by_name(),
                "counterfactual": self._counterfactual.run,
            }
            await bodies[name]()

        return run

    def _risk(self) -> RiskParams:
        """The limits in force."""
        return self._overrides.settings.risk

    def _elsewhere(self, jobs: JobsByHand) -> Elsewhere:
        """Commands that the operator's desk hands on."""
        overrides = self._overrides
        return {
            "run_job": jobs.carry_out,
            "revert": self.learning.carry_out,
            "set_override": overrides.set,
            "clear_override": overrides.clear,
        }

    def _withheld(self, in_downtime: bool) -> str:
        """Why a job must not begin now; `in_downtime`: downtime is no reason for this one."""
        now = downtime_at(self._clock.now(), self._settings.downtime)
        return "" if in_downtime or now.state is not TradingState.DOWNTIME else "downtime"

    def tasks(self) -> dict[str, Work]:
        """What runs beside the cycles, by name."""
        tasks: dict[str, Work] = {
            **{name: task.run for name, task in self._restartable.items()},
            "health": self._health.run,
            "loop-lag": self._lag.watch,
            "heartbeats": self._switchboard.run,
        }
        if self._parts.sim is not None:
            tasks["simulated-venue"] = self._market
        tasks.update(self._parts.works)
        return tasks

    def _stages(self) -> list[StopStage]:
        async def venue_closed() -> None:
            await self._parts.venue.close()

        async def intelligence_closed() -> None:
            await self._intel.close()

        async def simulator_stopped() -> None:
            if self._parts.sim is not None:
                await self._parts.sim.stop()

        async def files_flushed() -> None:
            # A cycle that was given up while stopping has applied fills and not saved them.
            with suppress(StorageUnavailableError):
                await self._keeper.save()
            self._shown.ended(self._runtime.stop_reason)
            await self._stores.writer.close(10.0)

        return [
            StopStage("venue connections", 5.0, venue_closed),
            StopStage("intelligence", 5.0, intelligence_closed),
            StopStage("simulated venue", 5.0, simulator_stopped),
            StopStage("state files", 12.0, files_flushed),
        ]

    # ------------------------------------------------------------ running

    async def run(self) -> int:
        """Reconcile with the venue, then cycle until stopped. Returns the exit code."""
        try:
            await self._runtime.run(self.prepare)
        except BaseExceptionGroup as group:
            for error in group.exceptions:
                log.critical("task.died", error=f"{type(error).__name__}: {error}", exc_info=error)
            return 1
        all_failed = self._loop.count > 0 and self._loop.failed == self._loop.count
        return 1 if self._runtime.laggards or self._runtime.failed_stages or all_failed else 0

    def _stop(self, why: str) -> None:
        self._runtime.request_stop(why)

    async def prepare(self) -> None:
        """The venue's truth before the first action; start-up and crash recovery are one road."""
        await self._parts.venue.wait_ready(30.0)
        await self._account.reconciler.baseline(self._account.standing.instance.account_since)
        truth = await self._account.reconciler.reconcile()
        log.info(
            "reconciled",
            positions=len(truth.positions),
            open_orders=len(truth.open_orders),
            differences=len(truth.differences),
            unresolved=len(self._account.intents.unresolved),
        )
        await self.learning.begin()
        await self._inbox.open()

    async def operate(self, order: OperatorOrder) -> Answer:
        """Carry out what a person asks for, and show at once what came of it."""
        answer = await self._desk.carry_out(order)
        self._shown.refresh()
        self._page.cycle_done(self._shown.state)
        return answer

    async def _watch(self, snapshot: MarketSnapshot) -> None:
        self._health.watch(snapshot)
        wallets = {spec.wallet for spec in self._collector.specs.values()}
        healing = self._health.healing
        limit = self._settings.health.healing.soft_limit
        await self._switchboard.watch(snapshot.account, snapshot.equity_usd, wallets, healing.heals(), limit)

    async def _market(self) -> None:
        sim = self._parts.sim
        assert sim is not None
        await sim.run()
        self._stop("the market data has ended")

    @property
    def restartable(self) -> Mapping[str, Restartable]:
        """Core tasks that can be begun anew, by name."""
        return self._restartable

    @property
    def scheduler(self) -> Scheduler:
        """The jobs of the timetable."""
        return self._scheduler

    @property
    def health(self) -> HealthDesk:
        """What watches this daemon from inside."""
        return self._health

    @property
    def page(self) -> DashboardDesk:
        """The web page."""
        return self._page

    @property
    def state(self) -> RuntimeState:
        """What `runtime.json` says, as of the last cycle."""
        return self._shown.state

    @property
    def intelligence(self) -> IntelSource:
        """The source of market intelligence."""
        return self._intel

    @property
    def specs(self) -> Mapping[Symbol, ContractSpec]:
        """Contract specifications as read last."""
        return self._collector.specs

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Orders whose outcome is not proven yet."""
        return tuple(self._account.intents.unresolved)

    def permission(self, account_readable: bool, per_symbol: Mapping[Symbol, str]) -> EntryPermission:
        """May anything be opened now, and if not, every reason why."""
        health, settings = self._parts.venue.health(), self._settings
        venue = VenueView(
            streams_connected=all(stream.connected for stream in health.streams),
            degraded=self._health.exchange.health.degraded,
            account_readable=account_readable,
            clock_agrees=abs(self._health.exchange.skew_s) <= MAX_CLOCK_SKEW_S,
        )
        return entry_permission(
            self._parts.symbols,
            self._overrides.settings.alpha_trading,
            downtime_at(self._clock.now(), settings.downtime),
            venue,
            storage_ok=self._stores.writer.health().ok,
            stopping=self._loop.stopping,
            per_symbol={**self._works.suppressed, **per_symbol},
            switches=self._switches.names,
            entries_left_today=self._switchboard.entries_left(),
            margin_short=self._switchboard.margin_short is not None,
            resources=self.resources.blocks,
        )

    def _vital_signs(self) -> dict[str, object]:
        return {
            "rss_mb": round(rss_mb(), 1),
            "loop_lag_p99_ms": round(self._lag.p99_ms(), 2),
            "loop_lag_max_ms": round(self._lag.max_ms, 2),
            **self.resources.figures,
            "jobs": self._scheduler.statuses(),
            "overrides": self._overrides.shown(),
            "unresolved_orders": list(self._account.intents.unresolved),
            **self._switchboard.shown(),
            **self._health.shown(),
        }

    async def after_cycle(self, report: CycleReport | None, failure: str) -> None:
        """Write down what `tradingbot status` shows."""
        self._switchboard.cycle_done(failure)
        self._health.after_cycle(report, failure)
        blocks = report.permission.reasons if report else [*self.permission(True, {}).reasons, "cycle_failed"]
        counts = {"cycles": self._loop.count, "failed_cycles": self._loop.failed}
        self._shown.after_cycle(report, failure, blocks, counts)
        self._page.cycle_done(self._shown.state)

    async def run_cycle(self) -> CycleReport:
        """One cycle. It and the hourly reconciliation both move the book: one at a time."""
        async with self._account.lock:
            return await self._bot_cycle.run_once()
