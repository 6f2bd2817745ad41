"""The daemon looks at itself: the tactical operator every quarter of an hour, the strategic review daily (13.4)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.account import Account
from tradingbot.app.home_trades import newest_of_home
from tradingbot.app.routine_works import RoutineWorks
from tradingbot.app.stores import Stores
from tradingbot.beside import in_process
from tradingbot.config import Settings
from tradingbot.core.errors import VenueError
from tradingbot.core.records import OpenOrder, OrderOutcome
from tradingbot.core.types import OrderKind, parse_utc
from tradingbot.engine.budget import within
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.healing import HealingDesk
from tradingbot.engine.health_models import StrategicReviewState
from tradingbot.engine.journal_moments import within as within_time
from tradingbot.engine.reconcile import LOCK_BUDGETS, Truth
from tradingbot.exits.protection import CancelStop
from tradingbot.guards.healing_escalation import HealCategory
from tradingbot.guards.self_review import counted, recommendations
from tradingbot.guards.switch_rules import is_refusal
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

DAY: Final = timedelta(days=1)
STRAY_AFTER: Final = timedelta(minutes=2)
"""An order of ours that is no stop never rests for so long by intention."""
KEPT_REFUSALS: Final = 1000
NEWEST_TRADES: Final = 2000
READ: Final = ("cycles", "kill_switches", "issues", "healing", "intents")
"""Journals that the daily review counts."""


class TacticalOperator:
    """Body of the job `tactical_operator`: what the cycle does not see because it lasts longer than one cycle."""

    def __init__(
        self, stores: Stores, settings: Settings, account: Account, healing: HealingDesk, works: RoutineWorks
    ) -> None:
        self._stores = stores
        self._params = settings.health.tactical
        self._lock_s = LOCK_BUDGETS * settings.engine.read_budget_s
        self._account = account
        self._clock = account.clock
        self._healing = healing
        self._works = works
        self._refusals: deque[tuple[datetime, str]] = deque(maxlen=KEPT_REFUSALS)

    def note(self, outcome: OrderOutcome) -> None:
        """Remember an order that was refused for its own fault."""
        intent = self._account.intents.find(outcome.client_order_id)
        if is_refusal(outcome) and intent is not None:
            self._refusals.append((self._clock.now(), intent.symbol))

    async def run(self) -> None:
        """One round; its findings and actions are one line of `logs/governance.jsonl`."""
        refused = self._refused_often()
        actions: list[str] = []
        if refused:
            actions += await self._look_at_contracts(refused)
        async with self._account.lock:
            truth, strays = await within(self._clock, self._lock_s, "reconciliation", self._clear_up(actions))
        line = {
            "at": self._clock.now(),
            "role": "tactical_operator",
            "refused_often": refused,
            "unknown_orders": list(self._account.intents.unresolved),
            "differences": [asdict(one) for one in truth.differences],
            "stray_orders": [order.client_order_id for order in strays],
            "actions": actions,
        }
        self._stores.journals["governance"].append(line)
        if actions:
            log.warning("tactical.acted", actions=actions)

    async def _clear_up(self, actions: list[str]) -> tuple[Truth, list[OpenOrder]]:
        truth = await self._account.reconciler.reconcile()
        strays = self._strays(truth.open_orders)
        actions += [await self._cancel(order) for order in strays]
        return truth, strays

    def _refused_often(self) -> dict[str, int]:
        since = self._clock.now() - timedelta(seconds=self._params.window_s)
        found = Counter(symbol for at, symbol in self._refusals if at >= since)
        return {symbol: count for symbol, count in found.items() if count >= self._params.refusals_revalidate}

    async def _look_at_contracts(self, refused: dict[str, int]) -> list[str]:
        """Orders are refused when the exchange has changed a contract, or a symbol is no longer fit."""
        names = ", ".join(sorted(refused))
        try:
            await self._works.read_specifications()
            await self._works.validate()
        except VenueError as error:
            return [f"{names}: orders are refused; contracts could not be read: {error}"]
        return [f"{names}: orders are refused; contracts read anew and symbols validated"]

    def _strays(self, orders: tuple[OpenOrder, ...]) -> list[OpenOrder]:
        """Orders of ours that rest although none of that kind should. Stops are looked after by every cycle."""
        now, unresolved = self._clock.now(), self._account.intents.unresolved
        return [
            order
            for order in orders
            if self._account.ids.is_ours(order.client_order_id)
            and order.kind is not OrderKind.STOP
            and order.client_order_id not in unresolved
            and now - order.created_at >= STRAY_AFTER
        ]

    async def _cancel(self, order: OpenOrder) -> str:
        what = f"{order.side.value} {order.size} {order.symbol} ({order.client_order_id})"
        heal = await self._healing.begin(HealCategory.STRAY_ORDER, str(order.client_order_id), f"{what} rests")
        done = await self._account.executor.protect("", CancelStop(order.symbol, order, "stray"))
        self._healing.finish(heal, done.status, succeeded=done.status in ("cancelled", "not_found"))
        return f"cancelled {what}: {done.status}"


class StrategicReview:
    """Body of the job `strategic_review`: how the daemon itself did in the last 24 hours."""

    def __init__(self, home: Path, stores: Stores, clock: Clock, cycle_s: float) -> None:
        self._home = home
        self._stores = stores
        self._clock = clock
        self._cycle_s = cycle_s

    async def run(self, running_since: datetime) -> None:
        """Count, judge, keep in `feature_store/strategic_review.json` and one line of `logs/governance.jsonl`.

        Raises StorageUnavailableError while nothing can be written.
        """
        now = self._clock.now()
        since = max(now - DAY, running_since)
        expected = int((now - since).total_seconds() / self._cycle_s)
        await self._stores.writer.flush()
        asked = {"home": self._home, "since": since, "expected": expected}
        found = await in_process(self._clock, reviewed, asked)
        facts, advice = found["facts"], found["recommendations"]
        state = StrategicReviewState(as_of=now, since=since, facts=facts, recommendations=advice)
        self._stores.documents["strategic_review"].put(state)
        line = {"at": now, "role": "strategic_review", "since": since, **facts, "recommendations": advice}
        self._stores.journals["governance"].append(line)
        log.info("strategic.reviewed", cycles=facts["cycles"], advice=[one["text"] for one in advice])


class Governance:
    """Both works of one account."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        settings: Settings,
        account: Account,
        healing: HealingDesk,
        works: RoutineWorks,
    ) -> None:
        self._began = account.clock.now()
        self.tactical = TacticalOperator(stores, settings, account, healing, works)
        account.intents.listeners.append(self.tactical.note)
        self.strategic = StrategicReview(home, stores, account.clock, settings.engine.cycle_s)

    async def review(self) -> None:
        """Body of the job `strategic_review`."""
        await self.strategic.run(self._began)


def reviewed(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a `home`'s files say of the time `since` then; `expected`: how many cycles it should have had."""
    home, since, expected = Path(asked["home"]), parse_utc(asked["since"]), int(asked["expected"])
    lines = {name: within_time(JournalReader(journal_path(home, name)).since(since), since) for name in READ}
    trades = [_result(trade) for trade in newest_of_home(home, since, NEWEST_TRADES)]
    outcomes = (line for line in lines["intents"] if line.get("event") == "outcome")
    facts = counted(
        lines["cycles"], lines["kill_switches"], lines["issues"], lines["healing"], outcomes, trades, expected
    )
    return {"facts": asdict(facts), "recommendations": [asdict(one) for one in recommendations(facts)]}


def _result(trade: ClosedTrade) -> tuple[float, float]:
    """Net result and fees, USD; fees are valued as the net result is."""
    usd_per_unit = float(trade.net_pnl_usd / trade.net_pnl) if trade.net_pnl else 1.0
    return float(trade.net_pnl_usd), float(trade.fees) * usd_per_unit
