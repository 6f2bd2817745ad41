"""Answers have the keys and types of the documented and recorded payloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.builders_coinglass import RunningCoinglass, running_coinglass
from tests.shared_data import recorded
from tradingbot.simulator.synthetic_market import SyntheticMarket

pytestmark = pytest.mark.recorded
PAIR = {"exchange": "Binance", "symbol": "BTCUSDT", "interval": "4h", "limit": "5"}
COIN = {"symbol": "BTC", "interval": "4h", "limit": "5", "exchange_list": "Binance,OKX"}
SAMPLES: dict[str, tuple[str, dict[str, str]]] = {
    "futures_supported_coins": ("/api/futures/supported-coins", {}),
    "futures_supported_exchanges": ("/api/futures/supported-exchanges", {}),
    "futures_supported_exchange_pairs": ("/api/futures/supported-exchange-pairs", {}),
    "futures_taker_buy_sell_exchange_list": (
        "/api/futures/taker-buy-sell-volume/exchange-list",
        {"symbol": "BTC", "range": "1h"},
    ),
    "futures_liquidation_coin_list": ("/api/futures/liquidation/coin-list", {"exchange": "Binance"}),
    "futures_liquidation_exchange_list": (
        "/api/futures/liquidation/exchange-list",
        {"symbol": "BTC", "range": "24h"},
    ),
    "futures_liquidation_history": ("/api/futures/liquidation/history", PAIR),
    "futures_liquidation_aggregated_history": ("/api/futures/liquidation/aggregated-history", COIN),
    "futures_liquidation_order": (
        "/api/futures/liquidation/order",
        {"exchange": "Binance", "symbol": "BTC", "min_liquidation_amount": "1000"},
    ),
    "exchange_balance_list": ("/api/exchange/balance/list", {"symbol": "BTC"}),
    "exchange_assets": ("/api/exchange/assets", {"exchange": "Binance"}),
    "exchange_chain_tx_list": ("/api/exchange/chain/tx/list", {"symbol": "USDT"}),
    "chain_v2_whale_transfer": ("/api/chain/v2/whale-transfer", {}),
    "hyperliquid_whale_alert": ("/api/hyperliquid/whale-alert", {}),
    "futures_funding_rate_history": ("/api/futures/funding-rate/history", PAIR),
    "futures_funding_rate_oi_weight_history": ("/api/futures/funding-rate/oi-weight-history", COIN),
    "futures_funding_rate_exchange_list": ("/api/futures/funding-rate/exchange-list", {}),
    "futures_funding_rate_accumulated_exchange_list": (
        "/api/futures/funding-rate/accumulated-exchange-list",
        {"range": "7d"},
    ),
    "futures_open_interest_history": ("/api/futures/open-interest/history", PAIR),
    "futures_open_interest_aggregated_history": ("/api/futures/open-interest/aggregated-history", COIN),
    "futures_open_interest_exchange_list": ("/api/futures/open-interest/exchange-list", {"symbol": "BTC"}),
    "futures_global_long_short_account_ratio_history": (
        "/api/futures/global-long-short-account-ratio/history",
        PAIR,
    ),
    "futures_top_long_short_account_ratio_history": ("/api/futures/top-long-short-account-ratio/history", PAIR),
    "futures_top_long_short_position_ratio_history": ("/api/futures/top-long-short-position-ratio/history", PAIR),
    "futures_v2_taker_buy_sell_volume_history": ("/api/futures/v2/taker-buy-sell-volume/history", PAIR),
    "futures_aggregated_taker_buy_sell_volume_history": (
        "/api/futures/aggregated-taker-buy-sell-volume/history",
        COIN,
    ),
    "futures_price_history": ("/api/futures/price/history", PAIR),
    "futures_coins_markets": ("/api/futures/coins-markets", {}),
    "option_info": ("/api/option/info", {"symbol": "BTC"}),
    "option_max_pain": ("/api/option/max-pain", {"symbol": "BTC", "exchange": "Deribit"}),
    "index_fear_greed_history_LIVE_SHAPE_synthetic": ("/api/index/fear-greed-history", {}),
}
WRAPPED: dict[str, tuple[str, dict[str, str]]] = {
    "exchange_balance_chart": ("/api/exchange/balance/chart", {"symbol": "BTC"}),
    "option_exchange_oi_history": ("/api/option/exchange-oi-history", {"symbol": "BTC", "unit": "USD", "range": "1h"}),
    "index_fear_greed_history_DOC_SHAPE": ("/api/index/fear-greed-history", {}),
}


def kind(value: Any) -> str:
    """Type as a client sees it: numbers are numbers, with or without a point."""
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    """What `ours` lacks, has too much, or has of another type."""
    if kind(theirs) != kind(ours):
        return [f"{where}: {kind(ours)} instead of {kind(theirs)}"]
    if isinstance(theirs, list):
        if not ours:
            return [f"{where}: empty"]
        return [line for row in ours for line in differences(theirs[0], row, f"{where}[]")] if theirs else []
    if isinstance(theirs, dict):
        found = [f"{where}.{key}: missing" for key in theirs if key not in ours and not _open(where, ours)]
        found += [f"{where}.{key}: not in theirs" for key in ours if key not in theirs and not _open(where, ours)]
        for key in set(theirs) & set(ours):
            found += differences(theirs[key], ours[key], f"{where}.{key}")
        return found
    return []


def _open(where: str, ours: dict[str, Any]) -> bool:
    """A mapping by exchange: its keys are data."""
    return where.endswith("data_map") or "Binance" in ours


async def _answer(run: RunningCoinglass, path: str, arguments: dict[str, str]) -> Any:
    body = await run.client.get(path, **arguments)
    assert body["code"] == "0", body
    return body["data"]


def _sample(name: str) -> Any:
    return orjson.loads((recorded("venues/coinglass") / f"{name}.json").read_bytes())["data"]


@pytest.mark.parametrize("name", SAMPLES)
async def test_rows_are_as_documented(tmp_path: Path, name: str) -> None:
    theirs = _sample(name)
    if name == "option_info":
        theirs = theirs[:1]
    path, arguments = SAMPLES[name]
    async with running_coinglass(tmp_path, SyntheticMarket(7, ("BTC", "ETH", "LINK")), plan="STANDARD") as run:
        ours = await _answer(run, path, arguments)
    if name == "option_info":
        assert "volume_change_percent_24h" not in ours[1]
        ours = ours[:1]
    assert differences(theirs, ours) == []


@pytest.mark.parametrize("name", WRAPPED)
async def test_parallel_lists_are_an_object_unless_the_documented_shape_is_on(tmp_path: Path, name: str) -> None:
    theirs = _sample(name)
    path, arguments = WRAPPED[name]
    async with running_coinglass(tmp_path) as run:
        bare = await _answer(run, path, arguments)
        await run.client.fault("doc_shape")
        wrapped = await _answer(run, path, arguments)
    assert wrapped == [bare]
    assert differences(theirs, wrapped) == []
    lengths = {len(part) for part in bare.values() if isinstance(part, list)}
    lengths |= {len(part) for part in bare.get("data_map", {}).values()}
    assert len(lengths) == 1


async def test_all_exchanges_come_first(tmp_path: Path) -> None:
    async with running_coinglass(tmp_path) as run:
        for path, arguments, name in (
            ("/api/futures/liquidation/exchange-list", {"symbol": "BTC", "range": "1h"}, "exchange"),
            ("/api/futures/open-interest/exchange-list", {"symbol": "BTC"}, "exchange"),
            ("/api/option/info", {"symbol": "BTC"}, "exchange_name"),
        ):
            rows = await _answer(run, path, arguments)
            assert rows[0][name] == "All"
            assert "All" not in {row[name] for row in rows[1:]}


async def test_refusals_are_those_observed(tmp_path: Path) -> None:
    observed = orjson.loads((recorded("venues/coinglass") / "error_bodies_observed.json").read_bytes())
    bodies = {one["when"].split(" (")[0]: (one["http_status"], one["body"]) for one in observed}
    async with running_coinglass(tmp_path, requests_per_minute=4) as run:
        ask, subscription = run.client.get, "/api/user/account/subscription"
        found = {
            "no CG-API-KEY header": (await ask(subscription, key=""), run.client.status),
            "wrong key": (await ask(subscription, key="x"), run.client.status),
            "endpoint above the plan": (
                await ask("/api/futures/liquidation/coin-list", exchange="Binance"),
                run.client.status,
            ),
            "interval below the plan's minimum": (
                await ask("/api/futures/price/history", **{**PAIR, "interval": "1h"}),
                run.client.status,
            ),
            "missing mandatory query parameter": (
                await ask("/api/futures/liquidation/aggregated-history", symbol="BTC", interval="4h"),
                run.client.status,
            ),
        }
        await ask(subscription)
        found["per-minute limit exceeded"] = (await ask(subscription), run.client.status)
    for when, (body, status) in found.items():
        assert (status, body) == bodies[when], when


async def test_the_free_services_are_as_recorded(tmp_path: Path) -> None:
    mood = orjson.loads((recorded("venues/fear_greed") / "alternative_me_fng.json").read_bytes())
    index = orjson.loads((recorded("venues/deribit") / "doc_get_volatility_index_data.json").read_bytes())
    async with running_coinglass(tmp_path) as run:
        ours = await run.client.get("/fng/", limit=2)
        assert differences(mood["data"][:1], ours["data"][:1]) == []
        assert differences(mood["data"][1:], ours["data"][1:]) == []
        assert set(mood) <= set(ours)
        path = run.client.endpoints.dvol_url.removeprefix(run.client.endpoints.base_url)
        ask = {"currency": "BTC", "resolution": "60", "start_timestamp": run.now_ms - 600_000}
        answer = await run.client.get(path, **ask, end_timestamp=run.now_ms)
        assert differences(index["result"], answer["result"]) == []
