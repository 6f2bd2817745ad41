"""What goes into the files comes back the same, and broken files bring nothing false."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.intel.support import START
from tradingbot.core.types import Asset
from tradingbot.intel.cache_models import FILES, HISTORY_NAMES, CachedIntel, HistoryCache, TakerCache
from tradingbot.intel.caching import from_cache, to_cache
from tradingbot.intel.histories import BAR, COLUMNS, Bar, HistoryKind
from tradingbot.intel.parse_onchain import BalanceChange, BalanceChart
from tradingbot.intel.store import IntelStore
from tradingbot.market.intelligence import (
    FearGreed,
    FundingRates,
    LiquidationWindow,
    OpenInterest,
    OptionSkew,
    Stamp,
    TakerFlow,
    VolatilityReading,
    WhaleTransfers,
)

VALUES = [name for name in FILES if name not in ("coinglass/polling.json", "coinglass/features.json")]
_usd = st.floats(0, 1e12)
_times = st.integers(0, 5_000_000).map(lambda seconds: START - timedelta(seconds=seconds))
_stamps = st.builds(
    lambda at, late, source, origin: Stamp(at, at + timedelta(seconds=late), source, origin),
    _times,
    st.just(0),
    st.sampled_from(["coinglass", "alternative.me"]),
    st.sampled_from(["", "recorded", "derived", "synthetic"]),
)
_assets = st.sampled_from([Asset("BTC"), Asset("ETH"), Asset("PEPE")])


@st.composite
def _stores(draw: st.DrawFn) -> IntelStore:
    store, one = IntelStore(), draw(_stamps)
    for asset in draw(st.lists(_assets, unique=True)):
        store.put_taker(asset, TakerFlow(draw(_stamps), 300, draw(_usd), draw(_usd)))
        for window in draw(st.lists(st.sampled_from(["1h", "4h", "24h"]), unique=True)):
            store.put_liquidation_window(window, asset, LiquidationWindow(one, 3600, draw(_usd), draw(_usd)))
        store.put_open_interest(asset, OpenInterest(one, draw(_usd), {"1h": draw(st.floats(-50, 50))}))
        store.put_funding({asset: FundingRates(one, draw(st.floats(-0.1, 0.1)), 3)})
        store.put_whales(asset, WhaleTransfers(one, 3600, draw(_usd), draw(_usd), 2))
        if draw(st.booleans()):
            store.put_option_skew(asset, OptionSkew(one, *(draw(st.floats(1, 500)) for _ in range(4))))
        store.put_balance(asset, BalanceChange(draw(_stamps), draw(st.floats(-1e6, 1e6))))
        if draw(st.booleans()):
            store.put_balance(asset, BalanceChart(one, draw(_usd), draw(st.none() | _usd)))
        for kind in HistoryKind:
            starts = [START - BAR * back for back in range(draw(st.integers(0, 14)), 0, -1)]
            bars = [Bar(start, tuple(draw(_usd) for _ in COLUMNS[kind])) for start in starts]
            store.put_history(kind, asset, bars, START, one.origin)
    store.fear_greed = draw(st.none() | st.builds(FearGreed, _stamps, st.floats(0, 100)))
    store.free_fear_greed = draw(st.none() | st.builds(FearGreed, _stamps, st.floats(0, 100)))
    store.volatility = draw(st.none() | st.builds(VolatilityReading, _stamps, st.just("dvol"), st.floats(1, 200)))
    return store


def restored(texts: dict[str, str], now: datetime = START) -> IntelStore:
    store = IntelStore()
    from_cache(CachedIntel({name: FILES[name].model_validate_json(text) for name, text in texts.items()}), store, now)
    return store


@settings(max_examples=40, deadline=None)
@given(_stores())
def test_a_store_comes_back_from_its_files(store: IntelStore) -> None:
    """Every value with its times, source and origin; so nothing gets younger by a restart."""
    texts = {name: to_cache(name, store, START).model_dump_json() for name in VALUES}
    back = restored(texts)
    assert back.assets == store.assets
    assert back.histories == store.histories
    assert (back.balances, back.charts) == (store.balances, store.charts)
    assert (back.fear_greed, back.free_fear_greed, back.volatility) == (
        store.fear_greed,
        store.free_fear_greed,
        store.volatility,
    )


@settings(max_examples=10, deadline=None)
@given(_stores())
def test_nothing_comes_back_from_before_it_was_known(store: IntelStore) -> None:
    texts = {name: to_cache(name, store, START).model_dump_json() for name in VALUES}
    back = restored(texts, START - timedelta(days=365))
    assert not back.assets
    assert not back.histories
    assert back.fear_greed is back.free_fear_greed is back.volatility is None


@pytest.mark.parametrize(
    "broken",
    [
        {"as_of": "2026-01-01T00:00:00"},
        {"buy_usd": -1},
        {"buy_usd": "NaN"},
        {"window_s": 0},
        {"received_at": None},
    ],
)
def test_a_file_with_impossible_values_is_refused(broken: dict[str, Any]) -> None:
    at = START.isoformat()
    entry = {"as_of": at, "received_at": at, "source": "x", "window_s": 300, "buy_usd": 1, "sell_usd": 1}
    TakerCache.model_validate({"assets": {"BTC": entry}})
    with pytest.raises(ValidationError):
        TakerCache.model_validate({"assets": {"BTC": entry | broken}})


def test_rows_of_a_history_that_are_no_bars_are_left_behind() -> None:
    good = [(START - BAR).timestamp(), 5.0]
    rows = [good, [1.0], [], [1e30, 2.0], [*good, 1.0]]
    entry = {"received_at": START.isoformat(), "rows": rows}
    name = HISTORY_NAMES["open_interest"]
    store = IntelStore()
    from_cache(CachedIntel({name: HistoryCache.model_validate({"assets": {"BTC": entry}})}), store, START)
    assert store.history(HistoryKind.OPEN_INTEREST, Asset("BTC")).bars == (Bar(START - BAR, (5.0,)),)
