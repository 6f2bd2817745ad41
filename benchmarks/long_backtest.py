"""`python -m benchmarks.long_backtest DAYS`: plays the last hours of so many recorded days of ten symbols and says the
most memory that the process ever held, in MB (Linux). Not a row of its own: `backtest` starts it."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.ema_cross import FIRST_MS, MINUTE_MS
from tradingbot.app.backtest import BacktestRequest, plan_of, quiet
from tradingbot.app.home import make_home
from tradingbot.core.types import utc_from_ms
from tradingbot.research.backtest.engine import run_backtest
from tradingbot.research.backtest.plan import BacktestPlan, Span
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.recorded_track import RecordedColumns

DAY = 1440
PLAYED = timedelta(hours=12)


def main(days: int) -> int:
    """Play, and print the peak."""
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        make_home(Path(folder))
        plan = plan_of(BacktestRequest(home=folder, intelligence=False))
        run_backtest(_long(plan, days))
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if told is None:
        raise RuntimeError("this system does not say how much memory a process has held")
    print(int(told[1]) / 1024)
    return 0


def _long(plan: BacktestPlan, days: int) -> BacktestPlan:
    """The same on recorded minutes, from shortly before their end on."""
    universe = plan.trading.universe
    assets = [str(universe.asset(symbol)) for symbol in plan.trading.symbols]
    feed = RecordedMarket({asset: _minutes(number, days * DAY) for number, asset in enumerate(assets)})
    until = utc_from_ms(FIRST_MS + days * DAY * MINUTE_MS)
    span = Span(until - PLAYED, until - PLAYED + timedelta(hours=1), until)
    return replace(plan, span=span, market=replace(plan.market, feed=feed, recorded=True, source="recorded"))


def _minutes(seed: int, count: int) -> RecordedColumns:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.0006, count)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    times = FIRST_MS + np.arange(count, dtype=np.int64) * MINUTE_MS
    return RecordedColumns(times, open_, high, low, close, rng.uniform(5e4, 1.5e5, count))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
