"""Runs the start-up checks, prints the banner, and refuses to start when a critical one failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

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
from tradingbot.app.overriding import check_overrides
from tradingbot.app.stores import open_document
from tradingbot.app.venue_standing import check_learning
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StateError, TradingBotError
from tradingbot.core.types import Symbol
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.market.contracts import ContractSpec
from tradingbot.storage.writer import StorageWriter


class StartRefusedError(ConfigurationError):
    """A critical start-up check failed; the message names it and why."""


class StartPostponedError(TradingBotError):
    """What failed may pass by itself, and nothing configured is wrong: a start that a supervisor should try again."""


ASKED = frozenset({"venue connectivity", "clock", "account", "universe", "symbols", "contract_specs"})
"""Checks that cannot pass while the venue is away."""
OF_THE_DISK = frozenset({"disk", "artifact root"})
"""Checks that pass once the disk has space, or takes writes again."""


def holds_positions(home: Path) -> bool:
    """Whether the home's book has an open position, as far as it can be read."""
    try:
        known = open_document(home, "positions", StorageWriter(SystemClock())).peek()
    except StateError:
        return False
    return known is not None and bool(known.to_book().open_positions)


def _as_it_is(result: CheckResult) -> CheckResult:
    return result


def _told_only(result: CheckResult) -> CheckResult:
    """A disk that is full must not keep the daemon from looking after open positions: entries are blocked anyway."""
    if result.ok:
        return result
    return replace(result, critical=False, detail=f"{result.detail}; started all the same for its open positions")


async def all_checks(options: RunOptions, parts: VenueParts, settings: Settings) -> list[CheckResult]:
    """Every check of home and venue, in the order of the banner."""
    of_the_disk = _told_only if holds_positions(options.home) else _as_it_is

    async def folders() -> CheckResult:
        return of_the_disk(check_folders(options.home))

    async def disk() -> CheckResult:
        return of_the_disk(check_disk(options.home))

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

    async def overrides() -> CheckResult:
        return check_overrides(options.home, settings, parts.clock.now())

    return await run_checks([folders, disk, state, learning, overrides, venue, clock, account, universe])


def _symbols(wanted: Sequence[Symbol], listed: Mapping[Symbol, ContractSpec]) -> CheckResult:
    missing = [symbol for symbol in wanted if symbol not in listed]
    traded = len(wanted) - len(missing)
    note = f"; not listed by the venue: {', '.join(missing)}" if missing else ""
    return CheckResult("universe", traded > 0, f"{traded} symbols traded{note}")


def require(console: Console, title: str, results: Sequence[CheckResult]) -> None:
    """Print the banner. Raises StartRefusedError naming every failed critical check, or StartPostponedError."""
    print_banner(console, title, results)
    failed = critical_failures(results)
    if not failed:
        return
    message = "; ".join(f"{result.name}: {result.detail}" for result in failed)
    names = {result.name for result in failed}
    away = ASKED if "venue connectivity" in names else frozenset()
    if names <= away | OF_THE_DISK:
        raise StartPostponedError(message)
    raise StartRefusedError(message)
