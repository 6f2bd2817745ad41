"""Is the exchange healthy? Three failures in a row, of a probe or in live traffic, and it is DEGRADED (13.1). Pure.

DEGRADED blocks entries; exits go on. Recovery needs no person: so many good looks in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from tradingbot.core.params import Params


class HealthStatus(StrEnum):
    """How the exchange is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"


class ExchangeHealthParams(Params):
    """When the exchange counts as degraded, and as recovered."""

    failures_degrade: int = Field(default=3, ge=1, description="Failures in a row that make it DEGRADED.")
    looks_recover: int = Field(default=2, ge=1, description="Good looks in a row (one per cycle) that end that.")


@dataclass(frozen=True, slots=True)
class HealthLook:
    """One look. `probe_failed` None: the exchange was not asked on purpose this time.

    `traffic_failures` is how many requests in a row failed up to now.
    """

    at: datetime
    traffic_failures: int
    probe_failed: bool | None = None
    error: str = ""
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ExchangeHealth:
    """What is remembered; survives a restart.

    `probe_failures` and `good_looks` are in a row; `degraded_count` and `probes` count since the beginning.
    """

    status: HealthStatus = HealthStatus.HEALTHY
    since: datetime | None = None
    probe_failures: int = 0
    traffic_failures: int = 0
    good_looks: int = 0
    last_error: str = ""
    last_failure_at: datetime | None = None
    last_success_at: datetime | None = None
    latency_ms: float | None = None
    probes: int = 0
    probes_failed: int = 0
    degraded_count: int = 0

    @property
    def degraded(self) -> bool:
        """Entries are blocked."""
        return self.status is HealthStatus.DEGRADED

    @property
    def wants_probe(self) -> bool:
        """A probe every cycle, not only every five minutes: its failures are what is to end."""
        return self.degraded or self.probe_failures > 0


def looked(health: ExchangeHealth, look: HealthLook, params: ExchangeHealthParams) -> ExchangeHealth:
    """The health after one look."""
    health = _counted(health, look)
    failures = max(health.probe_failures, look.traffic_failures)
    if not health.degraded and failures >= params.failures_degrade:
        count = health.degraded_count + 1
        return replace(health, status=HealthStatus.DEGRADED, since=look.at, degraded_count=count, good_looks=0)
    if health.degraded and health.good_looks >= params.looks_recover:
        return replace(health, status=HealthStatus.HEALTHY, since=look.at)
    return replace(health, since=health.since or look.at)


def _counted(health: ExchangeHealth, look: HealthLook) -> ExchangeHealth:
    bad = bool(look.probe_failed) or look.traffic_failures > 0
    health = replace(
        health,
        traffic_failures=look.traffic_failures,
        last_error=look.error if bad and look.error else health.last_error,
        last_failure_at=look.at if bad else health.last_failure_at,
        good_looks=0 if bad or (health.probe_failures and look.probe_failed is None) else health.good_looks + 1,
    )
    if look.probe_failed is None:
        return health
    return replace(
        health,
        probes=health.probes + 1,
        probes_failed=health.probes_failed + look.probe_failed,
        probe_failures=health.probe_failures + 1 if look.probe_failed else 0,
        last_success_at=health.last_success_at if look.probe_failed else look.at,
        latency_ms=health.latency_ms if look.probe_failed else look.latency_ms,
    )
