"""Recorded cycles decided again: the very `decide` on the recorded inputs, held against the recorded hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tradingbot.core.types import parse_utc
from tradingbot.decision import decide
from tradingbot.engine.catalog import journal_path
from tradingbot.engine.cycle_record import digest_of
from tradingbot.engine.input_lines import DamagedLineError, read_line
from tradingbot.engine.input_parts import CycleInputs
from tradingbot.engine.input_recorder import TURNS
from tradingbot.engine.journal_moments import WRITTEN_LATER, within
from tradingbot.research.replay.located import located_lines
from tradingbot.research.replay.naming import INPUTS, Mismatch, differing_stages, differing_values, wrong_inputs
from tradingbot.research.replay.params import ParamsOnFile
from tradingbot.research.replay.rebuild import LostThreadError, Rebuilder
from tradingbot.storage.journal_reader import JournalReader

LONGEST_KEY: Final = timedelta(hours=2)
"""No two key lines of one run are further apart."""
LOOK_BACK: Final = (TURNS + 1) * LONGEST_KEY
"""So long before the first cycle the candles of every symbol were whole once."""
MAX_KEPT: Final = 100
"""Mismatches and damaged lines that are told one by one; all are counted."""
A_MINUTE: Final = timedelta(minutes=1)
PAUSE_S: Final = 7200.0
"""Cycles further apart than this have a pause between them."""
NOT_ON_FILE: Final = "its inputs are not on file"
_KEPT: Final = (
    "snapshot_hash", "book_hash", "params_hash", "learned_hash", "decision_hash", "stages", "regime", "strategies",
    "exits", "actions",
)  # fmt: skip
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Span:
    """What is replayed: cycles of [since, until] of a home, at most `limit` of them, the oldest first."""

    home: Path
    since: datetime
    until: datetime
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that is not as it was written."""

    file: str
    line: int
    cycle_id: str
    parts: tuple[str, ...]


@dataclass(slots=True)
class ReplayResult:
    """What came of a span.

    `cycles` were recorded; `replayed` of them were decided again and `equal` came out the same; `left_out` counts the
    others by why. `orphans` are inputs whose cycle has no record. `otherwise` of the `mismatched` ones were recorded by
    a program with other deciding code. `covered_s` is the recorded time that the replayed cycles cover, without pauses;
    `versions` counts them by the program that recorded them.
    """

    cycles: int = 0
    replayed: int = 0
    equal: int = 0
    mismatched: int = 0
    damaged: int = 0
    orphans: int = 0
    otherwise: int = 0
    covered_s: float = 0.0
    mismatches: list[Mismatch] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    def add(self, other: ReplayResult) -> None:
        """Take in what came of another span."""
        for name in ("cycles", "replayed", "equal", "mismatched", "damaged", "orphans", "otherwise", "covered_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.mismatches = [*self.mismatches, *other.mismatches][:MAX_KEPT]
        self.damages = [*self.damages, *(one for one in other.damages if one not in self.damages)][:MAX_KEPT]
        for mine, theirs in ((self.left_out, other.left_out), (self.stages, other.stages)):
            mine.update(theirs)
        self.versions.update(other.versions)


class Replay:
    """One pass over a span. `version` is the program that decides now."""

    def __init__(self, span: Span, version: str, told: Told | None = None) -> None:
        self._span = span
        self._version = version
        self._told = told or (lambda _done, _of: None)
        self._params = ParamsOnFile(span.home)
        self._rebuilder = Rebuilder()
        self._wanted: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._seen: datetime | None = None
        self._before: datetime | None = None
        self.result = ReplayResult()

    def run(self) -> ReplayResult:
        """Every wanted cycle, oldest first."""
        self._wanted = dict(self._recorded())
        total = self.result.cycles = len(self._wanted)
        for body in self._bodies() if total else ():
            self._one(body)
            self._told(total - len(self._wanted), total)
            if not self._wanted:
                break
        if self._wanted:
            self.result.left_out[NOT_ON_FILE] += len(self._wanted)
        self._told(total, total)
        return self.result

    def _recorded(self) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
        span = self._span
        reader = JournalReader(journal_path(span.home, "cycles"))
        lines = within(reader.since(span.since, span.until + WRITTEN_LATER), span.since, span.until)
        for count, row in enumerate(lines):
            if span.limit is not None and count >= span.limit:
                return
            yield (str(row["as_of"]), str(row["cycle_id"])), {name: row.get(name) for name in _KEPT}

    def _bodies(self) -> Iterator[Mapping[str, Any]]:
        """Bodies of sound lines from before the span to its end."""
        span = self._span
        path = journal_path(span.home, "cycle_inputs")
        for line in located_lines(path, span.since - LOOK_BACK, span.until + WRITTEN_LATER):
            if line.problem:
                inside = line.rotated_at is None or line.rotated_at >= span.since
                self._damaged(Damage(line.file, line.number, "", (line.problem,)), inside)
                continue
            try:
                yield read_line(line.raw)
            except DamagedLineError as error:
                damage = Damage(line.file, line.number, error.cycle_id, error.parts)
                self._damaged(damage, self._is_inside(damage))

    def _damaged(self, damage: Damage, inside: bool) -> None:
        result = self.result
        if inside:
            result.damaged += 1
            if len(result.damages) < MAX_KEPT:
                result.damages.append(damage)
        self._rebuilder.lose("a line before it is damaged")
        for key in [key for key in self._wanted if damage.cycle_id and key[1] == damage.cycle_id]:
            del self._wanted[key]
            result.left_out["its line is damaged"] += 1

    def _is_inside(self, damage: Damage) -> bool:
        """Whether a damaged line is one of the span, as far as its cycle's name or the line before it tells."""
        try:
            at = datetime.strptime(damage.cycle_id, "%Y%m%dT%H%M").replace(tzinfo=UTC)
        except ValueError:
            return self._seen is not None and self._seen >= self._span.since - A_MINUTE
        return self._span.since - A_MINUTE < at <= self._span.until

    def _one(self, body: Mapping[str, Any]) -> None:
        at, key = parse_utc(body["at"]), (body["at"], body["cycle_id"])
        self._seen = at
        recorded = self._wanted.pop(key, None)
        if recorded is None and self._span.since <= at <= self._span.until and self._span.limit is None:
            self.result.orphans += 1
        params = self._params.of(body["params_hash"])
        needed = at >= self._span.since - LONGEST_KEY and not isinstance(params, str)
        try:
            inputs = self._rebuilder.take(body, params if needed and not isinstance(params, str) else None)
        except LostThreadError as error:
            if recorded is not None:
                self.result.left_out[str(error)] += 1
            return
        if recorded is None:
            return
        if inputs is None or isinstance(params, str):
            self.result.left_out[str(params)] += 1
            return
        self._count(at)
        decision = decide(inputs.snapshot, inputs.book, params.decision, inputs.permission, inputs.learned)
        wrong = wrong_inputs(inputs, recorded, body["features"])
        if not wrong and digest_of(decision) == recorded["decision_hash"]:
            self.result.equal += 1
        else:
            self._mismatch(body, inputs, decision, recorded, wrong)

    def _count(self, at: datetime) -> None:
        result = self.result
        step_s = (at - (self._before or at)).total_seconds()
        self._before = at
        result.replayed += 1
        result.covered_s += step_s if step_s <= PAUSE_S else 0.0
        result.versions[self._rebuilder.version] += 1

    def _mismatch(
        self, body: Mapping[str, Any], inputs: CycleInputs, decision: Any, recorded: Mapping[str, Any], wrong: list[str]
    ) -> None:
        result, version = self.result, self._rebuilder.version
        stages = () if digest_of(decision) == recorded["decision_hash"] else differing_stages(decision, recorded)
        stages = (INPUTS, *stages) if wrong else stages
        result.mismatched += 1
        result.otherwise += version != self._version
        result.stages[stages[0]] += 1
        if len(result.mismatches) >= MAX_KEPT:
            return
        values = tuple(wrong)
        if not wrong:
            signals, universe = (self._lines(name, body) for name in ("signals", "signal_universe"))
            values = differing_values(stages[0], inputs, decision, recorded, signals, universe)
        same = version == self._version
        result.mismatches.append(Mismatch(body["cycle_id"], body["at"], stages[0], stages, values, version, same))

    def _lines(self, journal: str, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What a journal tells of one cycle; read for mismatches only."""
        at = parse_utc(body["at"])
        reader = JournalReader(journal_path(self._span.home, journal))
        lines = within(reader.since(at, at + WRITTEN_LATER), at, at)
        return [row for row in lines if row["cycle_id"] == body["cycle_id"]]
