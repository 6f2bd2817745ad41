"""The learning of a running daemon: looks, meetings, the generation in force, and the way back (SPEC 10.1, 10.5).

The meeting itself reads and computes in a process of its own. What it decided is written in this order: the audit, the
folder of the new generation, the document that names it, the copies of its policy files. Decisions take the new levers
from the next cycle on, once the document is durable; a kill at any point leaves the generation before, or the new
one whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.learning_ground import ground_of, round_trip_bps
from tradingbot.app.learning_meeting import GROUND, STATE, mean_record, meeting_of_home
from tradingbot.app.stores import Stores
from tradingbot.app.thinking import DecisionSettings
from tradingbot.beside import in_process, in_thread
from tradingbot.config import Settings
from tradingbot.core.errors import StateCorruptError, StorageUnavailableError
from tradingbot.core.levers import Levers
from tradingbot.core.parameters import LearnedParameters
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.generations import Generation, GenerationFiles
from tradingbot.engine.journal_moments import moment_of
from tradingbot.engine.learning_models import GenerationState, VenueMetadata
from tradingbot.engine.operator_desk import Answer, OperatorOrder
from tradingbot.guards.issues import Finding
from tradingbot.learning.exit_learner import mean_of_trades
from tradingbot.learning.meta_learning import MetaState, settings_of
from tradingbot.learning.trade_facts import facts_of
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.tuned import tuned

log = structlog.get_logger(__name__)

LIMIT_S: Final = 540.0
"""Real seconds that a meeting may take."""
REFUSED: Final = "learning_refused"
"""Kind of issue: a generation contradicts the settings, and the settings hold alone."""


class Learning:
    """Owns the generation in force. One meeting at a time; the job's own rule sees to that."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        decisions: DecisionSettings,
        venue: VenueMetadata,
        learned: Callable[[], LearnedParameters],
        trades: Callable[[], Sequence[ClosedTrade]],
        observe: Callable[[Iterable[Finding]], None],
    ) -> None:
        """`trades`: the newest finished ones. `observe` takes what stands against the generation in force."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._settings = settings
        self._decisions = decisions
        self._venue = venue
        self._learned = learned
        self._trades = trades
        self._observe = observe
        self._files = GenerationFiles(home)
        self._document = stores.documents["generation"]
        self._audit = stores.journals["learning_audit"]
        found = self._document.load(allow_loss=True)
        known: GenerationState | None = found.value
        ours = known is not None and known.venue_metadata.venue == self._venue.venue
        state = known.content if known is not None and ours else MetaState()
        # A lost document must not lead to a number that is on file already: folders never change.
        self.state = replace(state, newest=max(state.newest, *self._files.numbers(), 0))
        self._unfit = ""
        self._met_here: datetime | None = None
        self._first: datetime | None = None
        self._take(self.state.levers)

    async def begin(self) -> None:
        """Before the first cycle: folder and copies of the generation in force are made right."""
        self._tell()
        with suppress(StorageUnavailableError):
            changed = await in_thread(self._clock, self._made_right)
            if changed:
                log.info("learning.policies_put_right", generation=self.state.levers.number, files=changed)

    def _made_right(self) -> tuple[str, ...]:
        number = self.state.levers.number
        if not self._files.folder_of(number).exists():
            why = "the settings as they are" if number == 0 else "its folder was lost and is made again"
            self._files.add(self._generation(self.state.levers, number, "settings" if number == 0 else "", why, {}))
        return self._files.put_in_force(number)

    # ------------------------------------------------------------ the job

    async def run(self) -> None:
        """A look at the newest trades, and a meeting when one is due. Raises WorkerError, StorageUnavailableError."""
        now = self._clock.now()
        self._tell()
        self._look(now)
        if not self._is_due(now) or await self._is_young(now):
            return
        self._met_here = now
        await self._meet(now)

    def _look(self, now: datetime) -> None:
        """What the trades of the window came to, one line of the audit."""
        begin = now - timedelta(hours=self._settings.learning.learners.meta.executed_h)
        facts = [facts_of(trade) for trade in self._trades() if trade.exit_time >= begin]
        mean = mean_of_trades(facts, self._settings.learning.learners.meta.ledger_block_min)
        self._audit.append(
            {
                "at": now,
                "event": "look",
                "generation": self.state.levers.number,
                "trades": len(facts),
                "net_usd": round(sum(one.net_usd for one in facts), 6),
                "net_bps": mean_record(mean),
                "won": sum(1 for one in facts if one.won),
            }
        )

    def _is_due(self, now: datetime) -> bool:
        """A meeting is due; or a change is under watch, which is looked at more often."""
        meta, met = self._settings.learning.learners.meta, self.state.met_at
        if self._met_here is not None and now - self._met_here < timedelta(hours=meta.watch_every_h):
            return False
        return self.state.watch is not None or met is None or now - met >= timedelta(hours=meta.settle_h)

    async def _is_young(self, now: datetime) -> bool:
        """Whether there cannot be enough outcomes yet to hold some out: then no process is started for it."""
        meta = self._settings.learning.learners.meta
        needed = timedelta(minutes=meta.min_held_out_blocks * meta.block_min / meta.held_out_share)
        if self._first is None:
            self._first = await in_thread(self._clock, _first_outcome, self._home)
        first = self._first
        return self.state.watch is None and (first is None or now - max(first, self._venue.since) < needed)

    async def _meet(self, now: datetime) -> None:
        with suppress(StorageUnavailableError):  # then from what is on disk
            await self._stores.writer.flush()
        ground = ground_of(self._settings, self._learned(), self._venue, now)
        asked = {
            "home": self._home,
            "now": now,
            "since": self._venue.since,
            "state": STATE.dump_python(self.state, mode="json"),
            "ground": GROUND.dump_python(ground, mode="json"),
            "cost_bps": round_trip_bps(self._settings),
        }
        before = self.state
        found = await in_process(self._clock, meeting_of_home, asked, LIMIT_S)
        if self.state is not before:
            log.info("learning.meeting_dropped", why="the generation was changed by a person meanwhile")
            return
        told = found["told"]
        line = {
            "at": now,
            "event": "meeting",
            **told,
            **{name: found[name] for name in ("counts", "took_s", "peak_mb")},
        }
        self._audit.append(line)
        self._note_trials(now, told)
        state = STATE.validate_python(found["state"])
        if state.levers != before.levers:
            await self._change(state, before.levers, told)
        else:
            self.state = state
            await self._commit()
        self._said(told, found)

    def _note_trials(self, now: datetime, told: Mapping[str, Any]) -> None:
        journal = self._stores.journals["learning_trials"]
        first = self.state.trials
        applied = told["applied"]
        for place, trial in enumerate(told["trials"]):
            number = told["generation"] if applied is not None and trial == applied else None
            journal.append({"at": now, "trial": first + place + 1, "generation": number, **trial})

    async def _change(self, state: MetaState, before: Levers, told: Mapping[str, Any]) -> None:
        """Put other levers in force, those of a new generation or of one before."""
        levers, reversal, applied = state.levers, told["reversal"], told["applied"]
        if applied is not None:
            made = self._generation(levers, before.number, applied["learner"], applied["why"], applied)
            if not self._fits(levers):
                self._audit.append({"at": self._clock.now(), "event": "refused", "why": self._unfit})
                return
            await in_thread(self._clock, self._files.add, made)
        self.state = state
        await self._commit()
        self._take(levers)
        await in_thread(self._clock, self._made_right)
        kept = self._settings.learning.learners.meta.kept_generations
        await in_thread(self._clock, self._files.forget, kept, frozenset({0, levers.number, before.number}))
        event = "reverted" if reversal is not None else "applied"
        self._audit.append(
            {"at": self._clock.now(), "event": event, "generation": levers.number, "before": before.number, "why": told}
        )
        self._tell()

    def _generation(
        self, levers: Levers, parent: int, learner: str, why: str, evidence: Mapping[str, Any]
    ) -> Generation:
        now = self._clock.now()
        ground = ground_of(self._settings, self._learned(), self._venue, now)
        return Generation(levers, parent, now, learner, why, self._venue, settings_of(ground), evidence)

    async def _commit(self) -> None:
        await self._document.commit(GenerationState(venue_metadata=self._venue, content=self.state))

    def _fits(self, levers: Levers) -> bool:
        """Whether the settings can hold these levers; the decisions stay as they are."""
        try:
            tuned(self._decisions.untuned, levers)
        except ValueError as error:
            self._unfit = f"generation {levers.number}: {' '.join(str(error).splitlines()[:3])}"
            return False
        return True

    def _take(self, levers: Levers) -> None:
        """Decide under these levers; under the settings alone when they contradict them, which is said."""
        self._decisions.use(levers)
        if self._decisions.refusal:
            log.error("learning.generation_refused", generation=levers.number, why=self._decisions.refusal)

    def _tell(self) -> None:
        refusal = self._decisions.refusal
        self._observe([Finding(REFUSED, "", refusal)] if refusal else [])

    def _said(self, told: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        verdicts = {one["learner"]: one["verdict"] for one in told["proposals"]}
        log.info(
            "learning.met",
            generation=self.state.levers.number,
            **found["counts"],
            applied=told["applied"]["learner"] if told["applied"] else "",
            reverted=told["reversal"]["learner"] if told["reversal"] else "",
            verdicts=verdicts,
            note=told["note"],
            took_s=found["took_s"],
            peak_mb=found["peak_mb"],
        )

    # ------------------------------------------------------------ by a person

    async def carry_out(self, order: OperatorOrder) -> Answer:
        """What `tradingbot learning revert` asks for."""
        return await self.revert(order.generation, order.text, order.by)

    async def revert(self, number: int, reason: str, by: str) -> Answer:
        """Put a generation that is on file in force again, byte for byte."""
        known = self._files.numbers()
        if number not in known:
            shown = ", ".join(str(one) for one in known[-10:]) or "none"
            return Answer(False, f"there is no generation {number} on file", (f"newest on file: {shown}",))
        try:
            levers = await in_thread(self._clock, self._files.levers, number)
        except StateCorruptError as error:
            return Answer(False, str(error), ("choose another generation",))
        if not self._fits(levers):
            return Answer(False, f"the settings refuse it: {self._unfit}")
        before = self.state
        self.state = replace(before, levers=levers, watch=None, met_at=self._clock.now())
        self._audit.append(
            {"at": self._clock.now(), "event": "reverted_by_operator", "generation": number,
             "before": before.levers.number, "by": by, "reason": reason}
        )  # fmt: skip
        await self._commit()
        self._take(levers)
        await in_thread(self._clock, self._made_right)
        hashes = await in_thread(self._clock, self._files.hashes, number)
        self._tell()
        lines = tuple(f"{name}  sha256 {digest}" for name, digest in hashes.items())
        text = f"generation {number} holds from the next cycle on; before it was {before.levers.number}"
        return Answer(True, text, lines, {"generation": number, "before": before.levers.number, "hashes": hashes})


def _first_outcome(home: Path) -> datetime | None:
    """When the oldest signal on file was given; None while none has an outcome."""
    line = next(iter(JournalReader(journal_path(home, "signal_outcomes"))), None)
    return None if line is None else moment_of({"as_of": line.get("as_of")})
