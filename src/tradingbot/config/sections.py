"""Settings of the shell: what is not a part's own params model lives here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from tradingbot.core.params import Params, contradiction


class MarketSourceParams(Params):
    """Where paper's prices come from (SPEC 1)."""

    kind: Literal["simulated", "recorded", "kraken"] = Field(
        default="simulated", description="Source of the paper market."
    )
    seed: int = Field(default=1, ge=0, le=2**53, description="Seed of the simulated market.")
    volatility: float = Field(default=1.5, gt=0, le=20, description="Size of simulated moves; 1 is a calm summer.")
    recording: str | None = Field(
        default=None, description="File or folder of recorded candles; relative to the home folder."
    )
    warmup_days: float = Field(
        default=12.0,
        ge=0,
        le=365,
        description="Recorded days that are history when a run begins: 4-hour indicators need ten. "
        "At most half of a recording.",
    )
    speed: float | None = Field(
        default=None, gt=0, le=100_000, description="Factor of real time; null: 60 for simulated and recorded, else 1."
    )

    @model_validator(mode="after")
    def _recording_is_named(self) -> MarketSourceParams:
        if self.kind == "recorded" and not self.recording:
            raise contradiction("a recorded market needs a recording", "kind", "recording")
        if self.kind == "kraken" and self.speed not in (None, 1.0):
            raise contradiction("the real market cannot be sped up", "kind", "speed")
        return self


class DashboardParams(Params):
    """The web page (SPEC 18, 20)."""

    enabled: bool = Field(default=True, description="Serve the page and /metrics.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; anything but loopback needs a token.")
    port: int = Field(default=8787, ge=0, le=65_535, description="Port; 0: any free one.")
    hosts: tuple[str, ...] = Field(
        default=(), description="Names under which a proxy asks for the page, besides addresses and localhost."
    )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


LEAST_KEPT_TRADES = 500
"""Enough for every look at the newest trades."""


class StorageParams(Params):
    """Files (SPEC 15)."""

    generations: int = Field(default=3, ge=1, le=20, description="Older copies kept of every document.")
    journal_max_mb: float | None = Field(
        default=None,
        ge=0.01,
        le=1024,
        description="Journals are rotated at this size at the latest, MB; null: their own.",
    )
    diagnostics_days: float | None = Field(
        default=None,
        ge=1,
        le=90,
        description="Days that rotated journals are kept which no money and no learning rests on; null: their own.",
    )
    inputs_days: float | None = Field(
        default=None,
        ge=2,
        le=90,
        description="Days that the journal of inputs is kept, from which decisions are replayed; null: 14.",
    )
    quarantine_days: float = Field(
        default=30.0, ge=1, le=3650, description="Days that what was set aside as damaged is kept."
    )
    quarantine_files: int = Field(
        default=50, ge=1, le=10_000, description="Files kept in each quarantine folder, newest first."
    )
    leftover_hours: float = Field(
        default=24.0, ge=1, le=720, description="Hours after which a temporary file of a crash is removed."
    )
    kept_trades: int = Field(
        default=1000,
        ge=1,
        le=20_000,
        description="Newest finished trades kept one by one in memory and file, at least 500; older ones are sums "
        "there, and lines of executed_trades.jsonl.",
    )

    kept_orders: int = Field(
        default=5000,
        ge=500,
        le=100_000,
        description="Newest orders of ours whose intents stay in memory; older ones are lines of intents.jsonl.",
    )

    @field_validator("kept_trades")
    @classmethod
    def _enough_trades(cls, value: int) -> int:
        if value < LEAST_KEPT_TRADES:
            raise ValueError(f"must be at least {LEAST_KEPT_TRADES}: switches and limits look at the newest trades")
        return value
