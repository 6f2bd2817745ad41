"""What differs between a recorded cycle and the same one decided again: the stage, the symbol, the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tradingbot.decision import Decision
from tradingbot.engine.cycle_record import book_digest, cycle_action, digest_of, exit_record, signal_records
from tradingbot.engine.input_parts import CycleInputs, features_checksum
from tradingbot.engine.stage_digests import stage_digests
from tradingbot.engine.universe_record import universe_records
from tradingbot.storage.journal import encode_line

Record = Mapping[str, Any]

INPUTS: Final = "inputs"
UNNAMED: Final = "decision"
MAX_NAMED: Final = 8
"""Values that are told of one mismatch."""
_SIGNAL_FIELDS: Final = {
    "components": ("components",),
    "signal": ("direction", "confidence", "aligned", "opposed", "live", "conviction"),
    "alignment": ("mtf",),
    "ideas": ("strategies",),
    "ensemble": ("ensemble",),
    "intelligence": ("intelligence", "microstructure"),
}
"""Fields of a signal's line by the stage that they come of."""
_UNIVERSE_FIELDS: Final = {"gates": ("gates", "stage", "reasons", "multiplier"), "size": ("size", "order")}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A cycle that comes out differently: the first stage that does, all that do, and what of them is on file.

    `version` is the program that recorded it; `same_program`: its deciding code is that of this one.
    """

    cycle_id: str
    as_of: str
    stage: str
    stages: tuple[str, ...]
    values: tuple[str, ...]
    version: str
    same_program: bool


def wrong_inputs(inputs: CycleInputs, recorded: Record, checksums: Sequence[int]) -> list[str]:
    """Inputs that are not those of the record, named as closely as hashes can."""
    found = [
        f"{symbol} features"
        for (symbol, part), expected in zip(inputs.snapshot.symbols.items(), checksums, strict=True)
        if features_checksum(part) != expected
    ]
    hashes = (
        ("market snapshot", "snapshot_hash", inputs.snapshot.digest()),
        ("book of positions", "book_hash", book_digest(inputs.book)),
        ("what was learned", "learned_hash", digest_of(inputs.learned)),
        ("parameters", "params_hash", inputs.params_hash),
    )
    found += [name for name, key, computed in hashes if recorded.get(key) != computed]
    # The snapshot's hash has the features in it: when they are named, it says nothing more.
    return [one for one in found if one != "market snapshot"] if found[:1] and "features" in found[0] else found


def differing_stages(decision: Decision, recorded: Record) -> tuple[str, ...]:
    """Stages whose hashes differ, in the order of the decision; UNNAMED where no record tells them apart."""
    stored = recorded.get("stages") or {}
    found = tuple(name for name, digest in stage_digests(decision).items() if stored.get(name, digest) != digest)
    return found or (UNNAMED,)


def differing_values(
    stage: str,
    inputs: CycleInputs,
    decision: Decision,
    recorded: Record,
    signals: Sequence[Record],
    universe: Sequence[Record],
) -> tuple[str, ...]:
    """The recorded values of that stage which are others now, as far as its cycle's lines are on file."""
    snapshot = inputs.snapshot
    if stage in _SIGNAL_FIELDS:
        computed = list(signal_records(snapshot, decision))
        found = _of_symbols(signals, computed, _SIGNAL_FIELDS[stage])
    elif stage in _UNIVERSE_FIELDS:
        computed = list(universe_records(snapshot, decision, inputs.params_hash))
        found = _of_symbols(universe, computed, _UNIVERSE_FIELDS[stage])
    else:
        found = _of_cycle(stage, decision, recorded)
    return tuple(value for value, _ in zip(found, range(MAX_NAMED), strict=False))


def _of_cycle(stage: str, decision: Decision, recorded: Record) -> Iterator[str]:
    made: Mapping[str, Record] = {
        "regime": {"regime": decision.regime.regime.value},
        "strategies": {"strategies": {one.name: one.share_pct for one in decision.active}},
        "exits": {"exits": [exit_record(verdict) for verdict in decision.exits]},
        "actions": {"actions": [cycle_action(action) for action in decision.actions]},
    }
    for name, value in as_stored(made.get(stage, {})).items():
        yield from _differences(name, recorded.get(name), value)


def _of_symbols(stored: Sequence[Record], computed: Sequence[Record], names: Sequence[str]) -> Iterator[str]:
    known = {row.get("symbol"): row for row in stored}
    for row in as_stored(list(computed)):
        other = known.get(row["symbol"])
        if other is not None:
            for name in names:
                yield from _differences(f"{row['symbol']} {name}", other.get(name), row[name])


def _differences(where: str, stored: Any, computed: Any) -> Iterator[str]:
    """Each value within that differs; entries of a list go by their name where they have one."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in dict.fromkeys((*stored, *computed)):
            yield from _differences(f"{where}.{key}", stored.get(key), computed.get(key))
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for place, (one, other) in enumerate(zip(stored, computed, strict=True)):
            yield from _differences(f"{where}[{_name(one, place)}]", one, other)
    elif stored != computed:
        yield f"{where}: recorded {_short(stored)}, decided {_short(computed)}"


def _name(entry: Any, place: int) -> str:
    if isinstance(entry, dict):
        for key in ("name", "gate", "source", "rule", "code", "symbol", "position_id"):
            if entry.get(key):
                return str(entry[key])
    return str(place)


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_stored(value: Any) -> Any:
    """A value as it reads back from a journal."""
    return orjson.loads(encode_line({"value": value}))["value"]
