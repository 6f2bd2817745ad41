"""The real daemon on the real simulated venue, on a stepped clock, one cycle at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.crash.processes import BUSY
from tradingbot.app.agreement import Agreement, ask_venue, compare
from tradingbot.app.alerting import alert_access
from tradingbot.app.bootstrap import VenueParts, load, open_venue
from tradingbot.app.daemon import Daemon
from tradingbot.app.dashboard_desk import page_token
from tradingbot.app.home import make_home
from tradingbot.app.options import RunOptions
from tradingbot.app.runtime import CycleLoop, Work
from tradingbot.app.status import read_documents
from tradingbot.app.stores import Stores, open_stores
from tradingbot.config import Settings
from tradingbot.core.types import Side, Symbol
from tradingbot.engine.bot_cycle import CycleReport
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.simulator.account import book_transfer
from tradingbot.simulator.faults import FaultSpec
from tradingbot.simulator.margin import wallet_margin
from tradingbot.simulator.order_desk import Change, NewOrder
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.storage.journal_reader import JournalReader

SEED = 7
SYMBOLS = ("BTC", "ETH", "SOL")


@dataclass
class Rig:
    """A running daemon and its venue. `reports` and `failures` grow with every cycle."""

    home: Path
    settings: Settings
    parts: VenueParts
    stores: Stores
    daemon: Daemon
    reports: list[CycleReport | None] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def venue(self) -> SimulatedVenue:
        """The simulated exchange behind the wire."""
        assert self.parts.sim is not None
        return self.parts.sim.venue

    # ------------------------------------------------------------ time

    async def cycle(self, count: int = 1) -> CycleReport | None:
        """The next cycles on the timetable, with their deadline; the last report, None when that one failed."""
        for _ in range(count):
            await self.parts.clock.sleep_until(self._loop().next_start())
            await self._loop().run()
        return self.reports[-1]

    async def good_cycle(self) -> CycleReport:
        """The next cycle, which must not fail."""
        report = await self.cycle()
        assert report is not None, self.failures[-1]
        return report

    async def cycle_until(self, what: str, condition: Callable[[], Any], limit: int = 40) -> None:
        """Cycle until the condition holds."""
        for _ in range(limit):
            if condition():
                return
            await self.cycle()
        assert condition(), f"{what}: not within {limit} cycles; failures {self.failures}"

    def _loop(self) -> CycleLoop:
        return CycleLoop(
            self.daemon.run_cycle, self.parts.clock, self.settings.engine, self._after, 1, lambda _why: None
        )

    async def _after(self, report: CycleReport | None, failure: str) -> None:
        await self.daemon.after_cycle(report, failure)
        self.reports.append(report)
        if failure:
            self.failures.append(failure)

    # ------------------------------------------------------------ faults

    def fault(self, name: str, **settings: Any) -> None:
        """Switch a trouble on."""
        spec = FaultSpec.model_validate({"name": name, **settings})
        self.venue.state.faults.switch_on(spec, self.venue.now_ms)

    def heal(self) -> None:
        """Switch all troubles off."""
        self.venue.state.faults.switch_off()

    # ------------------------------------------------------------ looking

    @property
    def held(self) -> dict[str, Decimal]:
        """Signed sizes at the venue."""
        return {name: position.size for name, position in self.venue.account.positions.items() if position.size}

    @property
    def stops(self) -> dict[str, Decimal]:
        """Open size of each resting reduce-only stop at the venue; two on one symbol fail here."""
        found: dict[str, Decimal] = {}
        for order in self.venue.account.orders.values():
            if order.reduce_only and order.is_trigger:
                assert order.symbol not in found, f"two stops on {order.symbol}"
                found[order.symbol] = order.open
        return found

    def protected(self) -> bool:
        """Every position at the venue has exactly one stop of its size."""
        return self.stops == {name: abs(size) for name, size in self.held.items()}

    def rows(self, journal: str) -> list[dict[str, Any]]:
        """Lines of one journal so far."""
        return list(JournalReader(journal_path(self.home, journal)))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Intents or outcomes."""
        return [row for row in self.rows("intents") if row["event"] == name]

    async def agreement(self) -> Agreement:
        """What `status --reconcile` would say now."""
        await self.stores.writer.flush()
        documents = read_documents(self.home)
        positions = documents["positions"] or PositionsState()
        trades = documents["trades"] or TradesState()
        asked = await ask_venue(self.parts.venue, positions, trades, self.rows("fills"), self.rows("executed_trades"))
        return compare(asked, OrderIds(documents["instance"].instance))

    async def assert_agrees(self) -> None:
        """Our files and the venue agree in everything; nothing was sent twice."""
        found = await self.agreement()
        assert found.agree, found.differences
        ids = [row["client_order_id"] for row in self.events("intent")]
        assert len(ids) == len(set(ids))

    # ------------------------------------------------------------ by hand

    def by_hand(self, symbol: str, side: str, size: str, kind: str = "mkt", **more: Any) -> str:
        """An order that a person enters at the venue; its id."""
        outcome = self.venue.send(NewOrder(symbol=symbol, side=Side(side), kind=kind, size=Decimal(size), **more))
        assert outcome.status == "placed", outcome.status
        assert outcome.order is not None
        return outcome.order.uid

    def try_by_hand(self, symbol: str, side: str, size: str) -> None:
        """A person tries; without the money for it the venue says no."""
        outcome = self.venue.send(NewOrder(symbol=symbol, side=Side(side), kind="mkt", size=Decimal(size)))
        assert outcome.status in ("placed", "insufficientAvailableFunds"), outcome.status

    def cancel_by_hand(self, uid: str) -> None:
        """A person cancels an order at the venue."""
        assert self.venue.cancel(uid).status == "cancelled"

    def edit_by_hand(self, uid: str, **change: Decimal) -> None:
        """A person changes an order at the venue."""
        assert self.venue.edit(uid, Change(**change)).status == "edited"

    def leave_equity(self, wallet: str, usd: str) -> None:
        """Money is withdrawn until a wallet is worth so little."""
        state = self.venue.state
        margin = wallet_margin(state, wallet)
        # In whole units of what the venue shows, or balances would be rounded on the way out.
        amount = (Decimal(usd) - margin.equity).quantize(Decimal("0.00000001"))
        book_transfer(state.account, state.fresh, wallet, margin.currency, amount, state.now_ms, "transfer")

    def symbol_of(self, venue_name: str) -> str:
        """Our name of a contract."""
        known = self.parts.universe.venue_symbols("kraken_futures")
        return next(str(symbol) for name, symbol in known.items() if name == venue_name)

    def venue_name(self, symbol: str) -> str:
        """The venue's name of one of our symbols."""
        return self.parts.universe.venue_symbol("kraken_futures", Symbol(symbol))


@asynccontextmanager
async def running(
    home: Path,
    environ: Mapping[str, str] | None = None,
    symbols: tuple[str, ...] = SYMBOLS,
    left_behind: str = "",
    **changes: Any,
) -> AsyncIterator[Rig]:
    """A prepared daemon whose background tasks run."""
    make_home(home)
    options = RunOptions(home=home, speed=0.0, seed=SEED, symbols=symbols, **changes)
    settings, secrets = load(options, {**BUSY, **(environ or {})})
    async with AsyncExitStack() as stack:
        parts = await open_venue(options, settings, secrets, stack)
        stores = open_stores(home, parts.clock)
        listed = await parts.venue.contract_specs()
        specs = {symbol: listed[symbol] for symbol in parts.symbols}
        access, token = alert_access(settings, secrets), page_token(secrets)
        daemon = Daemon(options, settings, parts, stores, specs, left_behind, access, token)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_run(work), name=name) for name, work in daemon.tasks().items() if name != "loop-lag"
            ]
            try:
                await daemon.prepare()
                yield Rig(home, settings, parts, stores, daemon)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                with suppress(Exception):
                    await stores.writer.close(5)
                assert parts.sim is not None
                await daemon.intelligence.close()
                await parts.venue.close()
                await parts.sim.stop()


async def _run(work: Work) -> None:
    await work()
