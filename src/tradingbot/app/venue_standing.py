"""What a home says of the venue it learns at: the line of the start-up banner, the block of ``tradingbot status``."""

from __future__ import annotations

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
from tradingbot.engine.models import InstanceState, RuntimeState
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.sample_readiness import SampleReadiness, sample_readiness
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
    found: VenueMigrationState | None = _read(home, "venue_migration")
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


def learning_facts(home: Path, settings: Settings) -> dict[str, Any] | None:
    """Venue, period, early days and newest migration of a home; None when nothing ran there yet."""
    instance: InstanceState | None = _read(home, "instance")
    if instance is None:
        return None
    record, attribution = newest_record(home), _read(home, "attribution")
    since = instance.venue_since or instance.created_at
    metadata = VenueMetadata(venue=instance.venue, since=since, period=instance.venue_period)
    early_days = settings.risk.sizing.early_days
    return {
        **asdict(venue_period(metadata, _now(home), early_days, settings.learning.venue_age)),
        "early_days": early_days,
        "trades_learned": attribution.handled.count if attribution is not None else 0,
        "migration": record.model_dump(mode="json", exclude={"history"}) if record is not None else None,
        "migration_text": in_words(record) if record is not None else "",
    }


def readiness_of_home(home: Path, settings: Settings) -> list[dict[str, Any]] | None:
    """One row per symbol: readiness, what is missing, share of capital (SPEC 10.7); None when the file is not there."""
    state: SymbolAllocationState | None = _read(home, "allocation")
    if state is None:
        return None
    return readiness_rows(state, settings, _now(home))


def readiness_rows(state: SymbolAllocationState, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """One row per symbol, as of a moment."""
    allocation = settings.risk.allocation
    readiness = Readiness(allocation.ready_trades, allocation.ready_days)
    return [_plain(one) for one in sample_readiness(state.content, now, readiness).values()]


def _plain(one: SampleReadiness) -> dict[str, Any]:
    return {
        **asdict(one),
        "symbol": str(one.symbol),
        "first_trade_at": iso_utc(one.first_trade_at) if one.first_trade_at else None,
        "last_trade_at": iso_utc(one.last_trade_at) if one.last_trade_at else None,
        "days_active": round(one.days_active, 3),
        "days_since_last": None if one.days_since_last is None else round(one.days_since_last, 3),
        "sample_readiness_pct": round(one.sample_readiness_pct, 1),
    }


def _now(home: Path) -> datetime:
    """The moment of the newest cycle: a simulated market lives in its own time."""
    runtime: RuntimeState | None = _read(home, "runtime")
    return runtime.as_of if runtime is not None else SystemClock().now()


def _read(home: Path, name: str) -> Any:
    """A document for showing; None when it is missing or cannot be read."""
    try:
        return open_document(home, name, StorageWriter(SystemClock())).peek()
    except StateError:
        return None
