"""Settings of health, healing and self-governance (SPEC 13)."""

from __future__ import annotations

from pydantic import Field

from tradingbot.core.params import Params
from tradingbot.guards.exchange_health import ExchangeHealthParams
from tradingbot.guards.healing_escalation import HealingParams


class WatchdogParams(Params):
    """What the watchdog calls silent, stuck, and lasting (SPEC 13.3, 13.4)."""

    heartbeat_warn_s: float = Field(
        default=180.0, ge=30, le=86_400, description="A subsystem silent for so long is reported, seconds."
    )
    restart_after_s: float = Field(
        default=240.0, ge=30, le=86_400, description="A subsystem silent for so long is restarted, seconds."
    )
    restart_pause_s: float = Field(
        default=600.0, ge=0, le=86_400, description="The same subsystem is not restarted again sooner, seconds."
    )
    unknown_order_s: float = Field(
        default=120.0,
        ge=0,
        le=86_400,
        description="An order whose outcome is not known for so long is reported, seconds.",
    )
    mismatch_heal_s: float = Field(
        default=120.0,
        ge=0,
        le=86_400,
        description="Book and exchange disagree for so long: fills are asked for from far back, seconds.",
    )
    stale_data_s: float = Field(
        default=180.0, ge=0, le=86_400, description="A symbol's market data stale for so long is reported, seconds."
    )


class TacticalParams(Params):
    """What the tactical operator does every quarter of an hour (SPEC 13.4)."""

    window_s: float = Field(default=900.0, ge=60, le=86_400, description="Outcomes of so many seconds are looked at.")
    refusals_revalidate: int = Field(
        default=3, ge=1, le=100, description="So many refused orders of a symbol have it validated again."
    )


class FeeAuditParams(Params):
    """When fees that were paid are not those that are reckoned with (SPEC 14)."""

    newest_orders: int = Field(default=200, ge=1, le=5000, description="Newest executed orders that are looked at.")
    days: float = Field(default=7.0, gt=0, le=365, description="Orders older than so many days do not count.")
    least_orders: int = Field(
        default=5, ge=1, le=1000, description="Orders of a symbol with a known fee below which nothing is concluded."
    )
    tolerance_bps: float = Field(
        default=0.5, gt=0, le=100, description="Distance of the mean fee from what is reckoned with that counts, bps."
    )


class HealthParams(Params):
    """Health of the exchange, of the daemon and of its files."""

    exchange: ExchangeHealthParams = ExchangeHealthParams()
    healing: HealingParams = HealingParams()
    watchdog: WatchdogParams = WatchdogParams()
    tactical: TacticalParams = TacticalParams()
    fee_audit: FeeAuditParams = FeeAuditParams()
