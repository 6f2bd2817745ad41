"""What the timetable's jobs do: reconciliation, contract specifications, validation, analyses."""

from __future__ import annotations

import structlog

from tradingbot.app.account import Account
from tradingbot.app.analyst import Analyst
from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.maintenance import Maintenance
from tradingbot.app.runtime import Work
from tradingbot.app.stores import Stores
from tradingbot.app.validation import validate_symbols
from tradingbot.config import Settings
from tradingbot.core.types import Symbol
from tradingbot.engine.budget import within
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.reconcile import LOCK_BUDGETS

log = structlog.get_logger(__name__)


class RoutineWorks:
    """Bodies of these jobs, and what they found out that the entry permission asks for.

    `suppressed` is what stands against each symbol since the last validation.
    """

    def __init__(
        self,
        parts: VenueParts,
        stores: Stores,
        settings: Settings,
        collector: MarketCollector,
        account: Account,
        analyst: Analyst,
        maintenance: Maintenance,
    ) -> None:
        self._parts = parts
        self._stores = stores
        self._settings = settings
        self._collector = collector
        self._account = account
        self._analyst = analyst
        self._maintenance = maintenance
        self._clock = parts.clock
        self.suppressed: dict[Symbol, str] = {}

    def by_name(self) -> dict[str, Work]:
        """Every job's body."""
        return {
            "portfolio_reconciliation": self._hourly_reconciliation,
            "contract_specifications": self.read_specifications,
            "symbol_validation": self.validate,
            "strategic_advice": self._analyst.advise,
            "trade_analysis": self._analyst.analyse,
            "maintenance": self._tidy,
        }

    async def _hourly_reconciliation(self) -> None:
        limit_s = LOCK_BUDGETS * self._settings.engine.read_budget_s
        async with self._account.lock:
            await within(self._clock, limit_s, "reconciliation", self._account.reconciler.reconcile())

    async def _tidy(self) -> None:
        await self._maintenance.run()

    async def read_specifications(self) -> None:
        """Read the contracts anew. Raises VenueError."""
        await self._collector.refresh_specs()

    async def validate(self) -> None:
        """Validate every symbol; what fails is not traded until it passes."""
        state = await validate_symbols(self._parts, self._settings.validation)
        self._stores.documents["symbol_status"].put(state)
        bad = {Symbol(name): check for name, check in state.symbols.items() if check.status != "valid"}
        self.suppressed = {
            symbol: f"validation: {', '.join(why.code for why in check.as_reasons())}" for symbol, check in bad.items()
        }
        log.info("symbols.validated", **state.summary, suppressed_symbols=sorted(self.suppressed))
