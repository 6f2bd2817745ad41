"""Settings of the simulated market-data service that speaks CoinGlass v4."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradingbot.core.params import Params
from tradingbot.simulator.coinglass_faults import CoinglassFault

Plan = Literal["HOBBYIST", "STARTUP", "STANDARD"]
"""What has been paid for, least first."""


class PublicationDelays(Params):
    """How long after it was true a value can be had."""

    taker_s: float = Field(default=5.0, ge=0, description="Taker volume, s after its minute closed.")
    liquidations_s: float = Field(default=20.0, ge=0, description="Liquidations, s after their minute closed.")
    open_interest_s: float = Field(default=60.0, ge=0, description="Open interest, s after its minute closed.")
    funding_s: float = Field(default=60.0, ge=0, description="Funding, s after its minute closed.")
    ratios_s: float = Field(default=60.0, ge=0, description="Long/short ratios, s after their bar closed.")
    balances_s: float = Field(default=300.0, ge=0, description="Balances of exchanges, s after their full hour.")
    transfers_s: float = Field(default=30.0, ge=0, description="Transfers on chain, s after their block.")
    options_s: float = Field(default=300.0, ge=0, description="Options, s after their full hour.")
    fear_greed_s: float = Field(default=0.0, ge=0, description="Fear & greed index, s after 00:00 UTC.")
    volatility_s: float = Field(default=1.0, ge=0, description="Volatility index, s after its minute closed.")
    recorded_daily_s: float = Field(
        default=3_600.0, ge=0, description="Recorded daily figures of the chain, s after their day ended."
    )


class CoinglassSimParams(Params):
    """How the simulated market-data service behaves. Its seed is the market's."""

    enabled: bool = Field(default=True, description="Start it beside the simulated venue.")
    plan: Plan = Field(default="HOBBYIST", description="Plan of its key: what may be asked, and how finely.")
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Requests in any 60 s; null means the plan's: 30, 80 or 300."
    )
    latency_min_ms: int = Field(default=50, ge=0, description="Shortest time from a request to its answer, ms.")
    latency_max_ms: int = Field(default=300, ge=0, description="Longest time from a request to its answer, ms.")
    delays: PublicationDelays = Field(default_factory=PublicationDelays, description="Age of values when they appear.")
    recordings: str = Field(
        default="",
        description="Folder of recorded fear & greed, funding and chain figures, relative to the home folder; "
        "empty: the folder of the recorded candles' file, or `intelligence` in the folder of candles.",
    )
    faults: tuple[CoinglassFault, ...] = Field(default=(), description="Faults that are on from the start.")
