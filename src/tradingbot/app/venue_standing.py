"""What a home says of the venue it learns at: the line of the start-up banner, the block of ``tradingbot status``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from tradingbot.app.deployment_checks import CheckResult
from tradingbot.app.stores import open_document
from tradingbot.app.venue_plan import Home, in_words, look, migration_plan, period_of, refusal
from tradingbot.clock import SystemClock
from tradingbot.config import Settings
from tradingbot.core.errors import StateError
from tradingbot.core.types import iso_utc
from tradingbot.engine.catalog import LEARNING
from tradingbot.engine.learning_models import SymbolAllocationState, VenueMetadata
from tradingbot.engine.migration_models import MigrationStatus, VenueMigrationState
from tradingbot.engine.models import InstanceState
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.sample_readiness import sample_readiness
from tradingbot.learning.venue_period import venue_period
from tradingbot.storage.writer import StorageWriter

CHECK = "learning"


def check_learning(home: Path, venue: str, retain_pct: float, now: datetime) -> CheckResult:
    """What is known of this venue, and what will be migrated. Fails while a position is open at another venue."""
    writer = StorageWriter(SystemClock())
    names = (*LEARNING, "instance", "venue_migration", "positions")
    documents = {name: open_document(home, name, writer) for name in names}
    try:
        instance: InstanceState | None = documents["instance"].peek()
        if instance is None:
            return CheckResult(CHECK, True, f"{venue}: begins with this installation")
        why = refusal(instance, documents["positions"].peek(), 0, venue)
        record = newest_record(home)
        stand = Home(instance, record, look(home, documents))
        plan = migration_plan(stand, venue, retain_pct, now, lambda: None)
    except StateError as error:
        return CheckResult(CHECK, False, str(error), critical=False)  # the check of state files says whether it matters
    if why:
        return CheckResult(CHECK, False, why)
    if record is not None and not record.status.is_over:
        return CheckResult(CHECK, False, f"goes on with an unfinished migration: {in_words(record)}", critical=False)
    if plan is not None:
        return CheckResult(CHECK, False, _intended(plan), critical=False)
    return CheckResult(CHECK, True, _standing(period_of(stand, venue), record, venue))


def newest_record(home: Path) -> VenueMigrationState | None:
    """The newest migration; None without one, or when its file cannot be read."""
    try:
        found: VenueMigrationState | None = open_document(home, "venue_migration", StorageWriter(SystemClock())).peek()
    except StateError:
        return None
    return found


def _intended(plan: VenueMigrationState) -> str:
    return (
        f"{plan.source} -> {plan.target}: {len(plan.files)} files were learned elsewhere and are migrated by the start "
        f"(decayed ones keep {plan.retain_pct:g} %), after a backup in {plan.backup.rpartition('/')[0]}"
    )


def _standing(period: VenueMetadata | None, record: VenueMigrationState | None, venue: str) -> str:
    if period is None:
        return f"{venue}: nothing learned yet"
    text = f"{period.venue} since {iso_utc(period.since)[:19]}, period {period.period}"
    came = record is not None and record.status is MigrationStatus.DONE and record.period == period.period
    return f"{text}; migrated from {record.source}" if came and record is not None else text


# ------------------------------------------------------------ status


def learning_facts(found: Mapping[str, Any], settings: Settings, now: datetime) -> dict[str, Any] | None:
    """Venue, period, early days and newest migration of a home's documents; None when nothing ran there yet."""
    instance: InstanceState | None = found.get("instance")
    if instance is None:
        return None
    attribution, record = found.get("attribution"), found.get("venue_migration")
    since = instance.venue_since or instance.created_at
    metadata = VenueMetadata(venue=instance.venue, since=since, period=instance.venue_period)
    period = venue_period(metadata, now, settings.risk.sizing.early_days, settings.learning.venue_age)
    return {
        **asdict(period),
        "early_days": settings.risk.sizing.early_days,
        "trades_learned": attribution.handled.count if attribution is not None else 0,
        "migration": record.model_dump(mode="json", exclude={"history"}) if record is not None else None,
        "migration_text": in_words(record) if record is not None else "",
    }


def readiness_rows(state: SymbolAllocationState | None, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """One row per symbol with trades: readiness, what is missing, share of capital (SPEC 10.7)."""
    if state is None:
        return []
    allocation = settings.risk.allocation
    readiness = Readiness(allocation.ready_trades, allocation.ready_days)
    return [asdict(one) for one in sample_readiness(state.content, now, readiness).values()]
