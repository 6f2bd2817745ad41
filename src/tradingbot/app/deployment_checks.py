"""Checks before the daemon may start: one line each, with a tick or a cross and the reason (SPEC 1, 19)."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateError, StateNewerError, TradingBotError, VenueError
from tradingbot.ports import Clock, Venue
from tradingbot.storage.files import probe
from tradingbot.storage.writer import StorageWriter

MIN_FREE_MB = 500
MAX_CLOCK_SKEW_S = 5.0
ESSENTIAL = ("positions", "trades")
"""State files that cannot be made anew when no copy is readable."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check. A failed critical check stops the start; `remedy` says what a person can do about it."""

    name: str
    ok: bool
    detail: str
    critical: bool = True
    remedy: str = ""


def check_folders(home: Path) -> CheckResult:
    """State, logs and feature_store can be written."""
    for name in ("state", "logs", "feature_store"):
        try:
            probe(home / name)
        except (OSError, StateError) as error:
            detail = f"{home / name} cannot be written: {error}"
            return CheckResult(
                "artifact root", False, detail, remedy="make the folder writable, or choose another --home"
            )
    return CheckResult("artifact root", True, str(home))


def check_disk(home: Path) -> CheckResult:
    """Enough free space for logs and state."""
    free_mb = shutil.disk_usage(home).free // 1_000_000
    ok = free_mb >= MIN_FREE_MB
    detail = f"{free_mb:,} MB free" + ("" if ok else f"; at least {MIN_FREE_MB} MB are needed")
    return CheckResult("disk", ok, detail, remedy="" if ok else f"free space on the disk of {home}")


def check_state(home: Path, names: Iterable[str]) -> CheckResult:
    """Every state file is of this version, and those that carry money can be read. Looks only, moves nothing."""
    found = 0
    writer = StorageWriter(SystemClock())
    for name in names:
        try:
            found += open_document(home, name, writer).peek() is not None
        except StateError as error:
            if name in ESSENTIAL or isinstance(error, StateNewerError):
                return CheckResult(
                    "state", False, str(error), remedy="tradingbot restore, or the version that wrote it"
                )
    return CheckResult("state", True, f"{found} state files readable" if found else "none yet: a first start")


async def check_venue(venue: Venue) -> CheckResult:
    """The venue answers and lists contracts of the universe."""
    try:
        specs = await venue.contract_specs()
    except VenueError as error:
        return CheckResult("venue connectivity", False, str(error), remedy="look at the network and the venue's status")
    return CheckResult("venue connectivity", True, f"{venue.name}: {len(specs)} contracts of the universe")


async def check_clock(venue: Venue, clock: Clock) -> CheckResult:
    """Our clock agrees with the venue's."""
    try:
        theirs = await venue.server_time()
    except VenueError as error:
        return CheckResult("clock", False, str(error), remedy="the venue must answer first")
    skew_s = (theirs - clock.now()).total_seconds()
    ok = abs(skew_s) <= MAX_CLOCK_SKEW_S
    limit = "" if ok else f"; at most {MAX_CLOCK_SKEW_S:g} s are allowed, synchronise the system clock (chrony, ntpd)"
    remedy = "" if ok else "synchronise the system clock (chrony, ntpd)"
    return CheckResult("clock", ok, f"{skew_s:+.3f} s against the venue{limit}", remedy=remedy)


async def check_account(venue: Venue) -> CheckResult:
    """The keys work and the account can be read."""
    try:
        account = await venue.account()
    except VenueError as error:
        return CheckResult("account", False, str(error), remedy="check the key pair and its permissions at the venue")
    wallets = ", ".join(f"{wallet.name} {wallet.balance} {wallet.currency}" for wallet in account.wallets)
    return CheckResult("account", True, wallets or "no margin wallet has a balance")


async def run_checks(checks: Sequence[Callable[[], Awaitable[CheckResult]]]) -> list[CheckResult]:
    """Run checks one after the other; one that raises has failed."""
    results = []
    for check in checks:
        try:
            results.append(await check())
        except TradingBotError as error:
            results.append(CheckResult(getattr(check, "__name__", "check"), False, str(error)))
    return results


def critical_failures(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Failed checks that stop the start."""
    return [result for result in results if not result.ok and result.critical]
