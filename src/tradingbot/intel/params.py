"""Settings of market intelligence: CoinGlass, its limiter and plan, and the free sources beside it (SPEC 3.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Asset
from tradingbot.market.option_skew import Tenor

_LOCAL: Final = re.compile(r"^http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)")
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+(/[^\s]*)?$")]
AssetName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,15}$")]
PlanName = Literal["hobbyist", "startup", "standard", "professional"]


class CoinglassFeatures(Params):
    """Which endpoints are asked (SPEC 3.2)."""

    taker_flow: bool = Field(default=True, description="Taker buy and sell volume.")
    liquidations: bool = Field(default=True, description="Liquidations by coin.")
    fear_greed: bool = Field(default=True, description="Fear & greed history.")
    exchange_flows: bool = Field(default=True, description="Exchange balances.")
    whale_transfers: bool = Field(default=True, description="Large transfers to and from exchanges.")
    funding: bool = Field(default=True, description="Funding rates.")
    open_interest: bool = Field(default=True, description="Open interest.")
    long_short_ratio: bool = Field(default=True, description="Long/short account ratios.")


class PollingParams(Params):
    """How often each kind of request is made. Less urgent ones are stretched when the budget is short (SPEC 3.2)."""

    open_interest_s: float = Field(default=120.0, ge=10, le=86_400, description="Open interest of an asset, seconds.")
    liquidations_s: float = Field(default=120.0, ge=10, le=86_400, description="Liquidations of 1 h, seconds.")
    liquidations_long_s: float = Field(default=600.0, ge=10, le=86_400, description="Those of 4 h and 24 h, seconds.")
    funding_s: float = Field(default=300.0, ge=20, le=86_400, description="Funding of all assets in one call, seconds.")
    fear_greed_s: float = Field(default=3600.0, ge=60, le=86_400, description="Fear & greed, seconds.")
    balances_s: float = Field(default=3600.0, ge=60, le=86_400, description="Exchange balances, seconds.")
    transfers_s: float = Field(default=300.0, ge=10, le=86_400, description="Large transfers, seconds.")
    history_s: float = Field(default=14_400.0, ge=600, le=86_400, description="Newest bars of histories, seconds.")
    volatility_s: float = Field(default=300.0, ge=60, le=86_400, description="Volatility index, seconds.")
    option_skew_s: float = Field(default=300.0, ge=60, le=86_400, description="Options of an asset, seconds.")
    retry_s: float = Field(
        default=300.0, ge=5, le=3600, description="A failed slow request is repeated after, seconds."
    )
    most_stretch: float = Field(default=10.0, ge=1, le=100, description="A period grows at most by this factor.")
    budget_share: float = Field(default=0.8, gt=0, le=1, description="Share of the plan's limit that is planned with.")


class FearGreedParams(Params):
    """The free fear & greed index that steps in for CoinGlass's."""

    fallback_enabled: bool = Field(default=True, description="Ask alternative.me when CoinGlass tells nothing usable.")
    fallback_url: HttpUrl = Field(default="https://api.alternative.me", description="Root of the free index.")
    oldest_h: float = Field(default=26.0, ge=1, le=240, description="An older CoinGlass value is not enough, hours.")


class VolatilityParams(Params):
    """A quoted volatility index (SPEC 11.1), and options for the volatility skew (SPEC 4.3)."""

    source: Literal["none", "dvol", "vix"] = Field(default="none", description="Which index is asked.")
    dvol_url: HttpUrl = Field(
        default="https://www.deribit.com", description="Host of the DVOL index and of the options."
    )
    dvol_currency: Literal["BTC", "ETH"] = Field(default="BTC", description="Whose DVOL.")
    vix_url: HttpUrl = Field(
        default="https://cdn.cboe.com/api/global/us_indices/daily_prices/VIX_History.csv", description="CSV of the VIX."
    )
    skew_source: Literal["none", "deribit"] = Field(
        default="none", description="Whose options tell the volatility skew; none: it is the realised one."
    )
    skew_assets: tuple[Literal["BTC", "ETH"], ...] = Field(
        default=("BTC", "ETH"), description="Assets whose options are asked for."
    )
    skew_tenor_days: float = Field(default=30.0, ge=7, le=90, description="The expiry nearest to this is taken, days.")
    skew_min_days: float = Field(default=7.0, ge=1, le=90, description="No expiry sooner than this, days.")
    skew_max_days: float = Field(default=90.0, ge=7, le=400, description="No expiry later than this, days.")

    @model_validator(mode="after")
    def _tenor_is_allowed(self) -> VolatilityParams:
        if not self.skew_min_days <= self.skew_tenor_days <= self.skew_max_days:
            keys = ("skew_min_days", "skew_tenor_days", "skew_max_days")
            raise contradiction("the tenor must lie between the soonest and the latest expiry", *keys)
        return self

    @property
    def skew_tenor(self) -> Tenor:
        """Which expiry is taken."""
        return Tenor(self.skew_tenor_days, self.skew_min_days, self.skew_max_days)


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
    widen_to_plan: bool = Field(
        default=False,
        description="True: a plan that allows more than requests_per_min may be used up to its own limit.",
    )
    plan: PlanName | None = Field(default=None, description="Plan of the key; null asks CoinGlass.")
    attempts: int = Field(default=3, ge=1, le=10, description="How often a timeout or server error is asked at most.")
    retry_delay_s: float = Field(default=2.0, gt=0, le=60, description="Pause before the second attempt; doubles.")
    key_retry_s: float = Field(default=3600.0, ge=60, le=86_400, description="A refused key is tried again, seconds.")
    gate_s: float = Field(default=86_400.0, ge=3600, le=604_800, description="How long a gated endpoint is left alone.")
    taker_range: Literal["5m", "15m", "30m", "1h", "4h"] = Field(default="5m", description="Window of taker volume.")
    liquidation_exchange: str = Field(default="Binance", min_length=1, description="Venue of the coin list.")
    ratio_exchange: str = Field(default="Binance", min_length=1, description="Venue of the long/short ratio.")
    history_exchanges: str = Field(
        default="Binance,OKX,Bybit", min_length=1, description="Venues summed in histories, comma-separated."
    )
    pairs: dict[AssetName, str] = Field(
        default={"PEPE": "1000PEPEUSDT"}, description="Pair of an asset there, where it is not the asset and USDT."
    )
    balance_assets: tuple[AssetName, ...] = Field(
        default=("BTC", "ETH"), description="Assets whose exchange balances CoinGlass has."
    )
    erc20_assets: tuple[AssetName, ...] = Field(
        default=("LINK", "POL", "PEPE"), description="Assets that are ERC-20 tokens: their transfers are listed."
    )
    whale_min_usd: float = Field(default=250_000.0, gt=0, description="Smallest transfer counted, USD.")
    whale_window_s: float = Field(default=3600.0, ge=60, le=86_400, description="Transfers of this long are summed.")
    polling: PollingParams = PollingParams()
    fear_greed: FearGreedParams = FearGreedParams()
    volatility: VolatilityParams = VolatilityParams()

    @model_validator(mode="after")
    def _within_the_limit(self) -> CoinglassParams:
        if self.min_interval_s > 0 and 60.0 / self.min_interval_s > self.requests_per_min:
            raise contradiction("calls at this interval exceed the limit", "min_interval_s", "requests_per_min")
        for key in ("symbols", "balance_assets", "erc20_assets"):
            _refuse_doubles(getattr(self, key), key)
        _refuse_doubles(self.volatility.skew_assets, "volatility.skew_assets")
        return self

    @model_validator(mode="after")
    def _tls_outside(self) -> CoinglassParams:
        if not self.base_url.startswith("https://") and not _LOCAL.match(self.base_url):
            raise contradiction("the key is sent there: an address outside this machine needs https", "base_url")
        return self

    def pair(self, asset: Asset) -> str:
        """The pair that stands for an asset where one venue's pair is asked."""
        return self.pairs.get(asset, f"{asset}USDT")


def _refuse_doubles(names: Sequence[str], key: str) -> None:
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise contradiction(f"{', '.join(doubles)} appears more than once", key)
