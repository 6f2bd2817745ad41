"""All values that the source holds, by asset: the last good ones, and histories. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tradingbot.core.types import Asset
from tradingbot.intel.derived import Derived, derive, funding_stats, newest_long_short
from tradingbot.intel.histories import Bar, HistoryKind, merged
from tradingbot.intel.parse_onchain import BalanceChange, BalanceChart, exchange_flow
from tradingbot.market.intelligence import (
    NO_INTEL,
    FearGreed,
    FundingRates,
    Liquidations,
    LiquidationWindow,
    MarketIntel,
    OpenInterest,
    OptionSkew,
    SymbolIntel,
    TakerFlow,
    VolatilityReading,
    WhaleTransfers,
)


@dataclass(frozen=True, slots=True)
class History:
    """Bars of one kind of one asset, with when the newest of them came and from where."""

    bars: tuple[Bar, ...] = ()
    received_at: datetime | None = None
    origin: str = ""


NO_HISTORY = History()


@dataclass(slots=True)
class IntelStore:
    """Values as they came. Setting a newer one replaces the older; nothing is ever dropped for its age."""

    keep_days: int = 30
    assets: dict[Asset, SymbolIntel] = field(default_factory=dict)
    fear_greed: FearGreed | None = None
    free_fear_greed: FearGreed | None = None
    volatility: VolatilityReading | None = None
    balances: dict[Asset, BalanceChange] = field(default_factory=dict)
    charts: dict[Asset, BalanceChart] = field(default_factory=dict)
    histories: dict[tuple[HistoryKind, Asset], History] = field(default_factory=dict)

    def of(self, asset: Asset) -> SymbolIntel:
        """Everything known of an asset."""
        return self.assets.get(asset, NO_INTEL)

    def put_taker(self, asset: Asset, value: TakerFlow) -> None:
        """Taker volume."""
        self.assets[asset] = replace(self.of(asset), taker=value)

    def put_liquidations(self, asset: Asset, value: Liquidations) -> None:
        """The windows that are told; the others stay."""
        old = self.of(asset).liquidations
        new = Liquidations(value.hour or old.hour, value.four_hours or old.four_hours, value.day or old.day)
        self.assets[asset] = replace(self.of(asset), liquidations=new)

    def put_liquidation_window(self, window: str, asset: Asset, value: LiquidationWindow) -> None:
        """One window: ``1h``, ``4h`` or ``24h``."""
        name = {"1h": "hour", "4h": "four_hours", "24h": "day"}[window]
        self.put_liquidations(asset, Liquidations(**{name: value}))

    def put_open_interest(self, asset: Asset, value: OpenInterest) -> None:
        """Open interest."""
        self.assets[asset] = replace(self.of(asset), open_interest=value)

    def put_funding(self, values: Mapping[Asset, FundingRates]) -> None:
        """Funding of several assets."""
        for asset, value in values.items():
            self.assets[asset] = replace(self.of(asset), funding=value)

    def put_whales(self, asset: Asset, value: WhaleTransfers) -> None:
        """Large transfers."""
        self.assets[asset] = replace(self.of(asset), whale_transfers=value)

    def put_option_skew(self, asset: Asset, value: OptionSkew) -> None:
        """Implied volatilities."""
        self.assets[asset] = replace(self.of(asset), option_skew=value)

    def put_balance(self, asset: Asset, value: BalanceChange | BalanceChart) -> None:
        """Half of the exchange flow; the flow is known once both halves are."""
        if isinstance(value, BalanceChange):
            self.balances[asset] = value
        else:
            self.charts[asset] = value
        change, chart = self.balances.get(asset), self.charts.get(asset)
        if change is not None and chart is not None:
            self.assets[asset] = replace(self.of(asset), exchange_flow=exchange_flow(change, chart))

    def put_history(self, kind: HistoryKind, asset: Asset, bars: Sequence[Bar], at: datetime, origin: str) -> None:
        """New bars over old ones, and the values that are made of them. A bar that has not begun yet is no bar."""
        old = self.histories.get((kind, asset), NO_HISTORY)
        begun = [bar for bar in bars if bar.start <= at]
        kept = merged(old.bars, begun, at - timedelta(days=max(self.keep_days, 2)))
        self.histories[kind, asset] = History(kept, at, origin)
        if kind is HistoryKind.FUNDING:
            stats = funding_stats(kept, at, at, origin)
            self.assets[asset] = replace(self.of(asset), funding_stats=stats or self.of(asset).funding_stats)
        if kind is HistoryKind.LONG_SHORT:
            share = newest_long_short(kept, at, origin)
            self.assets[asset] = replace(self.of(asset), long_short=share or self.of(asset).long_short)

    def history(self, kind: HistoryKind, asset: Asset) -> History:
        """What is known of one history."""
        return self.histories.get((kind, asset), NO_HISTORY)

    def best_fear_greed(self, now: datetime, oldest_h: float) -> FearGreed | None:
        """CoinGlass's own value while it is young enough, else the younger of the two."""
        own, free = self.fear_greed, self.free_fear_greed
        if own is None or free is None:
            return own or free
        if own.stamp.age_s(now) <= oldest_h * 3600:
            return own
        return max(own, free, key=lambda value: value.stamp.as_of)

    def market(self, now: datetime, oldest_h: float) -> MarketIntel:
        """What holds for the whole market."""
        return MarketIntel(self.best_fear_greed(now, oldest_h), self.volatility)

    def derived(self, now: datetime, assets: Iterable[Asset]) -> dict[Asset, Derived]:
        """Derived figures of these assets."""
        return {asset: self._derived(now, asset) for asset in assets}

    def _derived(self, now: datetime, asset: Asset) -> Derived:
        known = self.of(asset)
        return derive(
            now,
            known.open_interest,
            known.funding,
            known.funding_stats,
            known.liquidations,
            self.history(HistoryKind.OPEN_INTEREST, asset).bars,
            self.history(HistoryKind.LIQUIDATIONS, asset).bars,
        )
