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
from tradingbot.explain.stored import FIRST_YEAR, LAST_YEAR, newest_signal_id, oldest_signal_id, parse_signal_id
from tradingbot.explain.story import explain
from tradingbot.market.universe import Universe
from tradingbot.storage.writer import StorageWriter


def story_of(home: Path, name: str) -> dict[str, Any]:
    """The story of a trade, order or signal id. Raises ConfigurationError for one that is not on file."""
    _require(home)
    return explain(home, name, *states_of(home))


def _require(home: Path) -> None:
    if not home.is_dir():
        raise ConfigurationError(f"there is no home folder {home}; choose another with --home")


def states_of(home: Path) -> tuple[PositionsState | None, TradesState | None]:
    """Positions and trades as the home has them. Raises StateError when they cannot be read."""
    writer = StorageWriter(SystemClock())
    return open_document(home, "positions", writer).peek(), open_document(home, "trades", writer).peek()


def story_at(home: Path, name: str, moment: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """The story of a symbol's newest signal, or of the last one not after a moment.

    Raises SymbolUnknownError, and ConfigurationError for a moment that is none or without any signal.
    """
    _require(home)
    settings, _ = load(RunOptions(home=home), environ)
    symbol = Universe(settings.universe).symbol(name)
    newest = newest_signal_id(home, symbol, None)
    if newest is None:
        raise ConfigurationError(
            f"no signal of {symbol} is on file in {home}; choose another folder with --home, or start a daemon: "
            f"tradingbot run --home {home}"
        )
    if moment is None:
        return story_of(home, newest)
    until = _moment(moment, parse_signal_id(newest)[2])
    found = newest_signal_id(home, symbol, until)
    if found is None:
        oldest = oldest_signal_id(home, symbol)
        since = "" if oldest is None else f"; the first one is of {parse_signal_id(oldest)[2]:%Y-%m-%dT%H:%MZ}"
        raise ConfigurationError(
            f"no signal of {symbol} is on file at or before {until:%Y-%m-%dT%H:%MZ} in {home}{since}"
        )
    return story_of(home, found)


def _moment(text: str, newest: datetime) -> datetime:
    """A moment in UTC; a bare time of day is of the day of the newest signal."""
    wrong = ConfigurationError(f"--at {text!r} is no time; write 2026-01-05T08:01Z or 08:01 (UTC)")
    try:
        moment = datetime.combine(newest.date(), time.fromisoformat(text))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise wrong from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise wrong
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
