"""From options to a running daemon: lock, settings, logs, venue, checks, banner, run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import structlog
from rich.console import Console

from tradingbot.app.bootstrap import (
    VenueParts,
    asks_elsewhere,
    completed,
    credentials_of,
    load,
    open_venue,
    secret_texts,
)
from tradingbot.app.daemon import Daemon
from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.error_watch import ErrorWatch
from tradingbot.app.home import make_home
from tradingbot.app.logs import set_up_logs
from tradingbot.app.options import RunOptions
from tradingbot.app.start_checks import all_checks, require
from tradingbot.app.stores import open_stores
from tradingbot.app.venue_standing import check_learning
from tradingbot.app.vitals import calm_garbage_collector
from tradingbot.clock import SystemClock
from tradingbot.config import Secrets, Settings
from tradingbot.core.errors import ConfigurationError
from tradingbot.storage.lock import InstanceLock

log = structlog.get_logger(__name__)

LIVE_CONFIRMATION = "yes-live"
OTHER_SYSTEMS = ("swing",)
"""Names of systems whose artifacts must never be mixed with ours."""


async def run_daemon(options: RunOptions, environ: Mapping[str, str], log_style: str, log_level: str) -> int:
    """Run until stopped; the exit code. Raises TradingBotError for what stops the start."""
    make_home(options.home)
    settings, secrets = load(options, environ)
    options = completed(options, settings)
    _confirm_live(options, settings)
    sink = set_up_logs(SystemClock(), log_style, log_level, secret_texts(secrets))
    async with AsyncExitStack() as stack:
        lock = InstanceLock(options.home)
        lock.acquire(SystemClock().now())
        stack.callback(lock.release)
        parts = await open_venue(options, settings, secrets, stack)
        stores = open_stores(options.home, parts.clock, settings.storage.generations, settings.storage.journal_max_mb)
        sink.clock, sink.journal = parts.clock, stores.journals["daemon"]
        learning = _learning(options, settings, parts)
        results = [*setup_checks(options, settings, secrets), *await all_checks(options, parts), learning]
        require(Console(stderr=log_style == "json"), f"tradingbot · {options.profile}", results)
        listed = await parts.venue.contract_specs()
        specs = {symbol: listed[symbol] for symbol in parts.symbols if symbol in listed}
        daemon = Daemon(options, settings, parts, stores, specs, lock.left_behind)
        sink.listener = ErrorWatch(daemon.health.issues)
        calm_garbage_collector()
        return await daemon.run()


async def check_once(options: RunOptions, environ: Mapping[str, str]) -> list[CheckResult]:
    """``tradingbot check``: everything that ``run`` checks before it starts."""
    make_home(options.home)
    settings, secrets = load(options, environ)
    options = completed(options, settings)
    async with AsyncExitStack() as stack:
        parts = await open_venue(options, settings, secrets, stack, frozen=True)
        learning = _learning(options, settings, parts)
        return [*setup_checks(options, settings, secrets), *await all_checks(options, parts), learning]


def _learning(options: RunOptions, settings: Settings, parts: VenueParts) -> CheckResult:
    retain_pct = settings.learning.migration.retain_pct
    return check_learning(options.home, parts.venue.name, retain_pct, parts.clock.now())


def _confirm_live(options: RunOptions, settings: Settings) -> None:
    given = options.confirm or settings.confirm
    if options.profile == "live" and given != LIVE_CONFIRMATION:
        raise ConfigurationError(
            f"live trades real money: start it with --confirm {LIVE_CONFIRMATION} "
            f"(or set TRADINGBOT_CONFIRM={LIVE_CONFIRMATION})"
        )


def setup_checks(options: RunOptions, settings: Settings, secrets: Secrets) -> list[CheckResult]:
    """What is known before the venue is asked (SPEC 1): configuration, environment, isolation, windows, model."""
    keyed = credentials_of(secrets) is not None
    needed = "present" if keyed else ("not needed: fills are simulated" if options.embedded else "missing")
    downtime = settings.downtime
    window = f"{downtime.start}-{downtime.end} UTC" if downtime.enabled else "none"
    policy = settings.alpha_trading
    trading = f"{len(policy.enabled_symbols)} symbols enabled" if policy.enabled else "disabled by signal_policies.json"
    return [
        CheckResult(
            "config", True, f"{len(settings.provenance)} values set, cycle every {settings.engine.cycle_s:g} s"
        ),
        CheckResult("environment", keyed or options.embedded, f"profile {options.profile}, keys {needed}"),
        _isolation(options.home),
        CheckResult(
            "market", True, f"{options.source}, {'embedded simulated venue' if options.embedded else 'external venue'}"
        ),
        _intelligence(options, settings, secrets),
        CheckResult("policy", policy.enabled, trading, critical=False),
        CheckResult("downtime window", True, window),
        CheckResult("trading window", True, f"outside {window}" if downtime.enabled else "always"),
        CheckResult("ML mode", True, "off: this version trains and serves no models"),
        CheckResult("approved model", True, "not found: rules only until one is promoted"),
    ]


def _intelligence(options: RunOptions, settings: Settings, secrets: Secrets) -> CheckResult:
    """Where market intelligence comes from; without it components cannot judge, but the daemon runs (SPEC 3.3)."""
    name = "intelligence"
    if not settings.coinglass.enabled:
        return CheckResult(name, True, "switched off in the settings: what rests on it stays neutral")
    own = asks_elsewhere(settings.coinglass)
    if options.embedded and options.source != "kraken" and settings.simulator.coinglass.enabled and not own:
        return CheckResult(name, True, "CoinGlass, simulated beside the market")
    if secrets.coinglass_key is not None:
        return CheckResult(name, True, f"CoinGlass{f' at {settings.coinglass.base_url}' if own else ''}, key present")
    detail = "no COINGLASS_API_KEY: liquidations, whale flow and taker flow are unknown and stay neutral"
    return CheckResult(name, False, detail, critical=False)


def _isolation(home: Path) -> CheckResult:
    """No part of the path may belong to another system (SPEC 12.3)."""
    strangers = [part for part in home.parts if any(word in part.lower() for word in OTHER_SYSTEMS)]
    if strangers:
        return CheckResult(
            "isolation", False, f"{home} belongs to another system ({strangers[0]}); choose another --home"
        )
    return CheckResult("isolation", True, "no other system's path")
