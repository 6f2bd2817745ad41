"""Which learning files belong to another venue than the one traded now, and what follows. Looks only, moves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from tradingbot.core.errors import StateCorruptError
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import LEARNING, document_path
from tradingbot.engine.learning_models import LearningFile, VenueMetadata
from tradingbot.engine.migration_models import MigratedFile, MigrationStatus, VenueMigrationState
from tradingbot.engine.models import InstanceState, PositionsState, TradesState
from tradingbot.learning.venue_migration import RULES, Rule
from tradingbot.storage.document import Document
from tradingbot.storage.files import stamp

UNKNOWN: Final = "unknown"
FOREIGN: Final = "foreign"
BACKUPS: Final = "feature_store/backups"
REMEMBERED_MIGRATIONS: Final = 20
_OURS: Final = b'{"schema_version":'


@dataclass(frozen=True, slots=True)
class Found:
    """A learning file of the home. `metadata` is None for one of another program's form, which names only a venue."""

    path: Path
    venue: str
    metadata: VenueMetadata | None

    def is_of(self, current: VenueMetadata) -> bool:
        """Whether it was learned at that venue in that period."""
        known = self.metadata
        return known is not None and (known.venue, known.period) == (current.venue, current.period)


@dataclass(frozen=True, slots=True)
class Home:
    """What the plan is made from. `record` is the newest migration, if there was one."""

    instance: InstanceState
    record: VenueMigrationState | None
    found: Mapping[str, Found]


def look(home: Path, documents: Mapping[str, Document[Any]]) -> dict[str, Found]:
    """Every learning file by name. Damaged ones are left out: loading them sets them aside. Raises StateNewerError."""
    found = {}
    for name in LEARNING:
        path = document_path(home, name)
        venue = foreign_venue(path)
        if venue is not None:
            found[name] = Found(path, venue, None)
            continue
        try:
            copy = documents[name].newest_copy()
        except StateCorruptError:
            continue
        if copy is not None:
            state: LearningFile = copy[0]
            found[name] = Found(copy[1], state.venue_metadata.venue, state.venue_metadata)
    return found


def foreign_venue(path: Path) -> str | None:
    """The venue that a file of another program names: plain JSON with `_venue_metadata` at its top. None for others."""
    try:
        content = path.read_bytes()
        value = None if content.startswith(_OURS) else orjson.loads(content)
    except (OSError, orjson.JSONDecodeError):
        return None
    named = value.get("_venue_metadata") if isinstance(value, dict) else None
    return str(named.get("venue") or UNKNOWN) if isinstance(named, dict) else None


def newest_exit(documents: Mapping[str, Document[Any]]) -> datetime | None:
    """When the newest recorded trade was closed. Raises StateError when the trades cannot be read."""
    trades: TradesState | None = documents["trades"].peek()
    return max((trade.exit_time for trade in trades.trades), default=None) if trades is not None else None


def period_of(home: Home, venue: str) -> VenueMetadata | None:
    """The period that runs at `venue`; None when there is none: nothing was learned here, or it was elsewhere."""
    record, instance = home.record, home.instance
    known = []
    if record is not None and record.status is MigrationStatus.DONE and record.target == venue:
        known.append(record.metadata)
    if instance.venue == venue:
        if instance.venue_since is not None:
            known.append(VenueMetadata(venue=venue, since=instance.venue_since, period=instance.venue_period))
        own = (one for name, one in home.found.items() if RULES[name].rule is not Rule.DERIVE)
        known += [one.metadata for one in own if one.metadata is not None and one.metadata.venue == venue]
    return max(known, key=lambda one: one.period, default=None)


def migration_plan(
    home: Home, venue: str, retain_pct: float, now: datetime, last_exit: Callable[[], datetime | None]
) -> VenueMigrationState | None:
    """What must be done before `venue` is traded; None when every file is this venue's.

    A new period begins now, but after the last exit of a trade made elsewhere: that one must not be learned here.
    """
    current = period_of(home, venue)
    if current is not None:
        late = {name: one for name, one in home.found.items() if not one.is_of(current)}
        return _planned(home, late, "files", current, retain_pct, now) if late else None
    if home.instance.venue == venue and not home.found:
        return None
    newest = last_exit()
    since = now if newest is None else max(now, newest + timedelta(milliseconds=1))
    begun = VenueMetadata(venue=venue, since=since, period=_newest_period(home) + 1)
    return _planned(home, home.found, "venue", begun, retain_pct, now)


def _newest_period(home: Home) -> int:
    record = home.record
    recorded = [record.period] if record is not None and record.status is MigrationStatus.DONE else []
    carried = [one.metadata.period for one in home.found.values() if one.metadata is not None]
    return max([home.instance.venue_period, *recorded, *carried])


def _planned(
    home: Home, files: Mapping[str, Found], scope: str, metadata: VenueMetadata, retain_pct: float, now: datetime
) -> VenueMigrationState:
    instance, record = home.instance.venue, home.record
    source = _main_venue(files) if scope == "files" or instance == metadata.venue else instance
    folder = f"{BACKUPS}/venue_migration_{source}_to_{metadata.venue}_{stamp(now)}"
    return VenueMigrationState(
        source=source,
        target=metadata.venue,
        scope=scope,
        status=MigrationStatus.PLANNED,
        started_at=now,
        since=metadata.since,
        period=metadata.period,
        retain_pct=retain_pct,
        backup=folder,
        files={name: _file(one) for name, one in files.items()},
        history=[*record.history, record.as_past()][-REMEMBERED_MIGRATIONS:] if record is not None else [],
    )


def _file(found: Found) -> MigratedFile:
    known = found.metadata
    if known is None:
        return MigratedFile(path=f"feature_store/{found.path.name}", venue=found.venue, period=1, form=FOREIGN)
    return MigratedFile(path=f"feature_store/{found.path.name}", venue=known.venue, period=known.period)


def _main_venue(files: Mapping[str, Found]) -> str:
    return Counter(one.venue for one in files.values()).most_common(1)[0][0]


def refusal(instance: InstanceState, positions: PositionsState | None, unresolved: int, venue: str) -> str:
    """Why the venue must not be changed now, with the remedy; empty when it may be."""
    held = [f"{one.symbol} {one.direction.value} {one.size}" for one in positions.positions] if positions else []
    if instance.venue == venue or not (held or unresolved):
        return ""
    left = ", ".join(held) or f"{unresolved} orders whose outcome is not known"
    return (
        f"this home trades at {instance.venue} and has open or unsettled business there ({left}), but {venue} is "
        f"configured: start it with the old EXCHANGE and close everything there first (tradingbot flatten, then stop "
        f"it once the trades are settled), or choose another --home for {venue}"
    )


def in_words(record: VenueMigrationState) -> str:
    """One sentence on a migration: what, when, where the backup is."""
    whose = f"{record.source} -> {record.target}"
    what = "the venue was changed" if record.scope == "venue" else f"{len(record.files)} files of another venue"
    rules = Counter(one.rule for one in record.files.values() if one.rule)
    done = ", ".join(f"{count} {rule}" for rule, count in sorted(rules.items())) or f"{len(record.files)} files"
    return (
        f"{whose}: {what} on {iso_utc(record.started_at)[:19]}; {done}; decayed ones keep {record.retain_pct:g} %; "
        f"period {record.period} since {iso_utc(record.since)[:19]}; backup in {record.backup}"
    )
