"""The daemon's jobs that think about finished trades: the hourly advice, and the nightly analysis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from tradingbot.app.analysis import advised, analysed
from tradingbot.app.home_trades import newest_of_home
from tradingbot.app.stores import Stores
from tradingbot.beside import in_process, in_thread
from tradingbot.core.types import parse_utc
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.journalled_trades import trades_since
from tradingbot.engine.learning_models import TradeAnalysisState, VenueMetadata
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.learning.params import LearningParams
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

NEWEST_TRADES = 5_000
NEWEST_ORDERS = 20_000


class Analyst:
    """Analyses the newest trades, beside the event loop."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        clock: Clock,
        keeper: PortfolioKeeper,
        venue: VenueMetadata,
        params: LearningParams,
    ) -> None:
        """`venue`: trades and orders that ended before its period began were made elsewhere, and are left out."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._keeper = keeper
        self._venue = venue
        self._params = params

    async def advise(self) -> None:
        """One line of `logs/strategic_advice.jsonl`."""
        now = self._clock.now()
        found = await in_thread(self._clock, lambda: advised(self._newest(), self._params, now))
        self._stores.journals["strategic_advice"].append(found)
        codes = [why["code"] for why in found["advice"]]
        log.info("strategy.advised", trades=found["trades"], gap_bps=found["gap_bps"], advice=codes)

    async def analyse(self) -> None:
        """`feature_store/trade_analysis.json`. Raises StorageUnavailableError while nothing can be written."""
        now = self._clock.now()
        await self._stores.writer.flush()
        params = self._params.model_dump(mode="json")
        asked = {"home": self._home, "since": self._venue.since, "params": params}
        found = await in_process(self._clock, analysis_of_home, asked)
        state = TradeAnalysisState(venue_metadata=self._venue, as_of=now, analyses=found)
        self._stores.documents["trade_analysis"].put(state)

    def _newest(self) -> list[ClosedTrade]:
        """The newest trades of this period, those no longer kept from the journal; it may take long."""
        journal = self._stores.journals["executed_trades"].reader()
        return trades_since(self._keeper.state, journal, self._venue.since, NEWEST_TRADES)


def analysis_of_home(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every analysis of the newest trades and orders of a `home` that ended `since` then, by these `params`."""
    home, since = Path(asked["home"]), parse_utc(asked["since"])
    params = LearningParams.model_validate(asked["params"])
    trades = newest_of_home(home, since, NEWEST_TRADES)
    orders = JournalReader(journal_path(home, "execution_quality")).tail(NEWEST_ORDERS)
    return analysed(trades, [row for row in orders if _is_since(row, since)], params)


def _is_since(row: Mapping[str, Any], since: datetime) -> bool:
    """Whether a line of the journal of execution quality is an order that was filled since then."""
    try:
        return parse_utc(str(row["filled_at"])) >= since
    except (KeyError, ValueError):
        return False
