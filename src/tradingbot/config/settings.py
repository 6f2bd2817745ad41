"""The root of all settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, PrivateAttr, model_validator

from tradingbot.alerts.params import AlertParams
from tradingbot.config.sections import (
    DashboardParams,
    MarketSourceParams,
    StorageParams,
)
from tradingbot.core.params import Params, contradiction
from tradingbot.engine.params import EngineParams
from tradingbot.exits.params import ExitParams
from tradingbot.gates.params import GateParams
from tradingbot.guards.downtime import DowntimeParams
from tradingbot.guards.entry_permission import AlphaTradingPolicy
from tradingbot.guards.health_params import HealthParams
from tradingbot.guards.resources import ResourceLimits
from tradingbot.intel.params import CoinglassParams
from tradingbot.learning.params import LearningParams
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.frame_features import FrameParams
from tradingbot.market.multi_timeframe import MtfParams
from tradingbot.market.regime_params import RegimeParams
from tradingbot.market.symbol_validation import ValidationParams
from tradingbot.market.universe import UniverseParams
from tradingbot.reading import ReadingParams
from tradingbot.risk.params import RiskParams
from tradingbot.signals.ensemble import EnsembleParams
from tradingbot.signals.params import SignalParams
from tradingbot.simulator.params import SimulatorParams
from tradingbot.strategies.params import StrategyParams
from tradingbot.venues.kraken_futures.settings import KrakenFuturesParams

LIVE_CONFIRMATION: Final = "yes-live"
_REAL: Final = re.compile(r"//(www\.)?futures\.kraken\.com([:/]|$)")


class Settings(Params):
    """Everything that is configured, checked and frozen. Secrets are not in here."""

    mode: Literal["paper", "testnet", "live"] = Field(default="paper", description="What orders do.")
    exchange: Literal["kraken", "blofin"] = Field(default="kraken", description="Venue that is traded.")
    home: str | None = Field(default=None, description="Folder of state, logs and feature store; null is the checkout.")
    confirm: str | None = Field(default=None, description="yes-live starts live trading.")
    signals: SignalParams = SignalParams()
    frames: FrameParams = FrameParams()
    mtf: MtfParams = MtfParams()
    regime: RegimeParams = RegimeParams()
    strategies: StrategyParams = StrategyParams()
    ensemble: EnsembleParams = EnsembleParams()
    contracts: ContractParams = ContractParams()
    gates: GateParams = GateParams()
    risk: RiskParams = RiskParams()
    exits: ExitParams = ExitParams()
    engine: EngineParams = EngineParams()
    learning: LearningParams = LearningParams()
    health: HealthParams = HealthParams()
    alpha_trading: AlphaTradingPolicy = AlphaTradingPolicy()
    coinglass: CoinglassParams = CoinglassParams()
    universe: UniverseParams = UniverseParams()
    market_source: MarketSourceParams = MarketSourceParams()
    venue: KrakenFuturesParams = KrakenFuturesParams()
    downtime: DowntimeParams = DowntimeParams()
    alerts: AlertParams = AlertParams()
    dashboard: DashboardParams = DashboardParams()
    storage: StorageParams = StorageParams()
    resources: ResourceLimits = ResourceLimits()
    simulator: SimulatorParams = SimulatorParams()
    validation: ValidationParams = ValidationParams()

    _provenance: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def reading(self) -> ReadingParams:
        """What the market is read with, as one value."""
        return ReadingParams(
            signals=self.signals,
            mtf=self.mtf,
            regime=self.regime,
            strategies=self.strategies,
            ensemble=self.ensemble,
        )

    @property
    def provenance(self) -> Mapping[str, str]:
        """Which layer set each dotted key; a key that is absent has its built-in default."""
        return self._provenance

    @model_validator(mode="after")
    def _mode_fits_venue(self) -> Settings:
        if self.mode == "live" and self.venue.testnet:
            raise contradiction("live trading needs the real exchange", "mode", "venue.testnet")
        if self.mode == "testnet" and not self.venue.testnet:
            raise contradiction("testnet must not use the real exchange", "mode", "venue.testnet")
        for key in ("rest_url", "ws_url"):
            if self.mode == "testnet" and _REAL.search(getattr(self.venue, key)):
                raise contradiction("testnet must not use the real exchange", "mode", f"venue.{key}")
        return self

    @model_validator(mode="after")
    def _stop_fits_heat(self) -> Settings:
        limits = self.risk.limits
        heat = limits.max_pair_notional_pct * self.exits.stop_loss_pct / 100.0
        if heat > limits.max_heat_pct:
            raise contradiction(
                f"one full position at its stop costs {heat:g} % of equity, more than the portfolio heat",
                "risk.limits.max_pair_notional_pct",
                "exits.stop_loss_pct",
                "risk.limits.max_heat_pct",
            )
        if self.mode == "paper":
            self._check_paper_sizes()
        return self

    def _check_paper_sizes(self) -> None:
        pair_usd = float(self.simulator.starting_equity_usd) * self.risk.limits.max_pair_notional_pct / 100.0
        if self.risk.sizing.min_trade_usd > pair_usd:
            raise contradiction(
                f"the minimum trade is above what one pair may hold ({pair_usd:g} USD), so nothing could be traded",
                "risk.sizing.min_trade_usd",
                "risk.limits.max_pair_notional_pct",
                "simulator.starting_equity_usd",
            )

    @model_validator(mode="after")
    def _symbols_are_known(self) -> Settings:
        known = {row.symbol for row in self.universe.assets}
        strangers = [symbol for symbol in self.alpha_trading.enabled_symbols if symbol not in known]
        if strangers:
            raise contradiction(f"{', '.join(strangers)} is not in the asset universe", "alpha_trading.enabled_symbols")
        return self
