"""Owner of `state/runtime.json`: what `tradingbot status` shows of this daemon, after every cycle and every command."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from tradingbot.app.bootstrap import VenueParts
from tradingbot.app.options import RunOptions
from tradingbot.app.stores import Stores
from tradingbot.engine.bot_cycle import CycleReport
from tradingbot.engine.models import RuntimeState

log = structlog.get_logger(__name__)


class RuntimeFile:
    """Keeps the newest state and writes it. `shown` gives what further parts want to have shown."""

    def __init__(
        self, options: RunOptions, parts: VenueParts, stores: Stores, shown: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._parts = parts
        self._stores = stores
        self._shown = shown
        self.state = first_state(options, parts)

    def refresh(self) -> None:
        """Something was done between two cycles: show what further parts say now."""
        self._put(self._shown())

    def after_cycle(
        self, report: CycleReport | None, failure: str, blocks: Sequence[str], counts: Mapping[str, int]
    ) -> None:
        """A cycle has ended; without a report it failed. `blocks` are what stands against all entries now."""
        storage = self._stores.writer.health()
        if storage.ok is not self.state.storage_ok:
            say = log.info if storage.ok else log.error
            say("storage.recovered" if storage.ok else "storage.unavailable", detail=storage.detail)
        self._put(
            {
                "as_of": self._parts.clock.now(),
                **counts,
                "last_failure": failure or self.state.last_failure,
                "storage_ok": storage.ok,
                "storage_detail": storage.detail,
                "streams": self._streams(),
                "entry_blocks": list(blocks),
                **(reported(report) if report is not None else {}),
                **self._shown(),
            }
        )

    def ended(self, why: str) -> None:
        """The daemon stops in order."""
        self._put({"stopped": why})

    def _streams(self) -> list[dict[str, Any]]:
        return [
            {"name": s.name, "connected": s.connected, "reconnects": s.reconnects, "gaps": s.gaps, "detail": s.detail}
            for s in self._parts.venue.health().streams
        ]

    def _put(self, changes: Mapping[str, Any]) -> None:
        self.state = self.state.model_copy(update=dict(changes))
        self._stores.documents["runtime"].put(self.state)


def first_state(options: RunOptions, parts: VenueParts) -> RuntimeState:
    """Before the first cycle: what runs, on what."""
    return RuntimeState(
        profile=options.profile,
        source=options.source,
        venue=parts.venue.name,
        venue_url=parts.url,
        venue_ws_url=parts.ws_url,
        intelligence_url=parts.intel.params.base_url,
        data=str(options.data.resolve()) if options.data else "",
        symbols=list(options.symbols),
        seed=options.seed,
        pid=os.getpid(),
        started_at=parts.clock.now(),
        as_of=parts.clock.now(),
    )


def reported(report: CycleReport) -> dict[str, Any]:
    """What a good cycle has to show."""
    return {
        "cycle_id": report.cycle_id,
        "last_cycle_ms": round(report.duration_ms, 3),
        "equity_usd": report.equity_usd,
        "blocked_symbols": {str(k): v for k, v in report.permission.per_symbol.items()},
        "differences": list(report.differences),
    }
