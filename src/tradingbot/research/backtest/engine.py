"""Runs the daemon's own cycle over a simulated market in simulated time: same decisions, same orders, same matching."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from tradingbot.core.errors import TradingBotError, first_of
from tradingbot.core.records import Reason
from tradingbot.core.types import Symbol, epoch_ms
from tradingbot.engine.bot_cycle import BotCycle, CycleParts, ParamsInForce
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.opened_today import opened_today
from tradingbot.guards.downtime import downtime_at
from tradingbot.guards.entry_permission import EntryPermission, VenueView, entry_permission
from tradingbot.guards.margin import entries_left, margin_shortage
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.research.backtest.account import AllTrades, open_account, open_learning, open_switches
from tradingbot.research.backtest.counterfactual import LedgerScribe
from tradingbot.research.backtest.intelligence_ahead import open_source
from tradingbot.research.backtest.moments import cycle_moments
from tradingbot.research.backtest.near_collect import NearCollector, NearFeatures, ReadyMarket
from tradingbot.research.backtest.near_frames import NearHigherFrames
from tradingbot.research.backtest.near_quotes import NearQuotes
from tradingbot.research.backtest.near_samples import NearSamples, can_be_near
from tradingbot.research.backtest.plan import BacktestPlan
from tradingbot.research.backtest.result import BacktestResult, RunFacts
from tradingbot.research.backtest.tally import TallyScribe
from tradingbot.simulated_time import SimulatedClock, run_simulated
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.venue import InProcessVenue

WARM_UP = "warm_up"
"""Reason against every entry before the counted span."""
TOLD_EVERY = 60
COLLECTED_EVERY = 1440
"""Cycles between two looks for garbage that nobody was to leave."""


class FailedBacktestError(TradingBotError):
    """A cycle, or what runs beside them, raised what it may not: the run proves nothing."""


def run_backtest(plan: BacktestPlan) -> BacktestResult:
    """Play the plan to its end. Raises FailedBacktestError, ValueError for a market without a price."""
    with _uncollected():
        return run_simulated(plan.span.warm_since, lambda clock: _Run(plan, clock).play())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage in cycles: a cycle of the engine leaves none, and the search takes a quarter."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


class _Run:
    """One backtest while it runs."""

    def __init__(self, plan: BacktestPlan, clock: SimulatedClock) -> None:
        self._plan = plan
        self._clock = clock
        trading, span = plan.trading, plan.span
        params = trading.simulator.model_copy(update={"seed": plan.market.seed})
        self._sim = SimulatedVenue(params, plan.market.feed, epoch_ms(span.warm_since))
        self._venue = InProcessVenue(self._sim, trading.universe, clock, trading.latency, tape=False)
        self._trades = AllTrades()
        self._account = open_account(trading, self._venue, clock, self._trades)
        self._post_trade = open_learning(trading, self._account, span.warm_since)
        self._switches = open_switches(trading, self._account)
        self._intel = open_source(plan, clock)
        self._scribe = TallyScribe(trading.symbols, epoch_ms(span.since))
        self._ledger = _ledger_of(plan, self._scribe)
        self._margin_short: Reason | None = None
        self._tripped: dict[str, datetime] = {}

    async def play(self) -> BacktestResult:
        """All cycles, with what runs beside them."""
        clock, started_s = self._clock, self._clock.perf_s()
        specs = await self._venue.contract_specs()
        missing = [symbol for symbol in self._plan.trading.symbols if symbol not in specs]
        if missing:
            raise FailedBacktestError(f"the simulated venue lists no contract of {', '.join(missing)}")
        collector = self._collector({symbol: specs[symbol] for symbol in self._plan.trading.symbols})
        cycle = self._cycle(collector)
        await self._account.reconciler.baseline()
        try:
            cycles = await self._played(cycle, collector)
        except ExceptionGroup as failed:
            raise FailedBacktestError(
                f"the run ended at {clock.now():%Y-%m-%d %H:%M:%S} UTC: {first_of(failed)!r}"
            ) from failed
        finally:
            await self._intel.close()
        return self._result(cycles, clock.perf_s() - started_s)

    async def _played(self, cycle: BotCycle, collector: MarketCollector) -> int:
        async with asyncio.TaskGroup() as group:
            works = [self._intel.run]
            if self._venue.on_the_way is None:
                works.append(partial(self._sampled, collector))
            beside = [group.create_task(work()) for work in works]
            try:
                return await self._cycles(cycle)
            finally:
                for task in beside:
                    task.cancel()

    # ------------------------------------------------------------ building

    def _collector(self, specs: Mapping[Symbol, ContractSpec]) -> MarketCollector:
        trading, windows = self._plan.trading, self._plan.trading.decision.reading.signals.windows
        desk = IntelDesk(self._intel, {symbol: trading.universe.asset(symbol) for symbol in specs}, trading.contracts)
        if not trading.near:
            features = FeatureKeeper(windows, trading.frames, specs)
            return MarketCollector(self._venue, self._clock, trading.engine, specs, features, desk)
        names = {symbol: spec.venue_symbol for symbol, spec in specs.items()}
        ready = ReadyMarket(self._sim, names, windows, trading.frames, trading.engine.candle_count)
        near = NearFeatures(windows, trading.frames, specs, ready)
        sampled, quotes = None, NearQuotes(self._sim, self._venue, specs, trading.engine)
        if can_be_near(trading.engine, self._plan.span.warm_since):
            sampled = NearSamples(self._sim, self._venue, names, trading.engine, trading.decision.reading.signals.ofi)
        return NearCollector(
            self._venue,
            self._clock,
            trading.engine,
            specs,
            near,
            desk,
            ready=ready,
            sampled=sampled,
            quotes=quotes,
            higher=NearHigherFrames(self._venue, self._clock, trading.engine, specs, self._sim, names),
        )

    def _cycle(self, collector: MarketCollector) -> BotCycle:
        self._wallets: Callable[[], set[str]] = lambda: {spec.wallet for spec in collector.specs.values()}
        return BotCycle(
            CycleParts(
                account=self._account,
                collector=collector,
                scribe=self._ledger or self._scribe,
                params=lambda: ParamsInForce(self._plan.trading.decision, ""),
                engine_params=self._plan.trading.engine,
                permission=self._permission,
                watch=self._watch,
                post_trade=self._post_trade,
                held_back=lambda: bool(self._holding()),
            )
        )

    async def _sampled(self, collector: MarketCollector) -> None:
        """Books from the second sample on: in the moment of a start no stream has brought one yet."""
        await self._clock.sleep(collector.params.book_sample_s)
        await collector.sample_books()

    # ------------------------------------------------------------ running

    async def _cycles(self, cycle: BotCycle) -> int:
        span, engine = self._plan.span, self._plan.trading.engine
        total, done = int((span.until - span.warm_since) / timedelta(seconds=engine.cycle_s)) + 1, 0
        for due in cycle_moments(span, engine):
            await self._clock.sleep_until(due)
            await cycle.run_once()
            done += 1
            if done % TOLD_EVERY == 0:
                self._plan.progress(done, total)
            if done % COLLECTED_EVERY == 0:
                gc.collect()
            if self._sim.ended:
                break
        self._plan.progress(total, total)
        return done

    async def _watch(self, snapshot: MarketSnapshot) -> None:
        trading = self._plan.trading
        limit_pct = trading.decision.risk.limits.min_free_margin_pct
        self._margin_short = margin_shortage(snapshot.account, snapshot.equity_usd, self._wallets(), limit_pct)
        await self._switches.watch(snapshot.equity_usd, self._account.keeper.trades, {})
        for name in self._switches.names:
            self._tripped.setdefault(name, snapshot.as_of)

    def _permission(self, readable: bool, per_symbol: Mapping[Symbol, str]) -> EntryPermission:
        trading, now = self._plan.trading, self._clock.now()
        left = entries_left(trading.decision.risk.limits.max_trades_per_day, opened_today(self._account.keeper, now))
        return entry_permission(
            trading.symbols,
            trading.alpha_trading,
            downtime_at(now, trading.downtime),
            VenueView(streams_connected=True, degraded=False, account_readable=readable),
            storage_ok=True,
            stopping=False,
            per_symbol=per_symbol,
            switches=self._holding(),
            entries_left_today=left,
            margin_short=self._margin_short is not None,
            resources=(WARM_UP,) if now < self._plan.span.since else (),
        )

    def _holding(self) -> tuple[str, ...]:
        return self._switches.names if self._plan.trading.obey_switches else ()

    # ------------------------------------------------------------ ending

    def _result(self, cycles: int, took_s: float) -> BacktestResult:
        plan, params, scribe = self._plan, self._plan.trading.simulator, self._scribe
        curve, trades = scribe.curve(), tuple(self._trades.trades)
        return BacktestResult(
            facts=RunFacts(
                name=plan.name,
                source=plan.market.source,
                symbols=plan.trading.symbols,
                warm_since=plan.span.warm_since,
                since=plan.span.since,
                until=plan.span.until,
                seed=plan.market.seed,
                profile=plan.trading.profile,
                settings_digest=plan.trading.settings_digest,
                data_digest=plan.market.digest,
                version=plan.version,
                cycles=scribe.cycles,
                start_usd=float(curve.equity_usd[0]) if len(curve.equity_usd) else float(params.starting_equity_usd),
            ),
            equity=curve,
            closes=scribe.closes(),
            trades=trades,
            signals=scribe.signals(),
            open_positions=len(self._account.keeper.book.open_positions),
            digest=scribe.digest,
            checkpoints=scribe.checkpoints,
            costs=_costs(plan),
            timings_s={"total": took_s, "cycles": float(cycles)},
            warnings=self._warnings(),
            counterfactual=self._ledger.result(trades) if self._ledger is not None else None,
        )

    def _warnings(self) -> tuple[str, ...]:
        came = "no entries while it held" if self._plan.trading.obey_switches else "entries went on all the same"
        found = [
            f"the kill switch {name} was tripped, first on {at:%Y-%m-%d %H:%M} UTC: {came}"
            for name, at in self._tripped.items()
        ]
        if self._sim.ended:
            found.append(f"the market data ended before {self._plan.span.until:%Y-%m-%d %H:%M} UTC")
        return tuple(found)


def _ledger_of(plan: BacktestPlan, inner: TallyScribe) -> LedgerScribe | None:
    trading = plan.trading
    if not trading.counterfactual:
        return None
    return LedgerScribe(inner, trading.decision, trading.learning.counterfactual, epoch_ms(plan.span.since))


def _costs(plan: BacktestPlan) -> dict[str, float]:
    params, latency = plan.trading.simulator, plan.trading.latency
    return {
        "maker_fee_bps": float(params.maker_fee) * 10_000,
        "taker_fee_bps": float(params.taker_fee) * 10_000,
        "slippage_bps_per_level": params.slippage_bps,
        "latency_min_ms": float(params.latency_min_ms if latency else 0),
        "latency_max_ms": float(params.latency_max_ms if latency else 0),
    }
