"""Runs the start-up checks, prints the banner, and refuses to start when a critical one failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from tradingbot.app.banner import print_banner
from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.deployment_checks import (
    CheckResult,
    check_account,
    check_clock,
    check_disk,
    check_folders,
    check_state,
    check_venue,
    critical_failures,
    run_checks,
)
from tradingbot.app.options import RunOptions
from tradingbot.app.venue_standing import check_learning
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, TradingBotError
from tradingbot.core.types import Symbol
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.market.contracts import ContractSpec


class StartRefusedError(ConfigurationError):
    """A critical start-up check failed; the message names it and why."""


class VenueAwayError(TradingBotError):
    """The venue could not be asked, and nothing else is wrong: a start that a supervisor should try again."""


ASKED = frozenset({"venue connectivity", "clock", "account", "universe", "symbols", "contract_specs"})
"""Checks that cannot pass while the venue is away."""


async def all_checks(options: RunOptions, parts: VenueParts, settings: Settings) -> list[CheckResult]:
    """Every check of home and venue, in the order of the banner."""

    async def folders() -> CheckResult:
        return check_folders(options.home)

    async def disk() -> CheckResult:
        return check_disk(options.home)

    async def state() -> CheckResult:
        return check_state(options.home, DOCUMENTS)

    async def venue() -> CheckResult:
        return await check_venue(parts.venue)

    async def clock() -> CheckResult:
        return await check_clock(parts.venue, parts.clock)

    async def account() -> CheckResult:
        return await check_account(parts.venue)

    async def universe() -> CheckResult:
        return _symbols(parts.symbols, await parts.venue.contract_specs())

    async def learning() -> CheckResult:
        retain_pct = settings.learning.migration.retain_pct
        return check_learning(options.home, parts.venue.name, retain_pct, parts.clock.now())

    return await run_checks([folders, disk, state, learning, venue, clock, account, universe])


def _symbols(wanted: Sequence[Symbol], listed: Mapping[Symbol, ContractSpec]) -> CheckResult:
    missing = [symbol for symbol in wanted if symbol not in listed]
    traded = len(wanted) - len(missing)
    note = f"; not listed by the venue: {', '.join(missing)}" if missing else ""
    return CheckResult("universe", traded > 0, f"{traded} symbols traded{note}")


def require(console: Console, title: str, results: Sequence[CheckResult]) -> None:
    """Print the banner. Raises StartRefusedError naming every failed critical check, or VenueAwayError."""
    print_banner(console, title, results)
    failed = critical_failures(results)
    if not failed:
        return
    message = "; ".join(f"{result.name}: {result.detail}" for result in failed)
    names = {result.name for result in failed}
    if "venue connectivity" in names and names <= ASKED:
        raise VenueAwayError(message)
    raise StartRefusedError(message)
