"""Bodies of the synchronous one-line API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tradingbot.app.bootstrap import load
from tradingbot.app.deployment_checks import CheckResult, critical_failures
from tradingbot.app.options import RunOptions
from tradingbot.app.status import is_running, read_documents
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import exact, iso_utc, plain
from tradingbot.engine.catalog import journal_path
from tradingbot.guards.downtime import downtime_at
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.risk.canonical_sizing import normalize_position_size
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.venues.gateway import built_in_specs


def normalized(
    symbol: str, target_usd: float | str | Decimal, price: float | str | Decimal, exchange: str
) -> dict[str, Any]:
    """SPEC 2.6 by the built-in contract table."""
    universe = Universe(UniverseParams())
    internal = universe.symbol(symbol)
    specs = built_in_specs(exchange, universe)
    if internal not in specs:
        raise ConfigurationError(f"{exchange} has no built-in contract for {internal}; there are: {', '.join(specs)}")
    spec = specs[internal]
    size = normalize_position_size(internal, exact(target_usd), exact(price), spec)
    return {
        "symbol": str(internal),
        "venue_symbol": spec.venue_symbol,
        "contracts": plain(size.contracts),
        "adjusted_usd": plain(size.adjusted_usd),
        "adjustments": [
            {"code": one.code, "before": plain(one.before), "after": plain(one.after), "detail": one.detail}
            for one in size.adjustments
        ],
        "contract_source": spec.source,
    }


def checks_found(results: Sequence[CheckResult]) -> dict[str, Any]:
    """Check results as plain values."""
    return {"ok": not critical_failures(results), "checks": [asdict(result) for result in results]}


def health_of(home: Path) -> dict[str, Any]:
    """What runtime.json and the health journal say."""
    runtime = read_documents(home)["runtime"] if (home / "state").is_dir() else None
    newest = JournalReader(journal_path(home, "exchange_health")).tail(1)
    return {
        "known": runtime is not None,
        "running": runtime is not None and is_running(home),
        "as_of": iso_utc(runtime.as_of) if runtime else None,
        "streams": list(runtime.streams) if runtime else [],
        "entry_blocks": list(runtime.entry_blocks) if runtime else [],
        "last_check": newest[0] if newest else None,
    }


def downtime_now(options: RunOptions, environ: Mapping[str, str]) -> dict[str, Any]:
    """SPEC 12.1 by the machine's clock."""
    settings, _ = load(options, environ)
    now = SystemClock().now()
    found = downtime_at(now, settings.downtime)
    return {
        "state": found.state.value,
        "now": iso_utc(now),
        "next_boundary": iso_utc(found.next_boundary) if found.next_boundary else None,
        "seconds_to_boundary": found.seconds_to_boundary,
        "window": f"{settings.downtime.start}-{settings.downtime.end}" if settings.downtime.enabled else None,
    }
