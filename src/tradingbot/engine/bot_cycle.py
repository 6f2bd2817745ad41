"""One cycle: learn what traded, look at the market, decide, act, protect, write down (SPEC 14, first row)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import structlog

from tradingbot.core.errors import StorageUnavailableError, VenueError
from tradingbot.core.records import AccountState
from tradingbot.core.types import Symbol
from tradingbot.decision import ClosePosition, Decision, DecisionParams, OpenPosition, decide
from tradingbot.engine.account import TradingAccount
from tradingbot.engine.budget import within
from tradingbot.engine.collect import MarketCollector, index_prices
from tradingbot.engine.cycle_scribe import CycleSeen, Scribe
from tradingbot.engine.entry_facts import with_entry_facts
from tradingbot.engine.execute import Done
from tradingbot.engine.identifiers import cycle_id_of
from tradingbot.engine.params import EngineParams
from tradingbot.engine.post_trade import PostTrade
from tradingbot.engine.protecting import protect_all
from tradingbot.engine.reconcile import Truth
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import mark_extremes

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ParamsInForce:
    """What a cycle decides with, and the hash under which `logs/decision_params.jsonl` has it."""

    decision: DecisionParams
    digest: str


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle came to."""

    cycle_id: str
    duration_ms: float
    think_ms: float
    equity_usd: Decimal | None
    permission: EntryPermission
    differences: tuple[str, ...]
    opened: int
    closed: int
    trades: int
    open_positions: int
    protected: int
    raw_differences: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CycleParts:
    """Everything a cycle works with. `params` is asked once per cycle, at its beginning."""

    account: TradingAccount
    collector: MarketCollector
    scribe: Scribe
    params: Callable[[], ParamsInForce]
    engine_params: EngineParams
    permission: Callable[[bool, Mapping[Symbol, str]], EntryPermission]
    watch: Callable[[MarketSnapshot], Awaitable[None]]
    post_trade: PostTrade
    held_back: Callable[[], bool]


class BotCycle:
    """Runs cycles, one at a time."""

    def __init__(self, parts: CycleParts) -> None:
        self._p = parts
        self._account = parts.account
        self._truth = Truth((), (), ())

    async def run_once(self) -> CycleReport:
        """One whole cycle. What cannot be read blocks entries; exits go on with what is known."""
        p, account = self._p, self._account
        started_s = account.clock.perf_s()
        cycle_id = cycle_id_of(account.clock.now())
        params = p.params()
        before = account.keeper.book
        account.settlement.absorb_stream()
        await account.unknown.resolve()
        await p.collector.refresh()
        truth, readable = await self._look()
        snapshot = await p.collector.snapshot(cycle_id, await self._account_state())
        account.keeper.set_book(mark_extremes(account.keeper.book, marks(snapshot), snapshot.as_of))
        await p.watch(snapshot)  # kill switches: what trips now holds for this very decision
        thinking_s = account.clock.perf_s()
        permission = self._permission(truth, readable and snapshot.equity_usd is not None)
        seen_book = account.keeper.book
        learned = p.post_trade.learned()
        decision = decide(snapshot, seen_book, params.decision, permission, learned)
        p.collector.previous_regime = decision.regime
        think_ms = (account.clock.perf_s() - thinking_s) * 1000
        done = await self._act(snapshot, decision, truth, readable, params.decision)
        trades = await self._settle(snapshot)
        if account.keeper.book is not before:
            await self._save()
        seen = CycleSeen(snapshot, seen_book, permission, learned, decision, truth, done, think_ms, params.digest)
        p.scribe.write(seen)
        return self._report(snapshot, permission, truth, done, trades, started_s, think_ms)

    async def _look(self) -> tuple[Truth, bool]:
        try:
            self._truth = await self._bounded("positions and open orders", self._account.reconciler.look())
        except VenueError as error:
            log.warning("look.failed", error=str(error))
            return self._truth, False
        return self._truth, True

    async def _bounded(self, what: str, question: Awaitable[T]) -> T:
        return await within(self._account.clock, self._p.engine_params.read_budget_s, what, question)

    async def _account_state(self) -> AccountState | None:
        try:
            return await self._bounded("account", self._account.venue.account())
        except VenueError as error:
            log.warning("account.failed", error=str(error))
            return None

    def _permission(self, truth: Truth, readable: bool) -> EntryPermission:
        unresolved = dict.fromkeys(self._account.intents.unresolved_symbols(), "order_outcome_unknown")
        return self._p.permission(readable, {**truth.blocked_symbols(), **unresolved})

    async def _act(
        self, snapshot: MarketSnapshot, decision: Decision, truth: Truth, readable: bool, params: DecisionParams
    ) -> list[Done]:
        cycle_id, decided_at = snapshot.cycle_id, snapshot.as_of
        weights = params.reading.signals.weights.by_name
        exits = [action for action in decision.actions if isinstance(action, ClosePosition)]
        closes = [close for close in exits if close.rung is None or self._is_settled(close.symbol, truth, readable)]
        withheld = [Done("close_part", e.symbol, "", "withheld", f"rung {e.rung}") for e in exits if e not in closes]
        before = {position.position_id: position.size for position in self._account.keeper.book.open_positions}
        opens = [action for action in decision.actions if isinstance(action, OpenPosition)]
        done = await self._account.executor.close_all(cycle_id, closes, decided_at)
        self._account.settlement.absorb_stream()
        if readable and self._awaits_fills(closes, done, before):
            truth, readable = await self._look()
        done += [*withheld, *await self._protect(cycle_id, truth, readable)]
        for entry in opens:
            if self._p.held_back():  # a pause between two entries of one cycle
                done.append(Done("open", entry.symbol, "", "skipped", "a kill switch was tripped meanwhile"))
                continue
            noted = with_entry_facts(entry, snapshot, decision.regime.regime, weights)
            sent = await self._account.executor.open(cycle_id, noted, decided_at)
            done.append(sent)
            self._account.settlement.absorb_stream()
            if sent.status in ("accepted", "unknown"):
                # Looking also fetches fills that the stream has not brought, so the new position is protected now.
                truth, readable = await self._look()
                done += await self._protect(cycle_id, truth, readable)
        return done

    def _is_settled(self, symbol: Symbol, truth: Truth, readable: bool) -> bool:
        """The venue was just asked, agrees with the book, and no order is open to doubt.

        A part of a position is closed only then: a part that is under way already would be sold twice, while the close
        of a whole position is capped by what is left.
        """
        return (
            readable
            and symbol not in truth.blocked_symbols()
            and symbol not in self._account.intents.unresolved_symbols()
        )

    def _awaits_fills(self, closes: list[ClosePosition], done: list[Done], before: Mapping[str, Decimal]) -> bool:
        """An exit was accepted and the stream has not brought all its fills: REST has them. `before`: sizes by id."""
        now = {position.position_id: position.size for position in self._account.keeper.book.open_positions}
        sent = [close for close, item in zip(closes, done, strict=True) if item.status in ("accepted", "unknown")]
        return any(now.get(one.position_id, Decimal(0)) > before[one.position_id] - one.size for one in sent)

    async def _protect(self, cycle_id: str, truth: Truth, readable: bool) -> list[Done]:
        return await protect_all(self._account, self._p.collector.specs, cycle_id, truth, readable)

    async def _settle(self, snapshot: MarketSnapshot) -> int:
        self._account.settlement.absorb_stream()
        try:
            return len(await self._account.settlement.book(index_prices(snapshot.symbols)))
        except StorageUnavailableError as error:
            log.error("settle.not_durable", error=str(error))
            return 0
        finally:
            self._p.post_trade.handle()

    async def _save(self) -> None:
        try:
            await self._account.keeper.save()
        except StorageUnavailableError as error:
            log.error("positions.not_durable", error=str(error))

    def _report(
        self,
        snapshot: MarketSnapshot,
        permission: EntryPermission,
        truth: Truth,
        done: list[Done],
        trades: int,
        started_s: float,
        think_ms: float,
    ) -> CycleReport:
        book = self._account.keeper.book
        report = CycleReport(
            cycle_id=snapshot.cycle_id,
            duration_ms=(self._account.clock.perf_s() - started_s) * 1000,
            think_ms=think_ms,
            equity_usd=snapshot.equity_usd,
            permission=permission,
            differences=tuple(f"{d.kind} {d.symbol}: ours {d.ours}, venue {d.venue}" for d in truth.differences),
            raw_differences=tuple((d.kind, d.symbol, d.ours, d.venue) for d in truth.differences),
            opened=sum(1 for item in done if item.what == "open" and item.status == "accepted"),
            closed=sum(1 for item in done if item.what == "close" and item.status == "accepted"),
            trades=trades,
            open_positions=len(book.open_positions),
            protected=sum(1 for position in book.open_positions if position.stop_order_id is not None),
        )
        log.info(
            "cycle.completed",
            cycle_id=report.cycle_id,
            duration_ms=round(report.duration_ms, 2),
            think_ms=round(think_ms, 2),
            equity_usd=None if report.equity_usd is None else float(round(report.equity_usd, 2)),
            open_positions=report.open_positions,
            protected=report.protected,
            opened=report.opened,
            closed=report.closed,
            blocked=list(permission.reasons),
        )
        return report


def marks(snapshot: MarketSnapshot) -> Mapping[Symbol, Decimal]:
    """Mark prices that are known."""
    return {symbol: part.mark_price for symbol, part in snapshot.symbols.items() if part.mark_price is not None}
