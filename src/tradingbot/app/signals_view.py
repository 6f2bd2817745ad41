"""What a home folder says of the newest cycle's readings: facts for ``tradingbot signals``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradingbot.app.status import is_running
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, SymbolUnknownError
from tradingbot.engine.models import LatestSignalsState, RuntimeState
from tradingbot.market.universe import Universe
from tradingbot.storage.writer import StorageWriter

COMPONENT_KEYS = ("name", "direction", "confidence", "value", "age_s", "reasons")


def read_signals(home: Path) -> LatestSignalsState:
    """The newest cycle's readings, of a running or a stopped daemon. Raises ConfigurationError without any."""
    found = _peek(home, "latest_signals") if home.is_dir() else None
    if not isinstance(found, LatestSignalsState):
        raise ConfigurationError(f"no signals in {home} yet; start a daemon with: tradingbot run --home {home}")
    return found


def symbol_facts(home: Path, universe: Universe, name: str) -> dict[str, Any]:
    """Everything read of one symbol. Raises SymbolUnknownError, ConfigurationError."""
    symbol, latest = universe.symbol(name), read_signals(home)
    record = latest.symbols.get(symbol)
    if record is None:
        raise SymbolUnknownError(f"{symbol} is not traded in {home}; it has {', '.join(sorted(latest.symbols))}")
    return {**_frame_of(home, latest), **_reordered(record)}


def market_facts(home: Path) -> dict[str, Any]:
    """Every symbol in short, with the regime and the feeds."""
    latest = read_signals(home)
    return {
        **_frame_of(home, latest),
        "feeds": latest.feeds,
        "left_out": latest.left_out,
        "symbols": {name: _reordered(record) for name, record in sorted(latest.symbols.items())},
    }


def _frame_of(home: Path, latest: LatestSignalsState) -> dict[str, Any]:
    runtime = _peek(home, "runtime")
    return {
        "home": str(home),
        "running": isinstance(runtime, RuntimeState) and is_running(home),
        "as_of": latest.as_of,
        "cycle_id": latest.cycle_id,
        "regime": latest.regime,
    }


def _reordered(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the regime's name left to the frame, and each component as the command promises it."""
    rest = {key: value for key, value in record.items() if key not in ("as_of", "cycle_id", "regime")}
    components = [
        {**{key: item[key] for key in COMPONENT_KEYS}, "live": item["live"], "as_of": item["as_of"]}
        for item in record["components"]
    ]
    return {**rest, "components": components}


def _peek(home: Path, name: str) -> Any:
    return open_document(home, name, StorageWriter(SystemClock())).peek()
