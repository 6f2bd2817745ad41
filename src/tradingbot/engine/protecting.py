"""Puts the one stop of each position in place: what the cycle does every minute, and recovery when no cycle did."""

from __future__ import annotations

from collections.abc import Mapping

from tradingbot.core.types import Symbol
from tradingbot.engine.account import TradingAccount
from tradingbot.engine.execute import Done
from tradingbot.engine.reconcile import Truth
from tradingbot.exits.protection import plan_protection
from tradingbot.market.contracts import ContractSpec


async def protect_all(
    account: TradingAccount,
    specs: Mapping[Symbol, ContractSpec],
    cycle_id: str,
    truth: Truth,
    readable: bool,
) -> list[Done]:
    """One stop per position. Without a fresh look (`readable`) only a position that never had one gets one."""
    positions = account.keeper.book.open_positions
    orders = truth.open_orders
    if not readable:
        unresolved = account.intents.unresolved
        positions = tuple(
            position
            for position in positions
            if position.stop_order_id is None and position.stop_client_order_id not in unresolved
        )
        orders = ()
    plan = plan_protection(positions, orders, specs, account.ids.is_ours)
    return [await account.executor.protect(cycle_id, action) for action in plan]
