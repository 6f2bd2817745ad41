"""What `tradingbot learning` tells of a home's generations. Reads files only; a daemon may own them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import ConfigurationError, StateCorruptError
from tradingbot.core.types import iso_utc
from tradingbot.engine.generations import GenerationFiles
from tradingbot.engine.learning_models import GenerationState
from tradingbot.learning.meta_learning import MetaState
from tradingbot.storage.writer import StorageWriter


def state_of_home(home: Path) -> MetaState:
    """The state of the newest meeting; an empty one before the first. Raises StateError."""
    found = open_document(home, "generation", StorageWriter(SystemClock())).peek()
    return found.content if isinstance(found, GenerationState) else MetaState()


def listed(home: Path) -> dict[str, Any]:
    """Every generation on file, oldest first, and what holds now."""
    files, state = GenerationFiles(home), state_of_home(home)
    rows = []
    for number in files.numbers():
        try:
            one = files.read(number)
        except (KeyError, StateCorruptError) as error:
            rows.append({"generation": number, "in_force": number == state.levers.number, "damaged": str(error)})
            continue
        rows.append(
            {
                "generation": number,
                "in_force": number == state.levers.number,
                "created_at": one["created_at"],
                "parent": one["parent"],
                "learner": one["learner"],
                "why": one["why"],
                "levers": len(one["values"]),
                "venue": one["_venue_metadata"]["venue"],
            }
        )
    return {"generations": rows, **_now(state)}


def _now(state: MetaState) -> dict[str, Any]:
    watch = state.watch
    return {
        "in_force": state.levers.number,
        "met_at": None if state.met_at is None else iso_utc(state.met_at),
        "watch": None
        if watch is None
        else {"learner": watch.learner, "since": iso_utc(watch.since), "before": watch.before.number},
        "quarantine": {learner: iso_utc(until) for learner, until in state.quarantine.items()},
        "trials": state.trials,
    }


def shown(home: Path, number: int | None) -> dict[str, Any]:
    """One generation with its provenance, levers, and the hash of each file; the one in force by default."""
    files, state = GenerationFiles(home), state_of_home(home)
    wanted = state.levers.number if number is None else number
    one = _read(files, wanted)
    return {**one, "in_force": wanted == state.levers.number, "hashes": files.hashes(wanted)}


def difference(home: Path, first: int, second: int | None) -> dict[str, Any]:
    """Every lever that two generations have otherwise; the second is the one in force by default."""
    files, state = GenerationFiles(home), state_of_home(home)
    other = state.levers.number if second is None else second
    one, two = _read(files, first), _read(files, other)
    values = [{**found["settings"], **found["values"]} for found in (one, two)]
    names = sorted(values[0].keys() | values[1].keys())
    rows = [
        {"lever": name, "before": values[0].get(name), "after": values[1].get(name)}
        for name in names
        if values[0].get(name) != values[1].get(name)
    ]
    return {"from": first, "to": other, "changes": rows}


def _read(files: GenerationFiles, number: int) -> dict[str, Any]:
    try:
        return files.read(number)
    except KeyError:
        known = ", ".join(str(one) for one in files.numbers()[-10:]) or "none yet: a daemon makes the first one"
        raise ConfigurationError(f"there is no generation {number} on file; newest on file: {known}") from None
