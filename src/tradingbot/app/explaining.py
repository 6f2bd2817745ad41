"""Stories for ``explain`` and ``why``: which home, which signal, which moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from tradingbot.app.bootstrap import load
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.explain.stored import newest_signal_id, parse_signal_id
from tradingbot.explain.story import explain
from tradingbot.market.universe import Universe
from tradingbot.storage.writer import StorageWriter


def story_of(home: Path, name: str) -> dict[str, Any]:
    """The story of a trade, order or signal id. Raises ConfigurationError for one that is not on file."""
    if not home.is_dir():
        raise ConfigurationError(f"there is no home folder {home}; choose another with --home")
    return explain(home, name, *states_of(home))


def states_of(home: Path) -> tuple[PositionsState | None, TradesState | None]:
    """Positions and trades as the home has them. Raises StateError when they cannot be read."""
    writer = StorageWriter(SystemClock())
    return open_document(home, "positions", writer).peek(), open_document(home, "trades", writer).peek()


def story_at(home: Path, name: str, moment: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """The story of a symbol's newest signal, or of the last one not after a moment.

    Raises SymbolUnknownError, and ConfigurationError for a moment that is none or without any signal.
    """
    settings, _ = load(RunOptions(home=home), environ)
    symbol = Universe(settings.universe).symbol(name)
    newest = newest_signal_id(home, symbol, None)
    if newest is None:
        raise ConfigurationError(
            f"no signal of {symbol} is on file in {home}; start a daemon: tradingbot run --home {home}"
        )
    if moment is None:
        return story_of(home, newest)
    until = _moment(moment, parse_signal_id(newest)[2])
    found = newest_signal_id(home, symbol, until)
    if found is None:
        raise ConfigurationError(f"no signal of {symbol} is on file at or before {until:%Y-%m-%dT%H:%MZ} in {home}")
    return story_of(home, found)


def _moment(text: str, newest: datetime) -> datetime:
    """A moment in UTC; a bare time of day is of the day of the newest signal."""
    try:
        clock_time = time.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime.combine(newest.date(), clock_time, UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--at {text!r} is no time; write 2026-01-05T08:01Z or 08:01 (UTC)") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
