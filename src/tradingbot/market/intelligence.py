"""What sources beside the venue tell of a market: liquidations, flows, funding and open interest everywhere, mood.

Every value carries when it was true, when it arrived, and who said it. A value that is missing is None; why it is
missing or not to be used stands in `SymbolIntel.problems`, by feed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tradingbot.core.records import Reason
from tradingbot.core.types import Asset


class Feed(StrEnum):
    """One kind of reading, with a contract of its own (SPEC 3.6)."""

    TAKER_FLOW = "taker_flow"
    LIQUIDATIONS = "liquidations"
    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    FUNDING_HISTORY = "funding_history"
    LONG_SHORT = "long_short"
    EXCHANGE_FLOW = "exchange_flow"
    WHALE_TRANSFERS = "whale_transfers"
    FEAR_GREED = "fear_greed"
    VOLATILITY_INDEX = "volatility_index"
    OPTION_SKEW = "option_skew"


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a value was true, when we had it, who said it.

    `origin` is ``recorded``, ``derived`` or ``synthetic`` when a simulated source says how it came by the value, and
    empty when the source is real.
    """

    as_of: datetime
    received_at: datetime
    source: str
    origin: str = ""

    @property
    def said_by(self) -> str:
        """The source; of a simulated one also how it came by the value, e.g. ``coinglass, derived``."""
        return f"{self.source}, {self.origin}" if self.origin else self.source

    def age_s(self, now: datetime) -> float:
        """Seconds since the value was true."""
        return (now - self.as_of).total_seconds()


@dataclass(frozen=True, slots=True)
class TakerFlow:
    """Volume of takers over the last `window_s` seconds, all futures venues, USD."""

    stamp: Stamp
    window_s: int
    buy_usd: float
    sell_usd: float

    @property
    def ratio(self) -> float | None:
        """Buy over sell volume; None without sells."""
        return self.buy_usd / self.sell_usd if self.sell_usd > 0 else None


@dataclass(frozen=True, slots=True)
class LiquidationWindow:
    """Positions closed by force over one window, all venues, USD."""

    stamp: Stamp
    window_s: int
    long_usd: float
    short_usd: float

    @property
    def total_usd(self) -> float:
        """Both sides."""
        return self.long_usd + self.short_usd

    @property
    def long_share(self) -> float | None:
        """Share of longs in 0..1; None when nothing was liquidated."""
        return self.long_usd / self.total_usd if self.total_usd > 0 else None


@dataclass(frozen=True, slots=True)
class Liquidations:
    """Liquidations over the last 1, 4 and 24 hours; None for a window that is not known."""

    hour: LiquidationWindow | None = None
    four_hours: LiquidationWindow | None = None
    day: LiquidationWindow | None = None


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open interest in USD and its change in percent over ``5m 15m 30m 1h 4h 24h`` as far as told.

    With `in_usd` the changes are of the USD worth, price moves included; otherwise of the number of contracts.
    """

    stamp: Stamp
    total_usd: float
    change_pct: Mapping[str, float]
    in_usd: bool = True


@dataclass(frozen=True, slots=True)
class FundingRates:
    """Funding over all venues that tell it: the median as a fraction of notional per 8 hours, and of how many."""

    stamp: Stamp
    median_8h: float
    venues: int


@dataclass(frozen=True, slots=True)
class FundingStats:
    """What funding usually is: mean and standard deviation of the fraction per 8 hours over `count` past periods."""

    stamp: Stamp
    mean_8h: float
    std_8h: float
    count: int


@dataclass(frozen=True, slots=True)
class LongShort:
    """Share of accounts that are long, 0..1."""

    stamp: Stamp
    long_share: float


@dataclass(frozen=True, slots=True)
class ExchangeFlow:
    """Coins that moved to (positive) or from (negative) exchanges over `window_s`, in USD.

    `typical_usd` is the standard deviation of that figure over the known history, None without one.
    """

    stamp: Stamp
    window_s: int
    net_inflow_usd: float
    typical_usd: float | None = None


@dataclass(frozen=True, slots=True)
class WhaleTransfers:
    """Large single transfers to and from exchanges over `window_s`, USD."""

    stamp: Stamp
    window_s: int
    inflow_usd: float
    outflow_usd: float
    count: int


@dataclass(frozen=True, slots=True)
class FearGreed:
    """Fear & greed index, 0 (fear) to 100 (greed)."""

    stamp: Stamp
    value: float


@dataclass(frozen=True, slots=True)
class VolatilityReading:
    """A quoted volatility index in its own units: ``dvol`` in annualised percent, ``vix`` in points."""

    stamp: Stamp
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class OptionSkew:
    """Implied volatilities of one expiry, annualised percent: put and call of 25 delta, at the money of 50 delta.

    `expiry_days` is the time from the stamp to the expiry.
    """

    stamp: Stamp
    put_25d_iv_pct: float
    call_25d_iv_pct: float
    atm_iv_pct: float
    expiry_days: float

    @property
    def skew(self) -> float:
        """How much dearer puts are than calls, as a share of the volatility at the money; positive means dearer."""
        return (self.put_25d_iv_pct - self.call_25d_iv_pct) / self.atm_iv_pct if self.atm_iv_pct else math.nan


@dataclass(frozen=True, slots=True)
class SymbolIntel:
    """Everything known of one asset. `problems` says why a feed is missing, stale, quarantined or off."""

    taker: TakerFlow | None = None
    liquidations: Liquidations = Liquidations()
    open_interest: OpenInterest | None = None
    funding: FundingRates | None = None
    funding_stats: FundingStats | None = None
    long_short: LongShort | None = None
    exchange_flow: ExchangeFlow | None = None
    whale_transfers: WhaleTransfers | None = None
    option_skew: OptionSkew | None = None
    problems: Mapping[Feed, tuple[Reason, ...]] = field(default_factory=dict)


NO_INTEL = SymbolIntel()


@dataclass(frozen=True, slots=True)
class MarketIntel:
    """What holds for the whole market, and why a feed of it is not to be used."""

    fear_greed: FearGreed | None = None
    volatility: VolatilityReading | None = None
    problems: Mapping[Feed, tuple[Reason, ...]] = field(default_factory=dict)


NO_MARKET_INTEL = MarketIntel()


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How one feed of a source is doing. `off` says why it is not asked at all, empty when it is."""

    feed: Feed
    off: str = ""
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""
    errors_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class IntelState:
    """All that an intelligence source knows now: values as they came, unjudged, with the health of each feed.

    `left_out` says in words what the request budget or the plan does not reach.
    """

    assets: Mapping[Asset, SymbolIntel] = field(default_factory=dict)
    market: MarketIntel = NO_MARKET_INTEL
    feeds: Mapping[Feed, FeedHealth] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
