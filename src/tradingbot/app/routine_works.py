"""What the timetable's jobs do: venue health, reconciliation, contract specifications, validation, analyses."""

from __future__ import annotations

import asyncio

import structlog

from tradingbot.app.analyst import Analyst
from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.maintenance import Maintenance
from tradingbot.app.runtime import Work
from tradingbot.app.stores import Stores
from tradingbot.app.validation import validate_symbols
from tradingbot.config import Settings
from tradingbot.core.errors import VenueError
from tradingbot.core.types import Symbol
from tradingbot.engine.budget import within
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.reconcile import Reconciler

log = structlog.get_logger(__name__)


class RoutineWorks:
    """Bodies of the jobs, and what they found out that the entry permission asks for.

    `skew_s` is the venue's clock minus ours, `suppressed` what stands against each symbol since the last validation.
    """

    def __init__(
        self,
        parts: VenueParts,
        stores: Stores,
        settings: Settings,
        collector: MarketCollector,
        reconciler: Reconciler,
        account_lock: asyncio.Lock,
        analyst: Analyst,
        maintenance: Maintenance,
    ) -> None:
        self._parts = parts
        self._stores = stores
        self._settings = settings
        self._collector = collector
        self._reconciler = reconciler
        self._account_lock = account_lock
        self._analyst = analyst
        self._maintenance = maintenance
        self._clock = parts.clock
        self.skew_s = 0.0
        self.suppressed: dict[Symbol, str] = {}

    def by_name(self) -> dict[str, Work]:
        """Every job's body."""
        return {
            "exchange_health": self._exchange_health,
            "portfolio_reconciliation": self._hourly_reconciliation,
            "contract_specifications": self._specifications,
            "symbol_validation": self._validation,
            "strategic_advice": self._analyst.advise,
            "trade_analysis": self._analyst.analyse,
            "maintenance": self._tidy,
        }

    async def _exchange_health(self) -> None:
        started_s = self._clock.perf_s()
        error = ""
        try:
            self.skew_s = (await self._parts.venue.server_time() - self._clock.now()).total_seconds()
        except VenueError as failure:
            error = str(failure)
        health = self._parts.venue.health()
        self._stores.journals["exchange_health"].append(
            {
                "at": self._clock.now(),
                "ok": not error,
                "error": error,
                "clock_skew_s": round(self.skew_s, 3),
                "latency_ms": round((self._clock.perf_s() - started_s) * 1000, 3),
                "consecutive_failures": health.consecutive_failures,
                "streams": {stream.name: stream.connected for stream in health.streams},
            }
        )

    async def _hourly_reconciliation(self) -> None:
        # Bounded, because the cycle waits for the account meanwhile, and exits with it.
        limit_s = 3 * self._settings.engine.read_budget_s
        async with self._account_lock:
            await within(self._clock, limit_s, "reconciliation", self._reconciler.reconcile())

    async def _tidy(self) -> None:
        await self._maintenance.run()

    async def _specifications(self) -> None:
        await self._collector.refresh_specs()

    async def _validation(self) -> None:
        state = await validate_symbols(self._parts, self._settings.validation)
        self._stores.documents["symbol_status"].put(state)
        bad = {Symbol(name): check for name, check in state.symbols.items() if check.status != "valid"}
        self.suppressed = {
            symbol: f"validation: {', '.join(why.code for why in check.as_reasons())}" for symbol, check in bad.items()
        }
        log.info("symbols.validated", **state.summary, suppressed_symbols=sorted(self.suppressed))
