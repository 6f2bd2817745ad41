"""From options to a running daemon: lock, settings, logs, venue, checks, banner, run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog
from rich.console import Console

from tradingbot.app.alerting import alert_access
from tradingbot.app.bootstrap import completed, load, open_venue, secret_texts
from tradingbot.app.daemon import Daemon
from tradingbot.app.dashboard_desk import page_token
from tradingbot.app.error_watch import ErrorWatch
from tradingbot.app.heap import calm_garbage_collector, keep_heap_small
from tradingbot.app.home import make_home
from tradingbot.app.logs import set_up_logs
from tradingbot.app.options import RunOptions
from tradingbot.app.pre_deployment import keep_record, live_checks
from tradingbot.app.restoring import finish_if_interrupted
from tradingbot.app.setup_checks import setup_checks
from tradingbot.app.start_checks import all_checks, require
from tradingbot.app.stores import open_stores
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import ConfigurationError
from tradingbot.storage.lock import InstanceLock

log = structlog.get_logger(__name__)

LIVE_CONFIRMATION = "yes-live"


async def run_daemon(options: RunOptions, environ: Mapping[str, str], log_style: str, log_level: str) -> int:
    """Run until stopped; the exit code. Raises TradingBotError for what stops the start."""
    finished = finish_if_interrupted(options.home)
    keep_heap_small()
    make_home(options.home)
    settings, secrets = load(options, environ)
    options = completed(options, settings)
    _confirm_live(options, settings)
    sink = set_up_logs(SystemClock(), log_style, log_level, secret_texts(secrets))
    async with AsyncExitStack() as stack:
        lock = InstanceLock(options.home)
        lock.acquire(SystemClock().now())
        stack.callback(lock.release)
        if finished:
            log.warning("restore.finished", home=str(options.home))
        parts = await open_venue(options, settings, secrets, stack)
        stores = open_stores(options.home, parts.clock, settings.storage)
        sink.clock, sink.journal = parts.clock, stores.journals["daemon"]
        results = [*setup_checks(options, settings, secrets), *await all_checks(options, parts, settings)]
        if options.profile == "live":
            results += await live_checks(options, environ, parts, settings)
            await keep_record(options.home, "start of live", options.profile, results)
        require(Console(stderr=log_style == "json"), f"tradingbot · {options.profile}", results)
        listed = await parts.venue.contract_specs()
        specs = {symbol: listed[symbol] for symbol in parts.symbols if symbol in listed}
        access, token = alert_access(settings, secrets), page_token(secrets)
        daemon = Daemon(options, settings, parts, stores, specs, lock.left_behind, access, token)
        sink.listener = ErrorWatch(daemon.health.issues)
        calm_garbage_collector()
        return await daemon.run()


def _confirm_live(options: RunOptions, settings: Settings) -> None:
    given = options.confirm or settings.confirm
    if options.profile == "live" and given != LIVE_CONFIRMATION:
        raise ConfigurationError(
            f"live trades real money: start it with --confirm {LIVE_CONFIRMATION} "
            f"(or set TRADINGBOT_CONFIRM={LIVE_CONFIRMATION})"
        )
