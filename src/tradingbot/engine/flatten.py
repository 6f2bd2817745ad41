"""Closes every open position of ours at once, by a person's word, through the ordinary road of orders (SPEC 7.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

import structlog

from tradingbot.core.errors import StorageUnavailableError, VenueError
from tradingbot.core.records import VenuePosition
from tradingbot.core.types import Symbol
from tradingbot.engine.account import TradingAccount
from tradingbot.engine.budget import within
from tradingbot.engine.execute import Done
from tradingbot.engine.identifiers import cycle_id_of
from tradingbot.engine.params import EngineParams
from tradingbot.engine.reconcile import Truth
from tradingbot.exits.protection import plan_protection
from tradingbot.market.contracts import ContractSpec
from tradingbot.portfolio.actions import ClosePosition
from tradingbot.portfolio.book import exit_side
from tradingbot.portfolio.position import Position, average_exit_price

log = structlog.get_logger(__name__)

RULE: Final = "operator_flatten"
PURPOSE: Final = "flat"
"""Last part of the order ids: never that of an exit of the same minute."""


@dataclass(frozen=True, slots=True)
class Flattened:
    """What came of it. `positions` holds one row per position of ours, `foreign` what is not ours: never touched.

    `unresolved` are orders of which nobody knows yet what became of them.
    """

    positions: tuple[dict[str, Any], ...]
    foreign: tuple[dict[str, Any], ...]
    unresolved: tuple[str, ...]
    readable: bool

    @property
    def complete(self) -> bool:
        """Nothing of ours is left, and the venue says so."""
        return self.readable and not self.unresolved and all(row["state"] == "closed" for row in self.positions)


class Flattener:
    """Closes positions between two cycles; who calls it holds the account."""

    def __init__(
        self, account: TradingAccount, specs: Callable[[], Mapping[Symbol, ContractSpec]], params: EngineParams
    ) -> None:
        self._account = account
        self._specs = specs
        self._params = params

    async def flatten(self, context: Mapping[str, Any]) -> Flattened:
        """Close all of ours now: reduce-only market orders, each sent once; then take their stops off the venue.

        What cannot be read or is refused is reported, not raised.
        """
        account = self._account
        cycle_id = cycle_id_of(account.clock.now())
        account.settlement.absorb_stream()
        await account.unknown.resolve()
        await self._look()
        before = account.keeper.book
        positions = before.open_positions
        closes = [_close(one, context) for one in positions]
        done = await account.executor.close_all(cycle_id, closes, purpose=PURPOSE)
        account.settlement.absorb_stream()
        await account.unknown.resolve()
        truth = await self._look()
        if truth is not None:
            await self._protect(cycle_id, truth)
        await self._settle()
        rows = tuple(self._row(one, item) for one, item in zip(positions, done, strict=True))
        return Flattened(rows, self._foreign(truth), tuple(account.intents.unresolved), truth is not None)

    async def _look(self) -> Truth | None:
        account = self._account
        try:
            question = account.reconciler.look()
            return await within(account.clock, self._params.read_budget_s, "positions and open orders", question)
        except VenueError as error:
            log.warning("flatten.look_failed", error=str(error))
            return None

    async def _protect(self, cycle_id: str, truth: Truth) -> None:
        """Stops of what is closed go; what is still open keeps exactly one."""
        account = self._account
        for action in plan_protection(
            account.keeper.book.open_positions, truth.open_orders, self._specs(), account.ids.is_ours
        ):
            await account.executor.protect(cycle_id, action)

    async def _settle(self) -> None:
        account = self._account
        prices = self._prices()
        currencies = {position.settlement_currency for position in account.keeper.book.positions}
        try:
            if currencies <= prices.keys():
                await account.settlement.book(prices)
            await account.keeper.save()
        except StorageUnavailableError as error:
            log.error("flatten.not_durable", error=str(error))

    def _prices(self) -> dict[str, Decimal]:
        """USD price of each settlement currency that is known; a trade of another one is settled by the next cycle."""
        prices = {"USD": Decimal(1)}
        for symbol, spec in self._specs().items():
            ticker = self._account.venue.live_ticker(symbol)
            if ticker is not None and ticker.index_price is not None and spec.settlement_currency != "USD":
                prices[spec.settlement_currency] = ticker.index_price
        return prices

    def _row(self, position: Position, done: Done) -> dict[str, Any]:
        """What became of one position."""
        keeper, wanted = self._account.keeper, position.position_id
        now = next((one for one in keeper.book.positions if one.position_id == wanted), None)
        trade = next((one for one in reversed(keeper.trades) if one.trade_id == wanted), None)
        left = now.size if now is not None else Decimal(0)
        price = trade.exit_price if trade is not None else (average_exit_price(now) if now and now.exit_size else None)
        return {
            "symbol": position.symbol,
            "direction": position.direction.value,
            "size": position.size,
            "left": left,
            "state": self._state(position, left, done),
            "order": done.client_order_id,
            "answer": f"{done.status}: {done.detail}",
            "exit_price": price,
            "net_pnl_usd": trade.net_pnl_usd if trade is not None else None,
        }

    def _state(self, position: Position, left: Decimal, done: Done) -> str:
        if left == 0:
            return "closed"
        if done.client_order_id in self._account.intents.unresolved:
            return "unknown"
        if left < position.size:
            return "partly closed"
        # Accepted, and nothing of it seen: its fills are on their way, or were those of an earlier flatten.
        return "not closed" if done.status in ("refused", "denied") else "not seen closed yet"

    def _foreign(self, truth: Truth | None) -> tuple[dict[str, Any], ...]:
        """What the venue still holds beyond what is ours."""
        if truth is None:
            return ()
        rows = []
        for held in truth.positions:
            ours = self._account.keeper.book.open_for(held.symbol)
            surplus = held.size - (ours.size if ours is not None and ours.direction is held.direction else 0)
            if surplus > 0:
                rows.append(_foreign_row(held, surplus))
        return tuple(rows)


def _close(position: Position, context: Mapping[str, Any]) -> ClosePosition:
    return ClosePosition(position.position_id, position.symbol, exit_side(position), position.size, RULE, dict(context))


def _foreign_row(held: VenuePosition, surplus: Decimal) -> dict[str, Any]:
    return {"symbol": held.symbol, "direction": held.direction.value, "size": surplus, "state": "not ours: not touched"}


def flattened_record(found: Flattened) -> dict[str, Any]:
    """The report as files have it."""
    return {**asdict(found), "complete": found.complete}
