"""The job `fee_audit`: what orders were charged, against the fee gate and the venue's own schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.stores import Stores
from tradingbot.beside import in_thread
from tradingbot.config import Settings
from tradingbot.core.errors import VenueError
from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.types import Symbol
from tradingbot.engine.budget import within
from tradingbot.engine.catalog import journal_path
from tradingbot.guards.issues import Finding
from tradingbot.learning.fee_check import FeeCheck, fee_checks, in_words
from tradingbot.ports import Clock, Venue
from tradingbot.storage.journal_reader import JournalReader

log = structlog.get_logger(__name__)

SCHEDULE_KEPT: Final = timedelta(hours=6)
"""The venue's schedule changes rarely; it is asked for so often."""


class FeeAudit:
    """Body of the job."""

    def __init__(
        self,
        home: Path,
        stores: Stores,
        clock: Clock,
        venue: Venue,
        learned: Callable[[], LearnedParameters],
        settings: Settings,
        observe: Callable[[str, Iterable[Finding]], None],
    ) -> None:
        """`learned` is what the gates know; `observe` takes what is wrong now."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._venue = venue
        self._learned = learned
        self._settings = settings
        self._observe = observe
        self._tiers_bps: list[float] = []
        self._asked_at: datetime | None = None
        self._told: dict[str, tuple[str, ...]] = {}

    async def run(self) -> None:
        """A symbol that begins or ceases to drift is one line of `logs/governance.jsonl`; while it does, an issue."""
        params = self._settings.health.fee_audit
        tiers_bps = await self._schedule()
        reader = JournalReader(journal_path(self._home, "execution_quality"))
        rows = await in_thread(self._clock, reader.tail, params.newest_orders)
        recent = [row for row in rows if _is_recent(row, self._clock.now() - timedelta(days=params.days))]
        checks = fee_checks(recent, self._gate_bps, tiers_bps, params.least_orders, params.tolerance_bps)
        drifting = [one for one in checks if one.drifts]
        self._journal(checks)
        self._observe("fee_audit", [Finding("fee_drift", one.symbol, in_words(one)) for one in drifting])

    def _gate_bps(self, symbol: str) -> float:
        """What the fee gate takes for one fill."""
        return self._learned().fee_bps.get(Symbol(symbol), self._settings.gates.fee.taker_fee_bps)

    def _journal(self, checks: Iterable[FeeCheck]) -> None:
        for one in checks:
            if one.drifts == self._told.get(one.symbol, ()):
                continue
            self._told[one.symbol] = one.drifts
            line: dict[str, Any] = {"at": self._clock.now(), "role": "fee_audit", **asdict(one)}
            self._stores.journals["governance"].append(line)
            say = log.warning if one.drifts else log.info
            say("fees.drift" if one.drifts else "fees.agree", **asdict(one))

    async def _schedule(self) -> list[float]:
        """Taker fees of the venue's tiers, bps. Raises nothing: without an answer the one before counts."""
        now = self._clock.now()
        if self._asked_at is None or now - self._asked_at >= SCHEDULE_KEPT:
            self._asked_at = now
            try:
                budget_s = self._settings.engine.read_budget_s
                tiers = await within(self._clock, budget_s, "fee schedule", self._venue.fee_tiers())
                self._tiers_bps = [float(tier.taker_bps) for tier in tiers]
            except VenueError as error:
                log.info("fees.schedule_unknown", error=str(error))
        return self._tiers_bps


def _is_recent(row: Mapping[str, Any], since: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(row["filled_at"])) >= since
    except (KeyError, ValueError, TypeError):
        return False
