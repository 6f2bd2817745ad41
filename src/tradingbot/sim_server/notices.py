"""Announcements of the venue."""

from __future__ import annotations

from typing import Any

from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import iso


def notices(service: Service) -> list[dict[str, Any]]:
    """What the venue announces now, as /notifications writes it."""
    now_ms = service.now_ms()
    faults = service.venue.state.faults
    rows: list[dict[str, Any]] = []
    fault = faults.on("maintenance", now_ms)
    if fault is not None:
        rows.append(
            {
                "type": "maintenance",
                "priority": "high",
                "note": "The venue is down for maintenance.",
                "effectiveTime": iso(now_ms),
                "expectedDowntimeMinutes": max(1, round((fault.seconds or 60) / 60)),
            }
        )
    if service.venue.state.post_only():
        rows.append({"type": "market", "priority": "medium", "note": "Markets are post-only for now."})
    return rows
