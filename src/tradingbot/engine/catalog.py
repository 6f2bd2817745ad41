"""Every state file and journal: path, type, version, owner. One row per file; nobody else opens them for writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from tradingbot.engine.alert_models import AlertsState
from tradingbot.engine.health_models import (
    ExchangeHealthState,
    HealingEscalationState,
    IssuesState,
    ReplayState,
    StrategicReviewState,
)
from tradingbot.engine.learning_models import (
    AttributionState,
    CalibrationState,
    CounterfactualState,
    CounterSignalState,
    ExpectancyState,
    GateFeedbackState,
    GenerationState,
    LearnedParametersState,
    LearningFile,
    MetaBucketsState,
    RealityGapState,
    ReportState,
    RolloutState,
    SymbolAllocationState,
    TimingState,
    TradeAnalysisState,
)
from tradingbot.engine.migration_models import VenueMigrationState
from tradingbot.engine.models import (
    ContractSpecsState,
    InstanceState,
    JobsState,
    LatestSignalsState,
    OverridesState,
    PositionsState,
    RegimeState,
    RuntimeState,
    TradesEncoder,
    TradesState,
    ValidationState,
    with_empty_archive,
)
from tradingbot.engine.switch_models import KillSwitchesState
from tradingbot.intel.cache_models import FILES as INTEL_FILES
from tradingbot.storage.document import Migration


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One typed JSON document under the home folder."""

    path: str
    model: type[BaseModel]
    schema_version: int
    owner: str
    encoder: Callable[[], Callable[[Any], bytes]] | None = None
    """Makes what encodes the content where pydantic's own way would take too long."""
    after: tuple[str, ...] = ()
    """Journals whose lines must be on disk before the content that rests on them."""
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    """What turns the data of an older schema version into the next one's, by that older version."""


DIAGNOSTICS_DAYS: Final = 90
"""A journal kept no longer than this tells how decisions came about; no start and no reconciliation needs it."""


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One append-only JSONL journal under the home folder; rotated at `max_mb`, kept for `retention_days`."""

    path: str
    owner: str
    max_mb: float
    keep_files: int
    retention_days: float


DOCUMENTS: Final[Mapping[str, DocumentRow]] = {
    "positions": DocumentRow(
        "state/positions_futures.json", PositionsState, 1, "engine.portfolio_keeper", after=("fills",)
    ),
    # A trade that leaves the file must have its line in the journal.
    "trades": DocumentRow(
        "state/trades_futures.json",
        TradesState,
        2,
        "engine.portfolio_keeper",
        TradesEncoder,
        after=("executed_trades",),
        migrations={1: with_empty_archive},
    ),
    "instance": DocumentRow("state/instance.json", InstanceState, 1, "app.bootstrap"),
    "symbol_status": DocumentRow("feature_store/venue_symbol_status.json", ValidationState, 1, "app.validation"),
    "contract_specs": DocumentRow("feature_store/contract_specs.json", ContractSpecsState, 1, "app.spec_cache"),
    "kill_switches": DocumentRow(
        "state/kill_switches.json", KillSwitchesState, 1, "engine.kill_switches", after=("kill_switches",)
    ),
    "exchange_health": DocumentRow(
        "feature_store/exchange_health_state.json", ExchangeHealthState, 1, "engine.exchange_health"
    ),
    "healing": DocumentRow("feature_store/healing_escalation_state.json", HealingEscalationState, 1, "engine.healing"),
    "issues": DocumentRow("feature_store/issues.json", IssuesState, 1, "engine.issue_registry"),
    "alerts": DocumentRow("feature_store/alerts_state.json", AlertsState, 1, "alerts.outbox"),
    "strategic_review": DocumentRow("feature_store/strategic_review.json", StrategicReviewState, 1, "app.governance"),
    "jobs": DocumentRow("feature_store/jobs_state.json", JobsState, 1, "app.job_book"),
    "overrides": DocumentRow("feature_store/overrides.json", OverridesState, 1, "app.overriding"),
    "replay": DocumentRow("feature_store/replay_state.json", ReplayState, 1, "app.replaying"),
    "runtime": DocumentRow("state/runtime.json", RuntimeState, 1, "app.runtime_file"),
    "regime": DocumentRow("feature_store/regime_state.json", RegimeState, 1, "engine.signal_desk"),
    "latest_signals": DocumentRow("feature_store/latest_signals.json", LatestSignalsState, 1, "engine.signal_desk"),
    "attribution": DocumentRow("feature_store/attribution.json", AttributionState, 1, "engine.post_trade"),
    "expectancy": DocumentRow("feature_store/expectancy_ledger.json", ExpectancyState, 1, "engine.post_trade"),
    "calibration": DocumentRow("feature_store/calibration.json", CalibrationState, 1, "engine.post_trade"),
    "meta_buckets": DocumentRow("feature_store/meta_buckets.json", MetaBucketsState, 1, "engine.post_trade"),
    "timing": DocumentRow("feature_store/timing_outcomes.json", TimingState, 1, "engine.post_trade"),
    "counter_signal": DocumentRow(
        "feature_store/counter_signal_outcomes.json", CounterSignalState, 1, "engine.post_trade"
    ),
    "allocation": DocumentRow(
        "feature_store/symbol_allocation_state.json", SymbolAllocationState, 1, "engine.post_trade"
    ),
    "rollout": DocumentRow("feature_store/live_rollout_state.json", RolloutState, 1, "engine.post_trade"),
    "learned": DocumentRow("feature_store/learned_parameters.json", LearnedParametersState, 1, "engine.post_trade"),
    "generation": DocumentRow(
        "feature_store/learning_generation.json", GenerationState, 1, "app.learning", after=("learning_audit",)
    ),
    "reality_gap": DocumentRow(
        "feature_store/reality_gap.json", RealityGapState, 1, "engine.execution_quality", after=("execution_quality",)
    ),
    "counterfactual": DocumentRow(
        "feature_store/counterfactual_state.json", CounterfactualState, 1, "app.carrying", after=("counterfactual",)
    ),
    "gate_feedback": DocumentRow("feature_store/gate_feedback.json", GateFeedbackState, 1, "app.counterfactual"),
    "trade_analysis": DocumentRow("feature_store/trade_analysis.json", TradeAnalysisState, 1, "app.analysis"),
    "weight_evolution": DocumentRow("feature_store/weight_evolution.json", ReportState, 1, "app.nightly"),
    "strategy_tuning": DocumentRow("feature_store/strategy_tuning.json", ReportState, 1, "app.nightly"),
    "scenario_tuning": DocumentRow("feature_store/scenario_tuning.json", ReportState, 1, "app.nightly"),
    "enhanced_learnings": DocumentRow("feature_store/enhanced_learnings.json", ReportState, 1, "app.nightly"),
    "attribution_horizons": DocumentRow("feature_store/attribution_horizons.json", ReportState, 1, "app.nightly"),
    "missed_opportunities": DocumentRow("feature_store/missed_opportunities.json", ReportState, 1, "app.nightly"),
    "gate_complexity": DocumentRow("feature_store/gate_complexity.json", ReportState, 1, "app.nightly"),
    "weekly_analysis": DocumentRow("feature_store/weekly_analysis.json", ReportState, 1, "app.nightly"),
    "venue_migration": DocumentRow(
        "feature_store/learning_venue_migration_state.json", VenueMigrationState, 1, "app.venue_migration"
    ),
    **{
        f"intel:{name}": DocumentRow(f"feature_store/{name}", model, 1, "app.intel_cache")
        for name, model in INTEL_FILES.items()
    },
}

JOURNALS: Final[Mapping[str, JournalRow]] = {
    "intents": JournalRow("logs/intents.jsonl", "engine.intents", 64, 50, 365),
    "fills": JournalRow("logs/fills.jsonl", "engine.portfolio_keeper", 64, 100, 3650),
    "executed_trades": JournalRow("logs/executed_trades.jsonl", "engine.portfolio_keeper", 64, 100, 3650),
    "execution_quality": JournalRow("logs/execution_quality.jsonl", "engine.execution_quality", 64, 50, 3650),
    "enriched_trades": JournalRow("logs/enriched_trades.jsonl", "app.nightly", 64, 50, 3650),
    "weekly_analysis": JournalRow("logs/weekly_analysis.jsonl", "app.nightly", 16, 20, 3650),
    "strategic_advice": JournalRow("logs/strategic_advice.jsonl", "app.analysis", 16, 20, 365),
    "cycles": JournalRow("logs/cycles.jsonl", "engine.bot_cycle", 64, 30, 90),
    "cycle_inputs": JournalRow("logs/cycle_inputs.jsonl", "engine.input_recorder", 16, 60, 14),
    "signals": JournalRow("logs/predictive_signals.jsonl", "engine.bot_cycle", 128, 30, 90),
    "signal_universe": JournalRow("logs/signal_universe.jsonl", "engine.bot_cycle", 128, 40, 90),
    "signal_outcomes": JournalRow("logs/signal_outcomes.jsonl", "engine.outcome_desk", 64, 50, 365),
    "learning_audit": JournalRow("logs/learning_audit.jsonl", "app.learning", 16, 100, 3650),
    "learning_trials": JournalRow("logs/learning_trials.jsonl", "app.learning", 16, 100, 3650),
    "counterfactual": JournalRow("logs/counterfactual.jsonl", "app.carrying", 64, 50, 365),
    "decision_params": JournalRow("logs/decision_params.jsonl", "app.thinking", 16, 50, 3650),
    "ensemble": JournalRow("logs/ensemble_predictions.jsonl", "engine.bot_cycle", 64, 30, 90),
    "size_adjustments": JournalRow("logs/size_adjustments.jsonl", "engine.bot_cycle", 32, 20, 365),
    "exchange_health": JournalRow("logs/exchange_health.jsonl", "engine.exchange_health", 16, 10, 90),
    "healing": JournalRow("logs/healing_escalation_log.jsonl", "engine.healing", 16, 20, 3650),
    "issues": JournalRow("logs/issues.jsonl", "engine.issue_registry", 16, 20, 365),
    "alerts": JournalRow("logs/alerts.jsonl", "alerts.outbox", 16, 20, 365),
    "governance": JournalRow("logs/governance.jsonl", "app.governance", 16, 20, 365),
    "kill_switches": JournalRow("logs/kill_switches.jsonl", "engine.kill_switches", 16, 20, 3650),
    "operator_audit": JournalRow("logs/operator_audit.jsonl", "app.operator", 16, 20, 3650),
    "pre_deployment": JournalRow("logs/pre_deployment.jsonl", "app.pre_deployment", 4, 10, 3650),
    "resources": JournalRow("logs/resources.jsonl", "app.resources", 16, 10, 90),
    "maintenance": JournalRow("logs/maintenance.jsonl", "app.maintenance", 16, 10, 3650),
    "moments": JournalRow("logs/moments.jsonl", "app.dashboard_desk", 16, 120, 90),
    "candles": JournalRow("logs/candles.jsonl", "app.dashboard_desk", 4, 200, 90),
    "learned": JournalRow("logs/learned.jsonl", "app.dashboard_desk", 8, 40, 365),
    "equity": JournalRow("logs/equity.jsonl", "app.dashboard_desk", 16, 60, 3650),
    "daemon": JournalRow("logs/daemon.jsonl", "app.logs", 64, 20, 30),
}


LEARNING: Final = tuple(name for name, row in DOCUMENTS.items() if issubclass(row.model, LearningFile))
"""Documents that were learned at a venue; each has a rule in `learning.venue_migration.RULES`."""


def document_path(home: Path, name: str) -> Path:
    """Where a document of the catalogue lives."""
    return home / DOCUMENTS[name].path


def journal_path(home: Path, name: str) -> Path:
    """Where a journal of the catalogue lives."""
    return home / JOURNALS[name].path
