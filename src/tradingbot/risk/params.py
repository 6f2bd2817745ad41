"""Settings of sizing, portfolio limits and kill switches (SPEC 6)."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Regime


@lru_cache(maxsize=64)
def snake_case(name: str) -> str:
    """``TrendFollower`` as its setting is called: ``trend_follower``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class SizingParams(Params):
    """Position size and leverage (SPEC 6.1)."""

    capital_per_symbol_pct: float = Field(default=5.0, gt=0, le=100, description="Base notional, per cent of equity.")
    early_days: int = Field(default=14, ge=0, le=365, description="Days on a venue during which the early caps hold.")
    early_min_notional_usd: float = Field(default=200.0, gt=0, description="Smallest position in the early days, USD.")
    early_max_notional_usd: float = Field(default=500.0, gt=0, description="Largest position in the early days, USD.")
    early_max_leverage: float = Field(default=3.0, ge=1, le=50, description="Futures leverage cap in the early days.")
    max_leverage: float = Field(default=5.0, ge=1, le=50, description="Futures leverage cap after them.")
    margin_use_pct: float = Field(default=80.0, gt=0, le=100, description="Free margin an entry may use, per cent.")
    spot_leverage: float = Field(default=1.0, ge=1, le=1, description="Spot is never levered.")
    size_scale: float = Field(
        default=1.0, gt=0, le=1, description="Factor of every size; 1 is the whole. Never raises one."
    )
    min_trade_usd: float = Field(default=50.0, gt=0, description="Smaller trades are not worth their fees, USD.")

    @model_validator(mode="after")
    def _caps_fit(self) -> SizingParams:
        if self.early_max_leverage > self.max_leverage:
            raise contradiction(
                "the early leverage cap must not be above the later one", "early_max_leverage", "max_leverage"
            )
        if self.early_min_notional_usd > self.early_max_notional_usd:
            raise contradiction(
                "the smallest early position must not be above the largest",
                "early_min_notional_usd",
                "early_max_notional_usd",
            )
        if self.min_trade_usd > self.early_max_notional_usd:
            raise contradiction(
                "the minimum trade must not be above the largest early position",
                "min_trade_usd",
                "early_max_notional_usd",
            )
        return self


class PortfolioLimits(Params):
    """What the whole book may be (SPEC 6.2)."""

    max_pair_notional_pct: float = Field(
        default=5.0, gt=0, le=100, description="Notional per pair, per cent of equity."
    )
    max_pairs: int = Field(default=6, ge=1, le=50, description="Pairs held at once.")
    max_top3_concentration_pct: float = Field(
        default=50.0,
        gt=0,
        le=100,
        description="Share of the three largest positions in the notional that the limits allow.",
    )
    max_correlation: float = Field(default=0.7, gt=0, le=1, description="Pair-wise correlation of positions.")
    max_drawdown_pct: float = Field(
        default=20.0, gt=0, le=100, description="Equity below its peak, per cent; the drawdown switch keeps it."
    )
    max_heat_pct: float = Field(
        default=8.0, gt=0, le=100, description="Sum of size x stop distance over all positions, per cent of equity."
    )
    max_symbol_risk_pct: float = Field(default=5.0, gt=0, le=100, description="Risk on one symbol, per cent of equity.")
    max_trade_risk_pct: float = Field(
        default=2.0, gt=0, le=100, description="Risk of one trade at full confidence, per cent of equity."
    )
    max_price_deviation_pct: float = Field(
        default=5.0, gt=0, le=50, description="Distance of an entry price from mark that is still sane, per cent."
    )
    max_trades_per_day: int = Field(
        default=20, ge=1, le=1000, description="Entries per UTC day; more are skipped (6.3)."
    )
    min_free_margin_pct: float = Field(
        default=20.0,
        ge=0,
        lt=100,
        description="Free margin of a wallet, per cent of its equity, below which a cycle opens nothing (6.4).",
    )

    @model_validator(mode="after")
    def _risks_nest(self) -> PortfolioLimits:
        for smaller, larger, text in (
            ("max_trade_risk_pct", "max_symbol_risk_pct", "the risk of one trade must not be above that of its symbol"),
            ("max_trade_risk_pct", "max_heat_pct", "the risk of one trade must not be above the portfolio heat"),
            ("max_symbol_risk_pct", "max_heat_pct", "the risk on one symbol must not be above the portfolio heat"),
        ):
            if getattr(self, smaller) > getattr(self, larger):
                raise contradiction(text, smaller, larger)
        return self


class StrategyMultipliers(Params):
    """Size factor of each strategy (SPEC 6.2)."""

    trend_follower: float = Field(default=2.0, ge=0, le=5, description="TrendFollower.")
    volatility_swing: float = Field(default=1.5, ge=0, le=5, description="VolatilitySwing.")
    mean_reversion: float = Field(default=1.0, ge=0, le=5, description="MeanReversion.")
    recovery: float = Field(default=1.0, ge=0, le=5, description="Recovery.")
    defensive_hedge: float = Field(default=0.5, ge=0, le=5, description="DefensiveHedge.")
    stable_allocator: float = Field(default=0.5, ge=0, le=5, description="StableAllocator.")

    def of(self, strategy: str) -> float:
        """The factor of a strategy by its name, e.g. ``TrendFollower``; 1 for one that has none."""
        return float(getattr(self, snake_case(strategy), 1.0))


class RegimeMultipliers(Params):
    """Size factor of each regime (SPEC 6.1)."""

    risk_on: float = Field(default=1.0, ge=0, le=2, description="RISK_ON.")
    neutral: float = Field(default=1.0, ge=0, le=2, description="NEUTRAL.")
    risk_off: float = Field(default=0.6, ge=0, le=2, description="RISK_OFF.")
    panic: float = Field(default=0.4, ge=0, le=2, description="PANIC.")
    recovery: float = Field(default=0.8, ge=0, le=2, description="RECOVERY.")

    def of(self, regime: Regime) -> float:
        """The factor of a regime."""
        return float(getattr(self, regime.value.lower()))


class HistoryParams(Params):
    """What the results of a ready symbol and side change about its size (SPEC 6.1)."""

    full_bps: float = Field(
        default=50.0, gt=0, le=1000, description="Mean net result, bps, at which the change is whole."
    )
    max_change: float = Field(default=0.3, ge=0, lt=1, description="Largest part of the size that is added or taken.")


class KillSwitchParams(Params):
    """What stops new entries while exits go on (SPEC 6.3)."""

    max_consecutive_losses: int = Field(default=3, ge=1, le=100, description="Losing trades in a row.")
    consecutive_losses_pause_h: float = Field(default=4.0, gt=0, le=168, description="Hours until that switch lifts.")
    max_daily_loss_pct: float = Field(
        default=2.0, gt=0, le=100, description="Loss since 00:00 UTC, per cent of equity."
    )
    max_drawdown_pct: float = Field(
        default=20.0, gt=0, le=100, description="Drawdown that only a person lifts, per cent."
    )
    min_win_rate_pct: float = Field(
        default=25.0, ge=0, le=100, description="Win rate over the window below this stops."
    )
    win_rate_window_trades: int = Field(default=20, ge=5, le=1000, description="Trades the win rate is taken over.")
    max_reject_rate_pct: float = Field(
        default=30.0, gt=0, le=100, description="Refused orders among the newest, per cent."
    )
    reject_window_orders: int = Field(default=20, ge=3, le=1000, description="Orders the reject rate is taken over.")
    reject_cooldown_h: float = Field(
        default=1.0, gt=0, le=168, description="Hours without a refused order until that switch lifts."
    )
    heartbeat_stale_s: float = Field(
        default=300.0, ge=30, le=86_400, description="A subsystem silent for so long is stale."
    )
    heartbeat_clear_cycles: int = Field(
        default=3, ge=1, le=1000, description="Cycles with every subsystem alive until that switch lifts."
    )


class CircuitBreakerParams(Params):
    """Volatility spikes shrink sizes by themselves (SPEC 6.6)."""

    spike_ratio: float = Field(
        default=2.5, gt=1, le=20, description="Volatility of the last hour over that of the week."
    )
    min_size_multiplier: float = Field(default=0.25, gt=0, le=1, description="Sizes never shrink below this factor.")


class AllocationParams(Params):
    """Adapting a symbol's share of capital (SPEC 6.5)."""

    ready_trades: int = Field(default=30, ge=1, le=10_000, description="Trades before a symbol is judged.")
    ready_days: float = Field(default=7.0, ge=0, le=365, description="Days between first and last of them.")
    risk_parity: bool = Field(
        default=False,
        description="Size active strategies by the inverse of their volatility, so that each risks the same.",
    )


class RolloutParams(Params):
    """Starting live with little (SPEC 6.7)."""

    enabled: bool = Field(default=False, description="True in the live profile.")
    first_hours: float = Field(default=48.0, ge=0, le=720, description="Hours at the first share.")
    first_share_pct: float = Field(default=10.0, gt=0, le=100, description="Per cent of allocation in the first hours.")
    step_hours: float = Field(default=48.0, gt=0, le=720, description="Hours of every further step.")
    step_share_pct: float = Field(default=30.0, gt=0, le=100, description="Per cent that every further step adds.")


class RiskParams(Params):
    """Everything that bounds what can be lost."""

    sizing: SizingParams = SizingParams()
    limits: PortfolioLimits = PortfolioLimits()
    strategy_multipliers: StrategyMultipliers = StrategyMultipliers()
    regime_multipliers: RegimeMultipliers = RegimeMultipliers()
    history: HistoryParams = HistoryParams()
    kill_switches: KillSwitchParams = KillSwitchParams()
    circuit_breaker: CircuitBreakerParams = CircuitBreakerParams()
    allocation: AllocationParams = AllocationParams()
    rollout: RolloutParams = RolloutParams()

    @model_validator(mode="after")
    def _switch_keeps_the_drawdown(self) -> RiskParams:
        if self.kill_switches.max_drawdown_pct > self.limits.max_drawdown_pct:
            raise contradiction(
                "the drawdown switch must trip at the drawdown limit or before it",
                "kill_switches.max_drawdown_pct",
                "limits.max_drawdown_pct",
            )
        return self

    @model_validator(mode="after")
    def _stops_before_the_limit(self) -> RiskParams:
        if self.kill_switches.max_daily_loss_pct > self.limits.max_drawdown_pct:
            raise contradiction(
                "the daily loss that stops entries must not be above the drawdown limit",
                "kill_switches.max_daily_loss_pct",
                "limits.max_drawdown_pct",
            )
        return self
