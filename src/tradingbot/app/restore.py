"""What the last life left behind: journals and state files read back, and made anew where one of them was lost."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection

import structlog

from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import Stores
from tradingbot.beside import in_thread
from tradingbot.config import Settings
from tradingbot.engine.identifiers import instance_of
from tradingbot.engine.intents import KEPT_ORDERS, IntentLog
from tradingbot.engine.journalled_trades import with_journalled
from tradingbot.engine.kill_switches import JOURNAL_LINES, KillSwitches, change_record, looked_at, restored
from tradingbot.engine.models import InstanceState, PositionsState, TradesState
from tradingbot.engine.portfolio_keeper import KEPT_TRADES, FindJournalled, PortfolioKeeper, purposes_by_fill
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.market.regime import RegimeReading
from tradingbot.portfolio.book import REMEMBERED_FILLS
from tradingbot.ports import Clock
from tradingbot.risk.params import KillSwitchParams
from tradingbot.storage.journal import Journal
from tradingbot.storage.writer import StorageWriter

log = structlog.get_logger(__name__)

SPARE_TRADE_LINES = 1_000
"""Lines of the journal of executed trades that are read back at the start, besides two per trade that is kept."""

LINES_PER_ORDER = 3
"""An intent has two lines or three; no more are read back, as a start must not take longer every month."""


def known_intents(stores: Stores, kept: int = KEPT_ORDERS) -> IntentLog:
    """The newest intents of the journal; lines that make no sense are passed over, counted and said."""
    journal = stores.journals["intents"]
    reader = journal.reader()
    intents = IntentLog(journal, kept)
    intents.restore(reader.tail(LINES_PER_ORDER * kept))
    damaged = reader.bad_lines + intents.unreadable
    if damaged or reader.problems:
        log.error("journal.damaged", path=str(reader.path), lines=damaged, problems=list(reader.problems))
    return intents


def known_regime(stores: Stores) -> RegimeReading | None:
    """The regime of the last life; None when there was none or its file is lost: it is then found anew."""
    found = stores.documents["regime"].load(allow_loss=True)
    for note in found.notes:
        log.warning("regime.state_damaged", note=note)
    return found.value.reading if found.value is not None else None


def known_switches(stores: Stores, clock: Clock, params: KillSwitchParams) -> KillSwitches:
    """The kill switches as the last life left them; where that cannot be read, held until a person looked.

    Raises StateNewerError, and StorageUnavailableError when a trip cannot be written down.
    """
    document, journal = stores.documents["kill_switches"], stores.journals["kill_switches"]
    found = document.load(allow_loss=True)
    for note in found.notes:
        log.error("kill_switches.state_damaged", note=note)
    untouched = found.source == "current" or (found.source == "missing" and not found.notes)
    begin = restored(found.value, untouched, journal.reader().tail(JOURNAL_LINES), clock)
    if begin.changes:
        log.error("kill_switches.review_needed", switches=list(begin.state.names))
        document.save(KillSwitchesState.of(begin.state))
        for change in begin.changes:
            journal.append(change_record(change))
    return KillSwitches(begin.state, document, journal, clock, params)


def known_instance(options: RunOptions, parts: VenueParts, stores: Stores, intents: IntentLog) -> InstanceState:
    """This installation; when its file was lost, the one whose orders the journal knows: the venue still has them.

    Raises StateNewerError, and StateCorruptError when neither file nor journal tells.
    """
    document = stores.documents["instance"]
    newest = intents.newest_id
    before = instance_of(newest) if newest is not None else None
    found = document.load(allow_loss=before is not None)
    if found.value is not None:
        known: InstanceState = found.value
        return known
    if before is not None:
        log.error("instance.rebuilt", instance=before, notes=list(found.notes))
    made = InstanceState(
        instance=before or _new_name(options, parts),
        created_at=intents.first_at or parts.clock.now(),
        profile=options.profile,
        venue=parts.venue.name,
    )
    document.save(made)
    return made


def _new_name(options: RunOptions, parts: VenueParts) -> str:
    seed = f"{options.home}|{parts.clock.now().isoformat()}|{os.getpid()}|{os.urandom(8).hex()}"
    return hashlib.blake2b(seed.encode(), digest_size=3).hexdigest()


def kept_trades(settings: Settings) -> int:
    """How many trades are kept one by one: never fewer than the rules on the newest ones look at."""
    return max(settings.storage.kept_trades, looked_at(settings.risk.kill_switches))


def known_portfolio(stores: Stores, intents: IntentLog, kept_trades: int = KEPT_TRADES) -> PortfolioKeeper:
    """Book and trades. Trades that an older copy lacks come from the journal of executed trades.

    Raises StateCorruptError and StateNewerError.
    """
    documents, journals = stores.documents, stores.journals
    positions, trades = documents["positions"].load(), documents["trades"].load()
    known = trades.value or TradesState()
    if trades.source != "current":
        known = with_journalled(known, journals["executed_trades"].reader(), kept_trades)
        documents["trades"].put(known)
    for note in (*positions.notes, *trades.notes):
        log.error("state.repaired", note=note)
    lines = journals["executed_trades"].reader().newest(2 * len(known.trades) + SPARE_TRADE_LINES)
    return PortfolioKeeper(
        (positions.value or PositionsState()).to_book(),
        known,
        documents["positions"],
        documents["trades"],
        journals["fills"],
        journals["executed_trades"],
        intents,
        purposes_by_fill(journals["fills"].reader().tail(REMEMBERED_FILLS)),
        {str(line.get("trade_id")) for line in lines},
        kept_trades,
        _finder(journals["executed_trades"], stores.writer),
    )


def _finder(journal: Journal, writer: StorageWriter) -> FindJournalled:
    """Looks trades up in the whole journal, beside the event loop."""

    def find(ids: frozenset[str]) -> set[str]:
        reader = journal.reader()
        found = {str(line.get("trade_id")) for line in reader} & ids
        if not reader.problems:
            return found
        # What cannot be read has most probably been counted: these trades are older than the newest archived one.
        log.error("journal.damaged", path=str(reader.path), lines=reader.bad_lines, problems=list(reader.problems))
        return set(ids)

    async def find_beside(ids: Collection[str]) -> Collection[str]:
        return await in_thread(writer.clock, find, frozenset(ids))

    return find_beside
