"""Settings of the signals (SPEC 4)."""

from __future__ import annotations

from tradingbot.core.params import Params
from tradingbot.core.types import Conviction
from tradingbot.signals.btc_lead_lag import LeadLagParams
from tradingbot.signals.hurst import HurstParams
from tradingbot.signals.ofi_momentum import OfiMomentumParams


class SignalParams(Params):
    """x"""

    ofi_momentum: OfiMomentumParams = OfiMomentumParams()
    hurst: HurstParams = HurstParams()
    btc_lead_lag: LeadLagParams = LeadLagParams()
    weights: dict[str, float] = {"hurst": 0.08, "btc_lead_lag": 0.08, "ofi_momentum": 0.06}
    min_aligned: int = 2
    high_aligned: int = 4
    high_confidence: float = 0.6
    medium_aligned: int = 3
    medium_confidence: float = 0.4
    low_aligned: int = 2
    low_confidence: float = 0.3
    conviction_size: dict[Conviction, float] = {
        Conviction.HIGH: 1.5,
        Conviction.MEDIUM: 1.0,
        Conviction.LOW: 0.5,
        Conviction.NONE: 0.0,
    }
