"""Listens to the signal bus and keeps what the newest cycle read in files: all readings, and the regime."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import BaseModel

from tradingbot.engine.cycle_record import regime_record
from tradingbot.engine.intelligence import IntelDesk
from tradingbot.engine.models import LatestSignalsState, RegimeState
from tradingbot.engine.signal_bus import SignalsDecided


class Kept(Protocol):
    """A document that takes whole values."""

    def put(self, value: Any) -> None:
        """Write it, soon."""


class SignalDesk:
    """Keeps `latest_signals.json` and `regime_state.json`."""

    def __init__(self, latest: Kept, regime: Kept, desk: IntelDesk) -> None:
        self._latest = latest
        self._regime = regime
        self._desk = desk
        self._kept: BaseModel | None = None

    def listen(self, event: SignalsDecided) -> None:
        """Keep one cycle's readings; the regime is written when it has changed."""
        decision = event.decision
        self._latest.put(
            LatestSignalsState.model_construct(
                as_of=event.as_of,
                cycle_id=event.cycle_id,
                regime=regime_record(decision.regime, decision.active),
                feeds=self._desk.report(),
                left_out=list(self._desk.left_out),
                symbols={record["symbol"]: record for record in event.records},
            )
        )
        state = RegimeState.of(decision.regime)
        if state != self._kept:
            self._regime.put(state)
            self._kept = state
