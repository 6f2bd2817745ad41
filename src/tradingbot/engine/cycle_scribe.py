"""Writes down what a cycle saw, decided and did: to the journals, and to whoever listens to the signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tradingbot.core.parameters import LearnedParameters
from tradingbot.decision import Decision
from tradingbot.engine.cycle_record import adjustment_records, cycle_record, digest_of, ensemble_records, signal_records
from tradingbot.engine.execute import Done
from tradingbot.engine.input_parts import CycleInputs
from tradingbot.engine.input_recorder import InputSink
from tradingbot.engine.reconcile import Truth
from tradingbot.engine.signal_bus import SignalBus, SignalsDecided
from tradingbot.engine.stage_digests import stage_digests
from tradingbot.engine.universe_record import universe_records
from tradingbot.guards.entry_permission import EntryPermission
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.ports import Journal


@dataclass(frozen=True, slots=True)
class CycleSeen:
    """One cycle: all that its decision saw, the decision, and what was done. `book` is the one that was decided on."""

    snapshot: MarketSnapshot
    book: Book
    permission: EntryPermission
    learned: LearnedParameters
    decision: Decision
    truth: Truth
    done: Sequence[Done]
    think_ms: float
    params_digest: str


class Scribe(Protocol):
    """Whoever keeps what cycles came to."""

    def write(self, cycle: CycleSeen) -> None:
        """One cycle, once, in order. Must be quick and raise nothing."""


@dataclass(frozen=True, slots=True)
class JournalScribe:
    """Keeps everything: one line per cycle, several per signal."""

    cycles: Journal
    signals: Journal
    universe: Journal
    ensemble: Journal
    sizes: Journal
    bus: SignalBus
    inputs: InputSink

    def write(self, cycle: CycleSeen) -> None:
        """Queue all lines of one cycle."""
        snapshot, decision = cycle.snapshot, cycle.decision
        records = list(signal_records(snapshot, decision))
        for record in records:
            self.signals.append(record)
        for prediction in ensemble_records(records, decision):
            self.ensemble.append(prediction)
        universe = list(universe_records(snapshot, decision, cycle.params_digest))
        for line in universe:
            self.universe.append(line)
        self.bus.publish(SignalsDecided(snapshot.cycle_id, snapshot.as_of, decision, records, universe))
        for adjustment in adjustment_records(snapshot, decision):
            self.sizes.append(adjustment)
        record = cycle_record(
            snapshot,
            cycle.book,
            decision,
            cycle.permission,
            cycle.truth,
            cycle.done,
            cycle.params_digest,
            cycle.think_ms,
        )
        more = {"learned_hash": digest_of(cycle.learned), "stages": stage_digests(decision)}
        self.inputs.record(CycleInputs(snapshot, cycle.book, cycle.permission, cycle.learned, cycle.params_digest))
        self.cycles.append({**record, **more})
