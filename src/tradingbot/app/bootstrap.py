"""The composition root: the one place where concrete parts are chosen and put together."""

from __future__ import annotations

from dataclasses import dataclass

from tradingbot.core.types import Symbol
from tradingbot.market.universe import Universe
from tradingbot.ports import Clock, Venue
from tradingbot.sim_server.server import SimServer

DEFAULT_SIMULATED_SPEED = 60.0


@dataclass(frozen=True, slots=True)
class VenueParts:
    """A venue and what it stands on."""

    venue: Venue
    clock: Clock
    universe: Universe
    symbols: tuple[Symbol, ...]
    url: str
    sim: SimServer | None
