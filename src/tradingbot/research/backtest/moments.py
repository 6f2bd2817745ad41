"""When the cycles of a backtest are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tradingbot.engine.params import EngineParams
from tradingbot.research.backtest.plan import Span


def cycle_moments(span: Span, engine: EngineParams) -> Iterator[datetime]:
    """As the daemon: one cycle at once, then one per interval, a little after it has begun."""
    period, due = timedelta(seconds=engine.cycle_s), span.warm_since
    if due < span.until:
        yield due
    due += timedelta(seconds=engine.cycle_offset_s)
    while due < span.until:
        yield due
        due += period
