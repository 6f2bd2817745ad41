"""The daemon's jobs that think about finished trades: the hourly advice, and the nightly analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import orjson
import structlog

from tradingbot.app.analysis import advised, analysed
from tradingbot.app.stores import Stores
from tradingbot.engine.journalled_trades import newest_trades
from tradingbot.engine.learning_models import TradeAnalysisState, VenueMetadata
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.learning.params import LearningParams
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock

T = TypeVar("T")

log = structlog.get_logger(__name__)

NEWEST_TRADES = 5_000
NEWEST_ORDERS = 20_000


class Analyst:
    """Analyses the newest trades, beside the event loop."""

    def __init__(
        self, stores: Stores, clock: Clock, keeper: PortfolioKeeper, venue: str, params: LearningParams
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._keeper = keeper
        self._venue = venue
        self._params = params

    async def advise(self) -> None:
        """One line of `logs/strategic_advice.jsonl`."""
        newest, now = self._newest(), self._clock.now()
        found = await self._beside(lambda: advised(newest(), self._params, now))
        self._stores.journals["strategic_advice"].append(found)
        codes = [why["code"] for why in found["advice"]]
        log.info("strategy.advised", trades=found["trades"], gap_bps=found["gap_bps"], advice=codes)

    async def analyse(self) -> None:
        """`feature_store/trade_analysis.json`."""
        newest, now = self._newest(), self._clock.now()
        reader = self._stores.journals["execution_quality"].reader()

        def work() -> TradeAnalysisState:
            trades = newest()
            found = analysed(trades, reader.tail(NEWEST_ORDERS), self._params)
            since = min((trade.entry_time for trade in trades), default=now)
            # Through JSON, so that what is kept equals what is read back.
            plain = orjson.loads(orjson.dumps(found, default=str))
            metadata = VenueMetadata(venue=self._venue, since=since)
            return TradeAnalysisState(venue_metadata=metadata, as_of=now, analyses=plain)

        self._stores.documents["trade_analysis"].put(await self._beside(work))

    def _newest(self) -> Callable[[], list[ClosedTrade]]:
        """What gives the newest trades, those that are no longer kept from the journal; it may take long."""
        journal, known = self._stores.journals["executed_trades"], self._keeper.state
        return lambda: newest_trades(known, journal.reader(), NEWEST_TRADES)

    async def _beside(self, work: Callable[[], T]) -> T:
        with self._clock.hold():
            return await asyncio.to_thread(work)
