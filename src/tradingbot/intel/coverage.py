"""What can be asked at all, as far as the source has told: plan, gates, holes, budget. No I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from tradingbot.core.types import Asset, iso_utc
from tradingbot.intel.cache_models import PollingCache
from tradingbot.intel.endpoints import Endpoint, PlanLevel, plan_level
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.plan_rows import PollRow
from tradingbot.intel.subscription import Subscription

log = structlog.get_logger(__name__)

EMPTY_IN_A_ROW: Final = 3
"""So many empty answers mean that the source does not cover an asset."""
UNCOVERED: Final = timedelta(hours=1)
"""Then it is left alone for so long, four times longer each time in a row."""
LONGEST_UNCOVERED: Final = timedelta(days=1)
SPARSE: Final = (Endpoint.TOKEN_TRANSFERS, Endpoint.WHALE_TRANSFERS)
"""Endpoints whose list may well be empty."""
BUDGET_STEP: Final = 0.01


class Coverage:
    """Changes with what answers say; methods that return True changed what can be planned."""

    def __init__(self, params: CoinglassParams, no_key: str) -> None:
        self._params = params
        self.no_key = no_key
        self.level = plan_level(params.plan or "")
        self.notes: tuple[str, ...] = ()
        own = params.polling.budget_share * params.requests_per_min
        self.budget_per_min = min(own, 60.0 / params.min_interval_s) if params.min_interval_s > 0 else own
        self._gated: dict[Endpoint, datetime] = {}
        self._uncovered: dict[tuple[Endpoint, Asset], datetime] = {}
        self._empty: dict[str, int] = {}
        self._holes: dict[str, int] = {}
        self._suspected: set[Endpoint] = set()

    @property
    def gated(self) -> frozenset[Endpoint]:
        """Endpoints that the plan of this key does not have."""
        return frozenset(self._gated)

    @property
    def uncovered(self) -> frozenset[tuple[Endpoint, Asset]]:
        """Assets about which an endpoint tells nothing."""
        return frozenset(self._uncovered)

    def gated_until(self) -> dict[str, datetime]:
        """Gates by endpoint name, for the cache."""
        return {endpoint.name: until for endpoint, until in sorted(self._gated.items())}

    def restore(self, polling: PollingCache) -> None:
        """Take up what a former run had learnt."""
        if self._params.plan is None and polling.level in PlanLevel.__members__:
            self.level = PlanLevel[polling.level]
        for name, until in polling.gated_until.items():
            if name in Endpoint.__members__:
                self._gated[Endpoint[name]] = until

    def subscribed(self, told: Subscription) -> None:
        """The key works, and this is its plan. A gate that the plan opens is forgotten."""
        self.accept_key()
        if self._params.plan is None and told.level is not self.level:
            log.info("intel.plan_level", level=told.word)
            if told.level > self.level:
                self._gated.clear()
            self.level = told.level
        ended = f" ({iso_utc(told.expires_at)})" if told.expires_at else ""
        self.notes = (f"the subscription of this key has expired{ended}",) if told.expired else ()

    def refuse_key(self) -> bool:
        """The key was refused; False when that was known."""
        known = self.no_key == "key_refused"
        self.no_key = "key_refused"
        for endpoint in self._suspected:
            self._gated.pop(endpoint, None)
        self._suspected.clear()
        return not known

    def accept_key(self) -> None:
        """The key works: what only one endpoint has against it is that endpoint's gate."""
        self._suspected.clear()
        if self.no_key == "key_refused":
            log.info("intel.key_accepted")
            self.no_key = ""

    def suspect(self, endpoint: Endpoint, now: datetime) -> None:
        """One endpoint refuses the key: it is left alone, until the self-check refuses the key as a whole."""
        self.gate(endpoint, now)
        self._suspected.add(endpoint)

    def gate(self, endpoint: Endpoint, now: datetime) -> None:
        """The plan does not have this endpoint."""
        self._gated[endpoint] = now + timedelta(seconds=self._params.gate_s)

    def answered(self, row: PollRow, told: bool, now: datetime) -> bool:
        """A request was answered, with or without data."""
        if told or row.subject is None or row.endpoint in SPARSE:
            self._empty.pop(row.key, None)
            self._holes.pop(row.key, None)
            return False
        self._empty[row.key] = self._empty.get(row.key, 0) + 1
        if self._empty[row.key] < EMPTY_IN_A_ROW:
            return False
        del self._empty[row.key]
        holes = self._holes.get(row.key, 0)
        self._holes[row.key] = min(holes + 1, 3)
        self._uncovered[row.endpoint, row.subject] = now + min(UNCOVERED * 4**holes, LONGEST_UNCOVERED)
        return True

    def paced(self, budget_per_min: float) -> bool:
        """The limiter's budget, which answers may change."""
        changed = abs(budget_per_min - self.budget_per_min) > BUDGET_STEP
        if changed:
            self.budget_per_min = budget_per_min
        return changed

    def expire(self, now: datetime) -> bool:
        """Gates and holes are forgotten after their time."""
        gated = {endpoint: until for endpoint, until in self._gated.items() if until > now}
        uncovered = {pair: until for pair, until in self._uncovered.items() if until > now}
        changed = len(gated) < len(self._gated) or len(uncovered) < len(self._uncovered)
        self._gated, self._uncovered = gated, uncovered
        return changed
