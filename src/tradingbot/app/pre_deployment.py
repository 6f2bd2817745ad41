"""The pre-deployment checks (SPEC 19): what must be true before a version is deployed, and before live starts.

`tradingbot check`, `scripts/pre_deployment_checks.py`, the one-liner and the start of the live profile share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tradingbot.app.bootstrap import VenueParts, completed, load, open_venue
from tradingbot.app.deployment_checks import CheckResult, critical_failures
from tradingbot.app.home import make_home
from tradingbot.app.installation import check_packages, check_python, check_secret_files
from tradingbot.app.masking import masked
from tradingbot.app.options import RunOptions
from tradingbot.app.setup_checks import setup_checks
from tradingbot.app.start_checks import all_checks
from tradingbot.app.validation import validate_symbols
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError, StateError, TradingBotError, VenueError
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import JOURNALS, journal_path
from tradingbot.engine.models import ValidationState
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter

VENUES: Final = ("kraken",)
"""Values of EXCHANGE that this version can trade on."""
WRONG_LISTING: Final = {"not_listed", "not_tradeable"}
"""Reasons that mean a wrong configuration; the others are the market's and pass by themselves."""


def check_exchange(settings: Settings, live: bool) -> CheckResult:
    """EXCHANGE names a venue that can be traded; for live it must be named by somebody."""
    origin = settings.provenance.get("exchange", "")
    remedy = f"set EXCHANGE={VENUES[0]} in the environment or beside the keys"
    if settings.exchange not in VENUES:
        detail = f"{settings.exchange}: not supported by this version; allowed: {', '.join(VENUES)}"
        return CheckResult("EXCHANGE", False, detail, remedy=remedy)
    if live and not origin:
        return CheckResult("EXCHANGE", False, "not set: live trades only where somebody said so", remedy=remedy)
    return CheckResult("EXCHANGE", True, f"{settings.exchange} ({origin or 'built-in default'})")


def judge_symbols(state: ValidationState) -> CheckResult:
    """At least one symbol can be traded, and every one exists; what only the market lacks is suppressed for a while."""
    wrong: list[str] = []
    poor: list[str] = []
    for symbol, found in state.symbols.items():
        codes = [str(why["code"]) for why in found.reasons]
        if codes:
            # What could not be asked is not judged to be missing.
            listed = "not_available" in codes or not WRONG_LISTING & set(codes)
            (poor if listed else wrong).append(f"{symbol} ({', '.join(codes)})")
    valid = len(state.symbols) - len(wrong) - len(poor)
    detail = "; ".join([f"{valid} of {len(state.symbols)} valid", *wrong, *poor])
    remedy = "tradingbot validate --update-config switches rows of asset_universe.json off; or wait for the market"
    ok = not wrong and valid > 0
    return CheckResult("symbols", ok, detail, remedy="" if ok else remedy)


async def check_symbols(parts: VenueParts, settings: Settings) -> CheckResult:
    """Every symbol asked at the venue: listed, book, candles, spread, depth. One question finds out if it is there."""
    try:
        await parts.venue.server_time()
    except VenueError as error:
        return CheckResult("symbols", False, f"not asked: {error}", remedy="the venue must answer first")
    return judge_symbols(await validate_symbols(parts, settings.validation))


async def check_everything(options: RunOptions, environ: Mapping[str, str]) -> list[CheckResult]:
    """All checks, also where the configuration cannot even be read. Starts nothing and writes no state."""
    live = options.profile == "live"
    here = [check_python(), check_packages(live), check_secret_files(options.home, environ)]
    try:
        make_home(options.home)
        settings, secrets = load(options, environ)
        options = completed(options, settings)
    except TradingBotError as error:
        return [*here, CheckResult("config", False, masked(str(error), environ), remedy="mend what the message names")]
    results = [*setup_checks(options, settings, secrets), check_exchange(settings, live), *here]
    try:
        async with AsyncExitStack() as stack:
            parts = await open_venue(options, settings, secrets, stack, frozen=True)
            results += await all_checks(options, parts, settings)
            results.append(await check_symbols(parts, settings))
    except TradingBotError as error:
        results.append(CheckResult("venue connectivity", False, str(error), remedy=_remedy_of(error)))
    return results


def _remedy_of(error: TradingBotError) -> str:
    own = isinstance(error, ConfigurationError | StateError)
    return "mend what the message names" if own else "look at the network and the venue's status"


async def live_checks(
    options: RunOptions, environ: Mapping[str, str], parts: VenueParts, settings: Settings
) -> list[CheckResult]:
    """What live must pass beyond the checks of every start."""
    return [
        check_exchange(settings, live=True),
        check_python(),
        check_packages(critical=True),
        check_secret_files(options.home, environ),
        await check_symbols(parts, settings),
    ]


def as_facts(results: Sequence[CheckResult]) -> dict[str, Any]:
    """Check results as plain values."""
    return {"ok": not critical_failures(results), "checks": [asdict(result) for result in results]}


async def keep_record(home: Path, why: str, profile: str, results: Sequence[CheckResult]) -> None:
    """One line in `logs/pre_deployment.jsonl`. A disk that refuses it has failed a check of its own already."""
    row, writer = JOURNALS["pre_deployment"], StorageWriter(SystemClock())
    journal = Journal(journal_path(home, "pre_deployment"), writer, int(row.max_mb * 1_000_000), row.keep_files)
    failed = [{"name": one.name, "detail": one.detail} for one in results if not one.ok]
    record = {
        "at": iso_utc(writer.clock.now()),
        "why": why,
        "version": version("tradingbot"),
        "profile": profile,
        "ok": not critical_failures(results),
        "passed": len(results) - len(failed),
        "failed": failed,
    }
    with suppress(StateError):
        await journal.commit(record)
        await writer.close(10.0)


async def check_and_record(options: RunOptions, environ: Mapping[str, str], why: str) -> list[CheckResult]:
    """`check_everything`, and one line about it in the home's log."""
    results = await check_everything(options, environ)
    await keep_record(options.home, why, options.profile, results)
    return results
