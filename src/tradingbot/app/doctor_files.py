"""What `tradingbot doctor` sees in the files of a home: modes, owner, every document, every journal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tradingbot.app.findings import Finding, fine, problem, warning
from tradingbot.app.home import FOLDERS
from tradingbot.app.restoring import PLAN
from tradingbot.app.stores import open_document
from tradingbot.clock import SystemClock
from tradingbot.core.errors import StateCorruptError, StateError, StateNewerError
from tradingbot.engine.catalog import DOCUMENTS, JOURNALS, document_path, journal_path
from tradingbot.storage.copies import Copy, newest_copy
from tradingbot.storage.journal_reader import JournalReader
from tradingbot.storage.rotation import parts
from tradingbot.storage.writer import StorageWriter

FILES_PAGE: Final = "docs/state-files.md"
LOST: Final = "docs/state-files.md#when-a-file-is-lost-or-damaged"
SECURITY: Final = "docs/security.md"
READ_WHOLE_BYTES: Final = 8_000_000
"""Of a longer journal only the newest lines are read: the doctor is called when there is no time."""
NEWEST_LINES: Final = 5_000


def look_at_home(home: Path) -> Iterator[Finding]:
    """Folders, modes, owner, leftovers of an interrupted restore."""
    if not home.is_dir():
        yield problem("home", str(home), "there is no such folder", "start a daemon once, or name another --home", LOST)
        return
    yield _private(home, "home")
    for name in FOLDERS:
        folder = home / name
        if not folder.is_dir():
            yield warning("home", name, "missing", "the next start makes it; if it was lost: tradingbot restore", LOST)
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield problem(
                "home", name, "not readable and writable for this user", f"chown -R or chmod 700 {folder}", LOST
            )
        else:
            yield _private(folder, name)
    strangers = list(_loose_files(home))
    if strangers:
        shown = ", ".join(str(path.relative_to(home)) for path in strangers[:5])
        remedy = f"chmod -R go-rwx {home}"
        yield warning("home", "file modes", f"others may read {len(strangers)} files, e.g. {shown}", remedy, SECURITY)
    if (home / PLAN).exists():
        yield problem(
            "home", "restore", "was interrupted", "call the same tradingbot restore again, or start", "docs/backup.md"
        )


def _private(folder: Path, subject: str) -> Finding:
    facts = folder.stat()
    mode = stat.S_IMODE(facts.st_mode)
    owner = f"mode {mode:04o}, owner {facts.st_uid}"
    if os.geteuid() not in (0, facts.st_uid):
        remedy = "run it as the daemon's user"
        return warning("home", subject, f"{owner}; this is user {os.geteuid()}", remedy, SECURITY)
    if mode & 0o022:
        return problem("home", subject, f"{owner}: others may write", f"chmod 700 {folder}", SECURITY)
    return fine("home", subject, owner)


def _loose_files(home: Path) -> Iterator[Path]:
    for root in FOLDERS:
        for folder, _, files in os.walk(home / root):
            for name in files:
                path = Path(folder, name)
                try:
                    mode = path.lstat().st_mode
                except OSError:
                    continue
                if stat.S_ISREG(mode) and mode & 0o077:
                    yield path


WITNESS: Final = {
    "positions": "fills",
    "trades": "executed_trades",
    "instance": "intents",
    "kill_switches": "kill_switches",
    "healing": "healing",
    "issues": "issues",
}
"""Documents that are never missing once a journal has lines."""


def _was_written(home: Path, name: str) -> bool:
    witness = journal_path(home, WITNESS[name]) if name in WITNESS else None
    try:
        return witness is not None and witness.stat().st_size > 0
    except OSError:
        return False


def look_at_documents(home: Path) -> Iterator[Finding]:
    """Every document of the catalogue: can it be read, which generation, how old, which schema."""
    writer = StorageWriter(SystemClock())
    missing = []
    for name, row in DOCUMENTS.items():
        try:
            value = open_document(home, name, writer).peek()
        except StateError as error:
            yield _unreadable(row.path, error)
            continue
        copy = newest_copy(document_path(home, name))
        if (value is None or copy is None) and _was_written(home, name):
            detail = f"lost: {JOURNALS[WITNESS[name]].path} has lines that go with it, and no copy is left"
            yield warning("documents", row.path, detail, "the next start makes it anew; or restore a backup", LOST)
        elif value is None or copy is None:
            missing.append(row.path)
        else:
            yield _document(row.path, copy)
    if missing:
        yield fine("documents", f"{len(missing)} not written yet", ", ".join(missing))


def _unreadable(path: str, error: StateError) -> Finding:
    if isinstance(error, StateNewerError):
        return problem("documents", path, str(error), "install the version that wrote it", LOST)
    if isinstance(error, StateCorruptError) and not path.startswith("state/"):
        return warning("documents", path, str(error), "nothing: it is set aside and made again", LOST)
    return problem("documents", path, str(error), "tradingbot restore, or move the named files away", LOST)


def _document(path: str, copy: Copy) -> Finding:
    age = age_text(copy.saved_at)
    facts = f"schema {copy.schema_version}, saved {copy.saved_at} ({age}), {len(copy.content):,} bytes"
    if copy.generation:
        detail = f"the current file is bad or missing, {copy.path.name} is good: {facts}"
        return warning("documents", path, detail, "the next start uses it by itself", LOST)
    return fine("documents", path, facts)


def age_text(saved_at: str) -> str:
    """How long ago, by the machine's clock; market time on a simulated market."""
    try:
        seconds = (SystemClock().now() - datetime.fromisoformat(saved_at).astimezone(UTC)).total_seconds()
    except ValueError:
        return "age unknown"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit} ago"
    return f"{seconds:.0f} s ago"


def look_at_journals(home: Path) -> Iterator[Finding]:
    """Every journal of the catalogue: torn tail, bad lines, size, rotated parts."""
    empty = []
    for name, row in JOURNALS.items():
        path = journal_path(home, name)
        if not path.exists() and not _rotated(path):
            empty.append(row.path)
            continue
        try:
            yield _journal(path, row.path)
        except OSError as error:
            yield problem("journals", row.path, f"cannot be read: {error.strerror}", f"chown or chmod {path}", LOST)
    if empty:
        yield fine("journals", f"{len(empty)} not written yet", ", ".join(empty))


def _rotated(path: Path) -> list[Any]:
    try:
        return list(parts(path))
    except OSError:
        return []


def _journal(path: Path, name: str) -> Finding:
    size = path.stat().st_size if path.exists() else 0
    reader = JournalReader(path)
    count = sum(1 for _ in reader) if size <= READ_WHOLE_BYTES else len(reader.tail(NEWEST_LINES))
    facts = f"{count:,} lines read, {size:,} bytes, {len(_rotated(path))} rotated parts"
    if reader.problems:
        detail = f"{facts}; {'; '.join(reader.problems)}"
        return problem("journals", name, detail, "restore the named part from a backup", LOST)
    if reader.bad_lines:
        detail = f"{facts}; {reader.bad_lines} lines make no sense"
        return warning("journals", name, detail, "nothing: they are passed over; look why", LOST)
    if reader.torn_tail:
        return warning("journals", name, f"{facts}; the last line is torn", "nothing: the next start trims it", LOST)
    return fine("journals", name, facts)
