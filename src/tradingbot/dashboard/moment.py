"""What pages, figures and alerts show of one minute: plain values, complete in themselves, written every minute."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tradingbot.engine.models import RuntimeState


class Moment(BaseModel):
    """The daemon at the end of one cycle.

    `profit` is what `tradingbot status` says of money. `positions` holds open and settling ones, newest prices
    included; `kill_switches` those that are tripped; `issues` the open ones, the worst first. `downtime` has `state`,
    `next_boundary`, `seconds_to_it`. `regime` is the reading that holds, `strategies` their shares in per cent.
    `symbols` maps each symbol to the verdict of its validation, `readiness` has one row per symbol, `feeds` one per
    feed of intelligence. `peak_equity_usd` is what the drawdown is measured from, None while nothing is known of it.
    `green_since` maps each subsystem without an open issue to when that began. Money in USD as text, exact; times
    aware UTC.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    as_of: datetime
    cycle_id: str
    runtime: RuntimeState
    profit: dict[str, Any] = Field(default_factory=dict)
    positions: list[dict[str, Any]] = Field(default_factory=list)
    kill_switches: list[dict[str, Any]] = Field(default_factory=list)
    issues: list[dict[str, Any]] = Field(default_factory=list)
    downtime: dict[str, Any] = Field(default_factory=dict)
    regime: dict[str, Any] = Field(default_factory=dict)
    strategies: dict[str, float] = Field(default_factory=dict)
    symbols: dict[str, dict[str, Any]] = Field(default_factory=dict)
    readiness: list[dict[str, Any]] = Field(default_factory=list)
    feeds: list[dict[str, Any]] = Field(default_factory=list)
    peak_equity_usd: Decimal | None = None
    green_since: dict[str, datetime] = Field(default_factory=dict)
