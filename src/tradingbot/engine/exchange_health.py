"""Owner of the exchange's health: a probe every five minutes, live traffic every cycle (SPEC 13.1)."""

from __future__ import annotations

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.engine.budget import within
from tradingbot.engine.health_models import ExchangeHealthState
from tradingbot.engine.portfolio_keeper import StateDocument
from tradingbot.guards.exchange_health import ExchangeHealth, ExchangeHealthParams, HealthLook, looked
from tradingbot.ports import Clock, Journal, Venue

log = structlog.get_logger(__name__)


class ExchangeHealthDesk:
    """The only writer of `feature_store/exchange_health_state.json` and `logs/exchange_health.jsonl`.

    `skew_s` is the exchange's clock minus ours, as of the newest probe that was answered.
    """

    def __init__(
        self,
        known: ExchangeHealth,
        venue: Venue,
        clock: Clock,
        document: StateDocument[ExchangeHealthState],
        journal: Journal,
        params: ExchangeHealthParams,
        read_budget_s: float,
    ) -> None:
        self._health = known
        self._venue = venue
        self._clock = clock
        self._document = document
        self._journal = journal
        self._params = params
        self._read_budget_s = read_budget_s
        self.skew_s = 0.0

    @property
    def health(self) -> ExchangeHealth:
        """As of the newest look."""
        return self._health

    async def probe(self) -> None:
        """Ask the exchange for its time. A failure is a result."""
        started_s, error = self._clock.perf_s(), ""
        try:
            theirs = await within(self._clock, self._read_budget_s, "server time", self._venue.server_time())
            self.skew_s = (theirs - self._clock.now()).total_seconds()
        except VenueError as failure:
            error = str(failure)
        latency_ms = round((self._clock.perf_s() - started_s) * 1000, 3)
        seen = self._venue.health()
        look = HealthLook(self._clock.now(), seen.consecutive_failures, bool(error), error, latency_ms)
        self._take(look)
        self._journal.append(
            {
                "at": self._clock.now(),
                "event": "probe",
                "ok": not error,
                "error": error,
                "status": self._health.status.value,
                "clock_skew_s": round(self.skew_s, 3),
                "latency_ms": latency_ms,
                "consecutive_failures": seen.consecutive_failures,
                "streams": {stream.name: stream.connected for stream in seen.streams},
            }
        )

    async def probe_if_doubtful(self) -> None:
        """Between two cycles: ask again while the exchange is degraded or a probe failed, so that it ends soon."""
        if self._health.wants_probe:
            await self.probe()

    def watch_traffic(self) -> None:
        """Once per cycle: what live traffic says."""
        seen = self._venue.health()
        self._take(HealthLook(self._clock.now(), seen.consecutive_failures, error=seen.last_error))

    def _take(self, look: HealthLook) -> None:
        before = self._health
        self._health = looked(before, look, self._params)
        if self._health.status is not before.status:
            self._tell(look)
        if self._health.status is not before.status or look.probe_failed is not None:
            state = ExchangeHealthState(as_of=look.at, health=self._health, clock_skew_s=round(self.skew_s, 3))
            self._document.put(state)

    def _tell(self, look: HealthLook) -> None:
        health = self._health
        line = {"at": look.at, "event": "status", "status": health.status.value, "error": health.last_error}
        self._journal.append(line)
        if health.degraded:
            log.error("exchange.degraded", error=health.last_error, failures=health.traffic_failures)
        else:
            log.info("exchange.recovered", last_error=health.last_error)
