"""The worker of the nightly job: recorded cycles decided again, and every signal carried forward as if it were traded.

It alone writes `logs/counterfactual.jsonl` and `feature_store/counterfactual_state.json`. Lines are on disk before the
state that rests on them; after a kill in between, the cycles since the state are carried again and come to the same
lines, which are known by their names and not written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.types import iso_utc, parse_utc
from tradingbot.counterfactual.lines import line_of
from tradingbot.counterfactual.step import step
from tradingbot.decision import decide
from tradingbot.engine.catalog import JOURNALS, journal_path
from tradingbot.engine.learning_models import CounterfactualState, VenueMetadata
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.research.replay.cycles_on_file import CycleOnFile, CyclesOnFile
from tradingbot.storage.document import Document
from tradingbot.storage.journal import Journal
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.writer import StorageWriter

CHECKPOINT_CYCLES: Final = 120
FLUSH_LINES: Final = 1_000
CLOSE_S: Final = 30.0

AfterStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to do: cycles of `home` up to `until`, for at most `limit_s` real seconds."""

    home: Path
    venue: VenueMetadata
    until: datetime
    params: CounterfactualParams
    limit_s: float


@dataclass(frozen=True, slots=True)
class Carried:
    """What a run came to; `behind` when time ran out first."""

    cycles: int
    left_out: Mapping[str, int]
    written: int
    open: int
    behind: bool
    took_s: float


def carry(wanted: Wanted, after_step: AfterStep = lambda _: None) -> Carried:
    """Do it. Raises StorageUnavailableError, StateNewerError."""
    return asyncio.run(_Carrier(wanted, after_step).run())


class _Carrier:
    def __init__(self, wanted: Wanted, after_step: AfterStep) -> None:
        self._wanted = wanted
        self._after_step = after_step
        self._clock = SystemClock()
        self._writer = StorageWriter(self._clock)
        row = JOURNALS["counterfactual"]
        path = journal_path(wanted.home, "counterfactual")
        most = int(row.max_mb * 1_000_000)
        self._journal = Journal(path, self._writer, most, row.keep_files, row.retention_days)
        self._document: Document[Any] = open_document(wanted.home, "counterfactual", self._writer)
        self._state = _standing(self._document, wanted)
        self._known = _written_since(path, self._state.handled_until)
        self._written = self._unflushed = 0

    async def run(self) -> Carried:
        started_s, done = self._clock.perf_s(), 0
        assert self._state.handled_until is not None
        cycles = CyclesOnFile(self._wanted.home, self._state.handled_until, self._wanted.until)
        behind = False
        for one in cycles:
            await self._take(one)
            done += 1
            if done % CHECKPOINT_CYCLES == 0:
                await self._checkpoint()
            behind = self._clock.perf_s() - started_s > self._wanted.limit_s
            if behind:
                break
        left_out = sum(cycles.left_out.values())
        self._state = self._state.model_copy(update={"left_out": self._state.left_out + left_out})
        await self._checkpoint()
        await self._writer.close(CLOSE_S)
        took_s = self._clock.perf_s() - started_s
        return Carried(done, dict(cycles.left_out), self._written, self._state.ledger.count, behind, round(took_s, 1))

    async def _take(self, one: CycleOnFile) -> None:
        inputs, params = one.inputs, one.params.decision
        decision = decide(inputs.snapshot, inputs.book, params, inputs.permission, inputs.learned)
        ledger, closed = step(
            self._state.ledger, inputs.snapshot, decision, params, self._wanted.params, inputs.learned
        )
        for ended in closed:
            name = ended.origin.signal_id, iso_utc(ended.origin.as_of)
            if name in self._known:
                continue
            self._journal.append(line_of(ended, one.at))
            self._written += 1
            self._unflushed += 1
        if self._unflushed >= FLUSH_LINES:
            await self._flush()
        handled = {"ledger": ledger, "handled_until": one.at, "cycles": self._state.cycles + 1}
        self._state = self._state.model_copy(update=handled)

    async def _flush(self) -> None:
        if self._unflushed:
            await self._writer.flush()
            self._unflushed = 0
            self._after_step("lines")

    async def _checkpoint(self) -> None:
        await self._flush()
        await asyncio.to_thread(self._document.save, self._state)
        self._after_step("state")


def _standing(document: Document[Any], wanted: Wanted) -> CounterfactualState:
    """Where the last run ended; of another venue, or of a lost file, nothing is taken over."""
    found = document.load(allow_loss=True).value
    first = max(wanted.venue.since, wanted.until - timedelta(days=wanted.params.first_days))
    if not isinstance(found, CounterfactualState) or not _is_here(found.venue_metadata, wanted.venue):
        return CounterfactualState(venue_metadata=wanted.venue, handled_until=first)
    if found.handled_until is None:
        return found.model_copy(update={"handled_until": first})
    return found


def _is_here(theirs: VenueMetadata, ours: VenueMetadata) -> bool:
    return (theirs.venue, theirs.period) == (ours.venue, ours.period)


def _written_since(path: Path, moment: datetime | None) -> frozenset[tuple[str, str]]:
    """Signals whose line is on file and younger than the state."""
    names = set()
    for line in JournalReader(path).since(moment):
        try:
            if moment is None or parse_utc(line["at"]) > moment:
                names.add((str(line["signal_id"]), str(line["as_of"])))
        except (KeyError, TypeError, ValueError):
            continue
    return frozenset(names)
