"""The daemon's jobs that think about finished trades: the hourly advice, and the nightly analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
import structlog

from tradingbot.app.analysis import advised, analysed
from tradingbot.app.stores import Stores
from tradingbot.core.types import parse_utc
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
        self, stores: Stores, clock: Clock, keeper: PortfolioKeeper, venue: VenueMetadata, params: LearningParams
    ) -> None:
        """`venue`: trades and orders that ended before its period began were made elsewhere, and are left out."""
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
            orders = [row for row in reader.tail(NEWEST_ORDERS) if self._is_ours(row)]
            found = analysed(newest(), orders, self._params)
            # Through JSON, so that what is kept equals what is read back.
            plain = orjson.loads(orjson.dumps(found, default=str))
            return TradeAnalysisState(venue_metadata=self._venue, as_of=now, analyses=plain)

        self._stores.documents["trade_analysis"].put(await self._beside(work))

    def _newest(self) -> Callable[[], list[ClosedTrade]]:
        """What gives the newest trades of this period, those no longer kept from the journal; it may take long."""
        journal, known, since = self._stores.journals["executed_trades"], self._keeper.state, self._venue.since
        return lambda: [one for one in newest_trades(known, journal.reader(), NEWEST_TRADES) if one.exit_time >= since]

    def _is_ours(self, row: Mapping[str, Any]) -> bool:
        """Whether a line of the journal of execution quality is an order of this period."""
        try:
            return parse_utc(str(row["filled_at"])) >= self._venue.since
        except (KeyError, ValueError):
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        with self._clock.hold():
            return await asyncio.to_thread(work)
