"""From the store to the cache models and back. Pure.

A value comes back with its true age. What claims to have arrived in the future (files of another clock) is left behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from tradingbot.core.types import Asset
from tradingbot.intel import cache_models as c
from tradingbot.intel.histories import COLUMNS, Bar, HistoryKind
from tradingbot.intel.parse_onchain import BalanceChange, BalanceChart
from tradingbot.intel.store import IntelStore
from tradingbot.market.intelligence import (
    FearGreed,
    FundingRates,
    LiquidationWindow,
    OpenInterest,
    OptionSkew,
    Stamp,
    SymbolIntel,
    TakerFlow,
    VolatilityReading,
    WhaleTransfers,
)

FEATURES: Final = "coinglass/features.json"
WINDOWS: Final[Mapping[str, str]] = {"1h": "hour", "4h": "four_hours", "24h": "day"}
_E = TypeVar("_E", bound=c.Stamped)
_V = TypeVar("_V")


def _times(stamp: Stamp) -> dict[str, Any]:
    return {
        "as_of": stamp.as_of,
        "received_at": stamp.received_at,
        "source": stamp.source,
        "origin": stamp.origin,
    }


def _stamp(entry: c.Stamped) -> Stamp:
    return Stamp(entry.as_of.astimezone(UTC), entry.received_at.astimezone(UTC), entry.source, entry.origin)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


# ---------------------------------------------------------------- to the files


def to_cache(name: str, store: IntelStore, now: datetime) -> c.CacheModel:
    """The content of one of the value files of `cache_models.FILES` (not the polling file)."""
    if name in _KIND_OF:
        return _history_cache(store, _KIND_OF[name])
    return _feature_cache(store, now) if name == FEATURES else _BUILDERS[name](store)


def _told(store: IntelStore, pick: Callable[[SymbolIntel], _V | None]) -> Iterable[tuple[Asset, _V]]:
    for asset, known in sorted(store.assets.items()):
        value = pick(known)
        if value is not None:
            yield asset, value


def _taker_cache(store: IntelStore) -> c.TakerCache:
    return c.TakerCache(
        assets={
            asset: c.TakerEntry(
                **_times(value.stamp),
                window_s=value.window_s,
                buy_usd=value.buy_usd,
                sell_usd=value.sell_usd,
                ratio=_finite(value.ratio),
            )
            for asset, value in _told(store, lambda known: known.taker)
        }
    )


def _liquidation_cache(store: IntelStore) -> c.LiquidationCache:
    by_asset: dict[str, dict[str, c.LiquidationEntry]] = {}
    for asset, told in _told(store, lambda known: known.liquidations):
        windows = {name: getattr(told, field) for name, field in WINDOWS.items()}
        entries = {name: _liquidation_entry(window) for name, window in windows.items() if window is not None}
        if entries:
            by_asset[asset] = entries
    return c.LiquidationCache(assets=by_asset)


def _liquidation_entry(window: LiquidationWindow) -> c.LiquidationEntry:
    return c.LiquidationEntry(
        **_times(window.stamp),
        window_s=window.window_s,
        long_usd=window.long_usd,
        short_usd=window.short_usd,
        long_share=window.long_share,
    )


def _mood_cache(store: IntelStore) -> c.FearGreedCache:
    own, free, index = store.fear_greed, store.free_fear_greed, store.volatility
    return c.FearGreedCache(
        coinglass=c.FearGreedEntry(**_times(own.stamp), value=own.value) if own else None,
        fallback=c.FearGreedEntry(**_times(free.stamp), value=free.value) if free else None,
        volatility=c.VolatilityEntry(**_times(index.stamp), kind=index.kind, value=index.value) if index else None,
    )


def _flow_cache(store: IntelStore) -> c.FlowCache:
    flows = {asset: store.of(asset).exchange_flow for asset in store.balances}
    return c.FlowCache(
        assets={
            asset: c.FlowEntry(
                **_times(change.stamp),
                change_coins=change.coins,
                net_inflow_usd=flow.net_inflow_usd if (flow := flows[asset]) else None,
            )
            for asset, change in sorted(store.balances.items())
        },
        charts={
            asset: c.ChartEntry(**_times(chart.stamp), price_usd=chart.price_usd, typical_usd=chart.typical_usd)
            for asset, chart in sorted(store.charts.items())
        },
    )


def _whale_cache(store: IntelStore) -> c.WhaleCache:
    return c.WhaleCache(
        assets={
            asset: c.WhaleEntry(
                **_times(value.stamp),
                window_s=value.window_s,
                inflow_usd=value.inflow_usd,
                outflow_usd=value.outflow_usd,
                count=value.count,
            )
            for asset, value in _told(store, lambda known: known.whale_transfers)
        }
    )


def _option_cache(store: IntelStore) -> c.OptionSkewCache:
    return c.OptionSkewCache(
        assets={
            asset: c.OptionSkewEntry(
                **_times(value.stamp),
                put_25d_iv_pct=value.put_25d_iv_pct,
                call_25d_iv_pct=value.call_25d_iv_pct,
                atm_iv_pct=value.atm_iv_pct,
                expiry_days=value.expiry_days,
                skew=_finite(value.skew),
            )
            for asset, value in _told(store, lambda known: known.option_skew)
        }
    )


def _snapshot_cache(store: IntelStore) -> c.SnapshotCache:
    return c.SnapshotCache(
        open_interest={
            asset: c.OpenInterestEntry(
                **_times(value.stamp), total_usd=value.total_usd, change_pct=dict(value.change_pct)
            )
            for asset, value in _told(store, lambda known: known.open_interest)
        },
        funding={
            asset: c.FundingEntry(**_times(value.stamp), median_8h=value.median_8h, venues=value.venues)
            for asset, value in _told(store, lambda known: known.funding)
        },
    )


def _feature_cache(store: IntelStore, now: datetime) -> c.FeatureCache:
    figures = store.derived(now, sorted(store.assets))
    return c.FeatureCache(
        computed_at=now,
        assets={
            asset: c.FeatureEntry(
                oi_delta_pct=one.oi_delta_pct,
                funding_z=one.funding_z,
                liquidation_long_usd=one.liquidation_long_usd,
                liquidation_short_usd=one.liquidation_short_usd,
            )
            for asset, one in figures.items()
        },
    )


def _history_cache(store: IntelStore, kind: HistoryKind) -> c.HistoryCache:
    names = [column.name for column in COLUMNS[kind]]
    return c.HistoryCache(
        assets={
            asset: c.BarEntry(
                received_at=history.received_at,
                origin=history.origin,
                columns=names,
                rows=[[bar.start.timestamp(), *bar.values] for bar in history.bars],
            )
            for (own, asset), history in sorted(store.histories.items())
            if own is kind
        }
    )


_KIND_OF: Final = {name: HistoryKind(kind) for kind, name in c.HISTORY_NAMES.items()}
_BUILDERS: Final[Mapping[str, Callable[[IntelStore], c.CacheModel]]] = {
    "intelligence/taker_buy_sell.json": _taker_cache,
    "intelligence/liquidations.json": _liquidation_cache,
    "intelligence/fear_greed.json": _mood_cache,
    "intelligence/option_skew.json": _option_cache,
    "onchain/exchange_flows.json": _flow_cache,
    "onchain/whale_moves.json": _whale_cache,
    "coinglass/snapshot.json": _snapshot_cache,
}


# ---------------------------------------------------------------- from the files


def from_cache(cached: c.CachedIntel, store: IntelStore, now: datetime) -> None:
    """Put everything that the files hold into the store."""
    for name, model in cached.files.items():
        match model:
            case c.TakerCache():
                for asset, taker in _past(model.assets, now):
                    store.put_taker(asset, TakerFlow(_stamp(taker), taker.window_s, taker.buy_usd, taker.sell_usd))
            case c.LiquidationCache():
                _restore_liquidations(model, store, now)
            case c.FearGreedCache():
                _restore_mood(model, store, now)
            case c.OptionSkewCache():
                _restore_options(model, store, now)
            case c.FlowCache() | c.WhaleCache():
                _restore_on_chain(model, store, now)
            case c.SnapshotCache():
                _restore_snapshot(model, store, now)
            case c.HistoryCache():
                _restore_history(_KIND_OF[name], model, store, now)


def _past(entries: Mapping[str, _E], now: datetime) -> Iterable[tuple[Asset, _E]]:
    return [(Asset(name), entry) for name, entry in entries.items() if entry.received_at <= now]


def _restore_liquidations(model: c.LiquidationCache, store: IntelStore, now: datetime) -> None:
    for name, windows in model.assets.items():
        for window, entry in _past(windows, now):
            if window in WINDOWS:
                value = LiquidationWindow(_stamp(entry), entry.window_s, entry.long_usd, entry.short_usd)
                store.put_liquidation_window(window, Asset(name), value)


def _restore_mood(model: c.FearGreedCache, store: IntelStore, now: datetime) -> None:
    if model.coinglass is not None and model.coinglass.received_at <= now:
        store.fear_greed = FearGreed(_stamp(model.coinglass), model.coinglass.value)
    if model.fallback is not None and model.fallback.received_at <= now:
        store.free_fear_greed = FearGreed(_stamp(model.fallback), model.fallback.value)
    index = model.volatility
    if index is not None and index.received_at <= now:
        store.volatility = VolatilityReading(_stamp(index), index.kind, index.value)


def _restore_options(model: c.OptionSkewCache, store: IntelStore, now: datetime) -> None:
    for asset, one in _past(model.assets, now):
        volatilities = one.put_25d_iv_pct, one.call_25d_iv_pct, one.atm_iv_pct
        store.put_option_skew(asset, OptionSkew(_stamp(one), *volatilities, one.expiry_days))


def _restore_on_chain(model: c.FlowCache | c.WhaleCache, store: IntelStore, now: datetime) -> None:
    if isinstance(model, c.FlowCache):
        _restore_flows(model, store, now)
    else:
        _restore_whales(model, store, now)


def _restore_flows(model: c.FlowCache, store: IntelStore, now: datetime) -> None:
    for asset, chart in _past(model.charts, now):
        store.put_balance(asset, BalanceChart(_stamp(chart), chart.price_usd, chart.typical_usd))
    for asset, flow in _past(model.assets, now):
        store.put_balance(asset, BalanceChange(_stamp(flow), flow.change_coins))


def _restore_whales(model: c.WhaleCache, store: IntelStore, now: datetime) -> None:
    for asset, one in _past(model.assets, now):
        value = WhaleTransfers(_stamp(one), one.window_s, one.inflow_usd, one.outflow_usd, one.count)
        store.put_whales(asset, value)


def _restore_snapshot(model: c.SnapshotCache, store: IntelStore, now: datetime) -> None:
    for asset, told in _past(model.open_interest, now):
        store.put_open_interest(asset, OpenInterest(_stamp(told), told.total_usd, dict(told.change_pct)))
    rates = {
        asset: FundingRates(_stamp(entry), entry.median_8h, entry.venues) for asset, entry in _past(model.funding, now)
    }
    store.put_funding(rates)


def _restore_history(kind: HistoryKind, model: c.HistoryCache, store: IntelStore, now: datetime) -> None:
    width = len(COLUMNS[kind]) + 1
    for name, entry in model.assets.items():
        at = entry.received_at
        if at is None or at > now:
            continue
        rows = [row for row in entry.rows if len(row) == width and 0 < row[0] <= at.timestamp()]
        bars = tuple(Bar(datetime.fromtimestamp(row[0], UTC), tuple(row[1:])) for row in rows)
        store.put_history(kind, Asset(name), bars, at.astimezone(UTC), entry.origin)
