"""What the learning files hold. Each names the venue that it was learned at, and which trades or orders are in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from tradingbot.core.parameters import LearnedParameters
from tradingbot.counterfactual.model import Ledger
from tradingbot.engine.models import StateModel
from tradingbot.learning.allocation import Allocations
from tradingbot.learning.attribution import Attribution
from tradingbot.learning.calibration import Calibration
from tradingbot.learning.counter_signal import CounterOutcomes
from tradingbot.learning.expectancy import ExpectancyLedger
from tradingbot.learning.gate_feedback import GateTable
from tradingbot.learning.handled import Handled
from tradingbot.learning.ledger_agreement import Agreement
from tradingbot.learning.meta_buckets import MetaBuckets
from tradingbot.learning.meta_learning import MetaState
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.learning.rollout import Rollout
from tradingbot.learning.timing import TimingOutcomes

T = TypeVar("T")


class VenueMetadata(StateModel):
    """Where and since when something was learned. `period` counts the venues of this home: 1 is the first."""

    venue: str
    since: datetime
    period: int = 1


class LearningFile(StateModel):
    """Base of every learning file (SPEC 10.6)."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    venue_metadata: VenueMetadata = Field(alias="_venue_metadata")


class LearningState(LearningFile, Generic[T]):
    """A file that grows trade by trade (or order by order): `handled` says which ones are in `content`."""

    handled: Handled = Handled()
    content: T


class AttributionState(LearningState[Attribution]):
    """`feature_store/attribution.json`: net results by symbol, strategy, venue, component and more."""


class ExpectancyState(LearningState[ExpectancyLedger]):
    """`feature_store/expectancy_ledger.json`: mean net result, edge, efficiency, win rate per pair and strategy."""


class CalibrationState(LearningState[Calibration]):
    """`feature_store/calibration.json`: what the ensemble predicted against what came."""


class MetaBucketsState(LearningState[MetaBuckets]):
    """`feature_store/meta_buckets.json`: wins by hour, weekday, volatility, spread, conviction, regime."""


class TimingState(LearningState[TimingOutcomes]):
    """`feature_store/timing_outcomes.json`: when trades were at their best."""


class CounterSignalState(LearningState[CounterOutcomes]):
    """`feature_store/counter_signal_outcomes.json`: would the inverse have won."""


class SymbolAllocationState(LearningState[Allocations]):
    """`feature_store/symbol_allocation_state.json`: readiness and share of capital of each symbol (SPEC 6.5)."""


class RolloutState(LearningState[Rollout]):
    """`feature_store/live_rollout_state.json`: actual against simulated profit (SPEC 6.7)."""


class RealityGapState(LearningState[RealityGap]):
    """`feature_store/reality_gap.json`: distributions of what orders cost, per symbol, purpose and part."""


class LearnedParametersState(LearningFile):
    """`feature_store/learned_parameters.json`: what the next cycle reads; `hash` is the cycle record's learned_hash."""

    parameters: LearnedParameters
    hash: str = ""


class GenerationState(LearningFile):
    """`feature_store/learning_generation.json`: the levers that hold, what is watched, when was met, who must wait."""

    content: MetaState


class CounterfactualState(LearningFile):
    """`feature_store/counterfactual_state.json`: open virtual positions, and up to when recorded cycles are in them.

    `cycles` were carried, `left_out` could not be made again.
    """

    handled_until: datetime | None = None
    cycles: int = 0
    left_out: int = 0
    ledger: Ledger = Ledger()


class GateFeedbackState(LearningFile):
    """`feature_store/gate_feedback.json`: what gates save and cost, and how far the ledger is from reality.

    `behind`: recorded cycles were left for the next night.
    """

    as_of: datetime
    behind: bool = False
    table: GateTable | None = None
    agreement: Agreement | None = None


class TradeAnalysisState(LearningFile):
    """`feature_store/trade_analysis.json`: the nightly analysis of finished trades."""

    as_of: datetime
    analyses: dict[str, Any] = Field(default_factory=dict)


class ReportState(LearningFile):
    """A report that a job makes anew each time: attribution by horizon, missed moves, use of the gates, the week."""

    as_of: datetime
    report: dict[str, Any] = Field(default_factory=dict)
