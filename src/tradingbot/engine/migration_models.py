"""`feature_store/learning_venue_migration_state.json`: the newest migration, step by step, and those before it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import ConfigDict, Field

from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.engine.models import StateModel


class MigrationStatus(StrEnum):
    """How far it is. ``undone``: the old venue was started again before the new one had been."""

    PLANNED = "planned"
    BACKED_UP = "backed_up"
    MIGRATING = "migrating"
    DONE = "done"
    UNDONE = "undone"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self in (MigrationStatus.DONE, MigrationStatus.UNDONE)


class MigratedFile(StateModel):
    """One file: where it is (in the home), what was done with it and why, and its hashes and figures on both sides.

    `venue` and `period` are those of the file as it was found; `form` is ``ours``, or ``foreign`` for one that another
    program wrote and that cannot be read. `rule` is ``decay``, ``reset``, ``derive``, or ``begun anew``.
    """

    path: str
    venue: str
    period: int
    form: str = "ours"
    rule: str = ""
    scaled: str = ""
    zeroed: str = ""
    why: str = ""
    backup: str = ""
    sha256_before: str = ""
    sha256_after: str = ""
    before: dict[str, float] = Field(default_factory=dict)
    after: dict[str, float] = Field(default_factory=dict)


class PastMigration(StateModel):
    """One line of the history."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    scope: str
    status: MigrationStatus
    started_at: datetime
    period: int
    backup: str


class VenueMigrationState(PastMigration):
    """The newest migration.

    `scope` is ``venue`` when the home changed its venue (a new period begins with `since`), ``files`` when single files
    of another venue turned up (they join the period that runs). `backup` is a folder, relative to the home like all
    paths. `files` by name of the catalogue.
    """

    since: datetime
    finished_at: datetime | None = None
    retain_pct: float
    files: dict[str, MigratedFile] = Field(default_factory=dict)
    history: list[PastMigration] = Field(default_factory=list)

    @property
    def metadata(self) -> VenueMetadata:
        """What every migrated file carries."""
        return VenueMetadata(venue=self.target, since=self.since, period=self.period)

    def as_past(self) -> PastMigration:
        """Its line of the history."""
        return PastMigration.model_validate({name: getattr(self, name) for name in PastMigration.model_fields})
