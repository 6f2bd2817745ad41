"""The report of a backtest as one JSON document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from tradingbot.research.backtest.model import SCHEMA_VERSION, BacktestReport


def as_json(report: BacktestReport) -> dict[str, Any]:
    """Plain values only: every field of the report under its name, and `schema_version`.

    Fractions where no unit is named, times as ISO 8601 in UTC, null where nothing can be said. The version rises when a
    field goes or changes its meaning; fields may be added.
    """
    return {"schema_version": SCHEMA_VERSION, **_plain(report)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
