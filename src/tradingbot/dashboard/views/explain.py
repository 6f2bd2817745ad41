"""The whole story of one signal or trade: why, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tradingbot.core.errors import ConfigurationError
from tradingbot.core.types import parse_utc
from tradingbot.dashboard.sources import Look
from tradingbot.engine.models import TradesState
from tradingbot.explain import story
from tradingbot.explain.stored import parse_signal_id


def explain(look: Look) -> dict[str, Any]:
    """`id` of a trade, an order or a signal. Raises ConfigurationError for one that is not on file by then."""
    name = look.text("id")
    if not name:
        raise ConfigurationError("the address needs an id: explain?id=20260105T0801-BTCUSDT")
    positions, trades = look.sources.document("positions"), look.sources.document("trades")
    known = trades if isinstance(trades, TradesState) else None
    facts = story.explain(look.sources.home, name, positions, known)
    return as_of_then(facts, look.until) if look.past else facts


def as_of_then(facts: dict[str, Any], until: datetime) -> dict[str, Any]:
    """The story as far as it had come: what happened later is left out. Raises ConfigurationError before its begin."""
    if parse_signal_id(str(facts["signal_id"]))[2] > until:
        raise ConfigurationError(f"{facts['signal_id']} is of a later time than the one that is shown")
    result = facts["result"]
    closed_later = result is not None and parse_utc(str(result["exit_time"])) > until
    life = facts["life"]
    if life is not None:
        life = {
            "orders": _until(life["orders"], "created_at", until),
            "fills": _until(life["fills"], "time", until),
            "stop_changes": _until(life["stop_changes"], "as_of", until),
            "executions": [] if closed_later else life["executions"],
        }
    if not closed_later:
        return {**facts, "life": life}
    headline = f"{facts['headline'].partition('; ')[0]}; the position was open"
    return {**facts, "life": life, "headline": headline, "exit": None, "result": None}


def _until(rows: Iterable[Mapping[str, Any]], name: str, until: datetime) -> list[Mapping[str, Any]]:
    return [row for row in rows if parse_utc(str(row[name])) <= until]
