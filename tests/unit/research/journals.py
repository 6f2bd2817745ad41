"""Lines of `logs/predictive_signals.jsonl` for tests: a test names only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tradingbot.core.types import iso_utc
from tradingbot.signals.table import COMPONENTS

START = datetime(2026, 1, 5, 12, 0, 2, tzinfo=UTC)


def a_line(
    minute: float,
    price: float | None,
    said: Mapping[str, str] | None = None,
    symbol: str = "ETHUSDT",
    **changes: Any,
) -> dict[str, Any]:
    """A line so many minutes after the start; `said` are directions of components, the others are NEUTRAL."""
    directions = said or {}
    components = [
        {
            "name": name,
            "direction": directions.get(name, "neutral"),
            "confidence": 0.5 if name in directions else 0.0,
            "live": True,
        }
        for name in COMPONENTS
    ]
    return {
        "as_of": iso_utc(START + timedelta(minutes=minute)),
        "symbol": symbol,
        "price": price,
        "direction": "neutral",
        "confidence": 0.0,
        "live": 10,
        "components": components,
        "intelligence": {"score": None, "label": "neutral"},
        "strategies": [],
        "ensemble": {"direction": "neutral", "probability": 0.5},
        **changes,
    }


def lines_of(prices: Sequence[float], said: Mapping[int, Mapping[str, str]], symbol: str = "ETHUSDT") -> list[Any]:
    """One line per minute; `said` by minute."""
    return [a_line(minute, price, said.get(minute), symbol) for minute, price in enumerate(prices)]
