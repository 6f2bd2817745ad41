"""All gates in the order of SPEC 5. A new gate is a file of its own, one row here, and its view in `gate_views`."""

from __future__ import annotations

from typing import Final

from tradingbot.gates import (
    conviction,
    correlation_throttle,
    ensemble_agreement,
    fee_aware,
    intelligence,
    microstructure,
    policy,
    pre_entry,
)
from tradingbot.gates.gate import Gate

GATES: Final = (
    Gate(policy.NAME, policy.PolicyView, policy.judge),
    Gate(ensemble_agreement.NAME, ensemble_agreement.EnsembleView, ensemble_agreement.judge),
    Gate(conviction.NAME, conviction.ConvictionView, conviction.judge),
    Gate(fee_aware.NAME, fee_aware.FeeView, fee_aware.judge),
    Gate(correlation_throttle.NAME, correlation_throttle.CorrelationView, correlation_throttle.judge),
    Gate(intelligence.NAME, intelligence.IntelligenceView, intelligence.judge),
    Gate(microstructure.NAME, microstructure.MicrostructureView, microstructure.judge),
    Gate(pre_entry.NAME, pre_entry.PreEntryView, pre_entry.judge),
)
