"""A home folder as it stood at one moment, also while a daemon writes to it.

What is kept is what a kill at that moment would have left, and every start recovers from that: documents are replaced
whole and journals only grow, so it is enough to look at all of them within milliseconds and to look again whether any
has moved meanwhile. Where something always moves, documents are older than journals, never newer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from tradingbot.engine.catalog import DOCUMENTS, JOURNALS
from tradingbot.storage.copies import newest_copy

ROOTS: Final = ("state", "logs", "feature_store", "models", "configs")
"""Folders of a home that belong to a backup. Keys, locks and older backups do not."""
LEFT_OUT: Final = ("state/inbox/", "state/outbox/", "state/sim_venue/api_keys.json")
"""Requests of the past must not be carried out again; keys are never copied, a simulated venue makes new ones."""
VENUE_BOOK: Final = "state/sim_venue/transactions.jsonl"
MONEY: Final = tuple(JOURNALS[name].path for name in ("intents", "fills", "executed_trades"))
FIRST: Final = tuple(DOCUMENTS[name].path for name in ("positions", "trades", "instance", "kill_switches"))
"""Positions before trades: a trade is written before the position is let go."""
ATTEMPTS: Final = 40
PAUSE_S: Final = 0.05
_BLOCK: Final = 65_536


@dataclass(slots=True)
class Kept:
    """One file: its name under the home, and either its whole content or an open stream of which `size` bytes count."""

    name: str
    size: int
    content: bytes | None = None
    stream: IO[bytes] | None = None
    schema_version: int | None = None


@dataclass(slots=True)
class HomeCut:
    """All files of one moment. `at_one_moment` is False where files moved during every attempt."""

    files: list[Kept] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    at_one_moment: bool = True


def cut_home(home: Path, stack: ExitStack, pause: Callable[[float], None]) -> HomeCut:
    """The home at one moment; streams are closed by `stack`. `pause` lets real seconds pass. Raises OSError."""
    for attempt in range(ATTEMPTS):
        with ExitStack() as tried:
            before = _marks(home)
            cut = _look(home, tried)
            if _marks(home) == before or attempt == ATTEMPTS - 1:
                cut.at_one_moment = _marks(home) == before
                stack.push(tried.pop_all())
                return cut
        pause(PAUSE_S)
    raise AssertionError("the last attempt returns")


def _marks(home: Path) -> dict[str, tuple[int, int, int]]:
    """What must stand still: files that carry money."""
    found = {}
    for name in (*FIRST, *MONEY, VENUE_BOOK):
        with suppress(FileNotFoundError):
            facts = (home / name).stat()
            found[name] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return found


def _look(home: Path, stack: ExitStack) -> HomeCut:
    cut = HomeCut()
    names = dict.fromkeys(_names(home, cut.notes))
    documents = {row.path for row in DOCUMENTS.values()}
    order = [name for name in (*FIRST, *sorted(documents)) if name in names]
    rest = [name for name in names if name not in documents]
    rest.sort(key=lambda name: (name == VENUE_BOOK, name not in MONEY, name))
    for name in dict.fromkeys((*order, *rest)):
        kept = _document(home, name, cut.notes) if name in documents else _whole_lines(home, name, stack)
        if kept is not None:
            cut.files.append(kept)
    return cut


def _names(home: Path, notes: list[str]) -> Iterator[str]:
    documents = {row.path for row in DOCUMENTS.values()}
    lost = {name for name in documents if not (home / name).exists() and newest_copy(home / name) is not None}
    yield from sorted(lost)
    for root in ROOTS:
        for folder, folders, files in os.walk(home / root):
            folders[:] = sorted(one for one in folders if not (one.startswith(".") or one == "quarantine"))
            for file in sorted(files):
                path = Path(folder, file)
                name = PurePosixPath(path.relative_to(home)).as_posix()
                if _belongs(name, documents):
                    if stat.S_ISREG(path.lstat().st_mode):
                        yield name
                    else:
                        notes.append(f"{name}: not a regular file, left out")


def _belongs(name: str, documents: set[str]) -> bool:
    """Not temporary files, older generations (the newest good copy stands for them), requests, keys."""
    last = name.rpartition("/")[2]
    base, dot, tail = name.rpartition(".")
    generation = dot and tail[:1] == "g" and tail[1:].isdigit() and base in documents
    return not (last.startswith((".", "~")) or generation or name.startswith(LEFT_OUT))


def _document(home: Path, name: str, notes: list[str]) -> Kept | None:
    copy = newest_copy(home / name)
    if copy is None:
        notes.append(f"{name}: no readable copy, left out")
        return None
    if copy.generation:
        notes.append(f"{name}: taken from {copy.path.name}, the newest readable copy")
    return Kept(name, len(copy.content), content=copy.content, schema_version=copy.schema_version)


def _whole_lines(home: Path, name: str, stack: ExitStack) -> Kept | None:
    """An open file and its present size; of a journal, up to its last whole line."""
    try:
        stream = stack.enter_context((home / name).open("rb"))
    except FileNotFoundError:  # rotated, compressed or retired since it was listed
        return None
    size = os.fstat(stream.fileno()).st_size
    return Kept(name, _end_of_lines(stream, size) if name.endswith(".jsonl") else size, stream=stream)


def _end_of_lines(stream: IO[bytes], size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        stream.seek(start)
        at = stream.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
