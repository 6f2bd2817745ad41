"""The ten components in the order of SPEC 4.1. Adding one: one file, one line here, one weight in the settings."""

from __future__ import annotations

from typing import Final

from tradingbot.signals.btc_lead_lag import btc_lead_lag
from tradingbot.signals.component import Component
from tradingbot.signals.fear_greed import fear_greed
from tradingbot.signals.funding_extreme import funding_extreme
from tradingbot.signals.hurst import hurst
from tradingbot.signals.liquidation_cascade import liquidation_cascade
from tradingbot.signals.ofi_momentum import ofi_momentum
from tradingbot.signals.oi_price_divergence import oi_price_divergence
from tradingbot.signals.oi_velocity import oi_velocity
from tradingbot.signals.volatility_skew import volatility_skew
from tradingbot.signals.whale_flow import whale_flow

COMPONENTS: Final[dict[str, Component]] = {
    "liquidation_cascade": liquidation_cascade,
    "whale_flow": whale_flow,
    "funding_extreme": funding_extreme,
    "hurst": hurst,
    "btc_lead_lag": btc_lead_lag,
    "ofi_momentum": ofi_momentum,
    "fear_greed": fear_greed,
    "volatility_skew": volatility_skew,
    "oi_velocity": oi_velocity,
    "oi_price_divergence": oi_price_divergence,
}
