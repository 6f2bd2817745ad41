"""The post-trade handler: what one closed trade costs the event loop with thousands known, and what a start costs.

All times are CPU time of the thread, so that other work on the machine does not pass for the handler's.
Reference of a trade: encoding and writing the documents that it changes, without which nothing could be kept.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from tests.builders_trades import a_trade
from tests.support import BTC, ETH, NOW

from benchmarks.harness import Result, median_pairs
from tradingbot.app.home import make_home
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.core.types import Direction, Symbol
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.learning_models import RealityGapState, VenueMetadata
from tradingbot.engine.models import TradesEncoder, TradesState
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.post_trade import EMPTY, PostTrade
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import PARTS, RealityGap
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import ClosedTrade

ROUNDS = 100
STALL_MS = 20.0
SYMBOLS = (BTC, ETH, *(Symbol(f"S{number}USDT") for number in range(8)))


def run() -> list[Result]:
    """One more trade with 2,000 and 5,000 known, and a start with 5,000."""
    found = []
    for known in (2_000, 5_000):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            found += asyncio.run(_measure(Path(folder), known))
    return found


def trades_of(count: int) -> list[ClosedTrade]:
    """Trades of ten symbols, both sides, two hours apart."""
    return [
        a_trade(
            number,
            str(number % 17 - 8),
            closed=NOW + timedelta(hours=2 * number),
            symbol=SYMBOLS[number % len(SYMBOLS)],
            direction=Direction.LONG if number % 3 else Direction.SHORT,
        )
        for number in range(count)
    ]


def order_of(number: int) -> dict[str, Any]:
    """A line of the journal of execution quality."""
    parts = {f"{name}_bps": str(Decimal(number % 7) / 10) for name in PARTS}
    name, at = SYMBOLS[number % len(SYMBOLS)], NOW + timedelta(hours=number)
    return {"client_order_id": f"o{number}", "symbol": name, "purpose": "entry", "filled_at": at, **parts}


class Bench:
    """A handler on real files."""

    def __init__(self, stores: Stores, trades: list[ClosedTrade], states: Mapping[str, Any] | None = None) -> None:
        self.clock = SteppedClock(NOW)
        metadata = VenueMetadata(venue="bench", since=NOW)
        fresh = {name: DOCUMENTS[name].model(venue_metadata=metadata, content=EMPTY[name]) for name in EMPTY}
        gap = RealityGapState(venue_metadata=metadata, content=RealityGap())
        intents, documents = IntentLog(stores.journals["intents"]), stores.documents
        self.trades = TradesState.model_construct(trades=trades)
        self.keeper = PortfolioKeeper(
            Book(),
            self.trades,
            documents["positions"],
            documents["trades"],
            stores.journals["fills"],
            stores.journals["executed_trades"],
            intents,
            journalled_trades=[trade.trade_id for trade in trades],
        )
        params = LearningParams()
        self.quality = ExecutionQuality(
            intents, stores.journals["execution_quality"], documents["reality_gap"], gap, params
        )
        self.handler = PostTrade(
            self.keeper, self.clock, documents, states or fresh, self.quality, params, Readiness(30, 7.0), 5.0
        )

    def states(self) -> dict[str, Any]:
        return {step.name: step.state for step in self.handler.steps}


async def _measure(folder: Path, known: int) -> list[Result]:
    make_home(folder)
    stores = open_stores(folder, SteppedClock(NOW))
    lost = Bench(stores, trades_of(known))
    started_s = time.thread_time()
    lost.quality.restore([order_of(number) for number in range(known)], [])
    lost.handler.handle()
    lost_s = time.thread_time() - started_s
    again = Bench(stores, trades_of(known), lost.states())
    started_s = time.thread_time()
    again.handler.handle()
    start_ms = (time.thread_time() - started_s) * 1e3
    spent_ms = [_one_more(again, trade) for trade in trades_of(known + ROUNDS)[known:]]
    await stores.writer.close(30.0)
    reference_ms = _bare(folder, again.states().values())
    return [*_results(known, spent_ms, reference_ms, start_ms, lost_s), _trades_file(known)]


def _cpu_ms(work: Callable[[], object]) -> float:
    started_s = time.thread_time()
    work()
    return (time.thread_time() - started_s) * 1e3


def _trades_file(known: int) -> Result:
    """Encoding the file of all trades with one more: pydantic's own way, the reference, lets no other thread run."""
    encode, trades = TradesEncoder(), trades_of(known + 1)
    encode(TradesState.model_construct(trades=trades[:-1]))
    state = TradesState.model_construct(trades=trades)
    ours_ms, plain_ms, ratio = median_pairs(
        lambda: _cpu_ms(lambda: encode(state)),
        lambda: _cpu_ms(lambda: TradesState.__pydantic_serializer__.to_json(state)),
    )
    name = f"post-trade, {known:,} trades known: their file encoded"
    return Result(name, ours_ms, "ms", plain_ms, ratio, f"<= {STALL_MS:g} ms", ours_ms <= STALL_MS)


def _one_more(bench: Bench, trade: ClosedTrade) -> float:
    """Milliseconds of the loop for one more trade."""
    bench.keeper._trades.append(trade)
    started_s = time.thread_time()
    assert bench.handler.handle() == 1
    return (time.thread_time() - started_s) * 1e3


def _bare(folder: Path, states: Iterable[Any]) -> float:
    """Milliseconds to encode and write the same documents once, without fsync."""
    contents = [orjson.loads(state.model_dump_json()) for state in states]
    spent_ms = []
    for _ in range(20):
        started_s = time.thread_time()
        for number, content in enumerate(contents):
            (folder / f"bare{number}.json").write_bytes(orjson.dumps(content))
        spent_ms.append((time.thread_time() - started_s) * 1e3)
    return statistics.median(spent_ms)


def _results(
    known: int, spent_ms: list[float], reference_ms: float, start_ms: float, lost_s: float
) -> Iterable[Result]:
    middle_ms, worst_ms = statistics.median(spent_ms), max(spent_ms)
    name = f"post-trade, {known:,} trades known: "
    yield Result(
        name + "one more, p50", middle_ms, "ms", reference_ms, middle_ms / reference_ms, "<= 10 ms", middle_ms <= 10
    )
    yield Result(name + "one more, worst", worst_ms, "ms", None, None, f"<= {STALL_MS:g} ms", worst_ms <= STALL_MS)
    yield Result(name + "start", start_ms, "ms", None, None, "<= 500 ms", start_ms <= 500)
    yield Result(name + "start without learning files", lost_s, "s", None, None, "<= 10 s", lost_s <= 10)


if __name__ == "__main__":
    for result in run():
        print(result)
