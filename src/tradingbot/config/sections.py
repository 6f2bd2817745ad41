"""Settings of the shell: what is not a part's own params model lives here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tradingbot.core.params import Params, contradiction

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+(/[^\s]*)?$")]
AssetName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,15}$")]


class CoinglassFeatures(Params):
    """Which endpoints are asked (SPEC 3.2)."""

    taker_flow: bool = Field(default=True, description="Taker buy and sell volume.")
    liquidations: bool = Field(default=True, description="Liquidations by coin.")
    fear_greed: bool = Field(default=True, description="Fear & greed history.")
    exchange_flows: bool = Field(default=True, description="Exchange balances.")
    funding: bool = Field(default=True, description="Funding rates.")
    open_interest: bool = Field(default=True, description="Open interest.")
    long_short_ratio: bool = Field(default=True, description="Long/short account ratios.")


class CoinglassParams(Params):
    """CoinGlass v4 (SPEC 3.2)."""

    enabled: bool = Field(default=True, description="False: its components stay NEUTRAL.")
    base_url: HttpUrl = Field(default="https://open-api-v4.coinglass.com", description="API root.")
    requests_per_min: int = Field(default=30, ge=1, le=1200, description="The plan's limit.")
    min_interval_s: float = Field(default=2.5, ge=0, le=60, description="Seconds between two calls.")
    backoff_s: float = Field(default=60.0, ge=1, le=3600, description="Pause after a 429, seconds.")
    timeout_s: float = Field(default=10.0, ge=1, le=60, description="Seconds for one answer.")
    poll_s: float = Field(default=60.0, ge=10, le=3600, description="Seconds between polling rounds.")
    backfill_days: int = Field(default=30, ge=0, le=365, description="Days that the daily backfill fetches.")
    symbols: tuple[AssetName, ...] = Field(default=(), description="Assets asked for; empty means the whole universe.")
    features: CoinglassFeatures = CoinglassFeatures()

    @model_validator(mode="after")
    def _within_the_limit(self) -> CoinglassParams:
        if self.min_interval_s > 0 and 60.0 / self.min_interval_s > self.requests_per_min:
            raise contradiction("calls at this interval exceed the limit", "min_interval_s", "requests_per_min")
        _refuse_doubles(self.symbols, "symbols")
        return self


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
    port: int = Field(default=8787, ge=1, le=65_535, description="Port.")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


class StorageParams(Params):
    """Files (SPEC 15)."""

    generations: int = Field(default=3, ge=1, le=20, description="Older copies kept of every document.")


def _refuse_doubles(names: tuple[str, ...], key: str) -> None:
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise contradiction(f"{', '.join(doubles)} appears more than once", key)
