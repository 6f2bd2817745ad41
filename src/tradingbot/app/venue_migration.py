"""Carries a migration of the learning files out: plan, backup, file by file, done; and goes on where it was killed.

Each step is one durable write, and each can be repeated: a backup is written again until the state says that it is
whole, and a file that carries the new period is not touched again. So nothing decays twice, whenever the power fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from tradingbot.app.stores import Stores
from tradingbot.app.venue_plan import FOREIGN, Home, in_words, look, migration_plan, newest_exit, period_of, refusal
from tradingbot.core.errors import ConfigurationError, StateCorruptError, StorageUnavailableError
from tradingbot.engine.catalog import DOCUMENTS, document_path
from tradingbot.engine.issue_registry import IssueRegistry
from tradingbot.engine.learning_models import LearningFile, VenueMetadata
from tradingbot.engine.migration_models import MigratedFile, MigrationStatus, VenueMigrationState
from tradingbot.engine.models import InstanceState, PositionsState
from tradingbot.guards.issue_kinds import KINDS
from tradingbot.guards.issues import Finding
from tradingbot.learning.carried import Carry
from tradingbot.learning.venue_migration import RULES, figures_of, share_of
from tradingbot.ports import Clock
from tradingbot.storage.document import Document
from tradingbot.storage.files import replace_file, sync_folder

log = structlog.get_logger(__name__)

MANIFEST: Final = "manifest.json"
BEGUN_ANEW: Final = "begun anew"
_NO_BODY: Final = ("venue_metadata", "handled")
BESIDE: Final = ("instance", "positions")
"""Files that a change of venue touches besides the learning files."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The instance, the period that runs (None: the first, nothing learned yet), the newest migration."""

    instance: InstanceState
    period: VenueMetadata | None
    record: VenueMigrationState | None

    @property
    def venue_since(self) -> datetime:
        """Since when this venue is traded: what the early days of leverage, size and learning are counted from."""
        return self.instance.venue_since or self.instance.created_at


def settle_venue(
    home: Path,
    stores: Stores,
    clock: Clock,
    instance: InstanceState,
    venue: str,
    retain_pct: float,
    unresolved: int = 0,
    after_step: Callable[[str], None] = lambda _: None,
) -> Standing:
    """Bring every learning file to `venue`, finishing what an earlier start began. Changes nothing when all are there.

    Must run before the book is read. `after_step` is told of every durable step. Raises ConfigurationError when there
    is open business at the old venue, StateNewerError, and StorageUnavailableError: the next start goes on.
    """
    documents = stores.documents
    why = refusal(instance, documents["positions"].peek(), unresolved, venue)
    if why:
        raise ConfigurationError(why)
    found = documents["venue_migration"].load(allow_loss=True)
    for note in found.notes:
        log.warning("learning.migration_state_damaged", note=note)
    record: VenueMigrationState | None = found.value
    migration = Migration(home, stores, clock, after_step)
    if record is not None and not record.status.is_over:
        log.warning("learning.venue_migration_unfinished", source=record.source, target=record.target, at=record.status)
        record = migration.carry_out(record) if record.target == venue else migration.undo(record)
    stand = Home(instance, record, look(home, documents))
    plan = migration_plan(stand, venue, retain_pct, clock.now(), lambda: newest_exit(documents))
    if plan is not None:
        record = migration.begin(plan)
        stand = Home(instance, record, look(home, documents))
    period = period_of(stand, venue)
    return Standing(migration.move_home(instance, period, venue), period, record)


def note_migration(record: VenueMigrationState | None, issues: IssueRegistry, now: datetime) -> None:
    """Open the issue of a migration that is younger than a day, also when the start that made it was killed."""
    if record is None or record.status is not MigrationStatus.DONE or record.finished_at is None:
        return
    finding = Finding("venue_migration", record.source, in_words(record))
    known = any(one.kind == finding.kind and one.subject == finding.subject for one in issues.open)
    if not known and now - record.finished_at < timedelta(seconds=KINDS[finding.kind].quiet_s):
        issues.note(finding)


class Migration:
    """The steps."""

    def __init__(self, home: Path, stores: Stores, clock: Clock, after_step: Callable[[str], None]) -> None:
        self._home = home
        self._stores = stores
        self._clock = clock
        self._after_step = after_step

    def begin(self, plan: VenueMigrationState) -> VenueMigrationState:
        """Write the plan down before anything is touched, then carry it out."""
        log.warning("learning.venue_migration", source=plan.source, target=plan.target, files=len(plan.files))
        return self.carry_out(self._keep(plan, "planned"))

    def carry_out(self, record: VenueMigrationState) -> VenueMigrationState:
        """From whichever step it is at to the end."""
        if record.status is MigrationStatus.PLANNED:
            record = self._backed_up(record)
        for name in record.files:
            record = self._migrated(record, name)
        record = record.model_copy(update={"status": MigrationStatus.DONE, "finished_at": self._clock.now()})
        self._keep(record, "done")
        log.warning("learning.venue_migrated", detail=in_words(record))
        return record

    def undo(self, record: VenueMigrationState) -> VenueMigrationState:
        """Nothing was learned at the new venue yet: what was changed is put back byte for byte."""
        for name, one in record.files.items():
            path = document_path(self._home, name)
            if record.status is not MigrationStatus.PLANNED and _sha256(path) != one.sha256_before:
                self._replace(path, (self._home / one.backup).read_bytes())
                self._after_step(f"{name} put back")
        log.warning("learning.venue_migration_undone", source=record.source, target=record.target)
        return self._keep(record.model_copy(update={"status": MigrationStatus.UNDONE}), "undone")

    def move_home(self, instance: InstanceState, period: VenueMetadata | None, venue: str) -> InstanceState:
        """The instance with the period that runs. A book of another venue's account is closed: it begins anew here."""
        since = period.since if period is not None and period.period > 1 else None
        moves = instance.venue != venue
        wanted = {
            "venue": venue,
            "venue_since": since,
            "venue_period": period.period if period is not None else 1,
            "account_since": since if moves else instance.account_since,
        }
        moved = instance.model_copy(update=wanted)
        if moved == instance:
            return instance
        if moves:
            self._stores.documents["positions"].save(PositionsState())
            self._after_step("book")
        self._stores.documents["instance"].save(moved)
        self._after_step("instance")
        return moved

    # ------------------------------------------------------------ backup

    def _backed_up(self, record: VenueMigrationState) -> VenueMigrationState:
        files = {name: self._copied(record, name, one) for name, one in record.files.items()}
        hashes = {one.path: one.sha256_before for one in files.values()}
        for name in BESIDE:
            path = document_path(self._home, name)
            if record.scope == "venue" and path.exists():
                hashes[DOCUMENTS[name].path] = self._copy(name, path, self._home / record.backup / DOCUMENTS[name].path)
        manifest = {"from": record.source, "to": record.target, "started_at": record.started_at, "sha256": hashes}
        folder = self._home / record.backup
        self._replace(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        self._after_step("manifest")
        for parent in (folder.parent, folder.parent.parent):
            sync_folder(parent)
        changed = {"status": MigrationStatus.BACKED_UP, "files": files}
        return self._keep(record.model_copy(update=changed), "backed up")

    def _copied(self, record: VenueMigrationState, name: str, one: MigratedFile) -> MigratedFile:
        backup = f"{record.backup}/{DOCUMENTS[name].path}"
        digest = self._copy(name, self._home / one.path, self._home / backup)
        return one.model_copy(update={"backup": backup, "sha256_before": digest})

    def _copy(self, name: str, path: Path, target: Path) -> str:
        """Byte for byte; the hash of what was written, as it is read back. One that is whole already is left alone."""
        if _sha256(target) != _sha256(path):
            self._replace(target, _read(path))
            self._after_step(f"{name} backed up")
        digest = _sha256(target)
        if digest != _sha256(path):
            raise StorageUnavailableError(f"{target}: the backup does not read back as it was written")
        return digest

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            replace_file(path, content)
        except OSError as error:
            raise StorageUnavailableError(f"{path}: cannot be written: {error.strerror}") from error

    # ------------------------------------------------------------ one file

    def _migrated(self, record: VenueMigrationState, name: str) -> VenueMigrationState:
        one = record.files[name]
        if one.sha256_after:
            return record
        document = self._stores.documents[name]
        if one.form == FOREIGN and _sha256(document.path) == one.sha256_before:
            document.path.unlink()
            self._after_step(f"{name} set aside")
        known: LearningFile | None = document.load(allow_loss=True).value
        if known is None or known.venue_metadata != record.metadata:
            document.save(self._at_new_venue(record, name, self._from_backup(name, one)))
            self._after_step(f"{name} migrated")
        return self._noted(record, name, one)

    def _at_new_venue(self, record: VenueMigrationState, name: str, known: LearningFile | None) -> LearningFile:
        """By the rule; a new one when nothing is known."""
        rule, now = RULES[name], self._clock.now()
        body: Mapping[str, Any] = rule.new(now)
        if known is not None:
            theirs = known.venue_metadata
            body = rule.migrate(_body(known), Carry(theirs.venue, theirs.period, now, share_of(record.retain_pct)))
        model: Any = DOCUMENTS[name].model
        return model(venue_metadata=record.metadata, **body)  # type: ignore[no-any-return]

    def _noted(self, record: VenueMigrationState, name: str, one: MigratedFile) -> VenueMigrationState:
        rule = RULES[name]
        before = self._from_backup(name, one)
        after: Any = self._stores.documents[name].peek()
        changed = {
            "rule": rule.rule.value if before is not None else BEGUN_ANEW,
            "scaled": rule.scaled if before is not None else "",
            "zeroed": rule.zeroed if before is not None else "its form is not known: nothing of it is kept",
            "why": rule.why,
            "before": figures_of(name, _body(before)) if before is not None else {},
            "after": figures_of(name, _body(after)),
            "sha256_after": _sha256(self._stores.documents[name].path),
        }
        done = one.model_copy(update=changed)
        log.warning("learning.file_migrated", path=one.path, rule=done.rule, before=done.before, after=done.after)
        files = {**record.files, name: done}
        moving = record.model_copy(update={"status": MigrationStatus.MIGRATING, "files": files})
        return self._keep(moving, f"{name} noted")

    def _from_backup(self, name: str, one: MigratedFile) -> LearningFile | None:
        """The file as it was, read from its backup; None for one of a form that is not known."""
        if one.form == FOREIGN:
            return None
        row = DOCUMENTS[name]
        backup: Document[Any] = Document(
            self._home / one.backup, row.model, row.schema_version, self._stores.writer, generations=0
        )
        return backup.peek()

    def _keep(self, record: VenueMigrationState, step: str) -> VenueMigrationState:
        self._stores.documents["venue_migration"].save(record)
        self._after_step(step)
        return record


def _body(state: LearningFile) -> dict[str, Any]:
    """Everything of a file but where it was learned and which trades are in it."""
    return {name: getattr(state, name) for name in type(state).model_fields if name not in _NO_BODY}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateCorruptError(f"{path}: cannot be read: {error.strerror}; start again") from error


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise StorageUnavailableError(f"{path}: cannot be read: {error.strerror}") from error
