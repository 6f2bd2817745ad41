"""Opens the learning files of a home: what this venue taught goes on, another one's is refused (SPEC 10.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from tradingbot.app.stores import Stores
from tradingbot.app.venue_migration import Standing
from tradingbot.config import Settings
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.journalled_trades import trades_of
from tradingbot.engine.learning_models import LearningState, VenueMetadata
from tradingbot.engine.outcome_desk import OutcomeDesk, waiting_on_file
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.post_trade import EMPTY, PostTrade
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.outcomes import OutcomeParams
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.portfolio.book import REMEMBERED_FILLS
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

QUALITY_LINES = 5_000
"""Lines of the journal of execution quality that are read back at the start."""


def known_learning(
    stores: Stores,
    clock: Clock,
    keeper: PortfolioKeeper,
    intents: IntentLog,
    standing: Standing,
    venue: str,
    settings: Settings,
) -> PostTrade:
    """The post-trade handler, already brought up to every recorded trade. Raises StateNewerError."""
    created = standing.instance.created_at
    entries = [trade.entry_time for trade in keeper.trades]
    began = min([created, keeper.archived.oldest_entry_time or created, *entries])
    fresh = standing.period or VenueMetadata(venue=venue, since=began)
    contents = {**EMPTY, "reality_gap": RealityGap()}
    states: dict[str, Any] = {
        name: learned_here(stores, name, content, fresh, clock.now()) for name, content in contents.items()
    }
    journals, documents = stores.journals, stores.documents
    quality = ExecutionQuality(
        intents, journals["execution_quality"], documents["reality_gap"], states["reality_gap"], settings.learning
    )
    quality.restore(
        journals["execution_quality"].reader().tail(QUALITY_LINES), journals["fills"].reader().tail(REMEMBERED_FILLS)
    )
    allocation = settings.risk.allocation
    readiness = Readiness(allocation.ready_trades, allocation.ready_days)
    fee_bps = settings.gates.fee.taker_fee_bps
    handler = PostTrade(keeper, clock, documents, states, quality, settings.learning, readiness, fee_bps)
    if lacking := [step.name for step in handler.lacking]:
        taken = handler.catch_up(trades_of(journals["executed_trades"].reader()))
        log.warning("learning.made_again", files=lacking, trades=taken)
    handler.handle()
    return handler


def open_outcomes(stores: Stores, params: OutcomeParams) -> OutcomeDesk:
    """What resolves signals, with those that waited when the last life ended."""
    journals = stores.journals
    known = waiting_on_file(journals["signal_universe"].reader(), journals["signal_outcomes"].reader())
    return OutcomeDesk(journals["signal_outcomes"], params, known)


def learned_here(stores: Stores, name: str, empty: Any, fresh: VenueMetadata, now: datetime) -> LearningState[Any]:
    """The file's state; a new one when there is none.

    Files of another venue were migrated before. One that is found here all the same is never applied: it is said, and
    an empty one begins.
    """
    document = stores.documents[name]
    found = document.load(allow_loss=True)
    for note in found.notes:
        log.warning("learning.state_damaged", note=note)
    known: LearningState[Any] | None = found.value
    if known is not None and known.venue_metadata.venue == fresh.venue:
        return known
    model: Any = DOCUMENTS[name].model
    if known is None:
        return model(venue_metadata=fresh, content=empty)  # type: ignore[no-any-return]
    theirs = known.venue_metadata
    log.warning("learning.other_venue_refused", path=str(document.path), venue=theirs.venue, ours=fresh.venue)
    metadata = VenueMetadata(venue=fresh.venue, since=now, period=theirs.period + 1)
    begun: LearningState[Any] = model(venue_metadata=metadata, content=empty)
    document.put(begun)
    return begun
