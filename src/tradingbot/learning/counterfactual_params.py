"""Settings of the counterfactual ledger and of what is told of the gates (SPEC 10.4)."""

from __future__ import annotations

from pydantic import Field

from tradingbot.core.params import Params


class CounterfactualParams(Params):
    """How a signal is carried forward as a virtual position, and when a gate is judged."""

    nightly: bool = Field(default=True, description="Carry the signals of the last day forward every night.")
    latency_s: float = Field(
        default=0.3, ge=0, le=60, description="From a decision to its virtual entry fill, seconds."
    )
    nominal_usd: float = Field(
        default=1000.0, gt=0, description="Size of a signal that a gate stopped before it was sized, USD."
    )
    max_hold_h: float = Field(
        default=48.0, ge=1, le=1000, description="A virtual position so old is closed by the clock, hours."
    )
    window_days: float = Field(
        default=28.0, gt=0, le=3650, description="Signals of so many days are in the table of gates."
    )
    block_h: float = Field(
        default=4.0, gt=0, le=168, description="Signals of such a block of time are not independent, hours."
    )
    min_episodes: int = Field(
        default=30, ge=2, description="Blocks of one symbol and side below which no gate is judged."
    )
    min_blocks: int = Field(default=12, ge=2, description="Blocks of time below which no gate is judged.")
    first_days: float = Field(
        default=2.0, gt=0, le=365, description="The first run of a home begins so many days back."
    )
