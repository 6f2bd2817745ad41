"""The page's place in the daemon: makes each minute's moment, writes it down, serves it, and takes orders from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from tradingbot.app.kept_history import (
    COLUMNS,
    HistoryLog,
    candles_between,
    learned_at,
    learned_facts,
    rows_of,
)
from tradingbot.app.moments import MomentMaker, equity_line, known_equity, moment_at, moment_line
from tradingbot.app.operator import OperatorRequest, audit_record
from tradingbot.app.stores import Stores
from tradingbot.beside import in_thread
from tradingbot.config import Secrets, Settings
from tradingbot.config.sections import DashboardParams
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.types import Symbol
from tradingbot.dashboard.equity import EquitySeries
from tradingbot.dashboard.http import Dashboard
from tradingbot.dashboard.metrics import Figures
from tradingbot.dashboard.moment import Moment
from tradingbot.dashboard.security import Guard
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.models import RuntimeState, TradesState
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.market.candles import Candles
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

TURN_S: Final = 20.0
"""How long the loop waits for a cycle before it shows that it still lives."""


@dataclass(slots=True)
class DashboardDesk:
    """One daemon's page. `cycle_done` is called after each cycle and returns at once; `run` does the work."""

    params: DashboardParams
    token: str
    clock: Clock
    stores: Stores
    maker: MomentMaker
    carry_out: Callable[[OperatorOrder], Awaitable[Answer]]
    minute_candles: Callable[[Symbol], Candles | None]
    stuck_after_s: float
    turned_s: float | None = None
    url: str = ""
    _runtime: RuntimeState | None = None
    _moment: Moment | None = None
    _equity: EquitySeries = field(default_factory=EquitySeries)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _figures: Figures = field(init=False)
    _history: HistoryLog = field(init=False)

    def __post_init__(self) -> None:
        self._figures = Figures(self.clock)
        self._history = HistoryLog(self.stores, self.minute_candles)

    # ------------------------------------------------------------ Sources

    @property
    def home(self) -> Path:
        """As `Sources.home`."""
        return self.maker.home

    def now(self) -> datetime:
        """As `Sources.now`."""
        return self.clock.now()

    def newest(self) -> Moment | None:
        """As `Sources.newest`."""
        return self._moment

    def past(self, at: datetime) -> Moment | None:
        """As `Sources.past`."""
        return moment_at(self.home, at)

    def trades(self) -> Sequence[ClosedTrade]:
        """As `Sources.trades`."""
        state: TradesState | None = self.stores.documents["trades"].newest
        return state.trades if state is not None else ()

    def document(self, name: str) -> Any:
        """As `Sources.document`."""
        return self.stores.documents[name].newest

    def equity(self) -> EquitySeries:
        """As `Sources.equity`."""
        return self._equity

    def candles(self, symbol: str) -> Sequence[Mapping[str, Any]]:
        """As `Sources.candles`."""
        found = self.minute_candles(Symbol(symbol))
        return () if found is None else [dict(zip(COLUMNS, row, strict=True)) for row in rows_of(found, slice(None))]

    def past_candles(self, symbol: str, since: datetime, until: datetime) -> Sequence[Mapping[str, Any]]:
        """As `Sources.past_candles`."""
        return candles_between(self.home, symbol, since, until)

    def learned(self, at: datetime | None = None) -> Mapping[str, Any]:
        """As `Sources.learned`."""
        found = learned_facts(self.stores) if at is None else learned_at(self.home, at)
        return found if found is not None else {"parameters": None, "trades_learned": 0}

    async def operate(self, order: OperatorOrder) -> Answer:
        """As `Sources.operate`."""
        request = OperatorRequest(  # before anything is done: what cannot be audited is not carried out
            command=order.command,
            at=self.clock.now(),
            reason=order.text,
            switches=order.switches,
            every=order.every,
            issue=order.issue,
            user=order.by,
        )
        answer = await self.carry_out(order)
        line = audit_record(self.clock.now(), "page", request, answer)
        with suppress(StorageUnavailableError):  # the writer tells of its troubles itself
            await self.stores.journals["operator_audit"].commit(line)
        return answer

    # ------------------------------------------------------------ the loop

    def cycle_done(self, runtime: RuntimeState) -> None:
        """A cycle has ended, or a command was carried out."""
        self._runtime = runtime
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled. A port that is taken is said; the daemon trades on without its page."""
        self._equity = await in_thread(self.clock, known_equity, self.home, self.clock.now())
        await in_thread(self.clock, self._history.read, self.home)
        page = self._page()
        try:
            # Started anew within the same life it takes the same port: pages that are open find it again.
            port = (urlsplit(self.url).port if self.url else None) or self.params.port
            self.url = await page.start(self.params.host, port)
            log.info("dashboard.listening", url=self.url, actions=bool(self.token))
        except OSError as error:
            log.warning(
                "dashboard.not_listening",
                host=self.params.host,
                port=self.params.port,
                error=error.strerror or str(error),
                remedy="choose another --dashboard-port; the next start tries again",
            )
        try:
            while True:
                await self._turn(page)
        finally:
            await page.stop()

    async def _turn(self, page: Dashboard) -> None:
        self.turned_s = self.clock.monotonic_s()
        try:
            async with self.clock.timeout(TURN_S):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
        runtime = self._runtime
        if runtime is None:
            return
        moment, lines = await in_thread(self.clock, self._made, runtime)
        self._take(moment, lines)
        page.tell(moment)

    def _made(self, runtime: RuntimeState) -> tuple[Moment, dict[str, dict[str, Any]]]:
        """The moment and, for a new cycle, a line for each journal that gets one. In a worker thread."""
        moment = self.maker.make(runtime)
        if self._moment is not None and moment.cycle_id == self._moment.cycle_id:
            return moment, {}
        lines = {
            "moments": moment_line(moment),
            "equity": equity_line(moment),
            "candles": self._history.candles_of(moment),
            "learned": self._history.learned_of(moment),
        }
        return moment, {name: line for name, line in lines.items() if line is not None}

    def _take(self, moment: Moment, lines: Mapping[str, Mapping[str, Any]]) -> None:
        self._moment = moment
        self._figures.take(moment)
        for name, line in lines.items():
            self.stores.journals[name].append(line)
        if lines and (usd := moment.runtime.equity_usd) is not None:
            self._equity.add(moment.as_of, float(usd))

    def _page(self) -> Dashboard:
        guard = Guard(self.token, self.params.on_loopback, self.clock.perf_s, frozenset(self.params.hosts))
        return Dashboard(self, self.clock, guard, self._figures.expose, self.stuck_after_s)


def a_page(
    home: Path,
    settings: Settings,
    stores: Stores,
    clock: Clock,
    token: str,
    carry_out: Callable[[OperatorOrder], Awaitable[Answer]],
    collector: MarketCollector,
) -> DashboardDesk:
    """The page of one daemon. A cycle that has not ended within three intervals counts as stuck."""
    maker = MomentMaker(home, settings, stores)
    stuck_after_s = 3 * settings.engine.cycle_s
    return DashboardDesk(
        settings.dashboard, token, clock, stores, maker, carry_out, collector.minute_candles, stuck_after_s
    )


def page_token(secrets: Secrets) -> str:
    """The token that opens the page; empty where none is set."""
    return secrets.dashboard_token.get_secret_value() if secrets.dashboard_token is not None else ""
