"""The nightly and weekly jobs that make reports: each reads in a process of its own, and its report is one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from tradingbot.app.learning_ground import round_trip_bps
from tradingbot.app.nightly_reports import (
    enriched_of_home,
    gates_of_home,
    horizons_of_home,
    missed_of_home,
    weekly_of_home,
)
from tradingbot.app.runtime import Work
from tradingbot.app.stores import Stores
from tradingbot.beside import in_process
from tradingbot.config import Settings
from tradingbot.core.errors import StorageUnavailableError
from tradingbot.engine.learning_models import ReportState, VenueMetadata
from tradingbot.ports import Clock

log = structlog.get_logger(__name__)

AT_ONCE: Final = 200
"""Lines of trades that one process hands over: more would hold up the event loop."""


class NightlyReports:
    """Bodies of these jobs."""

    def __init__(self, home: Path, stores: Stores, clock: Clock, venue: VenueMetadata, settings: Settings) -> None:
        """`venue`: what was traded before its period began was traded elsewhere, and is left out of the reports."""
        self._home = home
        self._stores = stores
        self._clock = clock
        self._venue = venue
        self._settings = settings

    def by_name(self) -> dict[str, Work]:
        """Every job's body."""
        return {
            "enrichment": self.enrich,
            "attribution_report": self.attribute,
            "missed_opportunity_probe": self.probe_missed,
            "gate_complexity": self.count_gates,
            "weekly_analysis": self.look_at_the_week,
        }

    async def enrich(self) -> None:
        """Lines of `logs/enriched_trades.jsonl` for every finished trade that has none yet.

        Raises StorageUnavailableError while nothing can be written.
        """
        written = 0
        while True:
            await self._stores.writer.flush()  # what is not on disk yet would be written twice
            asked = {"home": self._home, "until": self._clock.now(), "limit": AT_ONCE}
            found = await in_process(self._clock, enriched_of_home, asked)
            for line in found["lines"]:
                self._stores.journals["enriched_trades"].append(line)
            written += len(found["lines"])
            if not found["more"]:
                break
        log.info("trades.enriched", trades=written)

    async def attribute(self) -> None:
        """`feature_store/attribution_horizons.json`."""
        learning = self._settings.learning
        found = await self.made("attribution_horizons", horizons_of_home, small_below=learning.small_sample_trades)
        log.info("attribution.reported", trades={days: one["trades"] for days, one in found["horizons"].items()})

    async def probe_missed(self) -> None:
        """`feature_store/missed_opportunities.json`."""
        settings = self._settings
        found = await self.made(
            "missed_opportunities",
            missed_of_home,
            params=settings.learning.review.model_dump(mode="json"),
            fallback_usd=settings.risk.sizing.early_min_notional_usd,
            round_trip_bps=round_trip_bps(settings),
        )
        log.info("opportunities.probed", moves=found["moves"], missed=found["missed"], by_stage=found["by_stage"])

    async def count_gates(self) -> None:
        """`feature_store/gate_complexity.json`."""
        since = self._clock.now() - timedelta(days=self._settings.learning.review.gate_days)
        found = await self.made("gate_complexity", gates_of_home, since=max(since, self._venue.since))
        log.info("gates.counted", never_firing=found["never_firing"], redundant=found["redundant"])

    async def look_at_the_week(self) -> None:
        """`feature_store/weekly_analysis.json`, and one line of `logs/weekly_analysis.jsonl`."""
        learning = self._settings.learning
        found = await self.made("weekly_analysis", weekly_of_home, small_below=learning.small_sample_trades)
        self._stores.journals["weekly_analysis"].append({"at": self._clock.now(), **found})
        log.info("week.analysed", trades=found["whole"]["trades"], groups=found["groups_compared"])

    async def made(
        self, document: str, work: Callable[[Mapping[str, Any]], dict[str, Any]], **more: object
    ) -> dict[str, Any]:
        """A report from what is on disk; it stands in its document when this returns."""
        now = self._clock.now()
        await self._flushed()
        venue = {"venue": self._venue.venue, "venue_since": self._venue.since}
        found = await in_process(self._clock, work, {"home": self._home, "until": now, **venue, **more})
        state = ReportState(venue_metadata=self._venue, as_of=now, report=found)
        self._stores.documents[document].put(state)
        return found

    async def _flushed(self) -> None:
        with suppress(StorageUnavailableError):  # then of what is on disk
            await self._stores.writer.flush()
