"""Before every cycle: does the venue's account of now leave enough free margin for new positions (SPEC 6.4)? Pure."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from tradingbot.core.records import AccountState, Reason, Wallet, reason
from tradingbot.core.types import exact


def margin_shortage(
    account: AccountState | None, equity_usd: Decimal | None, wallets: Collection[str], min_free_pct: float
) -> Reason | None:
    """Why nothing may be opened in this cycle; None when margin suffices, or nothing is known.

    An account that cannot be read blocks entries by itself (`account_unreadable`). `wallets` are those that the traded
    contracts settle in; one that holds nothing is no shortage.
    """
    if account is None:
        return None
    if equity_usd is not None and equity_usd <= 0:
        return reason("no_equity", equity_usd=float(round(equity_usd, 2)))
    for wallet in account.wallets:
        if wallet.name in wallets:
            free = free_pct(wallet)
            if free is not None and free < exact(min_free_pct):
                numbers = {"free_pct": float(round(free, 2)), "limit_pct": min_free_pct}
                return reason("margin_short", wallet=wallet.name, **numbers)
    return None


def free_pct(wallet: Wallet) -> Decimal | None:
    """Free margin, per cent of the wallet's equity; None for a wallet that holds nothing, 0 for one in debt.

    The lesser of what the venue calls available and equity less the margin in use: one of them may be behind.
    """
    if wallet.equity <= 0:
        return None if wallet.equity == 0 and wallet.initial_margin == 0 else Decimal(0)
    return min(wallet.available, wallet.equity - wallet.initial_margin) * 100 / wallet.equity


def entries_left(limit: int, opened_today: int) -> int:
    """How many more entries the limit per UTC day allows (SPEC 6.3); never below 0."""
    return max(0, limit - opened_today)
