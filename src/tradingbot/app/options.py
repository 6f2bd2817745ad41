"""What the command line may say about a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROFILES: Final = ("paper", "testnet", "live")
SOURCES: Final = ("simulated", "recorded", "kraken")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of ``tradingbot run``; None means: take the setting.

    `source` is empty for the setting. `speed` is a factor of real time, None for the default of the source, or 0 for as
    fast as possible. `dashboard_port` 0 is any free port, -1 no page at all.
    """

    home: Path
    profile: str = "paper"
    source: str = ""
    data: Path | None = None
    symbols: tuple[str, ...] = ()
    speed: float | None = None
    cycles: int | None = None
    seed: int | None = None
    venue_url: str | None = None
    venue_ws_url: str | None = None
    confirm: str = ""
    dashboard_port: int | None = None

    @property
    def embedded(self) -> bool:
        """Paper fills come from the simulated venue inside this process."""
        return self.profile == "paper"
