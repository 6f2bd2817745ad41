"""What learners stand on, out of the settings: rules of the flow signal, targets, levers as a person set them."""

from __future__ import annotations

from datetime import datetime

from tradingbot.config import Settings
from tradingbot.core.parameters import LearnedParameters
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.gates.params import GateParams
from tradingbot.learning.exit_learner import Targets
from tradingbot.learning.flow_value import FlowRules
from tradingbot.learning.gate_learner import GATE_LEVERS
from tradingbot.learning.learners import Ground
from tradingbot.learning.venue_period import venue_period
from tradingbot.risk.params import snake_case
from tradingbot.signals.params import SignalParams
from tradingbot.strategies.table import STRATEGIES

BPS_PER_PCT = 100.0


def ground_of(settings: Settings, learned: LearnedParameters, venue: VenueMetadata, now: datetime) -> Ground:
    """The ground at this moment: clamps follow the age of the venue, symbols their trades."""
    age = venue_period(venue, now, settings.risk.sizing.early_days, settings.learning.venue_age)
    ready = (str(symbol) for symbol, known in learned.symbols.items() if known.ready)
    return Ground(
        rules=flow_rules(settings.signals, settings.gates),
        targets=Targets(tuple((one.after_min, one.profit_pct * BPS_PER_PCT) for one in settings.exits.profit_targets)),
        hold_min=settings.exits.timing.default_hold_min,
        gates={lever.setting: gate_setting(settings.gates, lever.setting) for lever in GATE_LEVERS},
        strategies={
            one.name: (snake_case(one.name), settings.risk.strategy_multipliers.of(one.name))
            for one in (make(settings.strategies) for make in STRATEGIES)
        },
        clamp=age.clamp_pct / 100,
        ready=frozenset(ready),
        params=settings.learning.learners,
    )


def flow_rules(signals: SignalParams, gates: GateParams) -> FlowRules:
    """The rules that a flow signal and the conviction gate's base score follow."""
    levels = signals.conviction
    return FlowRules(
        weights=signals.weights.by_name,
        min_aligned=signals.min_aligned_components,
        levels={
            name: (level.min_aligned, level.min_confidence, level.size_multiplier)
            for name, level in (("high", levels.high), ("medium", levels.medium), ("low", levels.low))
        },
        composite=gates.conviction.weights.model_dump(),
        steps=tuple((one.min_score, one.size_multiplier) for one in gates.conviction.levels),
    )


def round_trip_bps(settings: Settings) -> float:
    """Fees and slippage of both orders while nothing was measured; half the spread comes on top."""
    return 2 * (settings.gates.fee.taker_fee_bps + settings.learning.default_slippage_bps)


def gate_setting(gates: GateParams, key: str) -> float:
    """One setting of a gate by its dotted key."""
    part, _, name = key.partition(".")
    return float(getattr(getattr(gates, part), name))
