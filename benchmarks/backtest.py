"""A backtest with the whole engine: symbol-cycles per second, where their time goes, and memory of a long one.

The market is a made one. Measured from the 121st cycle on, when candles and averages are there, over as many cycles as
columns are made ahead for at once. Without intelligence in CPU time: that runs on one core. With it, of the process
that does more, when a second one plays it ahead.

Reference of the speed: a trading rule as one plain Python loop over floats, symbol-minutes per second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks import ema_cross
from benchmarks.harness import Result
from benchmarks.slices import Slices
from tradingbot.app.backtest import BacktestRequest, plan_of
from tradingbot.app.home import make_home
from tradingbot.core.types import utc_from_ms
from tradingbot.engine import bot_cycle
from tradingbot.engine.bot_cycle import BotCycle
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.venue_readings import VenueReadings
from tradingbot.research.backtest import engine
from tradingbot.research.backtest.engine import run_backtest
from tradingbot.research.backtest.near_collect import ReadyMarket
from tradingbot.research.backtest.near_frames import NearHigherFrames
from tradingbot.research.backtest.near_quotes import NearQuotes
from tradingbot.research.backtest.near_samples import NearSamples
from tradingbot.research.backtest.tally import TallyScribe
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS
from tradingbot.simulator.venue import SimulatedVenue

TARGET: Final = 20_000
WARM_UP: Final = 120
CYCLES: Final = 720
WITH_INTELLIGENCE: Final = 720
ALL: Final[Sequence[str]] = ()
LONG_DAYS: Final = 365
MOST_MB: Final = 1024

PARTS: Final = (
    ("columns made ahead", ReadyMarket, "_make"),
    ("columns made ahead", NearQuotes, "_make"),
    ("columns made ahead", NearSamples, "_make"),
    ("columns made ahead", NearHigherFrames, "_made"),
    ("sampling of books", NearSamples, "reach"),
    ("sampling of books", NearSamples, "newest"),
    ("market moving on", SimulatedVenue, "advance"),
    ("collecting: candles, funding history", MarketCollector, "refresh"),
    ("collecting: candles, funding history", VenueReadings, "_ask"),
    ("collecting: snapshot", MarketCollector, "snapshot"),
    ("looking at account and orders", BotCycle, "_look"),
    ("looking at account and orders", BotCycle, "_account_state"),
    ("deciding", bot_cycle, "decide"),
    ("acting: exits, stops, entries", BotCycle, "_act"),
    ("settling, learning", BotCycle, "_settle"),
    ("guards", engine._Run, "_watch"),
    ("guards", engine._Run, "_permission"),
    ("tally of the result", TallyScribe, "write"),
)
REST: Final = "cycle itself, clock, event loop"


def run() -> list[Result]:
    """Speed for one symbol and for ten, and peak memory of a year of ten."""
    bars = ema_cross.made_bars(100_000)
    reference = len(bars.open_ms) / min(ema_cross.cpu_s(lambda: ema_cross.plain(bars)) for _ in range(3))
    results, parts = [], {}
    for count, symbols in ((1, ("BTCUSDT",)), (10, ALL)):
        speed = max(CYCLES * count / _cycles_s(symbols) for _ in range(2))
        target = f">= {TARGET:,} per s"
        name = f"backtest, full pipeline, {count} symbol{'s' * (count > 1)}"
        results.append(Result(name, speed, "cycles/s", reference, speed / reference, target, speed >= TARGET))
        parts[count] = _parts_us(symbols, count)
    _show(parts)
    results += _with_intelligence()
    peak = _peak_mb()
    name = f"backtest, {LONG_DAYS} days recorded, 10 symbols, peak"
    return [*results, Result(name, peak, "MB", None, None, f"<= {MOST_MB:,} MB", peak <= MOST_MB)]


# ---------------------------------------------------------------- speed


def _cycles_s(symbols: Sequence[str], slices: Slices | None = None) -> float:
    """CPU time of the counted cycles; `slices` begin to count with them."""
    moments: dict[int, float] = {}

    def told(done: int, _total: int) -> None:
        if done == WARM_UP and slices is not None:
            slices.clear()
        moments.setdefault(done, time.process_time())

    since = utc_from_ms(DEFAULT_START_MS) + timedelta(minutes=WARM_UP)
    with _home() as home:
        request = BacktestRequest(
            home=str(home), symbols=tuple(symbols), since=since, until=since + timedelta(minutes=CYCLES),
            warm_up_min=WARM_UP, intelligence=False,
        )  # fmt: skip
        run_backtest(plan_of(request, told))
    return moments[WARM_UP + CYCLES] - moments[WARM_UP]


def _with_intelligence() -> list[Result]:
    """Ten symbols with intelligence: on one core, and on two, where the slower of both processes counts."""
    name, unit, target = "backtest with intelligence, 10 symbols", "cycles/s", f">= {TARGET:,} per s"
    count, found = 10 * WITH_INTELLIGENCE, []
    for cores in (1, 2):
        before_s = time.process_time(), _children_s()
        with _home() as home:
            request = BacktestRequest(
                home=str(home), since=utc_from_ms(DEFAULT_START_MS), warm_up_min=0, two_cores=cores > 1,
                until=utc_from_ms(DEFAULT_START_MS) + timedelta(minutes=WITH_INTELLIGENCE),
            )  # fmt: skip
            run_backtest(plan_of(request))
        spent_s = max(time.process_time() - before_s[0], _children_s() - before_s[1])
        speed = count / spent_s
        found.append(
            Result(f"{name}, {cores} core{'s' * (cores > 1)}", speed, unit, None, None, target, speed >= TARGET)
        )
    return found


def _children_s() -> float:
    """CPU time of processes that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


@contextmanager
def _home() -> Iterator[Path]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        make_home(Path(folder))
        yield Path(folder)
    structlog.reset_defaults()


def _parts_us(symbols: Sequence[str], count: int) -> dict[str, float]:
    """Microseconds per symbol-cycle of each part; what one part does on behalf of another counts for itself alone."""
    slices = Slices()
    with slices.watching(PARTS):
        whole_s = _cycles_s(symbols, slices)
    spent = {name: slices.spent_s.get(name, 0.0) for name, _, _ in PARTS}
    spent[REST] = whole_s - sum(spent.values())
    return {name: 1e6 * one / (CYCLES * count) for name, one in spent.items()}


def _show(parts: dict[int, dict[str, float]]) -> None:
    table = Table(title="backtest, full pipeline: us per symbol and cycle")
    table.add_column("part")
    for count in parts:
        table.add_column(f"{count} symbols" if count > 1 else "1 symbol", justify="right")
    for name in next(iter(parts.values())):
        table.add_row(name, *(f"{one[name]:,.0f}" for one in parts.values()))
    table.add_row("all", *(f"{sum(one.values()):,.0f}" for one in parts.values()), style="bold")
    Console(width=None if sys.stdout.isatty() else 150).print(table)


# ---------------------------------------------------------------- memory


def _peak_mb() -> float:
    """Of a process that plays the last day of a year of recorded minutes of ten symbols."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.long_backtest", str(LONG_DAYS)],
                          check=True, capture_output=True, text=True)  # fmt: skip
    return float(done.stdout.split()[-1])
