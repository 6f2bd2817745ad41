"""Our account at the venue as this process keeps it: orders, book, ledger, and what brings them up to the venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.options import RunOptions
from tradingbot.app.restore import kept_trades, known_instance, known_intents, known_portfolio
from tradingbot.app.stores import Stores
from tradingbot.app.venue_migration import Standing, settle_venue
from tradingbot.config import Settings
from tradingbot.core.types import Symbol
from tradingbot.engine.account import TradingAccount
from tradingbot.engine.flatten import Flattener
from tradingbot.engine.identifiers import OrderIds
from tradingbot.market.contracts import ContractSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(TradingAccount):
    """The account of this installation; `standing` says since when it is at this venue."""

    standing: Standing


def open_account(options: RunOptions, settings: Settings, parts: VenueParts, stores: Stores) -> Account:
    """The account as the last life left it. Raises StateError, ConfigurationError."""
    venue, clock, engine = parts.venue, parts.clock, settings.engine
    intents = known_intents(stores, settings.storage.kept_orders)
    standing = settle_venue(
        options.home,
        stores,
        clock,
        known_instance(options, parts, stores, intents),
        venue.name,
        settings.learning.migration.retain_pct,
        len(intents.unresolved),
    )
    ids = OrderIds(standing.instance.instance)
    keeper = known_portfolio(stores, intents, kept_trades(settings))
    return Account.wired(venue, clock, intents, ids, keeper, engine, standing=standing)


def a_flattener(account: Account, specs: Callable[[], Mapping[Symbol, ContractSpec]], settings: Settings) -> Flattener:
    """Closes everything of this account."""
    return Flattener(account, specs, settings.engine)
