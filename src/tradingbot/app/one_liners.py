"""Bodies of the synchronous one-line API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tradingbot.app.bootstrap import load
from tradingbot.app.options import RunOptions
from tradingbot.app.status import is_running, read_documents
from tradingbot.app.venue_standing import readiness_of_home
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import exact, iso_utc, plain
from tradingbot.engine.catalog import journal_path
from tradingbot.guards.downtime import downtime_at
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.risk.canonical_sizing import normalize_position_size
from tradingbot.storage.copies import newest_copy
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


HEALING = "healing_escalation_state.json"


def healing_of(home: Path) -> dict[str, Any]:
    """What `feature_store/healing_escalation_state.json` says: its data as they stand, and when they were saved."""
    found = newest_copy(home / "feature_store" / HEALING)
    if found is None:
        return {"known": False}
    return {"known": True, "saved_at": found.saved_at, **orjson.loads(found.data)}


def readiness_of(options: RunOptions, environ: Mapping[str, str]) -> dict[str, Any]:
    """`feature_store/symbol_allocation_state.json`, with what a symbol needs before it is judged, and what it lacks."""
    settings, _ = load(options, environ)
    allocation = settings.risk.allocation
    rows = readiness_of_home(options.home, settings)
    return {
        "known": rows is not None,
        "min_trades": allocation.ready_trades,
        "min_days": allocation.ready_days,
        "ready": [row["symbol"] for row in rows or [] if row["ready"]],
        "symbols": {row["symbol"]: {key: row[key] for key in row if key != "symbol"} for row in rows or []},
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
