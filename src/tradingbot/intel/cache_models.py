"""What the cache files hold, readable with jq: values by asset with their times, source and origin (SPEC 3.2, 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class CacheModel(BaseModel):
    """Base of every cache file's content. Unknown keys are ignored: a cache may always be rebuilt."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Stamped(CacheModel):
    """When a value was true, when we had it, who said it; `origin` only when a simulated source told it."""

    as_of: AwareDatetime
    received_at: AwareDatetime
    source: str
    origin: str = ""


class TakerEntry(Stamped):
    """Taker volume over `window_s`; `ratio` (buy over sell) is for readers."""

    window_s: int = Field(gt=0)
    buy_usd: float = Field(ge=0)
    sell_usd: float = Field(ge=0)
    ratio: float | None = None


class TakerCache(CacheModel):
    """`intelligence/taker_buy_sell.json`."""

    assets: dict[str, TakerEntry] = Field(default_factory=dict)


class LiquidationEntry(Stamped):
    """Liquidations over one window; `long_share` is for readers."""

    window_s: int = Field(gt=0)
    long_usd: float = Field(ge=0)
    short_usd: float = Field(ge=0)
    long_share: float | None = None


class LiquidationCache(CacheModel):
    """`intelligence/liquidations.json`: by asset and window (``1h``, ``4h``, ``24h``)."""

    assets: dict[str, dict[str, LiquidationEntry]] = Field(default_factory=dict)


class FearGreedEntry(Stamped):
    """One index value."""

    value: float = Field(ge=0, le=100)


class VolatilityEntry(Stamped):
    """One reading of a quoted volatility index."""

    kind: str
    value: float = Field(gt=0)


class FearGreedCache(CacheModel):
    """`intelligence/fear_greed.json`: CoinGlass's value, the free one, and a quoted volatility index."""

    coinglass: FearGreedEntry | None = None
    fallback: FearGreedEntry | None = None
    volatility: VolatilityEntry | None = None


class OptionSkewEntry(Stamped):
    """Implied volatilities of one expiry; `skew` is for readers."""

    put_25d_iv_pct: float = Field(gt=0)
    call_25d_iv_pct: float = Field(gt=0)
    atm_iv_pct: float = Field(gt=0)
    expiry_days: float = Field(gt=0)
    skew: float | None = None


class OptionSkewCache(CacheModel):
    """`intelligence/option_skew.json`."""

    assets: dict[str, OptionSkewEntry] = Field(default_factory=dict)


class FlowEntry(Stamped):
    """Change of exchange balances over a day; the USD figures are there once the chart has told a price."""

    change_coins: float
    net_inflow_usd: float | None = None


class ChartEntry(Stamped):
    """Price and typical daily change from the history of balances."""

    price_usd: float = Field(ge=0)
    typical_usd: float | None = None


class FlowCache(CacheModel):
    """`onchain/exchange_flows.json`."""

    assets: dict[str, FlowEntry] = Field(default_factory=dict)
    charts: dict[str, ChartEntry] = Field(default_factory=dict)


class WhaleEntry(Stamped):
    """Large transfers over `window_s`."""

    window_s: int = Field(gt=0)
    inflow_usd: float = Field(ge=0)
    outflow_usd: float = Field(ge=0)
    count: int = Field(ge=0)


class WhaleCache(CacheModel):
    """`onchain/whale_moves.json`."""

    assets: dict[str, WhaleEntry] = Field(default_factory=dict)


class OpenInterestEntry(Stamped):
    """Open interest and its changes in percent by window."""

    total_usd: float = Field(ge=0)
    change_pct: dict[str, float] = Field(default_factory=dict)


class FundingEntry(Stamped):
    """Median funding as a fraction per 8 hours."""

    median_8h: float
    venues: int = Field(ge=1)


class SnapshotCache(CacheModel):
    """`coinglass/snapshot.json`: the newest open interest and funding."""

    open_interest: dict[str, OpenInterestEntry] = Field(default_factory=dict)
    funding: dict[str, FundingEntry] = Field(default_factory=dict)


class BarEntry(CacheModel):
    """Bars of one asset: `columns` names the values of each row, which begins with the bar's start in epoch seconds."""

    received_at: AwareDatetime | None = None
    origin: str = ""
    columns: list[str] = Field(default_factory=list)
    rows: list[list[float]] = Field(default_factory=list)


class HistoryCache(CacheModel):
    """`coinglass/history_<kind>_4h.json`."""

    assets: dict[str, BarEntry] = Field(default_factory=dict)


class FeatureEntry(CacheModel):
    """Derived figures of one asset; a window that nothing tells is absent."""

    oi_delta_pct: dict[str, float] = Field(default_factory=dict)
    funding_z: float | None = None
    liquidation_long_usd: dict[str, float] = Field(default_factory=dict)
    liquidation_short_usd: dict[str, float] = Field(default_factory=dict)


class FeatureCache(CacheModel):
    """`coinglass/features.json`, written for readers; it is made anew, not read back."""

    computed_at: AwareDatetime | None = None
    assets: dict[str, FeatureEntry] = Field(default_factory=dict)


class PollingCache(CacheModel):
    """`coinglass/polling.json`: when each request last succeeded, which endpoints are gated until when, the plan."""

    last_asked: dict[str, AwareDatetime] = Field(default_factory=dict)
    gated_until: dict[str, AwareDatetime] = Field(default_factory=dict)
    level: str = ""
    left_out: list[str] = Field(default_factory=list)


HISTORY_NAMES: Final[Mapping[str, str]] = {
    kind: f"coinglass/history_{kind}_4h.json"
    for kind in ("open_interest", "funding", "long_short", "taker", "liquidations")
}
FILES: Final[Mapping[str, type[CacheModel]]] = {
    "intelligence/taker_buy_sell.json": TakerCache,
    "intelligence/liquidations.json": LiquidationCache,
    "intelligence/fear_greed.json": FearGreedCache,
    "intelligence/option_skew.json": OptionSkewCache,
    "onchain/exchange_flows.json": FlowCache,
    "onchain/whale_moves.json": WhaleCache,
    "coinglass/snapshot.json": SnapshotCache,
    "coinglass/features.json": FeatureCache,
    "coinglass/polling.json": PollingCache,
    **dict.fromkeys(HISTORY_NAMES.values(), HistoryCache),
}
"""Every cache file by its path under `feature_store/`, with what it holds."""


@dataclass(frozen=True, slots=True)
class CachedIntel:
    """What the cache files held at the start, by the names of `FILES`; a file that cannot be read is absent."""

    files: Mapping[str, CacheModel] = field(default_factory=dict)


class CacheSink(Protocol):
    """Where caches survive a restart. Neither method may raise or block."""

    def load(self) -> CachedIntel | None:
        """What was put before; None when nothing was."""

    def put(self, name: str, model: CacheModel) -> None:
        """Write one file, soon; `name` is one of `FILES`."""
