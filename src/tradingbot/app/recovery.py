"""The job `recovery_cycle`: what should be well again by now and is not, handed to those who repair it (SPEC 14).

It repairs nothing itself: unknown orders are asked about as in every cycle, stops are placed as in every cycle,
subsystems are restarted by the watchdog, the exchange is probed and symbols are validated by their own jobs' bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from tradingbot.app.account import Account
from tradingbot.app.health_desk import HealthDesk
from tradingbot.app.routine_works import RoutineWorks
from tradingbot.app.stores import Stores
from tradingbot.config import Settings
from tradingbot.core.types import Symbol
from tradingbot.engine.budget import within
from tradingbot.engine.identifiers import cycle_id_of
from tradingbot.engine.protecting import protect_all
from tradingbot.engine.reconcile import LOCK_BUDGETS
from tradingbot.market.contracts import ContractSpec

log = structlog.get_logger(__name__)

LASTING: Final = timedelta(minutes=2)
"""Every cycle looks after orders and stops; what is older than two of them was left behind."""
REVALIDATE: Final = timedelta(hours=1)
"""Symbols that are suppressed are looked at again so often; without any, the daily validation suffices."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lasts too long: orders of unknown outcome, symbols without a stop, silent subsystems, stale blocks."""

    orders: tuple[str, ...] = ()
    unprotected: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """All is well."""
        return not (self.orders or self.unprotected or self.silent or self.blocks)


class RecoveryCycle:
    """Body of the job."""

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        account: Account,
        specs: Callable[[], Mapping[Symbol, ContractSpec]],
        health: HealthDesk,
        works: RoutineWorks,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._account = account
        self._specs = specs
        self._health = health
        self._works = works
        self._clock = account.clock
        self._validated_at = account.clock.now()

    async def run(self) -> None:
        """One round; when something was found it is one line of `logs/governance.jsonl`. Raises VenueError."""
        found = self.look()
        if found.nothing:
            return
        actions = await self._acted(found)
        left = self.look()
        line: dict[str, Any] = {
            "at": self._clock.now(),
            "role": "recovery_cycle",
            "unknown_orders": list(found.orders),
            "unprotected": list(found.unprotected),
            "silent": list(found.silent),
            "stale_blocks": list(found.blocks),
            "actions": actions,
            "left": [*left.orders, *left.unprotected, *left.silent, *left.blocks],
        }
        self._stores.journals["governance"].append(line)
        log.warning("recovery.acted", actions=actions, left=line["left"])

    def look(self) -> Found:
        """What lasts too long now."""
        return Found(tuple(self._orders()), tuple(self._unprotected()), tuple(self._silent()), tuple(self._blocks()))

    # ------------------------------------------------------------ looking

    def _orders(self) -> list[str]:
        intents, before = self._account.intents, self._clock.now() - LASTING
        known = {order_id: intents.find(order_id) for order_id in intents.unresolved}
        return [str(order_id) for order_id, intent in known.items() if intent and intent.created_at <= before]

    def _unprotected(self) -> list[str]:
        unresolved, before = self._account.intents.unresolved, self._clock.now() - LASTING
        return [
            str(one.symbol)
            for one in self._account.keeper.book.open_positions
            if one.stop_order_id is None and one.stop_client_order_id not in unresolved and one.entry_time <= before
        ]

    def _silent(self) -> list[str]:
        limit_s, watched = self._settings.health.watchdog.restart_after_s, self._health.watched
        return [name for name, age_s in watched.silent_s().items() if age_s >= limit_s and name in watched.restartable]

    def _blocks(self) -> list[str]:
        """What holds entries back, and nobody has looked at again for long."""
        now, health = self._clock.now(), self._health.exchange.health
        found = []
        if health.degraded and health.since is not None and now - health.since >= LASTING:
            found.append("venue_degraded")
        if self._works.suppressed and now - self._validated_at >= REVALIDATE and not health.degraded:
            found.append("suppressed " + ", ".join(sorted(self._works.suppressed)))
        return found

    # ------------------------------------------------------------ handing over

    async def _acted(self, found: Found) -> list[str]:
        actions: list[str] = []
        if found.orders or found.unprotected:
            limit_s = LOCK_BUDGETS * self._settings.engine.read_budget_s
            async with self._account.lock:
                actions += await within(self._clock, limit_s, "recovery", self._mend_account())
        if found.silent:
            await self._health.watchdog.run()
            actions.append("the watchdog looked at what is silent")
        if any(block == "venue_degraded" for block in found.blocks):
            await self._health.exchange.probe()
            actions.append(f"the exchange was probed: {self._health.exchange.health.status.value}")
        if any(block.startswith("suppressed") for block in found.blocks):
            self._validated_at = self._clock.now()
            await self._works.validate()
            actions.append(f"symbols validated anew; {len(self._works.suppressed)} stay suppressed")
        return actions

    async def _mend_account(self) -> list[str]:
        """Ask about unknown orders, compare with the venue, then one stop for each position."""
        truth = await self._account.reconciler.reconcile()
        cycle_id = cycle_id_of(self._clock.now())
        done = await protect_all(self._account, self._specs(), cycle_id, truth, readable=True)
        left = len(self._account.intents.unresolved)
        actions = [f"reconciled; {left} orders of unknown outcome left"]
        return actions + [f"{one.what} {one.symbol}: {one.status}" for one in done]
