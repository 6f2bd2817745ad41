"""Writes one line per signal to `logs/signal_outcomes.jsonl` once its forward returns are known (SPEC 10.1).

All that it keeps in memory stands in `logs/signal_universe.jsonl` too: after a kill, what waits is made again from the
tail of that journal and from what is resolved already, so no signal is lost and none resolved twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import structlog

from tradingbot.core.types import parse_utc
from tradingbot.engine.signal_bus import SignalsDecided
from tradingbot.gates import conviction, fee_aware
from tradingbot.gates.params import CompositeWeights
from tradingbot.learning.outcomes import (
    CyclePrices,
    OutcomeParams,
    Outcomes,
    PendingSignal,
    Resolved,
    step,
)
from tradingbot.ports import Journal
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

CARRIED: Final = (
    "direction", "confidence", "conviction", "stage", "blocked_by", "multiplier", "components", "regime",
)  # fmt: skip
"""Fields of the universe line that an outcome repeats: what learners ask for."""
COMPOSITE_PARTS: Final = tuple(CompositeWeights.model_fields)
"""Parts of the conviction gate's score, in the order in which a line has them."""
TICKER: Final = "ticker"
"""Name of the input that the mark price is of, where a line says what was stale."""
FIRST_LINES: Final = 2_000
MOST_LINES: Final = 200_000
"""Lines of the universe that are read back at a start, first and at most."""
MOST_WAITING: Final = 20_000
"""Lines that are kept while the disk refuses to take them."""
NOT_RESOLVED: Final = timedelta(hours=24)
"""Signals so much older than the newest are left as they are when nothing was ever resolved."""


class OutcomeDesk:
    """Listens to the signal bus. Quick: a few milliseconds for a hundred symbols, also after a pause."""

    def __init__(self, journal: Journal, params: OutcomeParams, known: Outcomes | None = None) -> None:
        """`known`: what a start found on file (`waiting_on_file`)."""
        self._journal = journal
        self._params = params
        self._known = known or Outcomes()
        self._refused: deque[dict[str, Any]] = deque()
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Signals that are not resolved."""
        return len(self._known.pending)

    def listen(self, event: SignalsDecided) -> None:
        """One cycle: resolve what is due."""
        cycle, signals = cycle_of(event.as_of, event.universe)
        self._known, resolved = step(self._known, cycle, signals, self._params)
        self._write(line_of(one, event.as_of) for one in resolved)

    def _write(self, lines: Iterable[dict[str, Any]]) -> None:
        """In their order; what the disk does not take waits, within bounds."""
        self._refused.extend(lines)
        while self._refused:
            if self._journal.append(self._refused[0]) is False:
                break
            self._refused.popleft()
        while len(self._refused) > MOST_WAITING:
            self._refused.popleft()
            self.dropped += 1
            if self.dropped == 1:
                log.error("outcomes.dropped", why="the disk has refused them for long")


def cycle_of(as_of: datetime, universe: Iterable[Mapping[str, Any]]) -> tuple[CyclePrices, list[PendingSignal]]:
    """Prices and signals of one cycle out of its lines of the universe."""
    prices: dict[str, float] = {}
    stale: set[str] = set()
    signals = []
    for line in universe:
        symbol, price = str(line["symbol"]), line["price"]
        if price is not None:
            prices[symbol] = float(price)
        if TICKER in (line.get("stale") or ()):
            stale.add(symbol)
        fresh = prices.get(symbol) if symbol not in stale else None
        facts = {**{name: line.get(name) for name in CARRIED}, **_of_gates(line.get("gates") or ())}
        signals.append(PendingSignal(str(line["signal_id"]), as_of, symbol, fresh, facts))
    return CyclePrices(as_of, prices, frozenset(stale)), signals


def _of_gates(gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the conviction gate's score was made of, in the order of its settings, and the round trip expected, bps."""
    said = {
        (str(gate.get("gate")), str(reason.get("code"))): reason
        for gate in gates
        for reason in gate.get("reasons") or ()
    }
    made = said.get((conviction.NAME, "composite"), {})
    parts = [made.get(name) for name in COMPOSITE_PARTS]
    costs = (reason.get("cost_bps") for (gate, _), reason in said.items() if gate == fee_aware.NAME)
    cost = next((value for value in costs if value is not None), None)
    return {
        "composite": [round(part, 4) for part in parts] if None not in parts else None,
        "cost_bps": None if cost is None else round(cost, 3),
    }


def line_of(one: Resolved, now: datetime) -> dict[str, Any]:
    """One line of `logs/signal_outcomes.jsonl`; `at` is the cycle that resolved it."""
    signal = one.signal
    return {
        "signal_id": signal.signal_id,
        "at": now,
        "as_of": signal.as_of,
        "symbol": signal.symbol,
        "price": signal.price,
        **signal.facts,
        "returns_bps": {str(minutes): value for minutes, value in one.returns_bps.items()},
        "unknown": {str(minutes): why for minutes, why in one.unknown.items()},
    }


def waiting_on_file(universe: JournalReader, outcomes: JournalReader) -> Outcomes:
    """What waited when the last life ended, and the prices that its cycles saw. Lines of another shape are passed over.

    Outcomes are written in the order of the signals, so whatever is younger than the newest of them waits.
    """
    done = _resolved_last(outcomes)
    lines = _since(universe, None if done is None else done[0])
    known = Outcomes()
    for as_of, rows in groupby(lines, key=lambda line: parse_utc(line["as_of"])):
        cycle, signals = cycle_of(as_of, rows)
        waiting = [one for one in signals if done is None or _waits(one, *done)]
        known = Outcomes((*known.pending, *waiting), (*known.seen, cycle))
    if done is None and known.seen:
        oldest = known.seen[-1].as_of - NOT_RESOLVED
        known = Outcomes(tuple(one for one in known.pending if one.as_of >= oldest), known.seen)
    if not known.pending:
        return Outcomes((), known.seen[-1:])
    needed = tuple(one for one in known.seen if one.as_of >= known.pending[0].as_of)
    return Outcomes(known.pending, needed)


def _waits(signal: PendingSignal, newest: datetime, ids: frozenset[str]) -> bool:
    return signal.as_of > newest or (signal.as_of == newest and signal.signal_id not in ids)


def _resolved_last(outcomes: JournalReader) -> tuple[datetime, frozenset[str]] | None:
    """The newest signals that are resolved: their moment and their ids."""
    found = [line for line in outcomes.tail(FIRST_LINES) if _is_whole(line)]
    if not found:
        return None
    newest = max(parse_utc(line["as_of"]) for line in found)
    return newest, frozenset(str(line["signal_id"]) for line in found if parse_utc(line["as_of"]) == newest)


def _since(universe: JournalReader, moment: datetime | None) -> list[Mapping[str, Any]]:
    """Lines of the universe since a moment, oldest first; of the last hours alone where none is given."""
    count = FIRST_LINES
    while True:
        lines: Sequence[Mapping[str, Any]] = [line for line in universe.tail(count) if _is_whole(line)]
        if not lines:
            return []
        first = parse_utc(lines[-1]["as_of"]) - NOT_RESOLVED if moment is None else moment
        if len(lines) < count or count >= MOST_LINES or parse_utc(lines[0]["as_of"]) < first:
            return [line for line in lines if parse_utc(line["as_of"]) >= first]
        count *= 4


def _is_whole(line: Mapping[str, Any]) -> bool:
    try:
        parse_utc(line["as_of"])
    except (KeyError, TypeError, ValueError):
        return False
    return all(name in line for name in ("signal_id", "symbol", "price"))
